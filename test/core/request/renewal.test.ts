/** Renewal in passing: lost responses, parallel tabs and copied cookies, over thousands of simulated clients. */

import { describe, expect, test } from "vitest";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { seeded } from "../../support/random.ts";
import { request } from "../../support/requests.ts";

function setUp() {
  const clock = { now: 1_800_000_000_000 };
  const store = memoryStore({ now: () => clock.now });
  const sessions = new Sessions<{ n: number }>({
    store,
    now: () => clock.now,
    idleTimeout: "1h",
    absoluteTimeout: "12h",
    renewAfter: "5m",
    renewGrace: "30s",
    wait: () => Promise.resolve(),
  });
  const events: string[] = [];
  sessions.on((event) => events.push(event.type));
  return { clock, store, sessions, events };
}

describe("a client that loses responses", { timeout: 120_000 }, () => {
  test("is never logged out: 2000 clients, a third of all responses lost, parallel requests, every write kept", async () => {
    let renewals = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const random = seeded(seed);
      const { clock, sessions, events } = setUp();
      let { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
      let counted = 0;
      for (let step = 0; step < 12; step++) {
        clock.now += Math.floor(random() * 8 * 60_000);
        const parallel = 1 + Math.floor(random() * 3);
        const sent = cookie;
        const answers = await Promise.all(
          Array.from({ length: parallel }, () =>
            request(sessions, sent, (session) => {
              expect(session.isNew, `seed ${seed}, step ${step}`).toBe(false);
              session.update("n", (n = 0) => n + 1);
            }),
          ),
        );
        counted += parallel;
        for (const answer of answers) expect(answer.error).toBeUndefined();
        for (const answer of answers) if (answer.setCookie && random() > 0.33) cookie = answer.cookie;
      }
      const { value } = await request(sessions, cookie, ({ data }) => data.n);
      expect(value, `seed ${seed}`).toBe(counted);
      expect(events).not.toContain("id_reused");
      renewals += events.filter((type) => type === "session_renewed").length;
    }
    expect(renewals).toBeGreaterThan(5000);
  });

  test("that never accepts the new id goes on with the old one", async () => {
    const { clock, sessions } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    for (let minute = 0; minute < 120; minute++) {
      clock.now += 60_000;
      expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(false);
    }
  });
});

describe("an old id", () => {
  test("works for the grace period after the new one was used, then ends and is reported as reused", async () => {
    const { clock, sessions, events } = setUp();
    const old = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    clock.now += 6 * 60_000;
    const renewed = await request(sessions, old.cookie, ({ data }) => data.n);
    expect(renewed.setCookie).toBeDefined();
    clock.now += 20_000;
    await request(sessions, renewed.cookie, ({ data }) => data.n);
    clock.now += 30_000 - 1;
    expect((await request(sessions, old.cookie, (session) => session.isNew)).value).toBe(false);
    expect(events).not.toContain("id_reused");
    clock.now += 1;
    expect((await request(sessions, old.cookie, (session) => session.isNew)).value).toBe(true);
    expect(events).toContain("id_reused");
    expect((await request(sessions, renewed.cookie, (session) => session.isNew)).value).toBe(false);
  });

  test("of two renewals ago is refused though the newest id was not used yet", async () => {
    const { clock, sessions, events } = setUp();
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    clock.now += 6 * 60_000;
    const second = await request(sessions, first.cookie, ({ data }) => data.n);
    await request(sessions, second.cookie, ({ data }) => data.n);
    clock.now += 6 * 60_000;
    const third = await request(sessions, second.cookie, ({ data }) => data.n);
    expect(third.setCookie).toBeDefined();
    expect((await request(sessions, first.cookie, (session) => session.isNew)).value).toBe(true);
    expect(events).toContain("id_reused");
    expect((await request(sessions, second.cookie, (session) => session.isNew)).value).toBe(false);
  });

  test("is refused at once after login and regenerate, without grace", async () => {
    for (const act of ["login", "regenerate"] as const) {
      const { sessions } = setUp();
      const old = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
      await request(sessions, old.cookie, (session) => (act === "login" ? session.login("ann") : session.regenerate()));
      expect((await request(sessions, old.cookie, (session) => session.isNew)).value).toBe(true);
    }
  });

  test("from before a renewal and a login sets no cookie when a request with it ends", async () => {
    const { clock, sessions, events } = setUp();
    const old = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    clock.now += 6 * 60_000;
    await request(sessions, old.cookie, ({ data }) => data.n);
    const login = await request(sessions, old.cookie, (session) => session.login("ann"));
    const late = await request(sessions, old.cookie, ({ data }) => Object.assign(data, { n: 1 }));
    expect(late.setCookie).toBeUndefined();
    expect(events).toContain("save_refused");
    expect((await request(sessions, login.cookie, ({ data }) => data.n)).value).toBe(0);
  });

  test("is refused after a logout with either id, and so is the other one", async () => {
    for (const through of ["old", "new"] as const) {
      const { clock, sessions } = setUp();
      const old = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
      clock.now += 6 * 60_000;
      const renewed = await request(sessions, old.cookie, ({ data }) => data.n);
      await request(sessions, through === "old" ? old.cookie : renewed.cookie, (session) => session.destroy());
      for (const { cookie } of [old, renewed]) {
        expect((await request(sessions, cookie, (session) => session.isNew)).value).toBe(true);
      }
    }
  });
});

test("renewed by a save in the middle of a request does not count as used at its end", async () => {
  let now = 1_800_000_000_000;
  const sessions = new Sessions({
    store: memoryStore({ now: () => now }),
    now: () => now,
    renewAfter: "10m",
    idleTimeout: "10h",
  });
  const { cookie } = await request(sessions, undefined, (session) => session.login("ada"));
  now += 11 * 60_000;
  const lost = await request(sessions, cookie, (session) => session.save());
  expect(lost.cookie).not.toBe(cookie);
  now += 5 * 60_000;
  // The response was lost: the client still has its old id, and gets another new one.
  const again = await request(sessions, cookie, ({ subject }) => subject);
  expect(again.value).toBe("ada");
  expect(again.cookie).not.toBe(cookie);
});
