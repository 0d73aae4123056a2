/** The library where promises, bytes and dates are made by the classes of another realm: Next's edge runtime, vm, Jest. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSessions, type IdScheme, isSessionError } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { memoryStore } from "sojourn/stores/memory";
import { frameworkConformance, type StoreHarness } from "sojourn/testing";
import { afterAll, describe, expect, test } from "vitest";
import { fetchApp, fetchLacks } from "../support/fetch-app.ts";
import { listenFetch } from "../support/fetch-server.ts";
import { answer, bodyOf, listen } from "../support/node-app.ts";
import { edgeRealm, jestRealm, vmRealm } from "../support/realms.ts";
import { describeCases, describeClient, describeStore } from "../support/store-tests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-realms-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const [vm, edge, jest] = [await vmRealm(), await edgeRealm(), await jestRealm()];

describe.each([
  ["node:vm", vm],
  ["Next's edge runtime", edge],
])("in %s", (name, realm) => {
  describeCases(
    `fetch handler in ${name}`,
    frameworkConformance({
      name,
      lacks: { ...fetchLacks, current: "there is no AsyncLocalStorage" },
      sessions: (options) => realm.createSessions(options),
      store: () => realm.memoryStore(),
      start: (app) => listenFetch(fetchApp(app, realm.fetchSessions)),
    }),
  );
  describeStore({ name: "memory", sample: realm.memoryStore(), open: ({ now }) => realm.memoryStore({ now }) });
  describeClient(sqliteHarness(realm));

  test("a guest with a made-up cookie has no session", async () => {
    const sessions = realm.createSessions<{ secret: string }>({ store: realm.memoryStore(), warn() {} });
    const handler = realm.fetchSessions(sessions)(async (request) => {
      const session = await sessions.get(request);
      if (request.url.endsWith("/set")) session.data.secret = "of alice";
      return Response.json([session.isNew, { ...session.data }]);
    });
    const cookie = `__Host-session=${"B".repeat(43)}`;
    const own = await handler(new Request("https://shop.test/set"));
    const hers = { cookie: own.headers.getSetCookie()[0]!.split(";")[0]! };
    const ask = async (headers: Record<string, string>): Promise<unknown> =>
      (await handler(new Request("https://shop.test/", { headers }))).json();
    expect(await ask({ cookie })).toEqual([true, {}]);
    expect(await ask(hers)).toEqual([false, { secret: "of alice" }]);
  });

  test("tokens and records of every kind open", async () => {
    const secret = "a secret of at least 32 characters";
    for (const token of [realm.signedToken(secret), realm.sealedToken([secret, secret.toUpperCase()])]) {
      const format = realm.encrypted(realm.jsonFormat(), secret);
      const kept = await roundTrip(realm, { token, format, store: realm.memoryStore() });
      expect(kept).toEqual({ cart: ["tea"] });
    }
    expect(await roundTrip(realm, { store: realm.cookieStore({ secrets: secret }) })).toEqual({ cart: ["tea"] });
  });

  test("values of the other realm keep their type", async () => {
    const values = {
      date: new Date(7),
      map: new Map([["a", new Set([1])]]),
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from("b"),
      url: new URL("https://shop.test/"),
      list: [{ deep: [1] }],
    };
    const kept = (await roundTrip(realm, { store: realm.memoryStore() }, values)) as Record<string, object>;
    const kinds = Object.values(kept).map((value) => Object.prototype.toString.call(value).slice(8, -1));
    expect(kinds).toEqual(["Date", "Map", "Uint8Array", "Uint8Array", "URL", "Array"]);
    expect(JSON.stringify(kept)).toBe(JSON.stringify({ ...values, bytes: { 0: 1, 1: 2 }, buffer: { 0: 98 } }));
  });

  test("errors of the other realm are recognised as session errors", async () => {
    const sessions = realm.createSessions({ store: realm.nullStore(), warn() {} });
    const request = new Request("https://shop.test/");
    const failed = realm.fetchSessions(sessions, {
      onError: (error) => Response.json([isSessionError(error), error.code]),
    })(async (asked) => {
      (await sessions.get(asked)).data["a"] = 1;
      return new Response();
    });
    expect(await (await failed(request)).json()).toEqual([true, "ERR_SESSION_READ_ONLY"]);
  });
});

describe("in a context with Node's modules", () => {
  describeCases(
    "node:http",
    frameworkConformance({
      name: "node:http",
      lacks: { attach: "the handler is wrapped: there is no middleware" },
      sessions: (options) => jest.createSessions(options),
      start: (app) => {
        const onError = async (error: unknown, req: object, res: object): Promise<void> =>
          answer(res as ServerResponse, await app.onError(error, req));
        const wrap = (inner: Handler, one: (typeof app.sessions)[number]): Handler =>
          jest.nodeSessions(one, { onError })(inner as never) as Handler;
        const handler: Handler = async (req, res) =>
          answer(res, await app.handle(req, req.url ?? "/", () => bodyOf(req)));
        return listen(createServer(app.sessions.reduceRight(wrap, handler)));
      },
    }),
  );
  const open: StoreHarness["open"] = ({ space, now }) =>
    jest.fileStore({ directory: join(directory, space.replace(/\W/g, "_")), now });
  describeClient({ name: "file", sample: jest.fileStore({ directory }), open });
});

type Handler = (req: import("node:http").IncomingMessage, res: ServerResponse) => unknown;

test.each([
  ["a promise", Promise.resolve("session:1")],
  ["nothing", undefined],
  ["the text of a promise", "session:[object Promise]"],
  ["an empty text", ""],
])("a key that is %s never reaches the store", async (_what, key) => {
  const asked: unknown[] = [];
  const inner = memoryStore();
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        asked.push(name);
        return Reflect.apply(value, target, args);
      };
    },
  });
  const thenable = { prefix: "", create: () => "id", accepts: () => true, keyOf: () => ({ key }) };
  const ids = { ...thenable, keyOf: () => (typeof key === "object" ? [key] : key) } as unknown as IdScheme;
  const sessions = createSessions({ store, ids, warn() {} });
  const handler = fetchSessions(sessions)(async (request) => {
    (await sessions.get(request)).data["a"] = 1;
    return new Response();
  });
  const headers = { cookie: "__Host-session=x" };
  for (const init of [{}, { headers }]) {
    expect((await handler(new Request("https://shop.test/", init))).status).toBe(503);
  }
  expect(asked).toEqual([]);
});

/** SQLite's own client gives bytes of its realm. */
function sqliteHarness({ sqlStore }: typeof vm): StoreHarness {
  const open: StoreHarness["open"] = async ({ now }) => {
    const store = sqlStore({ client: new DatabaseSync(":memory:"), now });
    await store.setup?.();
    return store;
  };
  return { name: "node:sqlite", sample: sqlStore({ client: new DatabaseSync(":memory:") }), open };
}

/** What the next request finds of what a first one left. */
async function roundTrip(
  { createSessions, fetchSessions }: typeof vm,
  options: NonNullable<Parameters<typeof createSessions>[0]>,
  data: object = { cart: ["tea"] },
): Promise<unknown> {
  const sessions = createSessions({ ...options, warn() {} });
  let seen: unknown;
  const handler = fetchSessions(sessions)(async (request) => {
    const session = await sessions.get(request);
    if (session.isNew) Object.assign(session.data, data);
    else seen = { ...session.data };
    return new Response();
  });
  const first = await handler(new Request("https://shop.test/"));
  const headers = { cookie: first.headers.getSetCookie()[0]!.split(";")[0]! };
  await handler(new Request("https://shop.test/", { headers }));
  return seen;
}
