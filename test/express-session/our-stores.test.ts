/** The drop-in over stores of sojourn: nothing lost, nothing revived, and the same session by both APIs in one request. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import passport from "passport";
import type { Store } from "sojourn";
import session from "sojourn/express-session";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Handler, type Req, type Running, serve } from "./http.ts";

type Options = Parameters<typeof session>[0];
type Data = Record<string, unknown>;

function make(store: Store, options: object = {}): ReturnType<typeof session<Data>> {
  return session<Data>({
    secret: "keyboard cat",
    resave: false,
    saveUninitialized: false,
    store,
    ...options,
  } as Options);
}

async function app(middleware: unknown, handler: Handler): Promise<Running> {
  const started = await serve(middleware as never, handler);
  onTestFinished(() => started.close());
  return started;
}

const stores: Record<string, () => Store> = {
  memory: () => memoryStore(),
  file: () => {
    const directory = mkdtempSync(join(tmpdir(), "express-session-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return fileStore({ directory });
  },
};

describe.each(Object.entries(stores))("over the %s store", (_name, storeOf) => {
  test("100 parallel requests keep 100 keys", async () => {
    const { send } = await app(make(storeOf()), (req, res) => {
      req.session[req.url as string] = 1;
      setImmediate(() => res.end(JSON.stringify(req.session)));
    });
    const { cookie } = await send("/begin");
    await Promise.all(Array.from({ length: 100 }, (_, at) => send(`/${at}`, cookie)));
    const { cookie: _, ...data } = JSON.parse((await send("/begin", cookie)).text);
    expect(Object.keys(data)).toHaveLength(101);
  });

  test("a logout among 20 requests stays a logout", async () => {
    const { send } = await app(make(storeOf()), (req, res) => {
      if (req.url === "/out") return req.session.destroy(() => res.end());
      req.session[req.url as string] = 1;
      setImmediate(() => res.end(JSON.stringify(req.session)));
    });
    const { cookie } = await send("/begin");
    const requests = Array.from({ length: 20 }, (_, at) => send(at === 7 ? "/out" : `/${at}`, cookie));
    await Promise.all(requests);
    const { cookie: _, ...data } = JSON.parse((await send("/look", cookie)).text);
    expect(data).toEqual({ "/look": 1 });
  });

  test("a request in flight does not revive a session that regenerate ended", async () => {
    const middleware = make(storeOf());
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = (): void => {};
    const inside = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { send } = await app(middleware, async (req, res) => {
      if (req.url === "/slow") {
        arrived();
        await held;
        req.session.slow = true;
      } else if (req.url === "/in") {
        await req.session.regenerate();
        req.session.user = "ada";
      } else req.session.begun = true;
      res.end(JSON.stringify(req.session));
    });
    const { cookie } = await send("/begin");
    const slow = send("/slow", cookie);
    await inside;
    const login = await send("/in", cookie);
    release();
    expect((await slow).setCookie).toEqual([]);
    const { cookie: _old, ...old } = JSON.parse((await send("/begin", cookie)).text);
    expect(old).toEqual({ begun: true });
    const { cookie: _new, ...fresh } = JSON.parse((await send("/look", login.cookie)).text);
    expect(fresh).toEqual({ user: "ada", begun: true });
  });
});

test("req.session and sessions.get(req) are one session in one request, whichever is used first", async () => {
  const middleware = make(memoryStore());
  const { sessions } = middleware;
  const { send } = await app(middleware, async (req, res) => {
    const native = await sessions.get(req);
    if (req.url === "/begin") {
      req.session.old = 1;
      expect(native.data["old"]).toBe(1);
      native.data["native"] = 2;
      expect(req.session.native).toBe(2);
      native.update("count", (n) => ((n as number | undefined) ?? 0) + 1);
    }
    const { cookie: _, ...data } = req.session;
    res.end(JSON.stringify(data));
  });
  const { cookie } = await send("/begin");
  expect(JSON.parse((await send("/look", cookie)).text)).toEqual({ old: 1, native: 2, count: 1 });
});

test("update() through sessions.get(req) loses no count in 50 requests", async () => {
  const middleware = make(memoryStore());
  const { send } = await app(middleware, async (req, res) => {
    const native = await middleware.sessions.get(req);
    native.update("count", (n) => ((n as number | undefined) ?? 0) + 1);
    res.end(String(req.session.count));
  });
  const { cookie } = await send();
  await Promise.all(Array.from({ length: 49 }, () => send("/", cookie)));
  expect((await send("/", cookie)).text).toBe("51");
});

test("a discarded request sends no cookie for a session that has no record, and one that the handler saved itself has one", async () => {
  const middleware = make(memoryStore());
  const { send } = await app(middleware, async (req, res) => {
    if (req.url === "/regenerate") await req.session.regenerate();
    if (req.url !== "/look") req.session.n = 1;
    if (req.url === "/save") await req.session.save();
    if (req.url !== "/begin" && req.url !== "/look") middleware.sessions.discard(req);
    res.end(String(req.session.n));
  });
  expect((await send("/change")).setCookie).toEqual([]);
  expect((await send("/regenerate", (await send("/begin")).cookie)).setCookie).toEqual([]);
  const { cookie } = await send("/save");
  expect((await send("/look", cookie)).text).toBe("1");
});

test("login() keeps the data under a new id, and writes the user to passport's key", async () => {
  const middleware = make(memoryStore());
  const { sessions } = middleware;
  const { send } = await app(middleware, async (req, res) => {
    if (req.url === "/cart") req.session.cart = ["tea"];
    if (req.url === "/in") (await sessions.get(req)).login("42");
    const { cookie: _, ...data } = req.session;
    res.end(JSON.stringify(data));
  });
  const guest = await send("/cart");
  const user = await send("/in", guest.cookie);
  expect(user.cookie).toBeDefined();
  expect(user.cookie).not.toBe(guest.cookie);
  expect(JSON.parse((await send("/look", user.cookie)).text)).toEqual({ cart: ["tea"], passport: { user: "42" } });
  expect(JSON.parse((await send("/look", guest.cookie)).text)).toEqual({});
});

test.each([
  ["a store of ours", memoryStore],
  ["a store of express-session", () => new session.MemoryStore()],
])("persistent says whether the cookie lasts, at login and later, over %s", async (_name, storeOf) => {
  const middleware = make(storeOf() as Store, { ttl: "2h", subjectKey: "userId" });
  const { sessions } = middleware;
  const { send } = await app(middleware, async (req, res) => {
    const native = await sessions.get(req);
    const { pathname, searchParams } = new URL(req.url as string, "http://localhost");
    const persistent = searchParams.has("is") ? searchParams.get("is") === "true" : undefined;
    if (pathname === "/in") native.login(searchParams.get("user") ?? "ada", { persistent });
    if (pathname === "/longer") req.session.cookie.maxAge = 2_592_000_000;
    if (pathname === "/set") native.persistent = persistent as boolean;
    res.end(JSON.stringify({ persistent: native.persistent }));
  });
  const lasts = async (path: string, cookie: string | undefined, hours: number | undefined): Promise<typeof cookie> => {
    const { setCookie, cookie: given } = await send(path, cookie);
    const ends = /Expires=([^;]*)/.exec(setCookie[0] as string)?.[1];
    if (hours === undefined) expect([path, setCookie.length, ends]).toEqual([path, 1, undefined]);
    else expect((Date.parse(ends as string) - Date.now()) / 3_600_000).toBeCloseTo(hours, 2);
    const held = given ?? cookie;
    expect(JSON.parse((await send("/look", held)).text)).toEqual({ persistent: hours !== undefined });
    return held;
  };
  await lasts("/in", undefined, undefined);
  await lasts("/in?is=false", undefined, undefined);
  let cookie = await lasts("/in?is=true", undefined, 2);
  cookie = await lasts("/in?is=true&user=eve", cookie, 2);
  cookie = await lasts("/in?is=false&user=ada", cookie, undefined);
  await lasts("/set?is=true", cookie, 2);
  await lasts("/set?is=false", cookie, undefined);
});

test("clear(), and a login of another user, leave the cookie as it is", async () => {
  const middleware = make(memoryStore(), { subjectKey: "userId", cookie: { maxAge: 3_600_000 } });
  const { send } = await app(middleware, async (req, res) => {
    const native = await middleware.sessions.get(req);
    if (req.url === "/cart") req.session.cart = ["tea"];
    if (req.url === "/clear") {
      native.clear();
      native.regenerate();
    }
    if (req.url?.startsWith("/in/")) {
      native.login(req.url.slice(4));
      req.session.cookie.maxAge = 7_200_000;
    }
    const { cookie, ...data } = req.session;
    res.end(JSON.stringify({ ...data, lasts: cookie.originalMaxAge }));
  });
  const { cookie } = await send("/cart");
  const cleared = await send("/clear", cookie);
  expect(JSON.parse(cleared.text)).toEqual({ lasts: 3_600_000 });
  const ada = await send("/in/ada", cleared.cookie);
  const eve = await send("/in/eve", ada.cookie);
  expect(eve.status).toBe(200);
  expect(JSON.parse((await send("/", eve.cookie)).text)).toEqual({ userId: "eve", lasts: 7_200_000 });
});

test("a login keeps the cookie.maxAge that its handler sets", async () => {
  const middleware = make(memoryStore(), { subjectKey: "userId" });
  const { send } = await app(middleware, async (req, res) => {
    (await middleware.sessions.get(req)).login("ada", { persistent: true });
    req.session.cookie.maxAge = 2_592_000_000;
    res.end();
  });
  const [line] = (await send()).setCookie;
  expect((Date.parse(/Expires=([^;]*)/.exec(line as string)?.[1] as string) - Date.now()) / 86_400_000).toBeCloseTo(
    30,
    2,
  );
});

test("a login without subjectKey warns once where passport is not in use, and not elsewhere", async () => {
  const warned = async (options: object, before: (req: Req) => void): Promise<string[]> => {
    const warnings: string[] = [];
    const warn = (text: string): void => void warnings.push(text);
    const middleware = make(memoryStore(), { warn, ...options });
    const { send } = await app(middleware, async (req, res) => {
      before(req);
      (await middleware.sessions.get(req)).login("ada");
      res.end();
    });
    for (let n = 0; n < 2; n++) expect((await send()).status).toBe(200);
    return warnings;
  };
  const nothing = (): void => {};
  expect(await warned({}, nothing)).toEqual([expect.stringMatching(/passport\.user.*subjectKey: "userId"/)]);
  expect(await warned({ subjectKey: "userId" }, nothing)).toEqual([]);
  expect(await warned({ subjectKey: "passport.user" }, nothing)).toEqual([]);
  const initialize = passport.initialize();
  expect(await warned({}, (req) => initialize(req as never, {} as never, nothing))).toEqual([]);
  expect(await warned({}, (req) => Object.assign(req.session, { passport: { user: "ada" } }))).toEqual([]);
});

test("destroy() through sessions.get(req) ends req.session with it", async () => {
  const middleware = make(memoryStore());
  const { send } = await app(middleware, async (req, res) => {
    if (req.url === "/out") (await middleware.sessions.get(req)).destroy();
    else req.session.user = "ada";
    res.end(JSON.stringify(req.session ?? null));
  });
  const { cookie } = await send("/in");
  await send("/out", cookie);
  const again = await send("/in", cookie);
  expect(again.cookie).toBeDefined();
  expect(again.cookie).not.toBe(cookie);
});

test("sessions.list and sessions.revoke find users that passport logged in", async () => {
  const middleware = make(memoryStore());
  const { sessions } = middleware;
  const { send } = await app(middleware, (req, res) => {
    if (req.url === "/in") req.session.passport = { user: 7 };
    res.end(JSON.stringify(req.session.passport ?? null));
  });
  const [one, two] = [await send("/in"), await send("/in")];
  expect(await sessions.list("7")).toHaveLength(2);
  expect(await sessions.revoke("7")).toBe(2);
  for (const { cookie } of [one, two]) expect((await send("/look", cookie)).text).toBe("null");
});

test("ids are hashed in the store", async () => {
  const store = memoryStore();
  const { send } = await app(make(store), (req, res) => {
    req.session.user = "ada";
    res.end(req.session.id);
  });
  const { text: id } = await send();
  const keys: string[] = [];
  for await (const { key } of store.list!()) keys.push(key);
  expect(keys).toHaveLength(1);
  expect(keys[0]).toMatch(/^sess:[A-Za-z0-9_-]{43}$/);
  expect(keys[0]).not.toContain(id);
});

test("resave: true does not write unchanged sessions, and reading touches only now and then", async () => {
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  const written: string[] = [];
  const logged = { ...store, capabilities: store.capabilities } as Store;
  for (const name of ["create", "update", "touch"] as const) {
    const method = store[name] as (...args: unknown[]) => unknown;
    (logged as unknown as Data)[name] = (...args: unknown[]) => {
      written.push(name);
      return method.apply(store, args);
    };
  }
  const { send } = await app(make(logged, { resave: true, now: () => now }), (req, res) => {
    req.session.user = "ada";
    res.end();
  });
  const { cookie } = await send();
  await send("/", cookie);
  expect(written).toEqual(["create"]);
  now += 61_000;
  await send("/", cookie);
  await send("/", cookie);
  expect(written).toEqual(["create", "touch"]);
});

test("a session lasts as long as its cookie: ttl without maxAge, a shorter maxAge at once", async () => {
  let now = Date.now();
  const store = memoryStore({ now: () => now });
  const { send } = await app(make(store, { ttl: "2h", now: () => now }), (req, res) => {
    if (req.url === "/in") req.session.user = "ada";
    if (req.url === "/short") req.session.cookie.maxAge = 1_800_000;
    res.end(req.session.user ?? "nobody");
  });
  const long = await send("/in");
  now += 7_100_000;
  expect((await send("/look", long.cookie)).text).toBe("ada");
  now += 7_100_000;
  expect((await send("/look", long.cookie)).text).toBe("ada");
  await send("/short", long.cookie);
  now += 1_900_000 + 7_100_000;
  expect((await send("/look", long.cookie)).text).toBe("nobody");
});

test("cookie.maxAge and other attributes are stored where nothing else of the session changed", async () => {
  const { send } = await app(make(memoryStore()), (req, res) => {
    if (req.url === "/in") req.session.user = "ada";
    if (req.url === "/remember") req.session.cookie.maxAge = 18_000_000;
    if (req.url === "/move") req.session.cookie.sameSite = "lax";
    res.end(JSON.stringify([req.session.user, req.session.cookie.originalMaxAge, req.session.cookie.sameSite]));
  });
  const { cookie } = await send("/in");
  await send("/remember", cookie);
  await send("/move", cookie);
  expect(JSON.parse((await send("/look", cookie)).text)).toEqual(["ada", 18_000_000, "lax"]);
});

test("req.sessionStore has the methods of express-session, and set does not revive a session", async () => {
  const store = memoryStore();
  const { send } = await app(make(store), async (req, res) => {
    if (req.url === "/in") {
      req.session.token = "abc";
      res.end(req.session.id);
      return;
    }
    const call = (method: string, ...args: unknown[]): Promise<unknown> =>
      new Promise((resolve, reject) =>
        req.sessionStore[method](...args, (error: unknown, value: unknown) => (error ? reject(error) : resolve(value))),
      );
    const id = req.headers["x-id"];
    const data = (await call("get", id)) as Data;
    delete data["token"];
    await call("set", id, data);
    const without = (await call("get", id)) as Data;
    const length = await call("length");
    const all = (await call("all")) as Data[];
    await call("destroy", id);
    await call("set", id, without);
    const gone = await call("get", id);
    res.end(JSON.stringify({ without: Object.keys(without), length, all: all.length, gone: gone ?? null }));
  });
  const { text: id } = await send("/in");
  const { text } = await send("/admin", undefined, { "x-id": id });
  expect(JSON.parse(text)).toEqual({ without: ["cookie"], length: 1, all: 1, gone: null });
});

test("a write on a route that may only read is an error that says so", async () => {
  const middleware = make(memoryStore());
  const { send } = await app(middleware, (req: Req, res) => {
    if (req.url !== "/in") middleware.sessions.restrict(req, "read");
    if (req.url !== "/look") req.session.user = req.url;
    res.end(req.session.user);
  });
  const { cookie } = await send("/in");
  expect((await send("/write", cookie)).status).toBe(500);
  expect((await send("/look", cookie)).text).toBe("/in");
});

test("a failing store answers 503 in bounded time, and the cookie stays", async () => {
  const store = memoryStore();
  const { send } = await app(make(store), (req, res) => {
    req.session.user ??= "ada";
    res.end(req.session.user);
  });
  const { cookie } = await send();
  const { read } = store;
  store.read = () => Promise.reject(new Error("no connection"));
  expect(await send("/", cookie)).toMatchObject({ status: 503, setCookie: [] });
  store.read = read;
  expect((await send("/", cookie)).text).toBe("ada");
});
