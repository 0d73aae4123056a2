/** One application under load: a framework, and one way to keep sessions in it. Runs as a process of its own, so that its CPU time is its own. */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { RedisStore } from "connect-redis";
import express from "express";
import expressSession from "express-session";
import { createClient } from "redis";
import { expressSessions } from "../../src/frameworks/express.ts";
import { nodeSessions } from "../../src/frameworks/node.ts";
import { createSessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis.ts";

/** What the driver asks for in the environment. */
export interface Variant {
  readonly framework: "express" | "node";
  readonly sessions: "none" | "by hand" | "sojourn" | "express-session";
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

const server = createServer(framework === "express" ? expressApp() : nodeApp());
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
process.on("message", (word) => {
  if (word === "cpu") process.send?.({ cpu: process.cpuUsage() });
});
process.on("disconnect", () => process.exit(0));
