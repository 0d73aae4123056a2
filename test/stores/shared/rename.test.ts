/** `renameByCopy` passes the store suite, and leaves what it says when it breaks off in the middle. */

import { describe, expect, test } from "vitest";
import type { Store, StoreRecord, Version } from "../../../src/core/contracts/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { renameByCopy } from "../../../src/stores/shared/rename.ts";
import { type Fault, faultyStore } from "../../../src/testing/index.ts";
import { describeStore } from "../../support/store-tests.ts";

const record = (payload: string): StoreRecord => ({ payload, expiresAt: Date.now() + 3_600_000, subject: "ada" });

/** A store that renames by copy, each step of which takes a turn of the event loop. */
function copying(store: Store): Store {
  const turn = <Answer>(step: () => Promise<Answer>): Promise<Answer> =>
    new Promise((resolve) => setImmediate(() => resolve(step())));
  const steps = {
    create: (key: string, record: StoreRecord) => turn(() => store.create(key, record)),
    delete: (key: string, subject?: string) => turn(() => store.delete(key, subject)),
    deleteIf: (key: string, version: Version) =>
      turn(async () => (await store.update(key, { payload: "", expiresAt: 0 }, version)) !== null),
  };
  return {
    ...store,
    capabilities: { ...store.capabilities, atomicRename: false },
    rename: (from, to, next, version) => renameByCopy(steps, from, to, next, version),
  };
}

describeStore({
  name: "a store that renames by copy",
  sample: copying(memoryStore()),
  open: ({ now }) => copying(memoryStore({ now })),
});

describe("renameByCopy, interrupted", () => {
  /** Renames over a store whose nth call goes wrong; says what each key holds afterwards. */
  async function broken(
    nth: number,
    fault: Fault,
    stale = false,
  ): Promise<[outcome: unknown, from: unknown, to: unknown]> {
    const inner = memoryStore();
    const version = await inner.create("from", record("session"));
    if (stale) await inner.update("from", record("session, changed"), version!);
    const store = copying(faultyStore(inner, ({ index }) => (index === nth ? fault : "pass")));
    const outcome = await store.rename("from", "to", record("renamed"), version!).then(
      (answer) => (answer === null ? null : "renamed"),
      () => "rejected",
    );
    return [outcome, (await inner.read("from"))?.payload, (await inner.read("to"))?.payload];
  }

  test("before the copy exists: the session is unchanged", async () => {
    expect(await broken(0, "throw-before")).toEqual(["rejected", "session", undefined]);
  });

  test("between the copy and the removal of the old: the session is unchanged, beside a copy whose id was never sent", async () => {
    expect(await broken(0, "throw-after")).toEqual(["rejected", "session", "renamed"]);
    expect(await broken(1, "throw-before")).toEqual(["rejected", "session", "renamed"]);
  });

  test("after the removal of the old, with a lost answer: the session is under its new key", async () => {
    expect(await broken(1, "throw-after")).toEqual(["rejected", undefined, "renamed"]);
  });

  test("while a refused copy is removed: the session is as others left it, beside a copy", async () => {
    expect(await broken(2, "throw-before", true)).toEqual(["rejected", "session, changed", "renamed"]);
    expect(await broken(2, "throw-after", true)).toEqual(["rejected", "session, changed", undefined]);
    expect(await broken(9, "throw-after", true)).toEqual([null, "session, changed", undefined]);
  });
});
