/** What a session does for a handler, request after request. */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

interface Data {
  n: number;
  cart: string[];
  notice: string;
  deep: { list: number[] };
  total: number;
}

function setUp(options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const store = memoryStore({ now: () => clock.now });
  const sessions = new Sessions<Data>({ store, now: () => clock.now, ...options });
  const events: string[] = [];
  sessions.on((event) => events.push(event.type));
  return { clock, store, sessions, events };
}

const minute = 60_000;

describe("data", () => {
  test("is empty at first, without record and cookie until something is set", async () => {
    const { sessions, events } = setUp();
    const answer = await request(sessions, undefined, (session) => [session.isNew, { ...session.data }]);
    expect(answer.value).toEqual([true, {}]);
    expect(answer.setCookie).toBeUndefined();
    expect(events).toEqual([]);
  });

  test("nested changes are noticed and saved", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => {
      data.deep = { list: [1] };
    });
    await request(sessions, cookie, ({ data }) => data.deep?.list.push(2));
    const { value } = await request(sessions, cookie, ({ data }) => data.deep?.list);
    expect(value).toEqual([1, 2]);
  });

  test("a deleted key is gone", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1, total: 2 }));
    await request(sessions, cookie, ({ data }) => delete data.n);
    expect((await request(sessions, cookie, ({ data }) => Object.keys(data))).value).toEqual(["total"]);
  });

  test("a key named __proto__ is an ordinary key", async () => {
    const { sessions } = setUp();
    const hostile = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1, "toJSON": "x", "cookie": "y"}');
    const { cookie } = await request(sessions, undefined, ({ data }) => {
      for (const key of Object.keys(hostile))
        Object.defineProperty(data, key, { value: hostile[key], enumerable: true, writable: true, configurable: true });
    });
    const { value } = await request(sessions, cookie, ({ data }) => ({ keys: Object.keys(data), data }));
    expect(value?.keys).toEqual(["__proto__", "constructor", "toJSON", "cookie"]);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test("a value that cannot be stored is an error that names its path, and the record stays as it was", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const { error, setCookie } = await request(sessions, cookie, ({ data }) => {
      (data as Record<string, unknown>).user = { greet: () => "hi" };
    });
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE", status: 500 });
    expect(String(error)).toContain("session.data.user.greet");
    expect(setCookie).toBeUndefined();
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({ n: 1 });
  });

  test("changes before a throw are discarded, or kept if the application chose so", async () => {
    for (const [onError, kept] of [
      ["discard", 1],
      ["save", 2],
    ] as const) {
      const { sessions } = setUp({ onError });
      const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
      await request(sessions, cookie, ({ data }) => {
        data.n = 2;
        throw new Error("handler");
      });
      expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(kept);
    }
  });
});

describe("update, flash, take, clear", () => {
  test("update gives the new value, and removes the key when the new value is undefined", async () => {
    const { sessions } = setUp();
    const { cookie, value } = await request(sessions, undefined, (session) => session.update("n", (n = 40) => n + 2));
    expect(value).toBe(42);
    await request(sessions, cookie, (session) => session.update("n", () => undefined));
    expect((await request(sessions, cookie, ({ data }) => "n" in data)).value).toBe(false);
  });

  test("update refuses a function that returns a promise", async () => {
    const { sessions } = setUp();
    const { error } = await request(sessions, undefined, (session) => session.update("n", (async () => 1) as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain("synchronous");
  });

  test("a flashed value is taken once", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.flash("notice", "saved"));
    expect((await request(sessions, cookie, (session) => session.take("notice"))).value).toBe("saved");
    expect((await request(sessions, cookie, (session) => session.take("notice"))).value).toBeUndefined();
  });

  test("clear removes the data and keeps session, id and subject", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => {
      session.data.n = 1;
      session.login("ann");
    });
    const answer = await request(sessions, cookie, (session) => session.clear());
    expect(answer.setCookie).toBeUndefined();
    const { value } = await request(sessions, cookie, (session) => [
      session.isNew,
      session.subject,
      { ...session.data },
    ]);
    expect(value).toEqual([false, "ann", {}]);
  });

  test("keys declared together come from one request", async () => {
    const { sessions } = setUp({ together: [["cart", "total"]] });
    const { cookie } = await request(sessions, undefined, ({ data }) =>
      Object.assign(data, { cart: ["tea"], total: 1 }),
    );
    await request(sessions, cookie, async ({ data }) => {
      data.total = 2;
      await request(sessions, cookie, (other) => Object.assign(other.data, { cart: ["tea", "cup"], total: 9 }));
    });
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({ cart: ["tea"], total: 2 });
  });
});

describe("login, regenerate, destroy", () => {
  test("login renews the id, ends the old one, records the subject and keeps the data", async () => {
    const { sessions, clock, events } = setUp();
    const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: ["tea"] }));
    clock.now += minute;
    const user = await request(sessions, guest.cookie, (session) => session.login("ann"));
    expect(user.cookie).not.toBe(guest.cookie);
    expect((await request(sessions, guest.cookie, (session) => session.isNew)).value).toBe(true);
    const { value } = await request(sessions, user.cookie, (session) => [
      session.subject,
      session.data.cart,
      session.authenticatedAt,
    ]);
    expect(value).toEqual(["ann", ["tea"], clock.now]);
    expect(events).toEqual(["session_created", "session_renewed", "session_login", "session_use_after_expire"]);
  });

  test("a request in flight when a login ended its id makes no session of its own, and replaces no cookie", async () => {
    const { sessions, clock, events } = setUp();
    const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    await request(sessions, guest.cookie, (session) => session.login("ann"));
    const write = () =>
      request(sessions, guest.cookie, async (session) => {
        session.data.n = 2;
        return session.save();
      });
    const late = await write();
    expect(late).toMatchObject({ value: false, error: undefined, setCookie: undefined });
    expect(events.filter((type) => type === "save_refused")).toHaveLength(1);
    expect((await request(sessions, guest.cookie, (session) => session.login("ann"))).setCookie).toBeDefined();
    clock.now += 300_000;
    expect((await write()).setCookie).toBeDefined();
  });

  test("a call during a save belongs to the next save", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const answer = await request(sessions, cookie, async (session) => {
      session.data.n = 2;
      const saving = session.save();
      session.regenerate();
      await saving;
    });
    expect(answer.setCookie).toBeDefined();
    expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(true);
    expect((await request(sessions, answer.cookie, ({ data }) => data.n)).value).toBe(2);
  });

  test("an update during a save that merges keeps what another request added", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    await request(sessions, cookie, async (session) => {
      await request(sessions, cookie, (other) => other.update("n", (n = 0) => n + 10));
      session.update("n", (n = 0) => n + 1);
      const saving = session.save();
      session.update("n", (n = 0) => n + 1);
      await saving;
    });
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(12);
  });

  test("a clear during a save that merges removes also what another request added", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    await request(sessions, cookie, async (session) => {
      await request(sessions, cookie, (other) => Object.assign(other.data, { total: 1 }));
      session.data.n = 5;
      const saving = session.save();
      session.clear();
      await saving;
    });
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({});
  });

  test("a login during the first save of a session keeps its subject", async () => {
    const { sessions } = setUp();
    const { cookie, value } = await request(sessions, undefined, async (session) => {
      session.data.n = 1;
      const saving = session.save();
      session.login("ann");
      const { handle } = session;
      await saving;
      return handle;
    });
    const seen = await request(sessions, cookie, ({ subject, handle }) => ({ subject, handle }));
    expect(seen.value).toEqual({ subject: "ann", handle: value });
  });

  test("a login writes its note where programs of a foreign format do not find it", async () => {
    const { sessions, store } = setUp({ format: { ...jsonFormat(), foreign: true } });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    await request(sessions, cookie, (session) => session.login("ann"));
    const keys: string[] = [];
    for await (const { key, payload } of store.list?.() ?? []) {
      keys.push(key.slice(0, key.indexOf(":")));
      expect(payload).toContain('{"sojourn":1');
    }
    expect(keys.sort()).toEqual(["moved", "session"]);
  });

  test("a login without data makes a session", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ann"));
    expect((await request(sessions, cookie, (session) => session.subject)).value).toBe("ann");
  });

  test("the handle stays the same through login and renewal, and is not the id", async () => {
    const { sessions } = setUp();
    const guest = await request(sessions, undefined, (session) => {
      session.data.n = 1;
      return session.handle;
    });
    const user = await request(sessions, guest.cookie, (session) => {
      session.login("ann");
      return session.handle;
    });
    expect(user.value).toBe(guest.value);
    expect(user.cookie).not.toContain(user.value);
  });

  test("destroy removes record and cookie, with every attribute; afterwards the session cannot be used", async () => {
    const { sessions, events } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const answer = await request(sessions, cookie, (session) => {
      session.destroy();
      expect(() => Object.assign(session.data, { n: 2 })).toThrow(TypeError);
      expect(() => session.update("n", () => 1)).toThrow(expect.objectContaining({ code: "ERR_SESSION_ENDED" }));
    });
    expect(answer.setCookie).toBe(
      "__Host-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax",
    );
    expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(true);
    expect(events).toContain("session_logout");
  });

  test("a stale cookie is not removed, since that would race with a login in another tab", async () => {
    const { sessions } = setUp();
    const stale = `__Host-session=${"A".repeat(43)}`;
    expect((await request(sessions, stale, (session) => session.isNew)).setCookie).toBeUndefined();
    expect((await request(sessions, stale, (session) => session.destroy())).setCookie).toContain("Max-Age=0");
  });

  test("an unknown id is never adopted", async () => {
    const { sessions } = setUp();
    const planted = `__Host-session=${"A".repeat(43)}`;
    const { cookie } = await request(sessions, planted, ({ data }) => Object.assign(data, { n: 1 }));
    expect(cookie).not.toBe(planted);
    expect((await request(sessions, planted, (session) => session.isNew)).value).toBe(true);
  });
});

describe("save", () => {
  test("saves at once; its cookie is sent with the response", async () => {
    const { sessions } = setUp();
    const { cookie, value } = await request(sessions, undefined, async (session) => {
      session.data.n = 1;
      const saved = await session.save();
      session.data.n = 2;
      return saved;
    });
    expect(value).toBe(true);
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(2);
  });

  test("returns false when the session ended elsewhere, and the response sets no cookie", async () => {
    const { sessions, events } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const answer = await request(sessions, cookie, async (session) => {
      await request(sessions, cookie, (other) => other.destroy());
      session.data.n = 2;
      return session.save();
    });
    expect(answer.value).toBe(false);
    expect(answer.setCookie).toBeUndefined();
    expect(events.filter((type) => type === "save_refused")).toHaveLength(1);
  });

  test("after the headers were sent an existing session is still saved, and what needs a cookie is an error", async () => {
    const { sessions, events } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const incoming = { cookie };
    const exchange = sessions.open(incoming, { cookie: (r: typeof incoming) => r.cookie, secure: () => true });
    const session = await sessions.get(incoming);
    await exchange.commit(new Headers());
    session.data.n = 2;
    await exchange.finish();
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(2);
    expect(() => session.login("ann")).toThrow(expect.objectContaining({ code: "ERR_SESSION_HEADERS_SENT" }));
    expect(events).toContain("save_failed");
  });

  test("after the headers were sent saving a new session is an error", async () => {
    const { sessions } = setUp();
    const incoming = {};
    const exchange = sessions.open(incoming, { cookie: () => undefined, secure: () => true });
    const session = await sessions.get(incoming);
    await exchange.commit(new Headers());
    session.data.n = 2;
    await expect(session.save()).rejects.toMatchObject({ code: "ERR_SESSION_HEADERS_SENT" });
  });
});

describe("cookies", () => {
  test("a plain read sets none; a persistent session's cookie is extended, throttled", async () => {
    const { sessions, clock } = setUp({ idleTimeout: "20m", touchInterval: "1m" });
    const { cookie, setCookie } = await request(sessions, undefined, (session) =>
      session.login("ann", { persistent: true }),
    );
    expect(setCookie).toContain("; Max-Age=1200;");
    clock.now += 30_000;
    expect((await request(sessions, cookie, ({ data }) => data.n)).setCookie).toBeUndefined();
    clock.now += 30_000;
    const moved = await request(sessions, cookie, ({ data }) => data.n);
    expect(moved.setCookie).toContain("; Max-Age=1200;");
    expect(moved.cookie).toBe(cookie);
  });

  test("a login with persistent: false ends with the browser, also when the option says persistent", async () => {
    const { sessions } = setUp({ persistent: true });
    const login = await request(sessions, undefined, (session) => session.login("ann", { persistent: false }));
    expect(login.setCookie).not.toMatch(/max-age/i);
    const set = await request(sessions, undefined, (session) => {
      session.persistent = false;
      session.data.n = 1;
    });
    expect(set.setCookie).not.toMatch(/max-age/i);
    expect((await request(sessions, set.cookie, ({ persistent }) => persistent)).value).toBe(false);
    const unused = await request(sessions, undefined, (session) => {
      session.persistent = false;
    });
    expect(unused.setCookie).toBeUndefined();
  });

  test("a session changed to end with the browser gets a cookie that ends with it", async () => {
    const { sessions, clock } = setUp({ persistent: true });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const answer = await request(sessions, cookie, (session) => {
      session.persistent = false;
    });
    expect(answer.cookie).toBe(cookie);
    expect(answer.setCookie).not.toContain("Max-Age");
    clock.now += 120_000;
    expect((await request(sessions, cookie, ({ data }) => data.n)).setCookie).toBeUndefined();
  });

  test("a response with our cookie is not stored by caches, one that read the session is private and varies by cookie, an untouched one is unchanged", async () => {
    const { sessions } = setUp();
    const set = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    expect([set.headers.get("cache-control"), set.headers.get("vary")]).toEqual(["no-store", "Cookie"]);
    const read = await request(sessions, set.cookie, ({ data }) => data.n);
    expect([read.headers.get("cache-control"), read.headers.get("vary")]).toEqual(["private", "Cookie"]);
    const exchange = sessions.open({}, { cookie: () => set.cookie, secure: () => true });
    const headers = new Headers();
    expect(exchange.commit(headers)).toBeUndefined();
    expect([...headers]).toEqual([]);
  });

  test("a Secure cookie over plain http causes one warning, with the two remedies", async () => {
    const warnings: string[] = [];
    const store = memoryStore();
    const sessions = new Sessions<Data>({ store, warn: (message) => warnings.push(message) });
    for (let i = 0; i < 2; i++) {
      const incoming = {};
      const exchange = sessions.open(incoming, { cookie: () => undefined, secure: () => false });
      (await sessions.get(incoming)).data.n = 1;
      await exchange.commit(new Headers());
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/development\.md#plain-http.*trust proxy/s);
  });
});

describe("timeouts, to the millisecond", () => {
  test("a session unused for idleTimeout is over, one millisecond before it is not", async () => {
    for (const [after, live] of [
      [20 * minute - 1, true],
      [20 * minute, false],
    ] as const) {
      const { sessions, clock } = setUp({ idleTimeout: "20m" });
      const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
      clock.now += after;
      expect((await request(sessions, cookie, (session) => !session.isNew)).value).toBe(live);
    }
  });

  test("reading extends the idle timeout, but never past the absolute one", async () => {
    const { sessions, clock } = setUp({ idleTimeout: "20m", absoluteTimeout: "1h", touchInterval: 0 });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const isLive = async () => (await request(sessions, cookie, (session) => !session.isNew)).value;
    for (let i = 0; i < 3; i++) {
      clock.now += 19 * minute;
      expect(await isLive()).toBe(true);
    }
    clock.now += 3 * minute - 1;
    expect(await isLive()).toBe(true);
    clock.now += 1;
    expect(await isLive()).toBe(false);
  });

  test("only a new login moves the absolute timeout; renewal does not", async () => {
    const { sessions, clock } = setUp({ idleTimeout: false, absoluteTimeout: "1h" });
    let { cookie } = await request(sessions, undefined, (session) => session.login("ann"));
    clock.now += 50 * minute;
    ({ cookie } = await request(sessions, cookie, (session) => session.regenerate()));
    const regenerated = cookie;
    clock.now += 10 * minute;
    expect((await request(sessions, regenerated, (session) => session.isNew)).value).toBe(true);

    ({ cookie } = await request(sessions, undefined, (session) => session.login("ann")));
    clock.now += 50 * minute;
    ({ cookie } = await request(sessions, cookie, (session) => session.login("ann")));
    clock.now += 59 * minute;
    expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(false);
  });

  test("an unchanged session is touched once per touchInterval at most", async () => {
    const { sessions, clock, store } = setUp({ idleTimeout: "20m", touchInterval: "1m" });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    let touches = 0;
    const touch = store.touch.bind(store);
    store.touch = (...args) => {
      touches++;
      return touch(...args);
    };
    for (let second = 0; second < 180; second++) {
      clock.now += 1000;
      await request(sessions, cookie, ({ data }) => data.n);
    }
    expect(touches).toBe(3);
  });
});

describe("secrets stay secret", () => {
  test("neither inspect nor JSON shows an id or a token", async () => {
    const { sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const id = (cookie as string).split("=")[1] as string;
    const { value } = await request(
      sessions,
      cookie,
      (session) => inspect(session, { depth: 20, showHidden: true }) + JSON.stringify(session),
    );
    expect(value).toContain("n: 1");
    expect(value).not.toContain(id);
    expect(inspect(sessions, { depth: 20, showHidden: true })).not.toContain(id);
  });
});

describe("sessions.get and sessions.current", () => {
  test("a request that no adapter opened is a TypeError that says what to do", async () => {
    const { sessions } = setUp();
    await expect(sessions.get({})).rejects.toThrow(/is the adapter mounted before this handler\? received an object/);
    await expect(sessions.get(undefined as never)).rejects.toThrow(TypeError);
    await expect(sessions.current()).rejects.toThrow(/was not given current: true/);
    await expect(setUp({ current: true }).sessions.current()).rejects.toThrow(/outside a request/);
  });

  test("current finds the session of the request being handled", async () => {
    const { sessions } = setUp({ current: true });
    const incoming = {};
    const exchange = sessions.open(incoming, { cookie: () => undefined, secure: () => true });
    const session = await exchange.run(async () => {
      await Promise.resolve();
      return sessions.current();
    });
    expect(session).toBe(await sessions.get(incoming));
  });
});

describe("subjects", () => {
  test("a user's sessions are listed by handle, ended one by one, all but one, or all", async () => {
    const { sessions } = setUp();
    const cookies: (string | undefined)[] = [];
    const handles: string[] = [];
    for (let i = 0; i < 4; i++) {
      const { cookie, value } = await request(sessions, undefined, (session) => {
        session.login("ann");
        return session.handle;
      });
      cookies.push(cookie);
      handles.push(value as string);
    }
    const isLive = (at: number) =>
      request(sessions, cookies[at], (session) => !session.isNew).then(({ value }) => value);
    expect((await sessions.list("ann")).map((info) => info.handle).sort()).toEqual([...handles].sort());
    expect(await sessions.revoke("ann", { handle: handles[0] as string })).toBe(1);
    expect([await isLive(0), await isLive(1)]).toEqual([false, true]);
    expect(await sessions.revoke("ann", { except: handles[2] as string })).toBe(2);
    expect([await isLive(1), await isLive(2), await isLive(3)]).toEqual([false, true, false]);
    expect(await sessions.revoke("ann")).toBe(1);
    expect(await sessions.list("ann")).toEqual([]);
  });

  test("revoking where the store cannot list throws before it writes", async () => {
    const { store, clock } = setUp();
    const { listBySubject: _, ...rest } = store;
    const unlisted = { ...rest, capabilities: { ...rest.capabilities, bySubject: false } };
    const sessions = new Sessions({ store: unlisted, now: () => clock.now });
    const error = await sessions.revoke("ann").catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
    for await (const row of store.list?.() ?? []) expect(row).toBeUndefined();
  });

  test("two kinds of session in one store do not see each other", async () => {
    const { store, clock, sessions } = setUp();
    const admin = new Sessions({ store, now: () => clock.now, cookie: { name: "admin" } });
    const { cookie } = await request(sessions, undefined, (session) => session.login("ann"));
    const crossed = `__Host-admin=${(cookie as string).split("=")[1]}`;
    expect((await request(admin, crossed, (session) => session.isNew)).value).toBe(true);
    expect(await admin.list("ann")).toEqual([]);
    expect(await admin.revoke("ann")).toBe(0);
    expect(await sessions.list("ann")).toHaveLength(1);
  });
});
