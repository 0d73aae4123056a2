/** tRPC 11 on its adapters for fetch, node:http, Express and Fastify: the session in its context. */

import { createServer, type IncomingMessage } from "node:http";
import { initTRPC, TRPCError } from "@trpc/server";
import { type CreateExpressContextOptions, createExpressMiddleware } from "@trpc/server/adapters/express";
import { fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import express from "express";
import fastify from "fastify";
import { createSessions, isSessionError, type Session, type Sessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore, type Fault, faultyStore, type RunningApp } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

reportBackend({ backend: "trpc", server: nodeServer, clients: [clientVersion("@trpc/server")] });

interface Data {
  visits: number;
  note: string;
}

interface Context {
  session(): Promise<Session<Data>>;
}

const t = initTRPC.context<Context>().create();

/** The client has the head of the response. */
let head = Promise.withResolvers<void>();

/** As on the page: an outage of the store is tRPC's own error for it. */
const procedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (!result.ok && isSessionError(result.error.cause) && result.error.cause.status === 503)
    throw new TRPCError({ code: "SERVICE_UNAVAILABLE", message: "Please try again.", cause: result.error.cause });
  return result;
});

const router = t.router({
  who: procedure.query(async ({ ctx }) => (await ctx.session()).subject ?? "guest"),
  note: procedure.query(async ({ ctx }) => (await ctx.session()).data.note ?? "none"),
  ping: procedure.query(() => "pong"),
  count: procedure.mutation(async ({ ctx }) => (await ctx.session()).update("visits", (n = 0) => n + 1)),
  login: procedure.mutation(async ({ ctx }) => void (await ctx.session()).login("ada")),
  logout: procedure.mutation(async ({ ctx }) => void (await ctx.session()).destroy()),
  write: procedure.mutation(async ({ ctx }) => {
    (await ctx.session()).data.note = "written";
  }),
  lateLogin: procedure.mutation(async ({ ctx }) => {
    const session = await ctx.session();
    await head.promise;
    session.login("ada");
  }),
  lateSave: procedure.mutation(async ({ ctx }) => {
    const session = await ctx.session();
    await head.promise;
    session.data.note = "saved";
    await session.save();
  }),
  fail: procedure.mutation(async ({ ctx }) => {
    (await ctx.session()).data.note = "failed";
    throw new Error("a mistake");
  }),
  refuse: procedure.mutation(async ({ ctx }) => {
    (await ctx.session()).data.note = "refused";
    throw new TRPCError({ code: "BAD_REQUEST" });
  }),
});

const servers: Record<string, (sessions: Sessions<Data>) => RunningApp | Promise<RunningApp>> = {
  fetch(sessions) {
    const createContext = ({ req }: { req: Request }): Context => ({ session: () => sessions.get(req) });
    const handler = (req: Request): Promise<Response> =>
      fetchRequestHandler({ endpoint: "/trpc", req, router, createContext });
    return listen(serveFetch(fetchSessions(sessions)(handler)));
  },
  standalone(sessions) {
    const createContext = ({ req }: { req: IncomingMessage }): Context => ({ session: () => sessions.get(req) });
    return listen(
      createServer(nodeSessions(sessions)(createHTTPHandler({ router, createContext, basePath: "/trpc/" }))),
    );
  },
  express(sessions) {
    const createContext = ({ req }: CreateExpressContextOptions): Context => ({ session: () => sessions.get(req) });
    const app = express();
    app.use(expressSessions(sessions));
    app.use("/trpc", createExpressMiddleware({ router, createContext }));
    return listen(createServer(app));
  },
  async fastify(sessions) {
    const createContext = ({ req }: { req: object }): Context => ({ session: () => sessions.get(req) });
    const app = fastify({ forceCloseConnections: true });
    await app.register(fastifySessions(sessions));
    await app.register(fastifyTRPCPlugin, { prefix: "/trpc", trpcOptions: { router, createContext } });
    return { url: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
  },
};

const running: RunningApp[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

async function setup(name: string) {
  const state = { fault: "pass" as Fault };
  const store = countedStore(faultyStore(memoryStore(), () => state.fault));
  const sessions = createSessions<Data>({ store, warn() {} });
  const one = await (servers[name] as (typeof servers)[string])(sessions);
  running.push(one);
  let cookie = "";
  /** Calls procedures as tRPC's client does: several in one request. */
  const call = async (kind: "query" | "mutation", names: readonly string[], headers: Record<string, string> = {}) => {
    head = Promise.withResolvers();
    const response = await fetch(`${one.url}/trpc/${names.join()}?batch=1`, {
      ...(kind === "mutation" && { method: "POST", body: "{}" }),
      headers: { cookie, "content-type": "application/json", ...headers },
    });
    const set = response.headers.getSetCookie();
    for (const line of set) cookie = `${line.split(";")[0]}`;
    head.resolve();
    const text = await response.text();
    return { status: response.status, set: set.length, text, results: () => results(text) };
  };
  return {
    store,
    state,
    query: (...names: string[]) => call("query", names),
    mutate: (...names: string[]) => call("mutation", names),
    stream: (...names: string[]) => call("mutation", names, { "trpc-accept": "application/jsonl" }),
  };
}

type Result = { result?: { data?: unknown }; error?: { data: { code: string } } };

const results = (text: string): unknown[] =>
  (JSON.parse(text) as Result[]).map(({ result, error }) => error?.data.code ?? result?.data ?? null);

describe.each(Object.keys(servers))("tRPC on %s", (name) => {
  test("a mutation logs in, a query sees it, a mutation logs out", async () => {
    const { query, mutate } = await setup(name);
    expect((await query("who")).results()).toEqual(["guest"]);
    const login = await mutate("login");
    expect([login.status, login.set]).toEqual([200, 1]);
    expect((await query("who")).results()).toEqual(["ada"]);
    expect((await mutate("logout")).set).toBe(1);
    expect((await query("who")).results()).toEqual(["guest"]);
  });

  test("several procedures of one request share one session: one read, one save", async () => {
    const { query, mutate, store } = await setup(name);
    await mutate("count");
    store.reset();
    const both = await mutate("count", "write", "count");
    expect([both.status, both.results(), both.set]).toEqual([200, [2, null, 3], 0]);
    expect(store.calls).toEqual({ read: 1, update: 1 });
    store.reset();
    expect((await query("who", "note")).results()).toEqual(["guest", "written"]);
    expect((await query("ping")).results()).toEqual(["pong"]);
    expect(store.calls).toEqual({ read: 1 });
  });

  test("a failing store is SERVICE_UNAVAILABLE when the session is read, and 503 when it is saved", async () => {
    const { query, mutate, state } = await setup(name);
    await mutate("login");
    state.fault = "throw-before";
    const read = await query("who");
    expect([read.status, read.results(), read.set]).toEqual([503, ["SERVICE_UNAVAILABLE"], 0]);
    state.fault = "pass";
    expect((await query("who")).results()).toEqual(["ada"]);
  });

  test("a session that cannot be saved: 503 instead of the results", async () => {
    const { mutate, state } = await setup(name);
    state.fault = "throw-before";
    const response = await mutate("login");
    expect([response.status, response.set]).toEqual([503, 0]);
    expect(response.text).not.toContain("result");
  });

  test("a procedure's changes are not saved when it fails with 500; they are when it refuses, or others of its batch succeed", async () => {
    const { query, mutate } = await setup(name);
    await mutate("write");
    expect((await mutate("fail")).status).toBe(500);
    expect((await query("note")).results()).toEqual(["written"]);
    expect((await mutate("refuse")).status).toBe(400);
    expect((await query("note")).results()).toEqual(["refused"]);
    expect((await mutate("fail", "count")).status).toBe(207);
    expect((await query("note")).results()).toEqual(["failed"]);
  });

  test("after the head of a streamed batch a login is an error, and save() keeps a change", async () => {
    const { query, mutate, stream } = await setup(name);
    await mutate("write");
    const login = await stream("lateLogin");
    expect([login.status, login.set]).toEqual([200, 0]);
    expect(login.text).toContain("response headers");
    expect((await query("who")).results()).toEqual(["guest"]);
    const saved = await stream("lateSave");
    expect(saved.text).not.toContain('"error"');
    expect((await query("note")).results()).toEqual(["saved"]);
  });
});
