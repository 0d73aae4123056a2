/** `sojourn/testing`: what a store is checked with, and how a test logs a user in. Needs no test runner. */

export type { Explored, ExploreOptions, Gate, World } from "./explore.ts";
export { explore, twoStepStore } from "./explore.ts";
export type { CountedStore, Fault, StoreCall, StoreMethod } from "./faults.ts";
export { countedStore, delayedStore, faultyStore } from "./faults.ts";
export type { FrameworkHarness, Reply, RunningApp, TrialApp, TrialFeature } from "./framework-conformance.ts";
export { frameworkConformance } from "./framework-conformance.ts";
export type { LoggedInOptions } from "./logged-in.ts";
export { loggedIn } from "./logged-in.ts";
export type { ConformanceCase, OpenOptions, StoreHarness } from "./store-conformance.ts";
export { storeConformance } from "./store-conformance.ts";
export type { ProcessHarness, ProcessModule } from "./store-processes.ts";
export { processConformance } from "./store-processes.ts";
