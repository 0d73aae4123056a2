/** `sojourn/testing`: what a store and its tests are checked with. Needs no test runner. */

export type { ConformanceCase, OpenOptions, StoreHarness } from "./store-conformance.ts";
export { storeConformance } from "./store-conformance.ts";
