/** oRPC 1 on its handlers for fetch and node:http, called by its own client, alone and in batches. */

import { createServer } from "node:http";
import { createORPCClient, ORPCError } from "@orpc/client";
import { RPCLink } from "@orpc/client/fetch";
import { BatchLinkPlugin } from "@orpc/client/plugins";
import { os, type RouterClient } from "@orpc/server";
import { RPCHandler } from "@orpc/server/fetch";
import { RPCHandler as NodeRPCHandler } from "@orpc/server/node";
import { BatchHandlerPlugin } from "@orpc/server/plugins";
import { createSessions, isSessionError, type Session, type Sessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore, type Fault, faultyStore, type RunningApp } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

reportBackend({ backend: "orpc", server: nodeServer, clients: ["@orpc/server", "@orpc/client"].map(clientVersion) });

interface Data {
  visits: number;
  note: string;
}

interface Context {
  session(): Promise<Session<Data>>;
  discard(): void;
}

/** As on the page: an outage of the store is oRPC's own error for it. */
const base = os.$context<Context>().use(async ({ next }) => {
  try {
    return await next();
  } catch (error) {
    if (isSessionError(error) && error.status === 503)
      throw new ORPCError("SERVICE_UNAVAILABLE", { message: "Please try again.", cause: error });
    throw error;
  }
});

/** As on the page: nothing of a procedure that throws, whatever is answered. */
const strict = base.use(async ({ context, next }) => {
  try {
    return await next();
  } catch (error) {
    context.discard();
    throw error;
  }
});

const note = async ({ session }: Context, text: string): Promise<void> => {
  (await session()).data.note = text;
};

/** The client has the head of the response. */
let head = Promise.withResolvers<void>();

const router = {
  who: base.handler(async ({ context }) => (await context.session()).subject ?? "guest"),
  note: base.handler(async ({ context }) => (await context.session()).data.note ?? "none"),
  ping: base.handler(() => "pong"),
  count: base.handler(async ({ context }) => (await context.session()).update("visits", (n = 0) => n + 1)),
  login: base.handler(async ({ context }) => (await context.session()).login("ada")),
  lateLogin: base.handler(async ({ context }) => {
    const session = await context.session();
    await head.promise;
    session.login("ada");
  }),
  logout: base.handler(async ({ context }) => (await context.session()).destroy()),
  write: base.handler(({ context }) => note(context, "written")),
  fail: base.handler(async ({ context }) => {
    await note(context, "failed");
    throw new Error("a mistake");
  }),
  refuse: base.handler(async ({ context }) => {
    await note(context, "refused");
    throw new ORPCError("BAD_REQUEST");
  }),
  refuseStrictly: strict.handler(async ({ context }) => {
    await note(context, "refused strictly");
    throw new ORPCError("BAD_REQUEST");
  }),
};

const plugins = [new BatchHandlerPlugin<Context>()];
const contextOf = (sessions: Sessions<Data>, asked: object): Context => ({
  session: () => sessions.get(asked),
  discard: () => sessions.discard(asked),
});

const servers: Record<string, (sessions: Sessions<Data>) => Promise<RunningApp>> = {
  fetch(sessions) {
    const handler = new RPCHandler(router, { plugins });
    return listen(
      serveFetch(
        fetchSessions(sessions)(async (request: Request) => {
          const { response } = await handler.handle(request, {
            prefix: "/rpc",
            context: contextOf(sessions, request),
          });
          return response ?? new Response("Not Found", { status: 404 });
        }),
      ),
    );
  },
  "node:http"(sessions) {
    const handler = new NodeRPCHandler(router, { plugins });
    return listen(
      createServer(
        nodeSessions(sessions)(async (req, res) => {
          const { matched } = await handler.handle(req, res, { prefix: "/rpc", context: contextOf(sessions, req) });
          if (!matched) res.writeHead(404).end();
        }),
      ),
    );
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
  const one = await servers[name]!(sessions);
  running.push(one);
  let cookie = "";
  const answers: { status: number; set: number }[] = [];
  const link = (mode?: "buffered" | "streaming"): RPCLink<object> =>
    new RPCLink({
      url: `${one.url}/rpc`,
      async fetch(request, init) {
        request.headers.set("cookie", cookie);
        head = Promise.withResolvers();
        const response = await fetch(request, init);
        const set = response.headers.getSetCookie();
        for (const line of set) cookie = `${line.split(";")[0]}`;
        answers.push({ status: response.status, set: set.length });
        head.resolve();
        return response;
      },
      plugins: mode ? [new BatchLinkPlugin({ mode, groups: [{ condition: () => true, context: {} }] })] : [],
    });
  const client = createORPCClient<RouterClient<typeof router>>(link());
  const together = createORPCClient<RouterClient<typeof router>>(link("buffered"));
  const streamed = createORPCClient<RouterClient<typeof router>>(link("streaming"));
  return { store, state, answers, client, together, streamed };
}

describe.each(Object.keys(servers))("oRPC on %s", (name) => {
  test("a procedure logs in, another sees it, another logs out", async () => {
    const { client, answers, store } = await setup(name);
    expect(await client.who()).toBe("guest");
    await client.login();
    expect(answers.at(-1)).toEqual({ status: 200, set: 1 });
    expect(await client.who()).toBe("ada");
    await client.logout();
    expect(answers.at(-1)?.set).toBe(1);
    expect(await client.who()).toBe("guest");
    store.reset();
    expect(await client.ping()).toBe("pong");
    expect(store.total).toBe(0);
  });

  test("the procedures of a batch have one session: one read, one save", async () => {
    const { client, together, store, answers } = await setup(name);
    await client.count();
    const before = answers.length;
    store.reset();
    const all = await Promise.all([together.count(), together.write(), together.count()]);
    expect([all, answers.length - before]).toEqual([[2, undefined, 3], 1]);
    expect(store.calls).toEqual({ read: 1, update: 1 });
    expect(await client.note()).toBe("written");
  });

  test("a login after the head of a streamed batch is an error", async () => {
    const { client, streamed, answers } = await setup(name);
    const [login, ping] = await Promise.allSettled([streamed.lateLogin(), streamed.ping()]);
    expect([login.status, ping.status, answers.at(-1)?.set]).toEqual(["rejected", "fulfilled", 0]);
    expect(await client.who()).toBe("guest");
  });

  test("a store that fails is SERVICE_UNAVAILABLE when the session is read, and 503 when it is saved", async () => {
    const { client, state, answers } = await setup(name);
    await client.login();
    state.fault = "throw-before";
    await expect(client.who()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE", status: 503 });
    state.fault = "pass";
    expect(await client.who()).toBe("ada");
    const other = await setup(name);
    other.state.fault = "throw-before";
    await expect(other.client.login()).rejects.toBeInstanceOf(Error);
    expect(other.answers).toEqual([{ status: 503, set: 0 }]);
    expect(answers.at(-1)?.status).toBe(200);
  });

  test("what a procedure changed is not saved when it fails with 500; it is when it refuses, or others of its batch succeed", async () => {
    const { client, together, answers } = await setup(name);
    await client.write();
    await expect(client.fail()).rejects.toMatchObject({ status: 500 });
    expect(await client.note()).toBe("written");
    await expect(client.refuse()).rejects.toMatchObject({ status: 400 });
    expect(await client.note()).toBe("refused");
    await Promise.allSettled([together.fail(), together.count()]);
    expect(answers.at(-1)?.status).toBe(207);
    expect(await client.note()).toBe("failed");
  });

  test("with a middleware that discards, a procedure that refuses changes nothing", async () => {
    const { client } = await setup(name);
    await client.write();
    await expect(client.refuseStrictly()).rejects.toMatchObject({ status: 400 });
    expect(await client.note()).toBe("written");
  });
});
