/** `limit`: never more sessions than allowed and never one too few, in every order of the store calls, and when they fail. */

import { describe, expect, test } from "vitest";
import { isSessionError } from "../../../src/core/contracts/errors.ts";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { createSessions, jsonFormat, type SessionOptions } from "../../../src/index.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { nullStore } from "../../../src/stores/null.ts";
import { explore } from "../../../src/testing/explore.ts";
import { type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { type Answer, request } from "../../support/requests.ts";

type Excess = "end-oldest" | "refuse";

const login = (session: Session): void => session.login("ada");
const isIn = (session: Session): boolean => session.subject === "ada";

/** Sessions of one process whose clock is at `clock.now`. */
function begin(store: Store, clock: { now: number }, options: Omit<SessionOptions, "store">) {
  const sessions = createSessions({ store, now: () => clock.now, wait: () => Promise.resolve(), ...options });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  return { sessions, events };
}

function setUp(perSubject: number, excess: Excess, options: Omit<SessionOptions, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const store = memoryStore({ now: () => clock.now });
  return { clock, store, ...begin(store, clock, { limit: { perSubject, excess }, ...options }) };
}

describe("one login after the other", () => {
  test("end-oldest: the session that logged in first ends, with an event", async () => {
    const { sessions, clock, events } = setUp(2, "end-oldest");
    const cookies: (string | undefined)[] = [];
    for (let at = 0; at < 3; at++) {
      cookies.push((await request(sessions, undefined, login)).cookie);
      clock.now += 1000;
    }
    const live = await Promise.all(cookies.map(async (cookie) => (await request(sessions, cookie, isIn)).value));
    expect(live).toEqual([false, true, true]);
    expect(events.filter(({ type }) => type === "excess_sessions_exceeded")).toHaveLength(1);
    expect(events.find(({ type }) => type === "session_revoked")?.reason).toBe("the subject may have 2 sessions");
  });

  test("a login on a node whose clock is ahead does not make later ones fresh, and they end in their order", async () => {
    const { sessions, clock } = setUp(2, "end-oldest");
    const began = clock.now;
    clock.now = began + 5 * 3_600_000;
    const ahead = await request(sessions, undefined, login);
    clock.now = began;
    const fresh = (session: Session): boolean => session.requireFresh({ within: "5m" }) === undefined;
    expect((await request(sessions, ahead.cookie, fresh)).error).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
    const second = await request(sessions, undefined, login);
    expect((await request(sessions, second.cookie, ({ authenticatedAt }) => authenticatedAt)).value).toBe(began);
    expect((await request(sessions, second.cookie, fresh)).value).toBe(true);
    clock.now += 20 * 60_000;
    expect((await request(sessions, second.cookie, fresh)).error).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
    const third = await request(sessions, undefined, login);
    const live = [ahead, second, third].map(async ({ cookie }) => (await request(sessions, cookie, isIn)).value);
    expect(await Promise.all(live)).toEqual([false, true, true]);
  });

  test("refuse: the login is a 409, nothing is saved, and the others stay", async () => {
    const { sessions, events, store } = setUp(1, "refuse");
    const first = await request(sessions, undefined, login);
    const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: 1 }));
    const refused = await request(sessions, guest.cookie, (session) => {
      session.login("ada");
      session.data.admin = true;
    });
    expect(isSessionError(refused.error) && [refused.error.code, refused.error.status]).toEqual([
      "ERR_SESSION_LIMIT",
      409,
    ]);
    expect(refused.setCookie).toBeUndefined();
    expect((await request(sessions, first.cookie, isIn)).value).toBe(true);
    const kept = await request(sessions, guest.cookie, (session) => [session.subject, { ...session.data }]);
    expect(kept.value).toEqual([undefined, { cart: 1 }]);
    expect(events.filter(({ type }) => type === "excess_sessions_exceeded")).toHaveLength(1);
    expect(events.filter(({ type }) => type === "save_refused")).toHaveLength(0);
    const rows = [];
    for await (const row of store.listBySubject?.("ada") ?? []) rows.push(row);
    expect(rows).toHaveLength(1);
  });

  test("refuse: a handler that catches the error stays a guest, logs out, or ends another session and logs in", async () => {
    const { sessions } = setUp(1, "refuse");
    const first = await request(sessions, undefined, login);
    const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: 1 }));
    const attempt = async (session: Session): Promise<void> => {
      session.login("ada");
      await expect(session.save()).rejects.toMatchObject({ code: "ERR_SESSION_LIMIT" });
    };
    const seen = await request(sessions, guest.cookie, async (session) => {
      await attempt(session);
      return session.subject;
    });
    expect([seen.value, seen.error, seen.setCookie]).toEqual([undefined, undefined, undefined]);
    const again = await request(sessions, guest.cookie, async (session) => {
      await attempt(session);
      const [other] = await sessions.list("ada");
      await sessions.revoke("ada", { handle: other?.handle as string });
      session.login("ada");
    });
    expect(again.error).toBeUndefined();
    expect((await request(sessions, again.cookie, isIn)).value).toBe(true);
    expect((await request(sessions, first.cookie, isIn)).value).toBe(false);
    const out = await request(sessions, guest.cookie, async (session) => {
      await attempt(session);
      session.destroy();
    });
    expect(out.cookie).toBeUndefined();
    expect((await request(sessions, guest.cookie, (session) => session.isNew)).value).toBe(true);
  });

  for (const excess of ["end-oldest", "refuse"] as const) {
    test(`${excess}: a session that logs in again, renews or changes its data counts once`, async () => {
      const { sessions, clock } = setUp(1, excess, { renewAfter: "10m" });
      let { cookie } = await request(sessions, undefined, login);
      for (const handler of [login, (session: Session) => session.regenerate(), isIn, login]) {
        clock.now += 11 * 60_000;
        const answer = await request(sessions, cookie, handler);
        expect(answer.error).toBeUndefined();
        cookie = answer.cookie;
      }
      expect((await request(sessions, cookie, isIn)).value).toBe(true);
      expect(await sessions.list("ada")).toHaveLength(1);
    });

    test(`${excess}: a user who logs in over another's session is counted as themselves`, async () => {
      const { sessions } = setUp(1, excess);
      const { cookie } = await request(sessions, undefined, (session) => session.login("bob"));
      const taken = await request(sessions, cookie, login);
      expect(taken.error).toBeUndefined();
      expect([(await sessions.list("ada")).length, (await sessions.list("bob")).length]).toEqual([1, 0]);
    });
  }

  test("end-oldest: a login counts as the newest even when its clock is behind the others", async () => {
    const { store, clock } = setUp(1, "end-oldest");
    const options = { limit: { perSubject: 1 } };
    const ahead = begin(store, { now: clock.now + 60_000 }, options);
    const behind = begin(store, clock, options);
    const first = await request(ahead.sessions, undefined, login);
    const second = await request(behind.sessions, undefined, login);
    expect((await request(behind.sessions, second.cookie, isIn)).value).toBe(true);
    expect((await request(behind.sessions, first.cookie, isIn)).value).toBe(false);
  });
});

/** Explores logins of one user, each in a process of its own, over `perSubject` and sessions that are there already. */
async function racing(
  {
    perSubject,
    excess,
    there,
    logins,
    sample,
  }: { perSubject: number; excess: Excess; there: number; logins: number; sample?: number },
  check: (scene: {
    answers: Answer<unknown>[];
    live: boolean[];
    before: boolean[];
    listed: number;
    events: SessionEvent[];
  }) => void,
  extra: (session: Session) => unknown = () => {},
): Promise<number> {
  const result = await explore(
    async (gate) => {
      const clock = { now: 1_800_000_000_000 };
      const inner = memoryStore({ now: () => clock.now });
      const store = gate.store(inner);
      const options = { limit: { perSubject, excess }, renewAfter: "10m" } as const;
      // Clocks differ, so that no order hangs on the handles, which are drawn.
      const process = (at = 0) => begin(store, { now: clock.now + at }, options);
      const { sessions } = process();
      const cookies: (string | undefined)[] = [];
      for (let at = 0; at < there; at++) {
        cookies.push((await request(sessions, undefined, login)).cookie);
        clock.now += 1000;
      }
      clock.now += 11 * 60_000;
      const answers: Answer<unknown>[] = [];
      const events: SessionEvent[] = [];
      const tasks = Array.from({ length: logins }, (_, at) => async () => {
        const one = process(sample === undefined ? at : 0);
        one.sessions.on((event) => events.push(event));
        answers[at] = await request(one.sessions, undefined, login);
        const { error } = answers[at] as Answer;
        if (error && !(isSessionError(error) && error.code === "ERR_SESSION_LIMIT")) throw error;
      });
      if (extra.length > 0) {
        tasks.push(async () => {
          const one = process();
          const answer = await request(one.sessions, cookies[0], (session) =>
            session.isNew ? undefined : extra(session),
          );
          cookies[0] = answer.cookie;
        });
      }
      return {
        tasks,
        async check() {
          const look = async (cookie: string | undefined): Promise<boolean> =>
            (await request(sessions, cookie, isIn)).value === true;
          const live: boolean[] = [];
          for (const { setCookie, cookie } of answers) live.push(setCookie !== undefined && (await look(cookie)));
          const before: boolean[] = [];
          for (const cookie of cookies) before.push(await look(cookie));
          check({ answers, live, before, listed: (await sessions.list("ada")).length, events });
        },
      };
    },
    sample === undefined ? {} : { sample },
  );
  if (sample === undefined) expect(result.complete).toBe(true);
  return result.orders;
}

const count = (all: boolean[]): number => all.filter(Boolean).length;

describe("parallel logins, in every order", { timeout: 120_000 }, () => {
  test("end-oldest: of two first logins, one stays where one is allowed", async () => {
    const orders = await racing({ perSubject: 1, excess: "end-oldest", there: 0, logins: 2 }, ({ live, listed }) => {
      expect([count(live), listed]).toEqual([1, 1]);
    });
    expect(orders).toBeGreaterThan(100);
  });

  test("end-oldest: only the oldest end, and as many stay as are allowed", async () => {
    const world = { perSubject: 2, excess: "end-oldest", there: 2, logins: 2, sample: 1000 } as const;
    await racing(world, ({ live, before, listed, answers }) => {
      expect(answers.every(({ setCookie }) => setCookie !== undefined)).toBe(true);
      expect([live, before, listed]).toEqual([[true, true], [false, false], 2]);
    });
  });

  for (const [what, meanwhile] of [
    ["renews its id", (session: Session) => session.subject],
    ["gets a new id", (session: Session) => session.regenerate()],
    ["is written", (session: Session) => session.update("n", () => 1)],
    ["logs out", (session: Session) => session.destroy()],
  ] as const) {
    test(`end-oldest: the oldest ends while it ${what}`, async () => {
      await racing(
        { perSubject: 1, excess: "end-oldest", there: 1, logins: 1, sample: 500 },
        ({ live, before, listed }) => expect([live, before, listed]).toEqual([[true], [false], 1]),
        meanwhile,
      );
    });
  }

  test("end-oldest: four logins where two are allowed, in random orders", async () => {
    await racing({ perSubject: 2, excess: "end-oldest", there: 1, logins: 4, sample: 300 }, (scene) => {
      expect([count(scene.live), count(scene.before), scene.listed]).toEqual([2, 0, 2]);
    });
  });

  test("refuse: of two logins exactly one gets the last place, and no other session ends", async () => {
    await racing({ perSubject: 2, excess: "refuse", there: 1, logins: 2, sample: 1000 }, (scene) => {
      expect([count(scene.live), count(scene.before), scene.listed]).toEqual([1, 1, 2]);
      const told = scene.answers.map(({ setCookie }) => setCookie !== undefined);
      expect(told).toEqual(scene.live);
      expect(scene.events.map(({ type }) => type)).not.toContain("session_revoked");
    });
  });

  test("refuse: five logins for three places, in random orders: three succeed", async () => {
    await racing({ perSubject: 3, excess: "refuse", there: 0, logins: 5, sample: 300 }, (scene) => {
      expect([count(scene.live), scene.listed]).toEqual([3, 3]);
      expect(scene.answers.map(({ setCookie }) => setCookie !== undefined)).toEqual(scene.live);
    });
  });
});

describe("failing store calls", () => {
  const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];
  for (const excess of ["end-oldest", "refuse"] as const) {
    test(`${excess}: a login whose store calls fail never leaves more sessions than before`, async () => {
      for (let at = 0, calls = 1; at < calls; at++) {
        for (const kind of kinds) {
          const clock = { now: 1_800_000_000_000 };
          const inner = memoryStore({ now: () => clock.now });
          let seen = -1000;
          const store = faultyStore(inner, () => (seen++ === at ? kind : "pass"));
          const { sessions } = begin(store, clock, {
            limit: { perSubject: 2, excess },
            storeTimeout: "20ms",
            warn: false,
          });
          const cookies: (string | undefined)[] = [];
          for (let one = 0; one < (excess === "refuse" ? 1 : 2); one++)
            cookies.push((await request(sessions, undefined, login)).cookie);
          const guest = await request(sessions, undefined, ({ data }) => Object.assign(data, { cart: 1 }));
          seen = 0;
          const answer = await request(sessions, guest.cookie, login);
          calls = Math.max(calls, seen);
          seen = -1000;
          // What undoes a login whose answer was lost waits for nothing but the store.
          await new Promise((resolve) => setTimeout(resolve, 5));
          const live: boolean[] = [];
          for (const cookie of [...cookies, answer.cookie])
            live.push((await request(sessions, cookie, isIn)).value === true);
          expect(count(live), `call ${at}, ${kind}`).toBeLessThanOrEqual(2);
          if (answer.error === undefined && answer.setCookie !== undefined) expect(live.at(-1)).toBe(true);
          if (answer.error !== undefined) {
            expect(isSessionError(answer.error) && answer.error.status).toBe(503);
            expect(answer.setCookie).toBeUndefined();
            expect(live.at(-1)).toBe(false);
          }
          // A seat that was taken and not given up goes by itself.
          clock.now += 20_000;
          expect(await sessions.list("ada").then((all) => all.length)).toBeLessThanOrEqual(2);
          const next = await request(sessions, undefined, login);
          if (count(live) < 2 || excess === "end-oldest") expect(next.error).toBeUndefined();
        }
      }
    });
  }
});

describe("options", () => {
  const limited = (limit: unknown, options: Partial<SessionOptions> = {}) =>
    createSessions({ store: memoryStore(), ...options, limit } as SessionOptions);

  test.each([
    [{ perSubject: 0 }, "limit.perSubject must be a whole number from 1 to 1000; received 0"],
    [{ perSubject: "5" }, "limit.perSubject must be a whole number from 1 to 1000; received a string"],
    [{ perSubject: 5, excess: "oldest" }, 'limit.excess must be "end-oldest" or "refuse"'],
    [{ perUser: 5 }, 'limit: there is no option "perUser"; there are perSubject, excess'],
    [5, "limit must be { perSubject: 5 }, for example; received 5"],
  ])("%j is refused", (limit, message) => {
    expect(() => limited(limit)).toThrow(message);
  });

  test("a store that cannot find by subject is refused, and so is a format that keeps no login time", () => {
    const secrets = "a secret of at least 32 characters";
    expect(() => limited({ perSubject: 5 }, { store: nullStore() })).toThrow("cannot find the sessions of a subject");
    expect(() => limited({ perSubject: 5 }, { store: cookieStore({ secrets }) })).toThrow("limit cannot be kept");
    const format = { ...jsonFormat(), foreign: true };
    expect(() => limited({ perSubject: 5 }, { format })).toThrow("keeps no note of when a session logged in");
  });

  test("in parts the home part is limited", async () => {
    const sessions = createPartsSessions({
      limit: { perSubject: 1 },
      parts: {
        theme: {
          store: cookieStore({ secrets: "a secret of at least 32 characters" }),
          fields: ["theme"],
          cookie: { name: "theme" },
        },
        login: { store: memoryStore(), fields: "rest" },
      },
    });
    const first = await request(sessions, undefined, (session) => session.login("ada"));
    await request(sessions, undefined, (session) => session.login("ada"));
    expect((await request(sessions, first.cookie, (session) => session.subject)).value).toBeUndefined();
    expect(await sessions.list("ada")).toHaveLength(1);
  });
});
