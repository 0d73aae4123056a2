/** Turns on one key: one after the other, keys apart do not wait, and nobody waits for ever. */

import { afterEach, expect, test, vi } from "vitest";
import { Queue, queueOf } from "../../../src/stores/shared/queue.ts";

afterEach(() => vi.useRealTimers());
const tick = () => new Promise((resolve) => setImmediate(resolve));

test("tasks on one key run one after the other, in the order they came, a failed one among them", async () => {
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

test("a call that never answers holds up its key for five seconds, not for ever", async () => {
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

test("stores over one client share its queue", () => {
  const client = {};
  expect(queueOf(client)).toBe(queueOf(client));
  expect(queueOf(client)).not.toBe(queueOf({}));
});
