/** The framework suite: what an adapter promises, as cases over real connections, for any framework and test runner. */

import { accessCases } from "./framework/access.ts";
import { bodyCases } from "./framework/bodies.ts";
import { deviceBoundCases } from "./framework/device-bound.ts";
import { handlerFailureCases } from "./framework/failing-handlers.ts";
import { storeFailureCases } from "./framework/failing-stores.ts";
import { headCases } from "./framework/heads.ts";
import { mountingCases } from "./framework/mounting.ts";
import { peopleCases } from "./framework/people.ts";
import { raceCases } from "./framework/races.ts";
import { requestCases } from "./framework/requests.ts";
import { type FrameworkHarness, FrameworkTrial } from "./framework/trial.ts";
import type { ConformanceCase } from "./store/trial.ts";

export type { FrameworkHarness, Reply, RunningApp, TrialApp, TrialFeature } from "./framework/trial.ts";

/**
 * Every case an adapter has to pass, for any test runner. Each case starts its own application on a free port, talks to
 * it as a browser does, and stops it. If a case needs something that the framework does not have, its `skip` has the
 * reason.
 *
 * @param harness How to start the framework's own server. The suite proves nothing about a simulated one.
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { frameworkConformance, type FrameworkHarness } from "sojourn/testing";
 *
 * declare const harness: FrameworkHarness;
 *
 * for (const { group, name, skip, run } of frameworkConformance(harness)) {
 *   test(`${group}: ${name}`, { skip: skip ?? false }, run);
 * }
 * ```
 */
export function frameworkConformance(harness: FrameworkHarness): ConformanceCase[] {
  const cases = [
    requestCases,
    headCases,
    storeFailureCases,
    handlerFailureCases,
    raceCases,
    bodyCases,
    mountingCases,
    accessCases,
    deviceBoundCases,
    peopleCases,
  ].flat();
  return cases.map(({ name, group, needs, run }) => ({
    name,
    group,
    skip: [needs ?? []]
      .flat()
      .map((need) => harness.lacks?.[need])
      .find((reason) => reason),
    async run() {
      const trial = new FrameworkTrial(harness);
      try {
        await run(trial);
      } finally {
        await trial.stop();
      }
    },
  }));
}
