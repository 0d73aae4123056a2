/** GraphQL Yoga 5 and Apollo Server 5: the session in their context, and what a resolver that throws leaves behind. */

import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
import express from "express";
import { createSchema, createYoga } from "graphql-yoga";
import { createSessions, isSessionError, type Session, type Sessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { nodeSessions } from "sojourn/frameworks/node";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore, type Fault, faultyStore, type RunningApp } from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { serveFetch } from "../support/fetch-server.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

// The one that the servers load. Vite finds the package's other build, whose errors are not theirs.
const { GraphQLError } = createRequire(import.meta.url)("graphql") as typeof import("graphql");

const packages = ["graphql-yoga", "@apollo/server", "@as-integrations/express5", "graphql"];
reportBackend({ backend: "graphql", server: nodeServer, clients: packages.map(clientVersion) });

interface Data {
  visits: number;
  note: string;
}

interface Context {
  readonly asked: object;
  session(): Promise<Session<Data>>;
}

/** As on the page: an outage of the store is what it is, not an unexpected error. */
function contextOf(sessions: Sessions<Data>, asked: object): Context {
  const unavailable = (error: unknown): never => {
    if (!isSessionError(error) || error.status !== 503) throw error;
    throw new GraphQLError("Please try again.", {
      extensions: { code: "SERVICE_UNAVAILABLE", http: { status: 503 } },
    });
  };
  return { asked, session: () => sessions.get(asked).catch(unavailable) };
}

interface Result {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

/** As on the page: no field has an answer, and no resolver meant it so. */
const failed = ({ data, errors = [] }: Result): boolean =>
  errors.some(({ extensions }) => extensions?.code === "INTERNAL_SERVER_ERROR") &&
  Object.values(data ?? {}).every((value) => value === null);

const typeDefs = /* GraphQL */ `
  type Query { who: String!, note: String!, ping: String! }
  type Mutation { count: Int, write: Boolean, login: Boolean, logout: Boolean, fail: Boolean, must: Boolean!, refuse: Boolean, leaveAndFail: Boolean }
`;

type Resolver = (parent: unknown, args: unknown, context: Context) => Promise<unknown>;

/** Changes the session, and then something. */
const changing =
  (note: string, then: (session: Session<Data>) => unknown): Resolver =>
  async (_parent, _args, { session }) => {
    const found = await session();
    found.data.note = note;
    return then(found) ?? true;
  };

const mistake = (): never => {
  throw new Error("a mistake");
};

const resolvers: Record<string, Record<string, Resolver>> = {
  Query: {
    who: async (_parent, _args, { session }) => (await session()).subject ?? "guest",
    note: async (_parent, _args, { session }) => (await session()).data.note ?? "none",
    ping: async () => "pong",
  },
  Mutation: {
    count: async (_parent, _args, { session }) => (await session()).update("visits", (n = 0) => n + 1),
    login: async (_parent, _args, { session }) => (await session()).login("ada") ?? true,
    logout: async (_parent, _args, { session }) => (await session()).destroy() ?? true,
    write: changing("written", () => true),
    fail: changing("failed", mistake),
    must: changing("failed", mistake),
    leaveAndFail: changing("failed", (session) => {
      session.destroy();
      mistake();
    }),
    refuse: changing("refused", () => {
      throw new GraphQLError("not you", { extensions: { code: "FORBIDDEN" } });
    }),
  },
};

const yoga = (sessions: Sessions<Data>) =>
  createYoga<{ req?: IncomingMessage }, Context>({
    schema: createSchema<Context>({ typeDefs, resolvers }),
    logging: false,
    fetchAPI: { Response },
    context: ({ req, request }) => contextOf(sessions, req ?? request),
    plugins: [
      {
        onExecutionResult({ result, context }) {
          if (failed(result as Result)) sessions.discard((context as unknown as Context).asked);
        },
      },
    ],
  });

const servers: Record<string, (sessions: Sessions<Data>) => Promise<RunningApp>> = {
  "Yoga, fetch": async (sessions) => {
    const { fetch } = yoga(sessions);
    return listen(serveFetch(fetchSessions(sessions)(async (request: Request) => fetch(request, {}))));
  },
  "Yoga, node:http": async (sessions) => {
    const handler = yoga(sessions);
    return listen(createServer(nodeSessions(sessions)((req, res) => handler(req, res))));
  },
  async "Apollo Server, Express 5"(sessions) {
    const server = new ApolloServer<Context>({
      typeDefs,
      resolvers,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      stopOnTerminationSignals: false,
      plugins: [
        {
          async requestDidStart() {
            return {
              async willSendResponse({ response: { body }, contextValue }) {
                if (failed(body.kind === "single" ? body.singleResult : body.initialResult))
                  sessions.discard(contextValue.asked);
              },
            };
          },
        },
      ],
    });
    await server.start();
    const app = express().use(expressSessions(sessions), express.json());
    app.use("/graphql", expressMiddleware(server, { context: async ({ req }) => contextOf(sessions, req) }));
    return listen(createServer(app));
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
  const ask = async (query: string, accept = "application/json") => {
    const response = await fetch(`${one.url}/graphql`, {
      method: "POST",
      headers: { cookie, accept, "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    const set = response.headers.getSetCookie();
    for (const line of set) cookie = `${line.split(";")[0]}`;
    const text = await response.text();
    const result = (): Result => JSON.parse(text) as Result;
    return { status: response.status, set: set.length, text, result, data: () => result().data };
  };
  return { ask, store, state };
}

describe.each(Object.keys(servers))("%s", (name) => {
  test("a mutation logs in, a query sees it, a mutation logs out", async () => {
    const { ask, store } = await setup(name);
    expect((await ask("{ who }")).data()).toEqual({ who: "guest" });
    const login = await ask("mutation { login }");
    expect([login.status, login.set]).toEqual([200, 1]);
    expect((await ask("{ who }")).data()).toEqual({ who: "ada" });
    expect((await ask("mutation { logout }")).set).toBe(1);
    expect((await ask("{ who }")).data()).toEqual({ who: "guest" });
    store.reset();
    expect((await ask("{ ping }")).data()).toEqual({ ping: "pong" });
    expect(store.total).toBe(0);
  });

  test("the fields of one operation have one session: one read, one save", async () => {
    const { ask, store } = await setup(name);
    await ask("mutation { count }");
    store.reset();
    expect((await ask("mutation { count write again: count }")).data()).toEqual({ count: 2, write: true, again: 3 });
    expect(store.calls).toEqual({ read: 1, update: 1 });
    expect((await ask("{ who note }")).data()).toEqual({ who: "guest", note: "written" });
  });

  test("a store that fails is SERVICE_UNAVAILABLE when the session is read, and 503 when it is saved", async () => {
    const { ask, state } = await setup(name);
    await ask("mutation { login }");
    state.fault = "throw-before";
    const read = await ask("{ who }");
    expect([read.status, read.set]).toEqual([503, 0]);
    expect(read.result().errors?.[0]?.extensions?.code).toBe("SERVICE_UNAVAILABLE");
    const other = await setup(name);
    other.state.fault = "throw-before";
    const login = await other.ask("mutation { login }");
    expect([login.status, login.set]).toEqual([503, 0]);
    expect(login.text).not.toContain("data");
    state.fault = "pass";
    expect((await ask("{ who }")).data()).toEqual({ who: "ada" });
  });

  test.each(["application/json", "application/graphql-response+json"])(
    "an operation that fails as a whole leaves the session as it was, whatever its status (%s)",
    async (accept) => {
      const { ask } = await setup(name);
      const guest = await ask("mutation { fail }", accept);
      expect([guest.set, guest.result().errors?.length]).toEqual([0, 1]);
      await ask("mutation { write }");
      await ask("mutation { fail }", accept);
      await ask("mutation { must }", accept);
      expect((await ask("{ note }")).data()).toEqual({ note: "written" });
    },
  );

  test("one that refuses, or fails beside others, does not undo what was changed before", async () => {
    const { ask } = await setup(name);
    await ask("mutation { write }");
    expect((await ask("mutation { refuse }")).data()).toEqual({ refuse: null });
    expect((await ask("{ note }")).data()).toEqual({ note: "refused" });
    expect((await ask("mutation { count fail }")).data()).toEqual({ count: 1, fail: null });
    expect((await ask("{ note }")).data()).toEqual({ note: "failed" });
  });

  test("a logout counts, also in an operation that fails", async () => {
    const { ask } = await setup(name);
    await ask("mutation { login }");
    await ask("mutation { leaveAndFail }");
    expect((await ask("{ who }")).data()).toEqual({ who: "guest" });
  });
});
