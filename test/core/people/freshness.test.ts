/** Asking again before something sensitive: what counts as a fresh proof, and what no failure may leave behind. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { FreshnessOptions } from "../../../src/core/contracts/session-options.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { explore } from "../../../src/testing/explore.ts";
import { countedStore, type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { Browser } from "../../parts/browser.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const start = 1_800_000_000_000;
const minute = 60_000;

function setUp(options: Partial<SessionOptions<Data>> = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const store = countedStore(memoryStore({ now }));
  const sessions = new Sessions<Data>({ now, ...options, store });
  return { clock, store, sessions };
}

/** The code and needs of what `requireFresh` throws; `"fresh"` when it lets the handler go on. */
function isFresh(session: Session<Data>, options: FreshnessOptions): unknown {
  try {
    session.requireFresh(options);
    return "fresh";
  } catch (error) {
    const { code, status, needs } = error as { code: string; status: number; needs?: unknown };
    return { code, status, needs };
  }
}
const refused = (needs: object) => ({ code: "ERR_SESSION_NOT_FRESH", status: 401, needs });

describe("session.requireFresh", () => {
  test("lets a user pass who logged in recently enough, also in the login's own request", async () => {
    const { clock, sessions } = setUp();
    const login = await request(sessions, undefined, (session) => {
      session.login("ada");
      return isFresh(session, { within: "5m" });
    });
    expect(login.value).toBe("fresh");
    const ask = async () =>
      (await request(sessions, login.cookie, (session) => isFresh(session, { within: "5m" }))).value;
    clock.now = start + 5 * minute - 1;
    expect(await ask()).toBe("fresh");
    clock.now = start + 5 * minute;
    expect(await ask()).toEqual(refused({ within: 5 * minute, methods: undefined }));
  });

  test("counts from the proof, not from the start of the session, and keeps the absolute end", async () => {
    const { clock, sessions } = setUp();
    const login = await request(sessions, undefined, (session) => session.login("ada"));
    clock.now = start + 50 * minute;
    const confirmed = await request(sessions, login.cookie, (session) => {
      session.data.n = 1;
      session.confirm();
      return isFresh(session, { within: "5m" });
    });
    expect(confirmed.value).toBe("fresh");
    expect(confirmed.cookie).not.toBe(login.cookie);
    clock.now = start + 54 * minute;
    const { value } = await request(sessions, confirmed.cookie, (session) => [
      isFresh(session, { within: "5m" }),
      session.createdAt,
      session.endsAt,
      session.authenticatedAt,
      session.data.n,
    ]);
    expect(value).toEqual(["fresh", start, start + 24 * 60 * minute, start + 50 * minute, 1]);
    expect((await request(sessions, login.cookie, ({ isNew }) => isNew)).value).toBe(true);
  });

  test("checks each required method, and names only those missing", async () => {
    const { clock, sessions } = setUp();
    const login = await request(sessions, undefined, (session) => session.login("ada", { methods: ["password"] }));
    const both = { within: "10m", methods: ["password", "otp"] } as const;
    const first = await request(sessions, login.cookie, (session) => isFresh(session, both));
    expect(first.value).toEqual(refused({ within: 10 * minute, methods: ["otp"] }));
    clock.now += 9 * minute;
    const otp = await request(sessions, login.cookie, (session) => {
      session.confirm({ methods: ["otp"] });
      return isFresh(session, both);
    });
    expect(otp.value).toBe("fresh");
    clock.now += minute;
    const later = await request(sessions, otp.cookie, (session) => [
      isFresh(session, both),
      isFresh(session, { within: "10m", methods: ["otp"] }),
      isFresh(session, { within: "10m", methods: ["toString"] }),
    ]);
    expect(later.value).toEqual([
      refused({ within: 10 * minute, methods: ["password"] }),
      "fresh",
      refused({ within: 10 * minute, methods: ["toString"] }),
    ]);
  });

  test("refuses a guest, and a user who logged out in this request", async () => {
    const { sessions } = setUp();
    const guest = await request(sessions, undefined, (session) => {
      session.data.n = 1;
      expect(() => session.confirm()).toThrow(/no user is logged in/);
      return isFresh(session, { within: "5m" });
    });
    expect(guest.value).toEqual(refused({ within: 5 * minute, methods: undefined }));
    const login = await request(sessions, guest.cookie, (session) => session.login("ada"));
    await request(sessions, login.cookie, (session) => {
      session.destroy();
      expect(() => session.requireFresh({ within: "5m" })).toThrow(/destroyed/);
    });
  });

  test("ignores the methods of an earlier login", async () => {
    const { sessions } = setUp();
    for (const user of ["ada", "bob"]) {
      const first = await request(sessions, undefined, (session) => session.login("ada", { methods: ["otp"] }));
      const next = await request(sessions, first.cookie, (session) => session.login(user));
      const { value } = await request(sessions, next.cookie, (session) =>
        isFresh(session, { within: "5m", methods: ["otp"] }),
      );
      expect(value).toEqual(refused({ within: 5 * minute, methods: ["otp"] }));
    }
  });

  test("saves nothing, and works on a route that only reads", async () => {
    const { sessions, store } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    store.reset();
    const { value } = await request(sessions, cookie, (session) => isFresh(session, { within: "5m" }));
    expect([value, store.calls]).toEqual(["fresh", { read: 1 }]);
  });

  test.each<[object | undefined, RegExp]>([
    [undefined, /an object of options|within/],
    [{}, /the option within of session.requireFresh must be a duration/],
    [{ within: 300_000 }, /If you mean milliseconds, write "300000ms"/],
    [{ within: "5m", methods: [] }, /the option methods of session.requireFresh must be a list of names/],
    [{ within: "5m", methods: "otp" }, /must be a list of names/],
    [{ within: "5m", method: ["otp"] }, /did you mean "methods"/],
  ])("is a TypeError with %j, before it says anything of the user", async (options, text) => {
    const { sessions } = setUp();
    await request(sessions, undefined, (session) => {
      expect(() => session.requireFresh(options as never)).toThrow(TypeError);
      expect(() => session.requireFresh(options as never)).toThrow(text);
    });
  });

  test("is an error with records that have no room for proofs, not an endless question", async () => {
    const sessions = new Sessions<Data>({ store: memoryStore(), ...flaskSession({ subjectKey: "_user_id" }) });
    await request(sessions, undefined, (session) => {
      session.login("ada");
      for (const ask of [() => session.requireFresh({ within: "5m" }), () => session.confirm()])
        expect(ask).toThrow(expect.objectContaining({ code: "ERR_SESSION_NOT_SUPPORTED" }));
    });
  });

  test("works in a cookie, and in parts", async () => {
    const clock = { now: start };
    const secrets = "a secret of at least 32 characters";
    const revocations = memoryStore();
    const sessions = new Sessions<Data>({ store: cookieStore({ secrets, revocations }), now: () => clock.now });
    const login = await request(sessions, undefined, (session) => session.login("ada"));
    clock.now += 10 * minute;
    const confirmed = await request(sessions, login.cookie, (session) => session.confirm({ methods: ["otp"] }));
    const ask = async (cookie: string | undefined) =>
      (await request(sessions, cookie, (session) => isFresh(session, { within: "5m", methods: ["otp"] }))).value;
    expect(await ask(confirmed.cookie)).toBe("fresh");
    expect(await ask(login.cookie)).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });

    const store = memoryStore({ now: () => clock.now });
    const parts = createPartsSessions<Data, string>({
      now: () => clock.now,
      parts: {
        login: { cookie: { name: "session" }, store, fields: ["user"] },
        cart: { cookie: { name: "cart" }, store, fields: ["cart"] },
        theme: { cookie: { name: "theme" }, store: cookieStore({ secrets }), fields: "rest" },
      },
    });
    const browser = new Browser(parts);
    await browser.visit((session) => {
      Object.assign(session.data, { cart: 1, theme: "dark" });
      session.login("ada");
    });
    clock.now += 10 * minute;
    const before = new Map(browser.cookies);
    const visit = await browser.visit((session) => {
      expect(isFresh(session as never, { within: "5m" })).toMatchObject({ status: 401 });
      session.confirm({ methods: ["otp"] });
    });
    expect(visit.error).toBeUndefined();
    expect(browser.cookies.get("__Host-cart")).not.toBe(before.get("__Host-cart"));
    const after = await browser.visit((session) => [
      isFresh(session as never, { within: "5m", methods: ["otp"] }),
      { ...session.data },
    ]);
    expect(after.value).toEqual(["fresh", { cart: 1, theme: "dark" }]);
  });
});

describe("session.confirm", () => {
  test("of two requests at once keeps both proofs and other changes, in every order", async () => {
    const seen = new Set<number>();
    const { orders, complete } = await explore(async (gate) => {
      const store = gate.store(memoryStore({ now: () => start }));
      const make = (): Sessions<Data> => new Sessions<Data>({ store, now: () => start, wait: async () => {} });
      const [sessions, others] = [make(), make()];
      const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
      const cookies: (string | undefined)[] = [];
      const methods: string[] = [];
      const confirm = (process: Sessions<Data>, method: string) => async () => {
        const answer = await request(process, cookie, (session) => {
          // It came when the other one had ended the id.
          if (session.subject === undefined) return;
          session.confirm({ methods: [method] });
          methods.push(method);
        });
        if (answer.error) throw answer.error;
        cookies.push(answer.cookie);
      };
      return {
        tasks: [confirm(sessions, "otp"), confirm(others, "key")],
        async check() {
          const newest = await Promise.all(
            cookies.map((one) => request(sessions, one, (session) => isFresh(session, { within: "5m", methods }))),
          );
          seen.add(methods.length);
          if (!newest.some(({ value }) => value === "fresh")) throw new Error("a proof was lost");
          expect((await sessions.list("ada")).length).toBe(1);
        },
      };
    });
    expect([complete, [...seen].sort()]).toEqual([true, [1, 2]]);
    expect(orders).toBeGreaterThan(10);
  });

  for (const beside of ["logout", "another user's login"] as const) {
    test(`during a ${beside} makes fresh neither an ended session nor another user's, in every order`, async () => {
      await explore(async (gate) => {
        const store = gate.store(memoryStore({ now: () => start }));
        const make = (): Sessions<Data> => new Sessions<Data>({ store, now: () => start, wait: async () => {} });
        const [sessions, others] = [make(), make()];
        const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
        const kept: (string | undefined)[] = [cookie];
        const task = (process: Sessions<Data>, handler: (session: Session<Data>) => void) => async () => {
          kept.push((await request(process, cookie, handler)).cookie);
        };
        const end = beside === "logout" ? (s: Session<Data>) => s.destroy() : (s: Session<Data>) => s.login("bob");
        return {
          tasks: [task(sessions, (session) => session.confirm({ methods: ["otp"] })), task(others, end)],
          async check() {
            for (const one of kept) {
              const { value } = await request(sessions, one, (session) => [
                session.subject,
                isFresh(session, { within: "5m", methods: ["otp"] }),
              ]);
              const [subject, fresh] = value ?? [];
              // A logout that came first leaves a confirmation nothing; one that came later ends what was confirmed.
              if (fresh === "fresh" && (subject !== "ada" || beside === "logout"))
                throw new Error(`${String(subject)} is fresh`);
            }
          },
        };
      });
    });
  }

  test("that fails leaves no session fresh, whichever store call failed and however", async () => {
    const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];
    let tried = 0;
    for (let at = 0; at < 3; at++) {
      for (const fault of kinds) {
        const clock = { now: start };
        const inner = memoryStore({ now: () => clock.now });
        const failing = { at: -1, calls: 0 };
        const store = faultyStore(inner, () => (failing.calls++ === failing.at ? fault : "pass"));
        const options = { now: () => clock.now, storeTimeout: "5ms", wait: async () => {}, warn: () => {} } as const;
        const sessions = new Sessions<Data>({ store, ...options });
        const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
        clock.now += 10 * minute;
        Object.assign(failing, { at, calls: 0 });
        const answer = await request(sessions, cookie, (session) => session.confirm({ methods: ["otp"] }));
        failing.at = -1;
        if (!answer.error) continue;
        tried++;
        await new Promise((resolve) => setTimeout(resolve, 60));
        const after = await request(sessions, cookie, (session) => [
          session.subject,
          isFresh(session, { within: "5m" }),
        ]);
        expect(after.value, `call ${at}, ${String(fault)}`).toEqual(["ada", expect.objectContaining({ status: 401 })]);
        expect((await sessions.list("ada")).length).toBe(1);
      }
    }
    expect(tried).toBeGreaterThan(5);
  });

  test("that fails after a parallel request saved keeps that change, and nothing is fresh", async () => {
    const clock = { now: start };
    const inner = memoryStore({ now: () => clock.now });
    let [armed, slow] = [false, (): void => {}];
    const late = new Promise<void>((resolve) => {
      slow = resolve;
    });
    // The signpost is put up; its answer, and what asks whether it is there, come too late.
    const store = faultyStore(inner, ({ method }) =>
      armed && (method === "update" || method === "read") ? { late } : "pass",
    );
    const options = { now: () => clock.now, storeTimeout: "20ms", wait: async () => {}, warn: () => {} } as const;
    const sessions = new Sessions<Data>({ store, ...options });
    const others = new Sessions<Data>({ ...options, store: inner, storeTimeout: "30s" });
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    clock.now += 10 * minute;
    const incoming = { cookie };
    const exchange = others.open(incoming, { cookie: (of: typeof incoming) => of.cookie, secure: () => true });
    const underWay = await others.get(incoming);
    const answer = await request(sessions, cookie, async (session) => {
      session.confirm({ methods: ["otp"] });
      armed = true;
    });
    expect(answer.error).toMatchObject({ status: 503 });
    underWay.data["n"] = 1;
    await exchange.commit(new Headers());
    armed = false;
    slow();
    let value: unknown;
    for (let look = 0; look < 500 && !Array.isArray(value); look++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      const seen = await request(others, cookie, (session) =>
        session.isNew ? undefined : [session.data["n"], session.subject, isFresh(session, { within: "5m" })],
      );
      value = seen.value;
    }
    expect(value).toEqual([1, "ada", refused({ within: 5 * minute, methods: undefined })]);
  });
});

describe("sessions.credentialsChanged", () => {
  test("renews this session, saves it, and ends the other sessions of its user only", async () => {
    const { sessions } = setUp();
    const logIn = async (user: string) => (await request(sessions, undefined, (session) => session.login(user))).cookie;
    const [mine, phone, tablet, bob] = [await logIn("ada"), await logIn("ada"), await logIn("ada"), await logIn("bob")];
    const changed = await request(sessions, mine, async (session) => {
      session.data.n = 1;
      return sessions.credentialsChanged(session);
    });
    expect(changed.value).toBe(2);
    const who = async (cookie: string | undefined) => (await request(sessions, cookie, ({ subject }) => subject)).value;
    expect(await Promise.all([changed.cookie, mine, phone, tablet, bob].map(who))).toEqual([
      "ada",
      undefined,
      undefined,
      undefined,
      "bob",
    ]);
    expect((await request(sessions, changed.cookie, ({ data }) => data.n)).value).toBe(1);
  });

  test("that fails ends no session of this browser, and a second call ends the others", async () => {
    for (let at = 0; at < 9; at++) {
      const inner = memoryStore();
      const failing = { at: -1, calls: 0 };
      const store = faultyStore(inner, () => (failing.calls++ === failing.at ? "throw-before" : "pass"));
      const sessions = new Sessions<Data>({ store, warn: () => {}, wait: async () => {} });
      const mine = await request(sessions, undefined, (session) => session.login("ada"));
      const phone = await request(sessions, undefined, (session) => session.login("ada"));
      Object.assign(failing, { at, calls: 0 });
      const answer = await request(sessions, mine.cookie, (session) => sessions.credentialsChanged(session));
      failing.at = -1;
      const again = await request(sessions, answer.cookie, async (session) => {
        if (answer.error) await sessions.credentialsChanged(session);
        return session.subject;
      });
      expect(again.value, `call ${at}`).toBe("ada");
      expect((await request(sessions, phone.cookie, ({ subject }) => subject)).value, `call ${at}`).toBeUndefined();
    }
  });

  test("needs the session of a user", async () => {
    const { sessions } = setUp();
    const { error } = await request(sessions, undefined, (session) => sessions.credentialsChanged(session));
    expect(error).toBeInstanceOf(TypeError);
  });
});

describe("time left", () => {
  test("session.endsAt is when the login must be repeated, however active the session is", async () => {
    const { clock, sessions } = setUp();
    const first = await request(sessions, undefined, (session) => {
      session.login("ada", { idleTimeout: "10m", absoluteTimeout: "1h" });
      return [session.endsAt, session.expiresAt];
    });
    expect(first.value).toEqual([undefined, undefined]);
    clock.now += 5 * minute;
    const { value } = await request(sessions, first.cookie, async (session) => {
      session.data.n = 1;
      await session.save();
      return [session.endsAt, session.expiresAt];
    });
    expect(value).toEqual([start + 60 * minute, start + 15 * minute]);
    const never = setUp({ absoluteTimeout: false });
    const login = await request(never.sessions, undefined, (session) => session.login("ada"));
    expect((await request(never.sessions, login.cookie, ({ endsAt }) => endsAt)).value).toBeUndefined();
  });

  test("a status route that must not touch never writes, and the session still ends", async () => {
    const { clock, store, sessions } = setUp();
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
    const status = async () => {
      const incoming = { cookie };
      const exchange = sessions.open(incoming, { cookie: (of: typeof incoming) => of.cookie, secure: () => true });
      sessions.restrict(incoming, "no-touch");
      const { expiresAt, endsAt } = await sessions.get(incoming);
      await exchange.commit(new Headers());
      return { expiresAt, endsAt };
    };
    store.reset();
    for (let at = 0; at < 60; at++) {
      clock.now = start + at * minute;
      expect(await status()).toEqual({ expiresAt: start + 60 * minute, endsAt: start + 24 * 60 * minute });
    }
    expect(store.calls).toEqual({ read: 60 });
    clock.now = start + 60 * minute;
    expect(await status()).toEqual({ expiresAt: undefined, endsAt: undefined });
  });
});
