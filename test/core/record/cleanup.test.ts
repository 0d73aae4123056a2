/** Sampled cleanup: which requests set it off, what it does, and that nobody notices. */

import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { SessionEvent } from "../../../src/core/contracts/session-event.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { createSessions } from "../../../src/create.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

type Prune = Required<Store>["prune"];

/** A store whose `prune` is counted, and may do something else. */
function counted(now: () => number, prune?: Prune): { store: Store; calls: Parameters<Prune>[] } {
  const store = memoryStore({ now });
  const calls: Parameters<Prune>[] = [];
  const own: Prune = (...args) => {
    calls.push(args);
    return (prune ?? store.prune!)(...args);
  };
  return { store: { ...store, prune: own }, calls };
}

/** Cleanups begin when the timers do. */
async function settled(): Promise<void> {
  for (let at = 0; at < 30; at += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    await turn();
  }
}

const nothing = (): void => {};

describe("cleanupEvery", () => {
  test("runs in one of n requests, and not in one of n + 1, for every random number", async () => {
    const draws = Array.from({ length: 12 }, (_, at) => at / 12);
    const { store, calls } = counted(Date.now);
    let at = 0;
    const sessions = createSessions({ store, cleanupEvery: 3, random: () => draws[at++ % 12]! });
    for (const _ of draws) {
      await request(sessions, undefined, nothing);
      await settled();
    }
    expect(at).toBe(12);
    expect(calls).toHaveLength(4);
  });

  test("1 runs in every request; requests that do not use their session do not count", async () => {
    const { store, calls } = counted(Date.now);
    const sessions = createSessions({ store, cleanupEvery: 1 });
    const exchange = sessions.open({}, { cookie: () => undefined, secure: () => true });
    await exchange.commit(new Headers());
    await settled();
    expect(calls).toHaveLength(0);
    await request(sessions, undefined, nothing);
    await settled();
    expect(calls).toHaveLength(1);
  });

  test("removes expired records in batches, until none is left", async () => {
    const clock = { now: 1_000_000 };
    const { store, calls } = counted(() => clock.now);
    for (let at = 0; at < 2500; at += 1) await store.create(`k${at}`, { payload: "", expiresAt: clock.now + 1 });
    clock.now += 2;
    const sessions = createSessions({ store, cleanupEvery: 1, now: () => clock.now });
    await request(sessions, undefined, nothing);
    await settled();
    expect(calls.length).toBeGreaterThan(2);
    expect(calls.every(([options]) => options?.limit === 1000)).toBe(true);
    expect(await store.prune!()).toEqual({ removed: 0, cursor: undefined });
  });

  test("no request waits for it, and only one runs at a time per store", async () => {
    let release = nothing;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { store, calls } = counted(Date.now, async () => {
      await held;
      return { removed: 0, cursor: undefined };
    });
    const [one, other] = [createSessions({ store, cleanupEvery: 1 }), createSessions({ store, cleanupEvery: 1 })];
    for (const sessions of [one, other, one]) {
      expect((await request(sessions, undefined, () => "answered")).value).toBe("answered");
      await settled();
    }
    expect(calls).toHaveLength(1);
    release();
    await settled();
    await request(other, undefined, nothing);
    await settled();
    expect(calls).toHaveLength(2);
  });

  test.each(["rejects", "throws"])("a removal that %s is an event, and the next one is tried", async (how) => {
    const failure = new Error("disk full");
    const { store, calls } = counted(Date.now, () => {
      if (how === "throws") throw failure;
      return Promise.reject(failure);
    });
    const sessions = createSessions({ store, cleanupEvery: 1 });
    const events: SessionEvent[] = [];
    sessions.on((event) => events.push(event));
    for (const _ of [1, 2]) {
      expect((await request(sessions, undefined, nothing)).error).toBeUndefined();
      await settled();
    }
    expect(calls).toHaveLength(2);
    expect(events.map(({ type }) => type)).toEqual(["store_unavailable", "store_unavailable"]);
    expect(events[0]?.error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", cause: failure });
  });

  test("skips stores that expire records themselves, or cannot remove", async () => {
    const { store, calls } = counted(Date.now);
    const native = { ...store, capabilities: { ...store.capabilities, nativeExpiry: true } };
    const { prune: _, ...without } = store;
    for (const one of [native, without]) {
      const sessions = createSessions({ store: one, cleanupEvery: 1 });
      await request(sessions, undefined, nothing);
    }
    await settled();
    expect(calls).toHaveLength(0);
  });

  test("removes expired revocations of sessions in cookies", async () => {
    const { store, calls } = counted(Date.now);
    const secrets = "a secret of at least 32 characters, really";
    const sessions = createSessions({ store: cookieStore({ secrets, revocations: store }), cleanupEvery: 1 });
    expect(sessions.stores).toEqual([store]);
    await request(sessions, undefined, nothing);
    await settled();
    expect(calls).toHaveLength(1);
  });

  test("with parts a request counts once, and a store shared by parts is cleaned once", async () => {
    const [shared, own] = [counted(Date.now), counted(Date.now)];
    let draws = 0;
    const random = (): number => {
      draws += 1;
      return 0;
    };
    const sessions = createPartsSessions<{ a: number; b: number; c: number }>({
      parts: {
        one: { fields: ["a"], store: shared.store, cookie: { name: "one" } },
        two: { fields: ["b"], store: shared.store, cookie: { name: "two" } },
        rest: { fields: "rest", store: own.store, cookie: { name: "rest" } },
      },
      cleanupEvery: 100,
      random,
    });
    expect(sessions.stores).toEqual([shared.store, own.store]);
    await request(sessions, undefined, async ({ data }) => Object.assign(data, { a: 1, b: 2, c: 3 }));
    await settled();
    expect([draws, shared.calls.length, own.calls.length]).toEqual([1, 1, 1]);
  });

  test.each([0, -1, 1.5, "10", Number.NaN, null])("%j is refused", (cleanupEvery) => {
    const options = { store: memoryStore(), cleanupEvery: cleanupEvery as number };
    expect(() => createSessions(options)).toThrow(/^cleanupEvery must be a whole number of requests, at least 1; rec/);
  });

  test("random must be a function", () => {
    const options = { store: memoryStore(), random: 0.5 as never };
    expect(() => createSessions(options)).toThrow("random must be a function; received 0.5");
  });
});
