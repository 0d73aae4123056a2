/** The store of an application that configured none, where there are no files. The twin of `default.node.ts`. */

import type { Store } from "../core/contracts/store.ts";
import { memoryStore } from "./memory.ts";

/** The memory of this process. */
export function defaultStore(options: { now?: (() => number) | undefined }): Store {
  return memoryStore({ ...(options.now && { now: options.now }) });
}

/** What to say about it, once. */
export const defaultStoreWarning =
  "no store was given, so sessions are kept in the memory of this process and end with it; pass a store";
