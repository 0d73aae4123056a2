/** `revokeEverybody`: one write ends all sessions, every process sees it within the bound, and no request waits for it. */

import { describe, expect, test } from "vitest";
import { isSessionError } from "../../../src/core/contracts/errors.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { everybody } from "../../../src/everybody.ts";
import { createSessions, jsonFormat, type SessionOptions } from "../../../src/index.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cachedStore } from "../../../src/stores/cached.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore } from "../../../src/testing/explore.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

const secrets = "a secret of at least 32 characters";
const login = (session: Session): void => session.login("ada");
const write = (session: Session): unknown => Object.assign(session.data, { cart: 1 });
const isLive = (session: Session): boolean => !session.isNew;

interface Clock {
  now: number;
}

/** The sessions of one process. */
function begin(store: SessionOptions["store"], clock: Clock, options: Partial<SessionOptions> = {}) {
  const waits: number[] = [];
  const wait = async (ms: number): Promise<void> => void waits.push(ms);
  const all = { everybody: everybody(), now: () => clock.now, wait, warn: false as const, ...options };
  return { sessions: createSessions({ store, ...all }), waits };
}

/** Where sessions are kept: the store of records, or of revocations of sessions in cookies. */
const kinds: Record<string, (inner: Store) => SessionOptions["store"]> = {
  records: (inner) => inner,
  "records behind a cache": (inner) => cachedStore(inner, { staleness: "1m" }),
  "cookies with revocations": (revocations) => cookieStore({ secrets, revocations }),
};

for (const [kind, storeOver] of Object.entries(kinds)) {
  describe(`sessions in ${kind}`, () => {
    const setUp = (options: Partial<SessionOptions> = {}) => {
      const clock = { now: 1_800_000_000_000 };
      const inner = countedStore(memoryStore({ now: () => clock.now }));
      return { clock, inner, process: () => begin(storeOver(inner), clock, options) };
    };

    test("of users and guests all end at once in this process, and in another one within 5 seconds", async () => {
      const { clock, inner, process } = setUp();
      const [here, there] = [process(), process()];
      const user = await request(here.sessions, undefined, login);
      const guest = await request(here.sessions, undefined, write);
      for (const { cookie } of [user, guest])
        expect((await request(there.sessions, cookie, isLive)).value, "before").toBe(true);
      inner.reset();
      await here.sessions.revokeEverybody();
      expect(inner.calls).toEqual({ read: 1, create: 1 });
      expect(here.waits).toEqual([5000]);
      for (const { cookie } of [user, guest]) {
        expect((await request(here.sessions, cookie, isLive)).value, "here").toBe(false);
      }
      clock.now += 5000;
      for (const { cookie } of [user, guest])
        expect((await request(there.sessions, cookie, isLive)).value, "there").toBe(false);
    });

    test("a login after it stays, also in a process that has not seen it yet", async () => {
      const { clock, process } = setUp();
      const [here, there] = [process(), process()];
      const { cookie: before } = await request(there.sessions, undefined, login);
      await here.sessions.revokeEverybody();
      clock.now += 100;
      const { cookie } = await request(there.sessions, before, login);
      for (let second = 0; second < 60; second++) {
        clock.now += 1000;
        for (const { sessions } of [here, there])
          expect((await request(sessions, cookie, isLive)).value, `${second} s`).toBe(true);
      }
      await there.sessions.revokeEverybody();
      expect((await request(there.sessions, cookie, isLive)).value).toBe(false);
    });

    test("clocks that differ by minutes admit no session from before, and end none from after", async () => {
      const clock = { now: 1_800_000_000_000 };
      const inner = memoryStore({ now: () => clock.now });
      const ahead = begin(storeOver(inner), { now: clock.now + 240_000 });
      const behind = begin(storeOver(inner), clock);
      const before = await request(ahead.sessions, undefined, login);
      await behind.sessions.revokeEverybody();
      const after = await request(behind.sessions, undefined, login);
      const late = begin(storeOver(inner), { now: clock.now + 240_000 });
      expect((await request(late.sessions, before.cookie, isLive)).value).toBe(false);
      expect((await request(late.sessions, after.cookie, isLive)).value).toBe(true);
    });

    test("a session that began before the option was configured ends as well", async () => {
      const { clock, inner } = setUp();
      const old = createSessions({ store: storeOver(inner), now: () => clock.now, warn: false });
      const { cookie } = await request(old, undefined, login);
      const { sessions } = begin(storeOver(inner), clock);
      expect((await request(sessions, cookie, isLive)).value).toBe(true);
      await sessions.revokeEverybody();
      expect((await request(sessions, cookie, isLive)).value).toBe(false);
    });
  });
}

describe("what it costs", () => {
  test("a busy process reads one record about twice per bound, outside requests; a request makes no extra call", async () => {
    const clock = { now: 1_800_000_000_000 };
    const store = countedStore(memoryStore({ now: () => clock.now }));
    const { sessions } = begin(store, clock, { idleTimeout: "10h", touchInterval: "1h" });
    const { cookie } = await request(sessions, undefined, login);
    await request(sessions, cookie, isLive);
    store.reset();
    for (let at = 0; at < 1000; at++) {
      clock.now += 10;
      await request(sessions, cookie, isLive);
    }
    // 10 seconds: 1000 reads of the session, and 4 of the mark.
    expect(store.calls.read).toBeGreaterThanOrEqual(1002);
    expect(store.calls.read).toBeLessThanOrEqual(1006);
    expect(store.total).toBe(store.calls.read);
  });

  test("a slow read delays no request while the known value is recent enough", async () => {
    const clock = { now: 1_800_000_000_000 };
    const inner = memoryStore({ now: () => clock.now });
    let hold: Promise<unknown> | undefined;
    const store = faultyStore(inner, ({ method, args }) =>
      hold && method === "read" && String(args[0]).startsWith("epoch:") ? { late: hold } : "pass",
    );
    const { sessions } = begin(store, clock);
    const { cookie } = await request(sessions, undefined, login);
    await request(sessions, cookie, isLive);
    let release = (): void => {};
    hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    clock.now += 4900;
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
    release();
  });

  test("an outage longer than the bound is a 503, and the cookie stays", async () => {
    const clock = { now: 1_800_000_000_000 };
    let fault: Fault = "pass";
    const store = faultyStore(memoryStore({ now: () => clock.now }), ({ args }) =>
      String(args[0]).startsWith("epoch:") ? fault : "pass",
    );
    const { sessions } = begin(store, clock);
    const { cookie } = await request(sessions, undefined, login);
    await request(sessions, cookie, isLive);
    fault = "throw-before";
    clock.now += 4000;
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
    clock.now += 1000;
    const answer = await request(sessions, cookie, isLive);
    expect(isSessionError(answer.error) && answer.error.status).toBe(503);
    expect(answer.setCookie).toBeUndefined();
    expect((await request(sessions, undefined, login)).error).toBeInstanceOf(Error);
    fault = "pass";
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
  });
});

describe("races and failures", () => {
  const racing: Record<string, (session: Session) => unknown> = {
    write: (session) => session.update("n", () => 1),
    regenerate: (session) => session.regenerate(),
    login,
  };
  for (const [name, handler] of Object.entries(racing)) {
    test(`an earlier request that does ${name} leaves no session from before, in every order`, async () => {
      const { complete } = await explore(async (gate) => {
        const clock = { now: 1_800_000_000_000 };
        const inner = memoryStore({ now: () => clock.now });
        const store = gate.store(inner);
        const process = () => begin(store, clock).sessions;
        const admin = process();
        const { cookie } = await request(admin, undefined, login);
        const marks: string[] = [];
        let answered: string | undefined;
        return {
          tasks: [
            async () => {
              const answer = await request(process(), cookie, async (session) => {
                marks.push("began");
                return session.isNew ? undefined : handler(session);
              });
              answered = answer.cookie;
              if (answer.error) throw answer.error;
            },
            async () => {
              await admin.revokeEverybody();
              marks.push("revoked");
            },
          ],
          async check() {
            const began = marks.indexOf("began") < marks.indexOf("revoked");
            const { value } = await request(process(), answered, isLive);
            // A login that reads the mark after it was raised began after it.
            if (name !== "login" || !began) expect(value && began).toBe(false);
          },
        };
      });
      expect(complete).toBe(true);
    });
  }

  test("a failing store call leaves everybody as before, or revokes them", async () => {
    for (let at = 0; at < 2; at++) {
      for (const kind of ["throw-before", "throw-after", "hang-before", "hang-after"] as const) {
        const clock = { now: 1_800_000_000_000 };
        let seen = -1000;
        const store = faultyStore(memoryStore({ now: () => clock.now }), () => (seen++ === at ? kind : "pass"));
        const { sessions } = begin(store, clock, { storeTimeout: "5ms" });
        const { cookie } = await request(sessions, undefined, login);
        seen = 0;
        await expect(sessions.revokeEverybody()).rejects.toMatchObject({ status: 503 });
        seen = -1000;
        await sessions.revokeEverybody();
        expect((await request(sessions, cookie, isLive)).value, `call ${at}, ${kind}`).toBe(false);
      }
    }
  });

  test("an unreadable mark lets no session in; a lost mark brings none back", async () => {
    const clock = { now: 1_800_000_000_000 };
    const inner = memoryStore({ now: () => clock.now });
    const keys = new Set<string>();
    const store: Store = {
      ...inner,
      create: (key, record) => {
        if (key.startsWith("epoch:")) keys.add(key);
        return inner.create(key, record);
      },
    };
    const { sessions } = begin(store, clock);
    const before = await request(sessions, undefined, login);
    await sessions.revokeEverybody();
    const { cookie } = await request(sessions, undefined, login);
    const [key = ""] = keys;
    await inner.delete(key);
    clock.now += 6000;
    expect((await request(sessions, before.cookie, isLive)).value).toBe(false);
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
    await inner.create(key, { payload: "not a mark", expiresAt: clock.now + 1e9 });
    clock.now += 6000;
    expect((await request(sessions, cookie, isLive)).value).toBe(false);
  });
});

describe("together with other features", () => {
  test("sessions that ended are in no list, and count for no limit", async () => {
    const clock = { now: 1_800_000_000_000 };
    const store = memoryStore({ now: () => clock.now });
    const { sessions } = begin(store, clock, { limit: { perSubject: 1, excess: "refuse" } });
    await request(sessions, undefined, login);
    await sessions.revokeEverybody();
    expect(await sessions.list("ada")).toEqual([]);
    const { cookie, error } = await request(sessions, undefined, login);
    expect(error).toBeUndefined();
    expect((await request(sessions, cookie, isLive)).value).toBe(true);
    expect((await request(sessions, undefined, login)).error).toMatchObject({ code: "ERR_SESSION_LIMIT" });
  });

  test("two applications in one store do not revoke each other's users", async () => {
    const clock = { now: 1_800_000_000_000 };
    const store = memoryStore({ now: () => clock.now });
    const [shop, blog] = [begin(store, clock, { name: "shop" }), begin(store, clock, { name: "blog" })];
    const { cookie } = await request(blog.sessions, undefined, login);
    await shop.sessions.revokeEverybody();
    clock.now += 6000;
    expect((await request(blog.sessions, cookie, isLive)).value).toBe(true);
  });

  test("in parts, every part that supports it ends", async () => {
    const sessions = createPartsSessions({
      everybody: everybody(),
      wait: async () => {},
      parts: {
        login: { store: memoryStore(), fields: ["user"], cookie: { name: "login" } },
        cart: { store: memoryStore(), fields: ["cart"], cookie: { name: "cart" } },
        theme: { store: cookieStore({ secrets }), fields: "rest", cookie: { name: "theme" } },
      },
    });
    const incoming = { cookie: "" };
    const reader = { cookie: (one: { cookie: string }) => one.cookie, secure: () => true };
    const exchange = sessions.open(incoming, reader);
    Object.assign((await sessions.get(incoming)).data, { user: "ada", cart: 1, theme: "dark" });
    const headers = new Headers();
    await exchange.commit(headers);
    const cookie = headers
      .getSetCookie()
      .map((line) => line.slice(0, line.indexOf(";")))
      .join("; ");
    await sessions.revokeEverybody();
    expect((await request(sessions, cookie, ({ data }) => ({ ...data }))).value).toEqual({ theme: "dark" });
  });

  test("where a mark cannot be kept the option is refused, and without the option the call says what to write", async () => {
    const make = (options: Partial<SessionOptions>) =>
      createSessions({ everybody: everybody(), warn: false, ...options });
    expect(() => make({ store: cookieStore({ secrets }) })).toThrow("sessions in cookies without revocations");
    expect(() => make({ store: memoryStore(), format: { ...jsonFormat(), foreign: true } })).toThrow(
      "no room for the mark",
    );
    const weak = memoryStore();
    const none = { ...weak, capabilities: { ...weak.capabilities, compareAndSwap: "none" as const } };
    expect(() => make({ store: none })).toThrow("which has no compare-and-swap");
    expect(() => everybody({ within: "1ms" })).toThrow("within must be a duration from 100ms to 10m");
    expect(() => everybody({ witin: "1s" } as never)).toThrow('did you mean "within"?');
    const without = createSessions({ store: memoryStore() });
    await expect(without.revokeEverybody()).rejects.toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
  });
});
