/** One application under load: a framework, and one way to keep sessions in it. Runs as a process of its own, so that its CPU time is its own. */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { getRequestListener } from "@hono/node-server";
import { RedisStore } from "connect-redis";
import express from "express";
import expressSession from "express-session";
import fastify from "fastify";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { type Session as HonoSession, sessionMiddleware } from "hono-sessions";
import Koa from "koa";
import koaSession from "koa-session";
import { createClient } from "redis";
import { expressSessions } from "../../src/frameworks/express.ts";
import { fastifySessions } from "../../src/frameworks/fastify.ts";
import { honoSessions } from "../../src/frameworks/hono.ts";
import { koaSessions } from "../../src/frameworks/koa.ts";
import { nodeSessions } from "../../src/frameworks/node.ts";
import { createSessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis.ts";

/** What the driver asks for in the environment. */
export interface Variant {
  readonly framework: "express" | "node" | "koa" | "fastify" | "hono";
  readonly sessions:
    | "none"
    | "by hand"
    | "sojourn"
    | "express-session"
    | "koa-session"
    | "@fastify/session"
    | "hono-sessions";
}

/** About 1 KB as JSON. */
const contents = {
  user: { id: 42, name: "Ann Example", roles: ["admin", "editor"] },
  visits: 12,
  cart: Array.from({ length: 12 }, (_, at) => ({
    article: `A-${1000 + at}`,
    count: at + 1,
    note: "gift wrapped, please",
  })),
  seen: Array.from({ length: 20 }, (_, at) => at * 7),
};
type Data = typeof contents;

declare module "express-session" {
  interface SessionData extends Data {}
}

const { framework, sessions: kind } = JSON.parse(process.env.VARIANT ?? "{}") as Variant;
const client = await createClient({ url: process.env.REDIS_URL as string }).connect();
const handKey = "by-hand:session";
await client.set(handKey, JSON.stringify(contents));

function nodeApp(): RequestListener {
  const answer = (res: ServerResponse, value: unknown): void => {
    res.setHeader("content-type", "text/plain");
    res.end(String(value));
  };
  if (kind === "none") return (_req, res) => answer(res, 12);
  if (kind === "by hand") {
    return async (req, res) => {
      if (req.url === "/untouched") return answer(res, 12);
      answer(res, (JSON.parse((await client.get(handKey)) ?? "{}") as Data).visits);
    };
  }
  const sessions = createSessions<Data>({ store: redisStore({ client }), cookie: { secure: false } });
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.url === "/untouched") return answer(res, 12);
    const session = await sessions.get(req);
    if (req.url === "/begin") Object.assign(session.data, contents);
    if (req.url === "/write") session.data.visits = (session.data.visits ?? 0) + 1;
    answer(res, session.data.visits);
  };
  return nodeSessions(sessions)(handler);
}

function expressApp(): RequestListener {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  if (kind === "none") {
    app.use((_req, res) => void res.send("12"));
  } else if (kind === "by hand") {
    app.get("/untouched", (_req, res) => void res.send("12"));
    app.get("/read", async (_req, res) => {
      res.send(String((JSON.parse((await client.get(handKey)) ?? "{}") as Data).visits));
    });
  } else if (kind === "sojourn") {
    const sessions = createSessions<Data>({ store: redisStore({ client }), cookie: { secure: false } });
    app.use(expressSessions(sessions));
    app.get("/untouched", (_req, res) => void res.send("12"));
    app.get("/begin", async (req, res) => {
      Object.assign((await sessions.get(req)).data, contents);
      res.send("begun");
    });
    app.get("/read", async (req, res) => {
      res.send(String((await sessions.get(req)).data.visits));
    });
    app.get("/write", async (req, res) => {
      const { data } = await sessions.get(req);
      data.visits = (data.visits ?? 0) + 1;
      res.send(String(data.visits));
    });
  } else {
    const store = new RedisStore({ client, disableTouch: true });
    const secret = "a secret of the benchmark, 32 characters";
    app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }));
    app.get("/untouched", (_req, res) => void res.send("12"));
    app.get("/begin", (req, res) => {
      Object.assign(req.session, contents);
      res.send("begun");
    });
    app.get("/read", (req, res) => void res.send(String(req.session.visits)));
    app.get("/write", (req, res) => {
      req.session.visits = (req.session.visits ?? 0) + 1;
      res.send(String(req.session.visits));
    });
  }
  return app as unknown as RequestListener;
}

function koaApp(): RequestListener {
  const app = new Koa();
  const readByHand = async (): Promise<string> =>
    String((JSON.parse((await client.get(handKey)) ?? "{}") as Data).visits);
  if (kind === "koa-session") {
    app.keys = ["a secret of the benchmark, 32 characters"];
    const store = {
      get: async (key: string) => JSON.parse((await client.get(`koa:${key}`)) ?? "null"),
      set: async (key: string, value: object) =>
        void (await client.set(`koa:${key}`, JSON.stringify(value), { EX: 3600 })),
      destroy: async (key: string) => void (await client.del(`koa:${key}`)),
    };
    app.use(koaSession({ store }, app as never) as never);
  }
  const sessions = createSessions<Data>({ store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") app.use(koaSessions(sessions) as never);
  app.use(async (ctx) => {
    if (kind === "none" || ctx.path === "/untouched") {
      ctx.body = "12";
    } else if (kind === "by hand") {
      ctx.body = await readByHand();
    } else {
      const theirs = (ctx as unknown as { session: Partial<Data> }).session;
      const data = kind === "sojourn" ? (await sessions.get(ctx)).data : theirs;
      if (ctx.path === "/begin") Object.assign(data, contents);
      if (ctx.path === "/write") data.visits = (data.visits ?? 0) + 1;
      ctx.body = String(data.visits);
    }
  });
  return app.callback() as unknown as RequestListener;
}

function honoApp(): RequestListener {
  const app = new Hono();
  const sessions = createSessions<Data>({ store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") app.use(honoSessions(sessions));
  if (kind === "hono-sessions") {
    const save = async (id: string, value: object): Promise<void> =>
      void (await client.set(`hono:${id}`, JSON.stringify(value), { EX: 3600 }));
    const store = {
      getSessionById: async (id: string) => JSON.parse((await client.get(`hono:${id}`)) ?? "null"),
      createSession: save,
      persistSessionData: save,
      deleteSession: async (id: string) => void (await client.del(`hono:${id}`)),
    };
    const encryptionKey = "a secret of the benchmark, 32 characters";
    const options = { store, encryptionKey, expireAfterSeconds: 3600, cookieOptions: { secure: false } };
    app.use(sessionMiddleware(options) as unknown as MiddlewareHandler);
  }
  const theirs = (c: Context): HonoSession<Data> => c.get("session");
  app.get("/", (c) => c.text("12"));
  app.get("/untouched", (c) => c.text("12"));
  app.get("/begin", async (c) => {
    if (kind === "sojourn") Object.assign((await sessions.get(c)).data, contents);
    else for (const [key, value] of Object.entries(contents)) theirs(c).set(key as keyof Data, value as never);
    return c.text("begun");
  });
  app.get("/read", async (c) => {
    if (kind === "by hand") return c.text(String((JSON.parse((await client.get(handKey)) ?? "{}") as Data).visits));
    if (kind === "hono-sessions") return c.text(String(theirs(c).get("visits")));
    return c.text(String((await sessions.get(c)).data.visits));
  });
  app.get("/write", async (c) => {
    if (kind === "hono-sessions") {
      theirs(c).set("visits", (theirs(c).get("visits") ?? 0) + 1);
      return c.text(String(theirs(c).get("visits")));
    }
    const { data } = await sessions.get(c);
    data.visits = (data.visits ?? 0) + 1;
    return c.text(String(data.visits));
  });
  return getRequestListener(app.fetch) as RequestListener;
}

/** Fastify listens by itself. */
async function fastifyApp(): Promise<number> {
  const app = fastify();
  const sessions = createSessions<Data>({ store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") await app.register(fastifySessions(sessions) as never);
  if (kind === "@fastify/session") {
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret: "a secret of the benchmark, 32 characters",
      store: new RedisStore({ client, disableTouch: true }) as never,
      cookie: { secure: false },
      rolling: false,
      saveUninitialized: false,
    });
  }
  const dataOf = async (request: object): Promise<Partial<Data>> =>
    kind === "sojourn" ? (await sessions.get(request)).data : (request as { session: Partial<Data> }).session;
  app.get("/", async () => "12");
  app.get("/untouched", async () => "12");
  app.get("/begin", async (request) => {
    Object.assign(await dataOf(request), contents);
    return "begun";
  });
  app.get("/read", async (request) => {
    if (kind === "by hand") return String((JSON.parse((await client.get(handKey)) ?? "{}") as Data).visits);
    return String((await dataOf(request)).visits);
  });
  app.get("/write", async (request) => {
    const data = await dataOf(request);
    data.visits = (data.visits ?? 0) + 1;
    return String(data.visits);
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = app.server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.keepAliveTimeout = 60_000;
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
    });
  });
}

const listeners = { express: expressApp, node: nodeApp, koa: koaApp, hono: honoApp };
process.send?.({ port: framework === "fastify" ? await fastifyApp() : await listen(listeners[framework]()) });
process.on("message", (word) => {
  if (word === "cpu") process.send?.({ cpu: process.cpuUsage() });
});
process.on("disconnect", () => process.exit(0));
