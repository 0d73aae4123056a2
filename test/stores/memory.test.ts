/** The memory store passes the store suite, and what only it has. */

import { describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { type MemoryStoreOptions, memoryStore } from "../../src/stores/memory.ts";
import { reportBackend } from "../support/report.ts";
import { describeStore } from "../support/store-tests.ts";

reportBackend({ backend: "memory", server: "none (in this process)" });
describeStore({ name: "memory", sample: memoryStore(), open: ({ now }) => memoryStore({ now }) });

let time = 1_000_000;
const now = (): number => time;
const lasting = (milliseconds: number, subject?: string): StoreRecord => ({
  payload: "x",
  expiresAt: time + milliseconds,
  subject,
});

async function fill(store: Store, count: number, milliseconds: number): Promise<void> {
  for (let index = 0; index < count; index++) await store.create(`k${index}`, lasting(milliseconds));
}

describe("a full memory store", () => {
  test("refuses a new session with what to do, and keeps every live one", async () => {
    const store = memoryStore({ maxRecords: 3, now });
    await fill(store, 3, 1000);
    await expect(store.create("another", lasting(1000))).rejects.toMatchObject({
      code: "ERR_SESSION_STORE_FULL",
      status: 503,
      message: expect.stringMatching(/holds 3 live sessions.*maxRecords.*idleTimeout/),
    });
    for (const key of ["k0", "k1", "k2"]) expect(await store.read(key)).not.toBeNull();
    expect(await store.read("another")).toBeNull();
  });

  test("still updates, touches, renames, returns null for a taken key, and has room after a delete", async () => {
    const store = memoryStore({ maxRecords: 2, now });
    await fill(store, 2, 1000);
    const version = (await store.read("k0"))!.version;
    const updated = await store.update("k0", lasting(1000), version);
    expect(await store.rename("k0", "moved", lasting(1000), updated!)).not.toBeNull();
    expect(await store.touch("k1", time + 2000)).toBe(true);
    expect(await store.create("k1", lasting(1000))).toBeNull();
    await store.delete("k1");
    expect(await store.create("another", lasting(1000))).not.toBeNull();
  });

  test("makes room by dropping expired records as soon as they expired", async () => {
    const store = memoryStore({ maxRecords: 3, now });
    await store.create("short", lasting(10));
    await store.create("touched", lasting(10));
    await store.create("long", lasting(1000));
    await store.touch("touched", time + 1000);
    time += 9;
    await expect(store.create("another", lasting(1000))).rejects.toThrow("3 live sessions");
    time += 1;
    expect(await store.create("another", lasting(1000))).not.toBeNull();
    expect(await store.read("touched")).not.toBeNull();
    await expect(store.create("one too many", lasting(1000))).rejects.toThrow("3 live sessions");
    time += 990;
    expect(await store.create("one too many", lasting(1000))).not.toBeNull();
  });
});

describe("freed memory", () => {
  test("an expired record is dropped when it is found", async () => {
    const store = memoryStore({ now });
    await fill(store, 5, 10);
    time += 10;
    await store.read("k0");
    await store.touch("k1", time + 1000);
    await store.update("k2", lasting(1000), 3);
    expect(await store.prune?.()).toEqual({ removed: 2, cursor: undefined });
  });

  test("prune examines at most ten records for each it may remove, and continues where it stopped", async () => {
    const store = memoryStore({ now });
    for (let index = 0; index < 25; index++) await store.create(`live${index}`, lasting(1000));
    await store.create("ended", lasting(10));
    time += 10;
    const first = await store.prune?.({ limit: 1 });
    expect(first).toEqual({ removed: 0, cursor: expect.any(String) });
    const second = await store.prune?.({ limit: 1, cursor: first!.cursor });
    expect(second).toEqual({ removed: 0, cursor: expect.any(String) });
    expect(await store.prune?.({ limit: 1, cursor: second!.cursor })).toMatchObject({ removed: 1 });
  });

  test("a walk of prune ends although records are written all the time", async () => {
    const store = memoryStore({ now });
    await fill(store, 30, 1000);
    let cursor: string | undefined;
    for (let calls = 0; calls < 20; calls++) {
      const result = await store.prune!({ limit: 1, ...(cursor !== undefined && { cursor }) });
      cursor = result.cursor;
      if (cursor === undefined) break;
      for (let index = 0; index < 30; index++) {
        await store.update(`k${index}`, lasting(1000), (await store.read(`k${index}`))!.version);
      }
    }
    expect(cursor).toBeUndefined();
  });
});

describe("memoryStore options", () => {
  test.for([
    [{ maxRecords: 0 }, "maxRecords must be a whole number of at least 1; received 0"],
    [{ maxRecords: 1.5 }, "maxRecords must be a whole number of at least 1; received 1.5"],
    [{ maxRecords: "10" }, "maxRecords must be a whole number of at least 1; received a string of 2 characters"],
    [{ now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ] as const)("%o is a TypeError that names the option", ([options, message]) => {
    expect(() => memoryStore(options as MemoryStoreOptions)).toThrow(new TypeError(message));
  });

  test("undefined is the default", () => {
    expect(() => memoryStore({ maxRecords: undefined, now: undefined })).not.toThrow();
  });
});
