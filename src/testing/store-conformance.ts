/** The store suite: every sentence of the store contract as a case, for any backend, runner and runtime. */

import type { Store } from "../core/contracts/store.ts";
import { contractCases } from "./store/contract.ts";
import { expiryCases } from "./store/expiry.ts";
import { keyCases } from "./store/keys.ts";
import { limitCases } from "./store/limits.ts";
import { listingCases } from "./store/listing.ts";
import { listingInMotionCases } from "./store/listing-in-motion.ts";
import { pagingCases } from "./store/paging.ts";
import { payloadCases } from "./store/payloads.ts";
import { pruneCases } from "./store/prune.ts";
import { raceCases } from "./store/races.ts";
import { renameCases } from "./store/renames.ts";
import { newSpace } from "./store/space.ts";
import { type ConformanceCase, clockFor, type StoreCase, type StoreHarness, Trial } from "./store/trial.ts";
import { versionCases } from "./store/versions.ts";

export type { ConformanceCase, OpenOptions, StoreHarness } from "./store/trial.ts";

/**
 * Every case a store has to pass, for any test runner. If a case cannot apply to the store, its `skip` has the reason,
 * so that gaps stay visible. Cases are independent: run them one after another or at once.
 *
 * If `capabilities.clock` is `"ours"`, the suite sets the time, and nothing waits. If it is `"server"`, the cases about
 * expiry share one real wait of a few seconds.
 *
 * @param harness How to open the store. Point it at a real server: the suite proves nothing about a mock.
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { memoryStore } from "sojourn/stores/memory";
 * import { storeConformance } from "sojourn/testing";
 *
 * const cases = storeConformance({ name: "memory", sample: memoryStore(), open: ({ now }) => memoryStore({ now }) });
 * for (const { group, name, skip, run } of cases) test(`${group}: ${name}`, { skip: skip ?? false }, run);
 * ```
 */
export function storeConformance(harness: StoreHarness): ConformanceCase[] {
  const cases = [
    contractCases,
    payloadCases,
    keyCases,
    versionCases,
    renameCases,
    expiryCases,
    raceCases,
    listingCases,
    listingInMotionCases,
    pagingCases,
    pruneCases,
    limitCases,
  ].flat();
  const run = runner(harness, cases);
  return cases.map((one) => ({
    name: one.name,
    group: one.group,
    skip: one.skip?.(harness.sample),
    run: () => run(one),
  }));
}

/** Runs a case on a trial of its own. Where real time must pass, all cases that need it start with the first of them. */
function runner(harness: StoreHarness, cases: readonly StoreCase[]): (one: StoreCase) => Promise<void> {
  const { sample } = harness;
  const waits = sample.capabilities.clock === "server" ? cases.filter((one) => one.before && !one.skip?.(sample)) : [];
  const started = new Map<StoreCase, Promise<void>>();
  return (one) => {
    if (!waits.includes(one)) return runCase(harness, one);
    for (const each of started.size === 0 ? waits : []) {
      const outcome = runCase(harness, each);
      outcome.catch(() => {}); // Reported by the runner of that case, if there is one.
      started.set(each, outcome);
    }
    return started.get(one) ?? runCase(harness, one);
  };
}

async function runCase(harness: StoreHarness, one: StoreCase): Promise<void> {
  const clock = clockFor(harness.sample);
  const space = newSpace();
  const stores: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await harness.open({ space, now: clock.now });
    stores.push(store);
    return store;
  };
  try {
    const trial = new Trial(await open(), harness, clock, open);
    if (one.before) {
      await one.before(trial);
      await trial.ended();
    }
    await one.run(trial);
  } finally {
    for (const store of stores) await (harness.close ? harness.close(store) : store.close?.());
  }
}
