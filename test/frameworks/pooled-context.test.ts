/** `sessions.current()` in callbacks of connections that are shared: they keep the context of the request that opened them. */

import { once } from "node:events";
import { createServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import Koa from "koa";
import { createSessions, type Sessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { honoSessions } from "sojourn/frameworks/hono";
import { koaSessions } from "sojourn/frameworks/koa";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchFastify } from "../support/fastify-app.ts";
import { listen } from "../support/node-app.ts";
import { type Backends, connections, ended, nameIn, type PooledData, probe, startBackends } from "../support/pooled.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

reportBackend({
  backend: "pooled contexts",
  server: nodeServer,
  clients: [clientVersion("pg"), clientVersion("memcached")],
});

type Handler = (request: object, path: string) => Promise<string>;
type Start = (sessions: Sessions<PooledData>, handle: Handler) => Promise<{ readonly url: string; close(): unknown }>;

const serveFetch = (fetch: (request: Request) => Response | Promise<Response>): ReturnType<Start> =>
  listen(createAdaptorServer({ fetch, createServer }) as ReturnType<typeof createServer>);

const frameworks: Readonly<Record<string, Start>> = {
  "node:http": (sessions, handle) => {
    const withSessions = nodeSessions(sessions);
    return listen(createServer(withSessions(async (req, res) => void res.end(await handle(req, req.url as string)))));
  },
  express: (sessions, handle) => {
    const app = express().use(expressSessions(sessions));
    app.use(async (req, res) => void res.send(await handle(req, req.url)));
    return listen(createServer(app));
  },
  fastify: (sessions, handle) => {
    const app = fastify({ forceCloseConnections: true });
    app.register(fastifySessions(sessions));
    app.all("/*", async (request) => handle(request, request.url));
    return launchFastify(app);
  },
  "fastify after hijack": (sessions, handle) => {
    const app = fastify({ forceCloseConnections: true });
    app.register(fastifySessions(sessions));
    app.all("/*", async (request, reply) => {
      reply.hijack();
      reply.raw.end(await handle(request, request.url));
    });
    return launchFastify(app);
  },
  koa: (sessions, handle) => {
    const app = new Koa({ env: "test" }).use(koaSessions(sessions));
    app.use(async (ctx) => {
      ctx.body = await handle(ctx, ctx.url);
    });
    return listen(createServer(app.callback()));
  },
  hono: (sessions, handle) => {
    const app = new Hono().use(honoSessions(sessions));
    app.all("*", async (c) => c.text(await handle(c, c.req.path)));
    return serveFetch(app.fetch);
  },
  fetch: (sessions, handle) => {
    const withSessions = fetchSessions(sessions);
    return serveFetch(
      withSessions(async (request) => new Response(await handle(request, new URL(request.url).pathname))),
    );
  },
};

let backends: Backends;
beforeAll(async () => {
  backends = await startBackends();
}, 120_000);
afterAll(() => Promise.all([backends.postgres.stop(), backends.memcached.stop()]));

describe.each(Object.keys(frameworks))("%s", (framework) => {
  test.each(Object.keys(connections))(
    "%s opened by another request has no current session, and bind gives it one",
    async (kind) => {
      const sessions = withCurrent();
      const { handle, visit, close } = probe(sessions, backends, kind);
      const app = await (frameworks[framework] as Start)(sessions, handle);
      onTestFinished(async () => {
        await close();
        await app.close();
      });
      await visit(app.url);
    },
  );
});

const withCurrent = (): Sessions<PooledData> =>
  createSessions<PooledData>({ store: memoryStore(), current: true, cookie: { secure: false } });

test("node:http: after the client disconnected there is no current session, and sessions.get still works", async () => {
  const sessions = withCurrent();
  const seen = Promise.withResolvers<string[]>();
  const abort = new AbortController();
  const { url, close } = await listen(
    createServer(
      nodeSessions(sessions)(async (req, res) => {
        const closed = once(res, "close");
        abort.abort();
        await closed;
        seen.resolve(await Promise.all([nameIn(sessions.current()), nameIn(sessions.get(req))]));
      }),
    ),
  );
  onTestFinished(() => void close());
  await expect(fetch(url, { signal: abort.signal })).rejects.toThrow(/abort/);
  expect(await seen.promise).toEqual([ended, "nobody"]);
});

test("hono: a stream of events has its current session until it ends", async () => {
  const sessions = withCurrent();
  const app = new Hono().use(honoSessions(sessions));
  const seen = Promise.withResolvers<string>();
  app.get("/", async (c) => {
    const late = Promise.withResolvers<void>();
    late.promise.then(() => seen.resolve(nameIn(sessions.current())));
    return streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: await nameIn(sessions.current()) });
      stream.onAbort(() => {});
      setImmediate(function wait() {
        if (sent) late.resolve();
        else setImmediate(wait);
      });
    });
  });
  let sent = false;
  const response = await app.request("/");
  expect(await response.text()).toContain("data: nobody");
  sent = true;
  expect(await seen.promise).toEqual(ended);
});
