/** A function for Vercel's edge runtime: sessions in Upstash. */

import { Redis } from "@upstash/redis";
import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { redisStore } from "sojourn/stores/redis";

interface FetchEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
  waitUntil(promise: Promise<unknown>): void;
}

declare const upstash: { readonly url: string; readonly token: string };
declare function addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;

const client = new Redis({ ...upstash, enableTelemetry: false });
const store = redisStore({ client });
const sessions = createSessions<{ visits: number; seen: boolean }>({ name: "edge", store, storeTimeout: "30s" });

const handler = fetchSessions(sessions)(async (request: Request, _event: FetchEvent) => {
  const session = await sessions.get(request);
  const { pathname } = new URL(request.url);
  if (pathname === "/login") session.login("ada");
  if (pathname === "/logout") session.destroy();
  if (pathname === "/events") {
    const body = new ReadableStream({
      pull(controller) {
        session.data.seen = true;
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }
  if (pathname === "/visit") session.update("visits", (n = 0) => n + 1);
  const data = pathname === "/logout" ? {} : session.data;
  return Response.json({ ...data, subject: pathname === "/logout" ? undefined : session.subject });
});

addEventListener("fetch", (event) => event.respondWith(handler(event.request, event)));
