/** Turns: who waits for whom, for how long, and who does not wait at all. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { Turns } from "../../../src/core/save/turns.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

describe("a turn", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function line() {
    const turns = new Turns();
    const order: string[] = [];
    const take = (name: string, lane = "a", longest = 1000) => {
      const turn = turns.entry();
      void turn.take(lane, longest).then(() => order.push(name));
      return turn;
    };
    return { order, take };
  }

  test("comes when those before have left, in the order they came; other lanes do not wait", async () => {
    const { order, take } = line();
    const first = take("first");
    const second = take("second");
    take("third");
    take("elsewhere", "b");
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(["first", "elsewhere"]);
    first.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(["first", "elsewhere", "second"]);
    second.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(["first", "elsewhere", "second", "third"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("comes after the longest wait though somebody before does not leave, and not before", async () => {
    const { order, take } = line();
    take("stuck");
    take("patient");
    await vi.advanceTimersByTimeAsync(999);
    expect(order).toEqual(["stuck"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(order).toEqual(["stuck", "patient"]);
  });

  test("is taken once, and a line that everybody has left is forgotten", async () => {
    const { order, take } = line();
    const turn = take("first");
    await turn.take("a", 1000);
    turn.leave();
    turn.leave();
    take("later");
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual(["first", "later"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a request that only read waited in line behind a save, to find that its session had ended", {
  timeout: 3000,
}, async () => {
  let now = 1_800_000_000_000;
  const store = { ...memoryStore({ now: () => now }), update: async () => null };
  const inLine = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const wait = () => {
    inLine.resolve();
    return released.promise;
  };
  const sessions = new Sessions<{ n: number }>({ store, now: () => now, wait });
  const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
  const saving = request(sessions, cookie, ({ data }) => Object.assign(data, { n: 2 }));
  await inLine.promise;
  now += 120_000;
  store.touch = async () => false;
  expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(1);
  released.resolve();
  expect((await saving).error).toMatchObject({ code: "ERR_SESSION_CONFLICT" });
});
