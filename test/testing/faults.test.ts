/** Faulty, counted and delayed stores do what they are told, and nothing else. */

import { describe, expect, test } from "vitest";
import type { StoreRecord } from "../../src/core/contracts/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { countedStore, delayedStore, type Fault, faultyStore, type StoreCall } from "../../src/testing/index.ts";
import { describeStore } from "../support/store-tests.ts";

const record = (payload: string): StoreRecord => ({ payload, expiresAt: Date.now() + 3_600_000, subject: "ada" });

/** "answered" or "silent": whether a promise settles although nothing more happens. */
const settled = (promise: Promise<unknown>): Promise<string> =>
  Promise.race([
    promise.then(
      () => "answered",
      () => "rejected",
    ),
    new Promise<string>((resolve) => setImmediate(resolve, "silent")),
  ]);

describeStore({
  name: "a faulty, counted, delayed store to which nothing happens",
  sample: memoryStore(),
  open: ({ now }) => faultyStore(countedStore(delayedStore(memoryStore({ now }), async () => {})), () => "pass"),
});

describe("faultyStore", () => {
  test.for([
    ["throw-before", "rejected", null],
    ["throw-after", "rejected", "new"],
    ["hang-before", "silent", null],
    ["hang-after", "silent", "new"],
    ["pass", "answered", "new"],
  ] as const)("%s: the create is %s and the record is %s", async ([fault, outcome, payload]) => {
    const inner = memoryStore();
    const store = faultyStore(inner, () => fault);
    expect(await settled(store.create("k", record("new")))).toBe(outcome);
    expect((await inner.read("k"))?.payload ?? null).toBe(payload);
  });

  test("late: the effect is immediate, the answer comes when it is released", async () => {
    let letGo: (() => void) | undefined;
    const late = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const inner = memoryStore();
    const answer = faultyStore(inner, () => ({ late })).create("k", record("new"));
    expect(await settled(answer)).toBe("silent");
    expect((await inner.read("k"))?.payload).toBe("new");
    letGo?.();
    expect(await answer).not.toBeNull();
  });

  test("calls the plan once per call, with method, arguments and number", async () => {
    const seen: StoreCall[] = [];
    const store = faultyStore(memoryStore(), (call) => {
      seen.push(call);
      return call.method === "touch" ? "throw-before" : "pass";
    });
    await store.create("k", record("new"));
    await expect(store.touch("k", 5, "ada")).rejects.toMatchObject({ code: "ECONNRESET" });
    for await (const row of store.listBySubject!("ada")) expect(row.key).toBe("k");
    expect(seen.map(({ method, index }) => [method, index])).toEqual([
      ["create", 0],
      ["touch", 1],
      ["listBySubject", 2],
    ]);
    expect(seen[1]?.args).toEqual(["k", 5, "ada"]);
  });

  test("breaks a listing before its first row", async () => {
    const faults: Fault[] = ["throw-before"];
    const store = faultyStore(memoryStore(), () => faults.shift() ?? "pass");
    const rows = store.list!()[Symbol.asyncIterator]();
    await expect(rows.next()).rejects.toThrow("the connection broke during list");
  });

  test("has the optional methods its store has, and no others", () => {
    const { list: _, prune: __, ...few } = memoryStore();
    const store = faultyStore(few, () => "pass");
    expect([store.list, store.prune, typeof store.listBySubject]).toEqual([undefined, undefined, "function"]);
  });

  test("contains no keys and payloads in its errors", async () => {
    const store = faultyStore(memoryStore(), () => "throw-after");
    const error = await store.create("secret-key", record("secret-payload")).catch((reason: Error) => reason);
    expect(JSON.stringify([String(error), error])).not.toContain("secret");
  });
});

describe("countedStore", () => {
  test("counts by method and in total, and can be reset", async () => {
    const store = countedStore(memoryStore());
    expect(store.total).toBe(0);
    await Promise.all([store.read("a"), store.read("b"), store.delete("a")]);
    for await (const _ of store.list!()) expect.unreachable();
    expect(store.calls).toEqual({ read: 2, delete: 1, list: 1 });
    expect(store.total).toBe(4);
    store.reset();
    expect([store.calls, store.total]).toEqual([{}, 0]);
  });
});

describe("delayedStore", () => {
  test("makes each call when its wait ends, so a test decides the order", async () => {
    const waiting: (() => void)[] = [];
    const store = delayedStore(memoryStore(), () => new Promise<void>((resolve) => waiting.push(resolve)));
    const [first, second] = [store.create("k", record("first")), store.create("k", record("second"))];
    waiting[1]?.();
    expect(await second).not.toBeNull();
    waiting[0]?.();
    expect(await first).toBeNull();
  });

  test("rejects when its wait rejects, and does not make the call", async () => {
    const inner = memoryStore();
    const store = delayedStore(inner, () => Promise.reject(new Error("aborted")));
    await expect(store.create("k", record("new"))).rejects.toThrow("aborted");
    expect(await inner.read("k")).toBeNull();
  });
});
