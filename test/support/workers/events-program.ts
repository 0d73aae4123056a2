/** Runs in workerd: a stream of events that changes its session after the client has left. */

import { Hono } from "hono";
import { fetchSessions } from "../../../src/frameworks/fetch.ts";
import { honoSessions } from "../../../src/frameworks/hono.ts";
import { createSessions } from "../../../src/index.ts";
import { cloudflareKvStore, type KvNamespaceClient } from "../../../src/stores/cloudflare-kv.ts";

interface Context {
  waitUntil(promise: Promise<unknown>): void;
  passThroughOnException(): void;
}
type Env = { readonly SESSIONS: KvNamespaceClient };

function make(kv: KvNamespaceClient) {
  const namespace: KvNamespaceClient = {
    get: (key) => kv.get(key),
    delete: (key) => kv.delete(key),
    list: (options) => kv.list(options),
    async put(...values) {
      // Far away. A Worker that ends with its client does not get so far.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await kv.put(...values);
    },
  };
  const sessions = createSessions<{ a: string }>({
    name: "events",
    store: cloudflareKvStore({ namespace }),
    warn: () => {},
  });
  const handle = async (asked: object, url: string): Promise<Response> => {
    const { data } = await sessions.get(asked);
    const { pathname } = new URL(url);
    if (pathname.endsWith("/begin")) data.a = "begun";
    if (!pathname.endsWith("/events")) return new Response(`${data.a}`);
    const bytes = new TextEncoder();
    let sent = 0;
    const events = new ReadableStream({
      async pull(controller) {
        sent += 1;
        controller.enqueue(bytes.encode(`data: ${sent}\n\n`));
        data.a = "seen";
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
    });
    return new Response(events, { headers: { "content-type": "text/event-stream" } });
  };
  const hono = new Hono<{ Bindings: Env }>();
  hono.use(honoSessions(sessions));
  hono.all("*", (c) => handle(c, c.req.url));
  const fetch = fetchSessions(sessions)((request: Request, _env: Env, _ctx: Context) => handle(request, request.url));
  return { hono, fetch };
}

let made: ReturnType<typeof make> | undefined;
const program = {
  fetch(request: Request, env: Env, ctx: Context): Response | Promise<Response> {
    made ??= make(env.SESSIONS);
    return new URL(request.url).pathname.startsWith("/hono")
      ? made.hono.fetch(request, env, ctx as never)
      : made.fetch(request, env, ctx);
  },
};

// biome-ignore lint/style/noDefaultExport: it is what workerd runs.
export { program as default };
