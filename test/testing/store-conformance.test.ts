/** The store suite notices broken stores, and nothing in stores that are whole. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { type Break, broken, type Mutant, mutants, rewrite } from "../support/broken-stores.ts";

/** Every failing case, as "group: name", with its message. */
async function failures(harness: StoreHarness): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (const { group, name, skip, run } of storeConformance(harness)) {
    if (skip !== undefined) continue;
    await run().catch((error: Error) => failed.set(`${group}: ${name}`, error.message));
  }
  return failed;
}

describe("the store suite", () => {
  const failed = new Map<Mutant, Map<string, string>>();
  beforeAll(async () => {
    for (const mutant of mutants) failed.set(mutant, await failures(broken(mutant.breaks, mutant.claims)));
  });

  test("accepts the store that the broken ones are made from", async () => {
    expect(await failures(broken(() => ({})))).toEqual(new Map());
  });

  test.for(mutants)("notices a store that $does", (mutant) => {
    expect([...failed.get(mutant)!.keys()]).toContainEqual(expect.stringContaining(mutant.caughtBy));
  });

  test("has no case that every broken store passes", () => {
    const proven = new Set([...failed.values()].flatMap((each) => [...each.keys()]));
    const applying = storeConformance(broken(() => ({}))).filter((one) => one.skip === undefined);
    expect(applying.length).toBeGreaterThan(130);
    expect(applying.map(({ group, name }) => `${group}: ${name}`).filter((title) => !proven.has(title))).toEqual([]);
  });

  test("accepts a store that keeps whole seconds", async () => {
    const up = (expiresAt: number): number => Math.ceil(expiresAt / 1000) * 1000;
    const inSeconds: Break = (store) => ({
      ...rewrite(store, (record) => ({ ...record, expiresAt: up(record.expiresAt) })),
      touch: (key, expiresAt) => store.touch(key, up(expiresAt)),
    });
    expect(await failures(broken(inSeconds, { expiryGranularity: 1000 }))).toEqual(new Map());
  });

  describe("for a store with its own clock", () => {
    const clock = { clock: "server" } as const;
    const atOnce = async (harness: StoreHarness): Promise<string[]> => {
      const cases = storeConformance(harness).filter((one) => one.skip === undefined);
      const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
      return cases.filter((_, at) => outcomes[at]?.status === "rejected").map(({ name }) => name);
    };

    test("accepts a correct store, and waits once for all cases about expiry", async () => {
      const start = performance.now();
      expect(await failures(broken(() => ({}), clock))).toEqual(new Map());
      expect(performance.now() - start).toBeLessThan(10_000); // Each on its own they wait 1.7 seconds, 17 times.
    });

    test("notices records that end early, late, or never", async () => {
      const lasting =
        (factor: number): Break =>
        (store) =>
          rewrite(store, (record) => ({
            ...record,
            expiresAt: Date.now() + (record.expiresAt - Date.now()) * factor,
          }));
      const [early, late, never] = await Promise.all(
        [0.8, 3, 1e6].map((factor) => atOnce(broken(lasting(factor), clock))),
      );
      expect(early).toContain("the server removes a record at its expiry: not before, and soon after");
      expect(late).toContain("the server removes a record at its expiry: not before, and soon after");
      expect(never).toContain("an expired record is not read");
    });
  });

  test("skips what a store does not claim, and says why", () => {
    const { capabilities: _, ...methods } = memoryStore();
    const least: Store = {
      ...methods,
      capabilities: { ...memoryStore().capabilities, compareAndSwap: "none", list: false, bySubject: false },
    };
    for (const name of ["list", "listBySubject", "prune"] as const) delete least[name];
    const reasons = new Map<string, number>();
    for (const { skip } of storeConformance({ name: "least", sample: least, open: () => least })) {
      if (skip !== undefined) reasons.set(skip, (reasons.get(skip) ?? 0) + 1);
    }
    expect([...reasons.keys()].sort()).toEqual([
      "every millisecond is a step",
      "one process only: there is no second handle",
      "payloads have no limit",
      "the backend has no compare-and-swap",
      "the clock is ours, and was moved",
      "the store cannot list",
      "the store cannot list by subject",
      "the store does not look at its backend",
      "the store has no prune()",
      "the store has no setup()",
    ]);
  });

  test("shows what it expected and what it got", async () => {
    const silent = await failures(broken(() => ({ async delete() {} })));
    expect(silent.get("delete: removes the record, whatever its version")).toBe(
      "after delete: read answered a record, expected null",
    );
  });
});
