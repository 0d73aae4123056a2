/** One time limit over all store calls of one save, on a store that answers each of them just in time. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { createPartsSessions } from "../../../src/parts.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Answer, request } from "../../support/requests.ts";

type Data = Record<string, unknown>;

const storeTimeout = 2000;

/** The same store, each call answered after so many milliseconds, when `slow.ms` says so. */
function slowStore(): { store: Store; inner: Store; slow: { ms: number } } {
  const inner = memoryStore();
  const slow = { ms: 0 };
  const late =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (slow.ms > 0) await new Promise((resolve) => setTimeout(resolve, slow.ms));
      return call(...args);
    };
  const { read, create, update, touch, rename } = inner;
  const calls = { read, create, update, touch, rename, delete: inner.delete };
  const made = Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, late(call as never)]));
  return { store: { ...inner, ...made } as Store, inner, slow };
}

const verbs: Record<string, (session: Session<Data>) => unknown> = {
  "a change": (session) => Object.assign(session.data, { b: 1 }),
  "a login": (session) => session.login("ann"),
  "a login of another user": (session) => session.login("bob"),
  regenerate: (session) => session.regenerate(),
  "a logout": (session) => session.destroy(),
};

describe("one time limit for the store calls of a save", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  /** What an answer takes, by the clock that was faked. */
  async function timed(answer: () => Promise<Answer>): Promise<Answer & { took: number }> {
    const start = performance.now();
    let done: (Answer & { took: number }) | undefined;
    void answer().then((value) => {
      done = { ...value, took: performance.now() - start };
    });
    while (!done) {
      await vi.advanceTimersByTimeAsync(5);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return done;
  }

  for (const [name, handler] of Object.entries(verbs)) {
    test(`${name} takes at most storeTimeout to load and storeTimeout to save, and leaves a valid session`, async () => {
      const { store, slow } = slowStore();
      const sessions = new Sessions<Data>({ store, warn: () => {} });
      const first = await request(sessions, undefined, (session) => {
        session.data.a = 1;
        session.login("ann");
      });
      slow.ms = storeTimeout - 100;
      const answer = await timed(() => request(sessions, first.cookie, handler));
      expect(answer.took).toBeLessThanOrEqual(2 * storeTimeout + 50);
      if (answer.error) expect(answer.error).toMatchObject({ code: "ERR_SESSION_STORE_TIMEOUT", status: 503 });
      slow.ms = 0;
      await vi.advanceTimersByTimeAsync(60_000);
      const look = await request(sessions, answer.cookie, (session) => [session.subject, session.data.a]);
      if (answer.error && name !== "a logout") expect(look.value).toEqual(["ann", 1]);
    });
  }

  test("a renewal in passing neither delays a request that only reads nor fails it", async () => {
    const { store, slow } = slowStore();
    const sessions = new Sessions<Data>({ store, renewAfter: "10m", warn: () => {} });
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { a: 1 }));
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    slow.ms = storeTimeout - 100;
    const answer = await timed(() => request(sessions, first.cookie, ({ data }) => data.a));
    expect(answer).toMatchObject({ value: 1, error: undefined });
    expect(answer.took).toBeLessThanOrEqual(2 * storeTimeout + 50);
  });

  test("a login on a store that needs a quarter of it per call is saved", async () => {
    const { store, slow } = slowStore();
    const sessions = new Sessions<Data>({ store, warn: () => {} });
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { a: 1 }));
    slow.ms = storeTimeout / 4 - 10;
    const answer = await timed(() => request(sessions, first.cookie, (session) => session.login("ann")));
    expect(answer.error).toBeUndefined();
    slow.ms = 0;
    expect((await request(sessions, answer.cookie, ({ subject }) => subject)).value).toBe("ann");
  });

  test("a session in parts has one limit for all of them", async () => {
    const { store, slow } = slowStore();
    const part = (fields: string[], name: string) => ({
      fields,
      store,
      keyPrefix: `${name}:`,
      cookie: { name },
    });
    const sessions = createPartsSessions<Data>({
      parts: { one: part(["a"], "one"), two: part(["b"], "two"), three: part(["c"], "three") },
      warn: () => {},
    });
    slow.ms = storeTimeout - 100;
    const answer = await timed(() =>
      request(sessions as never, undefined, ({ data }: Session<Data>) => Object.assign(data, { a: 1, b: 1, c: 1 })),
    );
    expect(answer.error).toMatchObject({ code: "ERR_SESSION_STORE_TIMEOUT" });
    expect(answer.took).toBeLessThanOrEqual(2 * storeTimeout + 50);
  });
});
