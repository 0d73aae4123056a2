/** The option `access` of each adapter, and the route config of Fastify: what single routes may do with their session. */

import { createServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { RouterContextProvider } from "react-router";
import { type Access, createSessions, type Sessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { honoSessions } from "sojourn/frameworks/hono";
import { koaSessions } from "sojourn/frameworks/koa";
import { nextSessions } from "sojourn/frameworks/next";
import { nodeSessions } from "sojourn/frameworks/node";
import { reactRouterSessions } from "sojourn/frameworks/react-router";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore } from "sojourn/testing";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../support/node-app.ts";

type Data = { name: string };

/** By path: what a request may do. */
const accessOf = (path: string | undefined): Access | undefined => {
  if (path === "/skips") return "skip";
  return path === "/reads" ? "read" : undefined;
};

/** What every route does: `/writes` and `/reads` write, the rest asks for nothing. */
async function handle(sessions: Sessions<Data>, request: object, path: string | undefined): Promise<string> {
  if (path === "/writes" || path === "/reads") (await sessions.get(request)).data.name = `by ${path}`;
  return path === "/name" ? `${(await sessions.get(request)).data.name}` : "done";
}

type Start = (sessions: Sessions<Data>) => Promise<{ readonly url: string; close(): unknown }>;

const adapters: Readonly<Record<string, Start>> = {
  "node:http": (sessions) => {
    const withSessions = nodeSessions(sessions, { access: ({ url }) => accessOf(url) });
    return listen(createServer(withSessions(async (req, res) => void res.end(await handle(sessions, req, req.url)))));
  },
  express: (sessions) => {
    const app = express().use(expressSessions(sessions, { attach: "session", access: ({ url }) => accessOf(url) }));
    app.use(async (req, res) => void res.send(await handle(sessions, req, req.url)));
    return listen(createServer(app));
  },
  koa: (sessions) => {
    const app = new Koa({ env: "test" }).on("error", () => {});
    app.use(koaSessions(sessions, { attach: "session", access: ({ req }) => accessOf(req.url) }));
    app.use(async (ctx) => {
      ctx.body = await handle(sessions, ctx, ctx.url);
    });
    return listen(createServer(app.callback()));
  },
  hono: (sessions) => {
    const app = new Hono();
    app.use(
      honoSessions(sessions, { attach: "session", access: ({ req }) => accessOf(new URL(req.raw.url).pathname) }),
    );
    app.all("*", async (c) => c.text(await handle(sessions, c, c.req.path)));
    return listen(createAdaptorServer({ fetch: app.fetch, createServer }) as ReturnType<typeof createServer>);
  },
  fetch: (sessions) => {
    const path = ({ url }: Request): string => new URL(url).pathname;
    const withSessions = fetchSessions(sessions, { access: (request) => accessOf(path(request)) });
    const fetch = withSessions(async (request) => new Response(await handle(sessions, request, path(request))));
    return listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);
  },
  next: (sessions) => {
    const path = ({ url }: Request): string => new URL(url).pathname;
    const headers = async (): Promise<Headers> => new Headers();
    const cookies = () => Promise.reject(new Error("only actions and components ask"));
    const access = (request: Request): Access | undefined => accessOf(path(request));
    const { route } = nextSessions(sessions, { cookies, headers, access });
    const fetch = route(async (request) => new Response(await handle(sessions, request, path(request))));
    return listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);
  },
  "react-router": (sessions) => {
    const path = ({ url }: Request): string => new URL(url).pathname;
    const middleware = reactRouterSessions(sessions, { access: ({ request }) => accessOf(path(request)) });
    const fetch = (request: Request): Promise<Response> => {
      const context = new RouterContextProvider();
      return middleware(
        { request, context },
        async () => new Response(await handle(sessions, context, path(request))),
      ).catch((error: { status: number }) => new Response("", { status: error.status }));
    };
    return listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);
  },
  fastify: async (sessions) => {
    const app = fastify({ forceCloseConnections: true });
    app.register(fastifySessions(sessions, { attach: "session" }));
    app.all("/skips", { config: { session: "skip" } }, async (request) => handle(sessions, request, request.url));
    app.all("/reads", { config: { session: "read" } }, async (request) => handle(sessions, request, request.url));
    app.all("/*", async (request) => handle(sessions, request, request.url));
    return { url: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
  },
};

test.each(Object.entries(adapters))(
  "%s: a route that skips costs nothing, one that reads does not write",
  async (_, start) => {
    const store = countedStore(memoryStore());
    const sessions = createSessions<Data>({ store, cookie: { secure: false } });
    const { url, close } = await start(sessions);
    onTestFinished(() => void close());

    const first = await fetch(`${url}/writes`, { method: "POST" });
    const headers = { cookie: first.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
    expect(headers.cookie).not.toBe("");
    store.reset();
    expect((await fetch(`${url}/skips`, { headers })).status).toBe(200);
    expect(store.total).toBe(0);
    expect((await fetch(`${url}/reads`, { method: "POST", headers })).status).toBe(500);
    expect(store.calls).toEqual({ read: 1 });
    expect(await (await fetch(`${url}/name`, { headers })).text()).toBe("by /writes");
  },
);

test("a value that is no function is refused with the option's name", () => {
  const sessions = createSessions({ store: memoryStore() });
  const wrong = { access: "read" } as never;
  for (const adapter of [nodeSessions, expressSessions, koaSessions, honoSessions, fetchSessions]) {
    expect(() => adapter(sessions, wrong)).toThrow("access must be a function; received a string of 4 characters");
  }
});
