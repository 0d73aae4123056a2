/** Turns: who waits for whom, for how long, and who does not wait at all. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Sessions } from "../../../src/core/request/sessions.ts";
import { type Turn, Turns, unknownTurn } from "../../../src/core/save/turns.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { request } from "../../support/requests.ts";

describe("a turn", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function line() {
    const turns = new Turns();
    const order: string[] = [];
    const got = new Map<string, Turn>();
    const wait = (name: string, together = false, longest = 1000): void => {
      void turns.wait("a", together, longest).ended.then((outcome) => {
        order.push(name);
        if ("turn" in outcome) got.set(name, outcome.turn);
      });
    };
    const settled = () => vi.advanceTimersByTimeAsync(0);
    return { turns, order, got, wait, settled };
  }

  test("starts at once on a record that is not being saved, and an empty queue is removed", () => {
    const { turns } = line();
    expect([turns.take("a"), turns.take("a"), turns.take("b")]).toEqual([true, false, true]);
    turns.pass("a");
    expect([turns.take("a"), turns.take("b")]).toEqual([true, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("comes in the order of arrival", async () => {
    const { turns, order, wait, settled } = line();
    turns.take("a");
    for (const name of ["first", "second", "third"]) wait(name);
    await settled();
    expect(order).toEqual([]);
    for (let passed = 1; passed <= 3; passed++) {
      turns.pass("a");
      await settled();
      expect(order).toEqual(["first", "second", "third"].slice(0, passed));
    }
    turns.pass("a");
    expect([turns.take("a"), vi.getTimerCount()]).toEqual([true, 0]);
  });

  test("goes first to those that can be written together; the last one writes, and the others wait", async () => {
    const { turns, order, got, wait, settled } = line();
    turns.take("a");
    wait("one", true);
    wait("two", true);
    wait("a logout");
    turns.pass("a");
    await settled();
    const outcomes: unknown[] = [];
    for (const name of ["one", "two"]) {
      const turn = got.get(name) as Turn;
      void turns.join("a", turn, 1000).ended.then((outcome) => outcomes.push([name, outcome]));
      turns.pass("a", turn);
      await settled();
    }
    expect(order).toEqual(["one", "two"]);
    expect(outcomes).toEqual([
      ["two", { turn: expect.objectContaining({ members: [expect.anything()] }), writes: true }],
    ]);
  });

  test("starts after the longest wait even if the one before does not finish, and not earlier", async () => {
    const { turns, order, wait, settled } = line();
    turns.take("a");
    wait("patient");
    await vi.advanceTimersByTimeAsync(999);
    expect(order).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(order).toEqual(["patient"]);
    turns.pass("a");
    await settled();
    expect(turns.take("a")).toBe(true);
  });

  test("is refused to a request that waited too long for the write of its changes", async () => {
    const { turns, settled } = line();
    turns.take("a");
    const turn = unknownTurn(null);
    const [patient, hurried] = [turns.join("a", turn, 1000), turns.join("a", turn, 10)];
    const failed = expect(hurried.ended).rejects.toMatchObject({ code: "ERR_SESSION_CONFLICT" });
    await vi.advanceTimersByTimeAsync(10);
    await failed;
    turns.pass("a", turn);
    expect(await patient.ended).toMatchObject({ writes: true });
    await settled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("is not needed by a request that only read: it does not wait for a save", {
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
