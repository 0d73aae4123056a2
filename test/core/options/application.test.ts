/** Applications apart: two of them in one store neither accept each other's sessions nor revoke each other's users. */

import { createSessions, type Store } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { createPartsSessions } from "sojourn/parts";
import { cachedStore } from "sojourn/stores/cached";
import { cloudflareKvStore } from "sojourn/stores/cloudflare-kv";
import { cookieStore } from "sojourn/stores/cookie";
import { dynamodbStore } from "sojourn/stores/dynamodb";
import { fileStore } from "sojourn/stores/file";
import { keyvStore } from "sojourn/stores/keyv";
import { memoryStore } from "sojourn/stores/memory";
import { redisStore } from "sojourn/stores/redis";
import { sqlStore } from "sojourn/stores/sql";
import { describe, expect, test } from "vitest";

/** A memory that calls itself what a server of all applications would. */
function commonStore(): Store {
  return Object.assign(memoryStore(), { space: "common" as const });
}

type Login = (name: string | undefined, cookie?: string) => Promise<{ subject: string | undefined; cookie: string }>;

function application(
  options: Parameters<typeof createSessions>[0],
  sessions: ReturnType<typeof createSessions> = createSessions({ warn() {}, ...options }),
): { sessions: ReturnType<typeof createSessions>; visit: Login } {
  let subject: string | undefined;
  const handler = (name: string | undefined): ((request: Request) => Promise<Response | undefined>) =>
    fetchSessions(sessions)(async (request) => {
      const session = await sessions.get(request);
      if (name) session.login(name);
      subject = session.subject;
      return new Response();
    });
  const visit: Login = async (name, cookie = "") => {
    const answer = await handler(name)(new Request("https://shop.test/", { headers: { cookie } }));
    return { subject, cookie: answer?.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  return { sessions, visit };
}

describe("two applications in one store", () => {
  test("have separate cookies, sessions and users", async () => {
    const store = commonStore();
    const [shop, admin] = [application({ name: "shop", store }), application({ name: "admin", store })];
    const { cookie } = await shop.visit("ada");
    expect(cookie).toMatch(/^__Host-shop=/);
    expect((await admin.visit(undefined, cookie)).subject).toBeUndefined();
    // Also where somebody renames the cookie.
    expect((await admin.visit(undefined, cookie.replace("shop", "admin"))).subject).toBeUndefined();
    expect(await admin.sessions.list("ada")).toEqual([]);
    expect(await admin.sessions.revoke("ada")).toBe(0);
    expect((await shop.visit(undefined, cookie)).subject).toBe("ada");
    expect(await shop.sessions.revoke("ada")).toBe(1);
    expect((await shop.visit(undefined, cookie)).subject).toBeUndefined();
  });

  test("do not revoke each other's users when they keep sessions in cookies and revocations in one store", async () => {
    const store = cookieStore({ secrets: "a secret of at least 32 characters", revocations: commonStore() });
    const [shop, admin] = [application({ name: "shop", store }), application({ name: "admin", store })];
    const { cookie } = await shop.visit("ada");
    expect((await admin.visit(undefined, cookie.replace("shop", "admin"))).subject).toBeUndefined();
    await admin.sessions.revoke("ada");
    expect((await shop.visit(undefined, cookie)).subject).toBe("ada");
  });

  test("without names are an error that shows the line to write", () => {
    const line = 'Write createSessions({ name: "shop", store: redisStore(…) })';
    expect(() => createSessions({ store: redisStore({ client: { command: async () => null } }) })).toThrow(line);
    const store = cookieStore({ secrets: "a secret of at least 32 characters", revocations: commonStore() });
    expect(() => createSessions({ store })).toThrow("createSessions needs a name");
    const parts = { login: { store: commonStore(), fields: "rest" } } as const;
    expect(() => createPartsSessions({ parts })).toThrow(/^createSessions needs a name/);
  });

  test("in parts have separate keys by name and part", async () => {
    const store = commonStore();
    const keys: string[] = [];
    const create = store.create;
    store.create = (key, record) => {
      keys.push(key);
      return create(key, record);
    };
    const parts = {
      login: { store, fields: ["user"] },
      rest: { store, cookie: { name: "rest" }, fields: "rest" },
    } as const;
    const { visit, sessions } = application(
      {},
      createPartsSessions<Record<string, unknown>>({ name: "shop", parts, warn() {} }),
    );
    expect((await visit("ada")).cookie).toMatch(/^__Host-shop=/);
    expect(keys.map((key) => key.replace(/:[^:]{43}$/, ""))).toEqual(["shop:login"]);
    expect(await sessions.list("ada")).toHaveLength(1);
  });
});

describe("a name", () => {
  const client = { command: async () => null };
  test.each<[string, () => Store, boolean]>([
    ["Redis", () => redisStore({ client }), true],
    ["Redis with a prefix", () => redisStore({ client, prefix: "shop:" }), false],
    ["Redis behind cachedStore", () => cachedStore(redisStore({ client })), true],
    ["DynamoDB", () => dynamodbStore({ client: () => Promise.reject(new Error("none")) }), true],
    [
      "DynamoDB with a table",
      () => dynamodbStore({ client: () => Promise.reject(new Error("none")), table: "shop" }),
      false,
    ],
    ["SQL", () => sqlStore({ client: () => Promise.reject(new Error("none")), dialect: "postgres" }), true],
    [
      "SQL with a table",
      () => sqlStore({ client: () => Promise.reject(new Error("none")), dialect: "postgres", table: "shop" }),
      false,
    ],
    ["memory", () => memoryStore(), false],
    ["files", () => fileStore({ directory: "/nowhere" }), false],
    ["a Map behind Keyv", () => keyvStore({ client: keyv(new Map()) }), false],
    ["a server behind Keyv", () => keyvStore({ client: keyv({}) }), true],
    ["Workers KV", () => cloudflareKvStore({ namespace: kv }), true],
    ["Workers KV with a prefix", () => cloudflareKvStore({ namespace: kv, prefix: "shop:" }), false],
    ["another's store of several processes", () => shared(true), true],
    ["another's store of one process", () => shared(false), false],
  ])("%s", (_what, make, needed) => {
    const store = make();
    const unnamed = (): unknown => createSessions({ store, warn() {} });
    if (needed) expect(unnamed).toThrow("createSessions needs a name");
    else expect(unnamed).not.toThrow();
    expect(() => createSessions({ name: "shop", store, warn() {} })).not.toThrow();
    expect(() => createSessions({ keyPrefix: "shop:", store, warn() {} })).not.toThrow();
  });
});

const kv = {
  get: async () => null,
  put: async () => {},
  delete: async () => {},
  list: async () => ({ keys: [] }),
} as never;

function keyv(store: object): never {
  const nothing = async (): Promise<undefined> => undefined;
  return { store, throwOnErrors: true, get: nothing, set: nothing, delete: nothing, on() {}, opts: {} } as never;
}

function shared(shared: boolean): Store {
  const { space: _, capabilities, ...store } = memoryStore();
  return { ...store, capabilities: { ...capabilities, shared } };
}

test("two managers with one cookie name on one request cause a warning, those with different names do not", async () => {
  const open = async (names: readonly string[]): Promise<string[]> => {
    const warnings: string[] = [];
    const made = names.map((name) =>
      createSessions({ name, store: memoryStore(), warn: (message) => void warnings.push(message) }),
    );
    for (let request = 0; request < 3; request++) {
      const wrapped = made.reduce<(request: Request) => Promise<Response | undefined> | Response>(
        (inner, one) => fetchSessions(one)(inner as never),
        () => new Response(),
      );
      await wrapped(new Request("https://shop.test/"));
    }
    return warnings;
  };
  expect(await open(["one", "one"])).toEqual([
    expect.stringContaining('two createSessions() with the cookie "__Host-one"'),
  ]);
  expect(await open(["two", "three"])).toEqual([]);
  expect(await open(["two"])).toEqual([]);
});
