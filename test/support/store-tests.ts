/** Runs the store suite under vitest: one test per case, skipped ones with their reason. */

import { describe, test } from "vitest";
import {
  type ConformanceCase,
  type ProcessHarness,
  processConformance,
  type StoreHarness,
  storeConformance,
} from "../../src/testing/index.ts";

/** Registers every case of the store suite for one store. */
export function describeStore(harness: StoreHarness): void {
  describeCases(harness.name, storeConformance(harness));
}

/** What a client can get wrong by itself: shapes of answers, types of values, errors, pages. */
const clientGroups = "read create update touch delete rename version payload list listBySubject prune".split(" ");

/**
 * Registers the cases that another client can get wrong where the whole suite runs through one. Keys, expiry, races and
 * limits are the server's and the store's: they are the same through every client.
 */
export function describeClient(harness: StoreHarness): void {
  const cases = storeConformance(harness).filter((one) => clientGroups.includes(one.group));
  describeCases(harness.name, cases);
}

/** Registers the cases of a suite, group by group. */
export function describeCases(title: string, cases: readonly ConformanceCase[]): void {
  describe(title, () => {
    for (const group of new Set(cases.map((one) => one.group))) {
      describe(group, () => {
        for (const { name, skip, run } of cases.filter((one) => one.group === group)) {
          test(name, async (context) => {
            if (skip !== undefined) context.skip(skip);
            await run();
          });
        }
      });
    }
  });
}

/** Registers the cases of the process suite. The workers run the TypeScript sources. */
export function describeProcesses(harness: ProcessHarness): void {
  const execArgv = ["--conditions=sojourn-source", ...(harness.execArgv ?? [])];
  describeCases(`${harness.name}, from two processes`, processConformance({ ...harness, execArgv }));
}
