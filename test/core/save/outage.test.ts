/** An outage that stalls past `storeTimeout` logs nobody out: at every store call, with two processes on the store. */

import { describe, expect, test } from "vitest";
import type { Session } from "../../../src/core/contracts/session.ts";
import type { Store } from "../../../src/core/contracts/store.ts";
import type { SessionOptions } from "../../../src/core/options/options.ts";
import { jsonFormat } from "../../../src/core/record/json-format.ts";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { twoStepStore } from "../../../src/testing/explore.ts";
import { delayedStore } from "../../../src/testing/faults.ts";
import { request } from "../../support/requests.ts";

type Data = Record<string, unknown>;
type Handler = (session: Session<Data>) => unknown;

const foreign = { format: { ...jsonFormat(), foreign: true } };
const layouts: Record<string, [(store: Store) => Store, Omit<SessionOptions<Data>, "store">]> = {
  "our own format": [(store) => store, {}],
  "a foreign format": [(store) => store, foreign],
  "a foreign format, a rename in two steps": [twoStepStore, foreign],
};

function setUp([layout, options]: (typeof layouts)[string]) {
  const inner = memoryStore();
  const stall = { at: -1, calls: [] as string[], over: Promise.resolve(), end: () => {} };
  // Each step of a rename is a call of its own.
  const stalling = layout(
    delayedStore(inner, async ({ method }) => {
      if (stall.calls.push(method) - 1 >= stall.at && stall.at >= 0) await stall.over;
    }),
  );
  const open = (store: Store, more: Pick<SessionOptions<Data>, "storeTimeout"> = {}) =>
    new Sessions<Data>({ store, warn: () => {}, ...options, ...more });
  const first = open(stalling, { storeTimeout: "20ms" });
  const second = open(layout(inner));
  const begin = (at: number): void => {
    const { promise, resolve } = Promise.withResolvers<void>();
    Object.assign(stall, { at, calls: [], over: promise, end: resolve });
  };
  const records = async (): Promise<number> => {
    let count = 0;
    for await (const { key, payload } of inner.list?.() ?? [])
      if (key.startsWith("session:") && !String(payload).startsWith("sojourn-renewed:")) count++;
    return count;
  };
  return { inner, stall, first, second, begin, records };
}

const verbs: Record<string, Handler> = {
  regenerate: (session) => {
    session.data.n = 2;
    session.regenerate();
  },
  "login of the same user": (session) => session.login("ann"),
  "login of another user": (session) => session.login("bob"),
};

for (const [layout, made] of Object.entries(layouts)) {
  describe(`a store that stalls during a change of the id (${layout})`, () => {
    for (const [verb, handler] of Object.entries(verbs)) {
      test(`${verb}: at each call the old id works again once the late answers arrived, in both processes`, async () => {
        const plain = setUp(made);
        const begin = (session: Session<Data>): void => {
          session.data.n = 1;
          session.login("ann");
        };
        const lucky = await request(plain.first, undefined, begin);
        plain.begin(1e9);
        await request(plain.first, lucky.cookie, handler);
        const calls = [...plain.stall.calls];
        expect(calls.length).toBeGreaterThanOrEqual(3);

        for (let at = 0; at < calls.length; at++) {
          const { first, second, stall, begin: stallAt, records } = setUp(made);
          const { cookie } = await request(first, undefined, begin);
          stallAt(at);
          const answer = await request(first, cookie, handler);
          const where = `${calls[at]} (call ${at})`;
          expect(answer.error ?? {}, where).toMatchObject({ status: 503 });
          stall.at = -1;
          stall.end();
          const seen = async (sessions: Sessions<Data>) =>
            (await request(sessions, answer.cookie, ({ data, subject }) => [subject, data.n])).value;
          // What was answered with an error and a new cookie has moved: only the epoch could not be read any more.
          const moved = answer.setCookie !== undefined;
          const expected = moved
            ? [verb === "login of another user" ? "bob" : "ann", verb === "login of another user" ? undefined : 1]
            : ["ann", 1];
          await expect.poll(() => seen(second), { message: where, timeout: 10_000 }).toEqual(expected);
          await expect.poll(records, { message: where, timeout: 10_000 }).toBe(1);
          expect(await seen(first), where).toEqual(expected);
        }
      });
    }
  });
}

describe("while a regenerate hangs in one process", () => {
  /** Regenerates in a process whose signpost takes effect after it has given up, and calls `meanwhile` between that and its answer. */
  async function hung(meanwhile: (second: Sessions<Data>, cookie: string | undefined) => Promise<unknown>) {
    const inner = memoryStore();
    const open = (store: Store, more: Pick<SessionOptions<Data>, "storeTimeout"> = {}) =>
      new Sessions<Data>({ store, ...more });
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const { promise: takesEffect, resolve: landed } = Promise.withResolvers<void>();
    let isDown = false;
    const store: Store = {
      ...inner,
      read: async (key) => {
        if (isDown) await over;
        return inner.read(key);
      },
      update: async (...call) => {
        const version = await inner.update(...call);
        landed();
        isDown = true;
        await over;
        return version;
      },
    };
    const first = open(store, { storeTimeout: "20ms" });
    const second = open(inner);
    const { cookie } = await request(first, undefined, (session) => {
      session.data.n = 1;
      session.login("ann");
    });
    const slow = request(second, cookie, async (session) => {
      await takesEffect;
      session.data.slow = 1;
    });
    const failed = await request(first, cookie, (session) => session.regenerate());
    expect(failed.error).toMatchObject({ code: "ERR_SESSION_STORE_TIMEOUT" });
    await slow;
    await meanwhile(second, cookie);
    isDown = false;
    end();
    return { second, cookie };
  }

  test("what another process saves during it is kept when the change is undone", async () => {
    const { second, cookie } = await hung(async () => {});
    const seen = () => request(second, cookie, ({ data, subject }) => [subject, { ...data }]);
    await expect.poll(async () => (await seen()).value).toEqual(["ann", { n: 1, slow: 1 }]);
    expect(await second.list("ann")).toHaveLength(1);
  });

  test("a logout in another process is final: the undo restores nothing", async () => {
    const { second, cookie } = await hung(async (sessions, old) => {
      await request(sessions, old, (session) => session.destroy());
      expect(await sessions.list("ann")).toEqual([]);
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(await second.list("ann")).toEqual([]);
    expect((await request(second, cookie, (session) => session.subject)).value).toBeUndefined();
  });
});
