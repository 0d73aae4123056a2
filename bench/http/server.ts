/** One application under load: a framework, and one way to keep sessions in it. Runs as a process of its own, so that its CPU time is its own. */

import { hash } from "node:crypto";
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
import { createSessions, type Session } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { contents, type Contents as Data } from "../contents.ts";

/** What the driver asks for in the environment. */
export interface Variant {
  readonly framework: "express" | "node" | "koa" | "fastify" | "hono";
  readonly sessions:
    | "none"
    | "nothing"
    | "by hand"
    | "sojourn"
    | "express-session"
    | "koa-session"
    | "@fastify/session"
    | "hono-sessions";
}

declare module "express-session" {
  interface SessionData extends Data {}
}

const { framework, sessions: kind } = JSON.parse(process.env.VARIANT ?? "{}") as Variant;
const client = await createClient({ url: process.env.REDIS_URL as string }).connect();
await client.set(handKey("session"), JSON.stringify(contents));

/** A handler by hand stores a digest of the id, too: a copy of the store must let nobody in. */
function handKey(id: string): string {
  return `by-hand:${hash("sha256", id, "base64url")}`;
}

async function readByHand(): Promise<Data> {
  return JSON.parse((await client.get(handKey("session"))) ?? "{}") as Data;
}

async function writeByHand(): Promise<number> {
  const data = await readByHand();
  data.visits += 1;
  await client.set(handKey("session"), JSON.stringify(data), { EX: 3600 });
  return data.visits;
}

/** What every session of ours begins with. */
function begin(session: Session<Data>): void {
  Object.assign(session.data, contents);
  session.login("ada");
}

function nodeApp(): RequestListener {
  const answer = (res: ServerResponse, value: unknown): void => {
    res.setHeader("content-type", "text/plain");
    res.end(String(value));
  };
  if (kind === "none") return (_req, res) => answer(res, 12);
  if (kind === "nothing") {
    const wrap =
      (handler: RequestListener): RequestListener =>
      (req, res) =>
        handler(req, res);
    return wrap((_req, res) => answer(res, 12));
  }
  if (kind === "by hand") {
    return async (req, res) => {
      if (req.url === "/untouched") return answer(res, 12);
      answer(res, req.url === "/write" ? await writeByHand() : (await readByHand()).visits);
    };
  }
  const sessions = createSessions<Data>({ name: "session", store: redisStore({ client }), cookie: { secure: false } });
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.url === "/untouched") return answer(res, 12);
    const session = await sessions.get(req);
    if (req.url === "/begin") begin(session);
    if (req.url === "/subject") return answer(res, session.subject);
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
  } else if (kind === "nothing") {
    app.use((_req, _res, next) => next());
    app.use((_req, res) => void res.send("12"));
  } else if (kind === "by hand") {
    app.get("/untouched", (_req, res) => void res.send("12"));
    app.get("/read", async (_req, res) => {
      res.send(String((await readByHand()).visits));
    });
    app.get("/write", async (_req, res) => void res.send(String(await writeByHand())));
  } else if (kind === "sojourn") {
    const sessions = createSessions<Data>({
      name: "session",
      store: redisStore({ client }),
      cookie: { secure: false },
    });
    app.use(expressSessions(sessions));
    app.get("/untouched", (_req, res) => void res.send("12"));
    app.get("/begin", async (req, res) => {
      begin(await sessions.get(req));
      res.send("begun");
    });
    app.get("/subject", async (req, res) => void res.send((await sessions.get(req)).subject));
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
  const sessions = createSessions<Data>({ name: "session", store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") app.use(koaSessions(sessions) as never);
  if (kind === "nothing") app.use((_ctx, next) => next());
  app.use(async (ctx) => {
    if (kind === "none" || kind === "nothing" || ctx.path === "/untouched") {
      ctx.body = "12";
    } else if (kind === "by hand") {
      ctx.body = String(ctx.path === "/write" ? await writeByHand() : (await readByHand()).visits);
    } else if (kind === "sojourn" && ctx.path === "/subject") {
      ctx.body = (await sessions.get(ctx)).subject;
    } else if (kind === "sojourn" && ctx.path === "/begin") {
      begin(await sessions.get(ctx));
      ctx.body = "begun";
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
  const sessions = createSessions<Data>({ name: "session", store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") app.use(honoSessions(sessions));
  if (kind === "nothing") app.use((_c, next) => next());
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
    if (kind === "sojourn") begin(await sessions.get(c));
    else for (const [key, value] of Object.entries(contents)) theirs(c).set(key as keyof Data, value as never);
    return c.text("begun");
  });
  app.get("/read", async (c) => {
    if (kind === "by hand") return c.text(String((await readByHand()).visits));
    if (kind === "hono-sessions") return c.text(String(theirs(c).get("visits")));
    return c.text(String((await sessions.get(c)).data.visits));
  });
  app.get("/subject", async (c) => c.text((await sessions.get(c)).subject ?? ""));
  app.get("/write", async (c) => {
    if (kind === "by hand") return c.text(String(await writeByHand()));
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
  const sessions = createSessions<Data>({ name: "session", store: redisStore({ client }), cookie: { secure: false } });
  if (kind === "sojourn") await app.register(fastifySessions(sessions) as never);
  if (kind === "nothing") app.addHook("onRequest", (_request, _reply, done) => done());
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
    if (kind === "sojourn") begin(await sessions.get(request));
    else Object.assign(await dataOf(request), contents);
    return "begun";
  });
  app.get("/subject", async (request) => (await sessions.get(request)).subject);
  app.get("/read", async (request) => {
    if (kind === "by hand") return String((await readByHand()).visits);
    return String((await dataOf(request)).visits);
  });
  app.get("/write", async (request) => {
    if (kind === "by hand") return String(await writeByHand());
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
