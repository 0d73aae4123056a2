/** The store of an application that configured none, where there are files. The twin of `default.ts`. */

import type { Store } from "../core/contracts/store.ts";
import { Place } from "./file/place.ts";
import { filesIn } from "./file/store.ts";

/** Files in `.sessions` of the working directory. */
export function defaultStore({ now = Date.now }: { now?: (() => number) | undefined }): Store {
  return filesIn(new Place(".sessions", true), false, now);
}

/** What to say about it, once. */
export const defaultStoreWarning =
  'no store was given, so sessions are kept in ".sessions" on this machine; for several machines pass one, such as redisStore({ client })';
