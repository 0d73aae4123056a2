/** A real store that writes down which of its methods were called, in order. */

import type { Store } from "../../../src/core/contracts/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

/** The memory store, or another, and the names of the calls made to it so far. */
export function countedStore(store: Store = memoryStore()): { store: Store; calls: string[] } {
  const calls: string[] = [];
  const counted = Object.fromEntries(
    Object.entries(store).map(([name, member]) => {
      if (typeof member !== "function") return [name, member];
      const call = (...values: unknown[]): unknown => {
        calls.push(name);
        return member.apply(store, values);
      };
      return [name, call];
    }),
  );
  return { store: counted as unknown as Store, calls };
}
