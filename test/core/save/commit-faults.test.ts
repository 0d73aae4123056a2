/** Promise 5: every store call of every kind of request fails in every way, and nobody is logged out by it. */

import { describe, expect, test, vi } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Fault, faultyStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;

const requests: Record<string, (session: Session<Data>) => unknown> = {
  read: (session) => ({ ...session.data }),
  write: (session) => {
    session.data.mine = 1;
  },
  update: (session) => session.update("n", (n) => (n as number) + 1),
  regenerate: (session) => session.regenerate(),
  login: (session) => session.login("ann"),
  destroy: (session) => session.destroy(),
};

function setUp(options: Omit<SessionOptions<Data>, "store"> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const inner = memoryStore({ now: () => clock.now });
  const failing = { at: -1, times: 1, fault: "pass" as Fault, calls: [] as string[] };
  const store = faultyStore(inner, (call) => {
    failing.calls.push(call.method);
    const since = failing.calls.length - 1 - failing.at;
    return failing.at >= 0 && since >= 0 && since < failing.times ? failing.fault : "pass";
  });
  const sessions = new Sessions<Data>({ store, now: () => clock.now, storeTimeout: "5ms", ...options });
  const events: string[] = [];
  sessions.on((event) => events.push(event.type));
  const arm = (at: number, fault: Fault) => Object.assign(failing, { at, fault, calls: [], times: 1 });
  return { clock, inner, sessions, events, failing, arm };
}

const kinds: Fault[] = ["throw-before", "throw-after", "hang-before", "hang-after"];

for (const aged of [false, true]) {
  for (const [name, handler] of Object.entries(requests)) {
    const renewAfter = aged ? ("10m" as const) : (false as const);
    const later = aged ? 11 * 60_000 : 120_000;
    describe(`${name}${aged ? ", while its id is due for renewal" : ""}`, () => {
      test("every store call, failing in every way, is a typed 503 in bounded time, or has no effect", async () => {
        const plain = setUp({ renewAfter });
        const first = await request(plain.sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
        plain.clock.now += later;
        plain.arm(-1, "pass");
        await request(plain.sessions, first.cookie, handler);
        const calls = [...plain.failing.calls];
        expect(calls.length).toBeGreaterThan(0);

        for (let at = 0; at < calls.length; at++) {
          for (const fault of kinds) {
            const { sessions, clock, arm, events } = setUp({ renewAfter });
            const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
            clock.now += later;
            arm(at, fault);
            const answer = await request(sessions, cookie, handler);
            const where = `${calls[at]} (call ${at}), ${String(fault)}`;
            arm(-1, "pass");

            // A login that failed after the session had moved sends the new cookie along with the error.
            const moved = name === "login" && at > calls.indexOf("update") && calls.includes("update");
            if (answer.error) {
              expect(answer.error, where).toMatchObject({ name: "SessionError", status: 503 });
              // The client's cookie is untouched: no new one, and above all no removal.
              if (!moved) expect(answer.setCookie, where).toBeUndefined();
              expect(answer.setCookie ?? "", where).not.toContain("Max-Age=0");
              expect(events, where).toContain("store_unavailable");
            }
            // Nobody is logged out: whatever cookie the client holds now works, unless it asked for the end.
            const ended = name === "destroy" && (!answer.error || String(fault).endsWith("after"));
            const again = await request(sessions, answer.cookie, (session) => !session.isNew);
            expect(again.error, where).toBeUndefined();
            if (!ended) expect(again.value, where).toBe(true);
          }
        }
      });
    });
  }
}

describe("the first request of a new visitor, who logs in", () => {
  const begin = (session: Session<Data>): void => {
    session.data.n = 1;
    session.login("ann");
  };

  test("an outage after the record was made is a 503 without a cookie", async () => {
    const plain = setUp();
    plain.arm(-1, "pass");
    await request(plain.sessions, undefined, begin);
    const calls = [...plain.failing.calls];
    expect(calls).toContain("create");
    for (let at = 0; at < calls.length; at++) {
      for (const fault of kinds) {
        const { sessions, arm } = setUp();
        arm(at, fault);
        const answer = await request(sessions, undefined, begin);
        const where = `${calls[at]} (call ${at}), ${String(fault)}`;
        if (answer.error)
          expect([answer.error, answer.setCookie], where).toEqual([
            expect.objectContaining({ status: 503 }),
            undefined,
          ]);
        else expect(answer.setCookie, where).toBeDefined();
      }
    }
  });

  test("a handler that saves again after such an outage gets a session whose cookie is sent", async () => {
    const { sessions, arm, failing } = setUp();
    arm(failing.calls.length, "pass");
    const probe = setUp();
    await request(probe.sessions, undefined, begin);
    arm(probe.failing.calls.lastIndexOf("create") + 1, "throw-before");
    failing.times = 2; // What is asked last is asked again.
    const answer = await request(sessions, undefined, async (session) => {
      begin(session);
      await expect(session.save()).rejects.toMatchObject({ status: 503 });
      session.data.n = 2;
    });
    expect(answer.error).toBeUndefined();
    expect((await request(sessions, answer.cookie, ({ data, subject }) => [data.n, subject])).value).toEqual([
      2,
      "ann",
    ]);
    expect(await sessions.list("ann")).toHaveLength(1);
  });
});

describe("an outage", () => {
  test("does not affect requests without a session cookie, or that do not use the session", async () => {
    const { sessions, failing, arm } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    arm(0, "throw-before");
    const anonymous = await request(sessions, undefined, ({ data }) => data.n);
    expect(anonymous.error).toBeUndefined();
    const exchange = sessions.open({}, { cookie: () => cookie, secure: () => true });
    expect(exchange.commit(new Headers())).toBeUndefined();
    expect(failing.calls).toEqual([]);
  });

  test("that only prevents a touch does not fail the request", async () => {
    const { sessions, clock, arm, events } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 7 }));
    clock.now += 120_000;
    arm(1, "throw-before");
    const answer = await request(sessions, cookie, ({ data }) => data.n);
    expect(answer).toMatchObject({ value: 7, error: undefined });
    expect(events).toContain("store_unavailable");
  });

  test("that prevents acknowledging a renewal does not fail a request that only read", async () => {
    const { sessions, clock, arm, events } = setUp({ renewAfter: "10m" });
    const old = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 7 }));
    clock.now += 11 * 60_000;
    const { cookie } = await request(sessions, old.cookie, ({ data }) => data.n);
    arm(1, "throw-before");
    expect(await request(sessions, cookie, ({ data }) => data.n)).toMatchObject({ value: 7, error: undefined });
    expect(events).toContain("store_unavailable");
    arm(1, "throw-before");
    const change = await request(sessions, cookie, ({ data }) => Object.assign(data, { n: 8 }));
    expect(change.error).toMatchObject({ status: 503 });
  });

  test("names the store and keeps the cause, and contains nothing of the session", async () => {
    const { sessions, arm } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 7 }));
    arm(0, "throw-before");
    const { error } = await request(sessions, cookie, ({ data }) => data.n);
    expect(error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", message: "the memory store failed" });
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  test("that ends later has no effect on the request that gave up", async () => {
    const { sessions, arm } = setUp();
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 7 }));
    let release = () => {};
    arm(0, { late: new Promise<void>((resolve) => (release = resolve)) });
    const { error, setCookie } = await request(sessions, cookie, ({ data }) => data.n);
    expect(error).toMatchObject({ code: "ERR_SESSION_STORE_TIMEOUT" });
    release();
    await Promise.resolve();
    expect(setCookie).toBeUndefined();
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(7);
  });
});

describe("a store that keeps conflicting", () => {
  /** A store where every update is refused, and 300 ms go by meanwhile; `setClock` is what happens to the wall clock. */
  async function refusedUpdates(setClock: (clock: { now: number }) => void, most: number) {
    const { sessions, inner, clock } = setUp({ conflictTimeout: "1s" });
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 0 }));
    const { update } = inner;
    let [elapsed, refused] = [0, 0];
    vi.spyOn(performance, "now").mockImplementation(() => elapsed);
    inner.update = (...values) => {
      if (refused === most) return update(...values);
      refused += 1;
      elapsed += 300;
      setClock(clock);
      return Promise.resolve(null);
    };
    const stubborn = new Sessions<Data>({
      store: inner,
      now: () => clock.now,
      conflictTimeout: "1s",
      wait: () => Promise.resolve(),
    });
    const answer = await request(stubborn, cookie, ({ data }) => Object.assign(data, { n: 1 }));
    vi.restoreAllMocks();
    return { answer, refused };
  }

  test("ends in a typed 503 after conflictTimeout, with nothing saved and no cookie", async () => {
    const { answer, refused } = await refusedUpdates((clock) => {
      clock.now += 300;
    }, 100);
    expect(answer.error).toMatchObject({ code: "ERR_SESSION_CONFLICT", status: 503 });
    expect(answer.setCookie).toBeUndefined();
    expect(refused).toBe(4);
  });

  test("ends so after conflictTimeout also when the wall clock is set back during it", async () => {
    const { answer, refused } = await refusedUpdates((clock) => {
      clock.now -= 60_000;
    }, 100);
    expect(answer.error).toMatchObject({ code: "ERR_SESSION_CONFLICT" });
    expect(refused).toBe(4);
  });

  // A step of the wall clock made 304 false conflicts.
  test("causes no conflict error when the wall clock is set ahead during it", async () => {
    const { answer } = await refusedUpdates((clock) => {
      clock.now += 60_000;
    }, 2);
    expect(answer.error).toBeUndefined();
  });
});
