/** Lifetimes by login: "remember me" that remembers, and administrators who are logged out sooner. */

import { describe, expect, test } from "vitest";
import type { LoginOptions } from "../../../src/core/contracts/session-options.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { encrypted } from "../../../src/core/record/encrypted.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { flaskSession } from "../../../src/flask/options.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { countedStore } from "../../../src/testing/faults.ts";
import { Browser } from "../../parts/browser.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
const minute = 60_000;
const day = 86_400_000;
const start = 1_800_000_000_000;
const secrets = "a secret of at least 32 characters";
const remembered = { persistent: true, idleTimeout: "30d", absoluteTimeout: "90d" } as const;

function setUp(options: Omit<SessionOptions<Data>, "store" | "now"> = {}) {
  const clock = { now: start };
  const now = () => clock.now;
  const store = countedStore(memoryStore({ now }));
  const sessions = new Sessions<Data>({ store, now, ...options });
  const logIn = async (login?: LoginOptions<Data>, cookie?: string) =>
    (await request(sessions, cookie, (session) => session.login("ada", login))).cookie;
  const who = async (cookie: string | undefined) => (await request(sessions, cookie, ({ subject }) => subject)).value;
  return { clock, store, sessions, logIn, who };
}

describe("a login with its own lifetimes", () => {
  const formats = {
    "in a record": {},
    "in an encrypted record": { format: encrypted(jsonFormat(), secrets) },
    "with ids renewed in passing": { renewAfter: "1h" },
  } as const;
  for (const [where, options] of Object.entries(formats)) {
    test(`${where} is remembered for a month unused, and for three months in all`, async () => {
      const { clock, sessions, logIn } = setUp(options);
      let cookie = await logIn(remembered);
      for (const pause of [29, 29, 29]) {
        clock.now += pause * day;
        const answer = await request(sessions, cookie, ({ subject, expiresAt }) => [subject, expiresAt]);
        expect(answer.value?.[0]).toBe("ada");
        cookie = answer.cookie;
      }
      clock.now = start + 90 * day - 1;
      const last = await request(sessions, cookie, ({ subject, expiresAt }) => [subject, expiresAt]);
      expect(last.value).toEqual(["ada", start + 90 * day]);
      clock.now += 1;
      expect((await request(sessions, last.cookie, ({ isNew }) => isNew)).value).toBe(true);
    });

    test(`${where} ends after a month unused`, async () => {
      const { clock, logIn, who } = setUp(options);
      const cookie = await logIn(remembered);
      clock.now += 30 * day;
      expect(await who(cookie)).toBeUndefined();
    });

    test(`${where} may be shorter than configured`, async () => {
      const { clock, logIn, who } = setUp(options);
      const admin = await logIn({ idleTimeout: "10m", absoluteTimeout: "1h" });
      const user = await logIn();
      for (let passed = 9; passed < 60; passed += 9) {
        clock.now = start + passed * minute;
        expect(await who(admin)).toBe("ada");
        await who(user);
      }
      clock.now = start + 60 * minute;
      expect(await who(admin)).toBeUndefined();
      expect(await who(user)).toBe("ada");
      const idle = await logIn({ idleTimeout: "10m" });
      clock.now += 10 * minute;
      expect(await who(idle)).toBeUndefined();
    });
  }

  test("gives the cookie the same lifetime, and extends it with each touch", async () => {
    const { clock, sessions, logIn } = setUp();
    const first = await request(sessions, undefined, (session) => session.login("ada", remembered));
    expect(first.setCookie).toContain(`Max-Age=${(30 * day) / 1000};`);
    clock.now += day;
    const next = await request(sessions, first.cookie, ({ subject }) => subject);
    expect(next.setCookie).toContain(`Max-Age=${(30 * day) / 1000};`);
    const admin = await logIn({ persistent: true, idleTimeout: "10m" });
    const touched = await request(sessions, admin, (session) => {
      session.data.n = 1;
    });
    expect(touched.setCookie).toContain("Max-Age=600;");
  });

  test("is not changed by a read within touchInterval, nor by a shorter configured timeout", async () => {
    const { clock, store, logIn, who } = setUp({ idleTimeout: "15m" });
    const cookie = await logIn(remembered);
    clock.now += 30_000;
    store.reset();
    expect(await who(cookie)).toBe("ada");
    expect(store.calls).toEqual({ read: 1 });
  });

  test("counts for that login: the next one without lifetimes uses the configured ones", async () => {
    const { clock, sessions, logIn, who } = setUp();
    const cookie = await logIn({}, await logIn(remembered));
    const { value } = await request(sessions, cookie, ({ expiresAt }) => expiresAt);
    expect(value).toBe(start + 60 * minute);
    clock.now += 60 * minute;
    expect(await who(cookie)).toBeUndefined();
  });

  test("gives nothing to the login of another user", async () => {
    const { sessions, logIn } = setUp();
    const bob = await request(sessions, await logIn(remembered), (session) => session.login("bob"));
    expect((await request(sessions, bob.cookie, ({ expiresAt }) => expiresAt)).value).toBe(start + 60 * minute);
  });

  test("survives regenerate, and the merge with a parallel request", async () => {
    const { sessions, logIn } = setUp();
    const cookie = await logIn(remembered);
    const [moved] = await Promise.all([
      request(sessions, cookie, (session) => session.regenerate()),
      request(sessions, cookie, (session) => {
        session.data.n = 1;
      }),
    ]);
    const { value } = await request(sessions, moved.cookie, ({ data, expiresAt }) => [data.n, expiresAt]);
    expect(value).toEqual([1, start + 30 * day]);
  });

  test("works for a session in a cookie", async () => {
    const clock = { now: start };
    const sessions = new Sessions<Data>({ store: cookieStore({ secrets }), now: () => clock.now });
    const { cookie } = await request(sessions, undefined, (session) => session.login("ada", remembered));
    clock.now += 29 * day;
    const answer = await request(sessions, cookie, ({ subject }) => subject);
    expect(answer.value).toBe("ada");
    expect(answer.setCookie).toContain(`Max-Age=${(30 * day) / 1000};`);
    clock.now = start + 90 * day;
    expect((await request(sessions, answer.cookie, ({ subject }) => subject)).value).toBeUndefined();
  });

  test("applies to parts without their own lifetimes, also those that begin later", async () => {
    const clock = { now: start };
    const now = () => clock.now;
    const store = memoryStore({ now });
    const sessions = createPartsSessions<Data, string>({
      now,
      parts: {
        login: { cookie: { name: "session" }, store, fields: ["user"] },
        cart: { cookie: { name: "cart" }, store, fields: ["cart"] },
        late: { cookie: { name: "late" }, store, fields: ["late"] },
        own: { cookie: { name: "own" }, store, fields: ["own"], idleTimeout: "2h" },
      },
    });
    const browser = new Browser(sessions);
    await browser.visit((session) => {
      Object.assign(session.data, { cart: 1, own: 1 });
      session.login("ada", remembered);
    });
    await browser.visit((session) => {
      session.data.late = 1;
    });
    clock.now += 29 * day;
    const seen = await browser.visit((session) => [session.subject, { ...session.data }, session.expiresAt]);
    expect(seen.value).toEqual(["ada", { cart: 1, late: 1 }, start + 30 * day]);
  });
});

describe("a login is refused, and changes nothing,", () => {
  const message = (login: object, options: SessionOptions<Data> & { store?: never } = {}) => {
    const { sessions } = setUp(options as never);
    return request(sessions, undefined, (session) => {
      try {
        session.login("ada", login);
      } catch (error) {
        return [(error as Error).message, session.subject];
      }
      return ["done", session.subject];
    });
  };
  test.each<[object, RegExp]>([
    [
      { idleTimeout: "30d" },
      /^the option idleTimeout of session.login must not be longer than absoluteTimeout.*30d.*1d/,
    ],
    [{ idleTimeout: "2h", absoluteTimeout: "1h" }, /must not be longer than absoluteTimeout.*absoluteTimeout: "2h"/],
    [{ idleTimeout: 2_592_000_000 }, /If you mean milliseconds, write "2592000000ms"/],
    [{ absoluteTimeout: 300_000 }, /If you mean milliseconds, write "300000ms"/],
    [{ idleTimeout: "401d", absoluteTimeout: "401d" }, /must be a duration from 1s to 400d/],
    [{ idleTimeout: 0 }, /must be a duration from 1s/],
    [{ absoluteTimeout: false }, /must be a duration from 1s/],
    [{ idletimeout: "1h" }, /did you mean "idleTimeout"/],
  ])("with %j", async (login, text) => {
    const { value } = await message(login);
    expect(value).toEqual([expect.stringMatching(text), undefined]);
  });

  test("where the record has no room for its lifetimes", async () => {
    const sessions = new Sessions<Data>({ store: memoryStore(), ...flaskSession({ subjectKey: "_user_id" }) });
    const { value } = await request(sessions, undefined, (session) => {
      const code = (run: () => void): string | undefined => {
        try {
          run();
          return undefined;
        } catch (error) {
          return (error as { code?: string }).code;
        }
      };
      return [
        code(() => session.login("ada", { idleTimeout: "30d", absoluteTimeout: "30d" })),
        code(() => session.login("ada", { methods: ["otp"] })),
        code(() => {
          session.label = "my desk";
        }),
        session.subject,
      ];
    });
    expect(value).toEqual([...Array(3).fill("ERR_SESSION_NOT_SUPPORTED"), undefined]);
  });

  test("where a revoked cookie would outlive its revocation", async () => {
    const store = cookieStore({ secrets, revocations: memoryStore() });
    const sessions = new Sessions<Data>({ store, absoluteTimeout: "30d" });
    const { value } = await request(sessions, undefined, (session) => {
      session.login("ada", { idleTimeout: "30d", absoluteTimeout: "30d" });
      expect(() => session.login("ada", { absoluteTimeout: "31d" })).toThrow(/must be a duration from 1s to 30d/);
      return session.subject;
    });
    expect(value).toBe("ada");
  });
});
