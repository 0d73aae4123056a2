/** Turns on one key: one after the other, keys apart do not wait, and nobody waits for ever. */

import { afterEach, expect, test, vi } from "vitest";
import { callWithin } from "../../../src/core/contracts/call-limit.ts";
import { Queue, queueOf } from "../../../src/stores/shared/queue.ts";

afterEach(() => vi.useRealTimers());
const tick = () => new Promise((resolve) => setImmediate(resolve));

test("tasks on one key run one after the other in order of arrival, a failed one among them", async () => {
  const queue = new Queue();
  const seen: string[] = [];
  const task = (name: string) => async () => {
    seen.push(`${name} begins`);
    await tick();
    seen.push(`${name} ends`);
    if (name === "b") throw new Error(name);
  };
  const all = await Promise.allSettled(["a", "b", "c"].map((name) => queue.run(["k"], task(name))));
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("a task on two keys waits for both, in whichever order two such tasks name them", async () => {
  const queue = new Queue();
  const seen: string[] = [];
  const task = (name: string) => async () => {
    await tick();
    seen.push(name);
  };
  await Promise.all([
    queue.run(["a"], task("on a")),
    queue.run(["b"], task("on b")),
    queue.run(["a", "b"], task("on a and b")),
    queue.run(["b", "a"], task("on b and a")),
    queue.run(["c"], task("on c")),
  ]);
  expect(seen).toEqual(["on a", "on b", "on c", "on a and b", "on b and a"]);
});

test("a call that never answers blocks its key for five seconds, not forever", async () => {
  vi.useFakeTimers();
  const queue = new Queue();
  void queue.run(["k"], () => new Promise(() => {}));
  let ran = false;
  const next = queue.run(["k"], async () => {
    ran = true;
  });
  await vi.advanceTimersByTimeAsync(4999);
  expect(ran).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await next;
  expect(ran).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("a task given up in the queue is dropped, and one given up while it runs blocks others for half its limit more", async () => {
  vi.useFakeTimers();
  const queue = new Queue();
  const seen: string[] = [];
  const run = (name: string, limit: number, task = async () => {}) =>
    callWithin(limit, () =>
      queue.run(["k"], async (isWanted) => {
        seen.push(`${name} at ${performance.now() - began}, ${isWanted() ? "wanted" : "given up"}`);
        await task();
      }),
    );
  const began = performance.now();
  void run("never", 2000, () => new Promise(() => {}));
  const dropped = run("dropped", 1000).catch((error: Error) => error.message);
  const [a, b] = [run("a", 4000), run("b", 4000)];
  await vi.advanceTimersByTimeAsync(1000);
  expect(await dropped).toMatch(/until its request had ended/);
  await vi.advanceTimersByTimeAsync(2000);
  await Promise.all([a, b]);
  expect(seen).toEqual(["never at 0, wanted", "a at 3000, wanted", "b at 3000, wanted"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a queued task that silently ended, as a Worker's request may, blocks no other after its limit", async () => {
  vi.useFakeTimers();
  const queue = new Queue();
  void queue.run(["k"], () => new Promise(() => {}), 2000);
  // Its timers are gone with its request: it never gets its turn, and never leaves.
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (() => 0) as never;
  void queue.run(["k"], async () => {}, 2000);
  globalThis.setTimeout = setTimeout;
  await vi.advanceTimersByTimeAsync(3000);
  let ran = false;
  await queue.run(
    ["k"],
    async () => {
      ran = true;
    },
    2000,
  );
  expect(ran).toBe(true);
});

test("stores over one client share its queue", () => {
  const client = {};
  expect(queueOf(client)).toBe(queueOf(client));
  expect(queueOf(client)).not.toBe(queueOf({}));
});
