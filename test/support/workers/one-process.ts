/** A store that has no compare-and-swap, as it is within one process. */

import type { Store } from "../../../src/core/contracts/store.ts";

/** Within one process its changes take turns: there it has to pass the races of a store that compares and swaps. */
export function withinOneProcess(store: Store): Store {
  return { ...store, capabilities: { ...store.capabilities, compareAndSwap: "atomic", shared: false } };
}
