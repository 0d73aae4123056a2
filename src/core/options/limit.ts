/** The option `limit`: how many sessions a subject may have at the same time. */

import { wrongArgument } from "../contracts/errors.ts";
import type { Format } from "../contracts/format.ts";
import { checkKnown } from "../contracts/known.ts";
import type { Store } from "../contracts/store.ts";
import { type CookieStore, isCookieStore } from "../record/cookie-store.ts";
import { oneOf } from "./checks.ts";

/** How many sessions a subject may have at the same time, and what happens to one more. */
export interface SessionLimit {
  /** How many sessions a subject may have, from 1 to 1000. */
  readonly perSubject: number;
  /**
   * `"end-oldest"` (default): a login beyond the limit ends the session that logged in first. `"refuse"`: the save of
   * such a login throws `ERR_SESSION_LIMIT` (status 409), and every other session stays.
   */
  readonly excess?: "end-oldest" | "refuse" | undefined;
}

/** Checks the option. A store that cannot find every session of a subject, or cannot compare and swap, cannot limit them. */
export function checkLimit(
  limit: SessionLimit | undefined,
  store: Store | CookieStore,
  format: Format,
): Required<SessionLimit> | undefined {
  if (limit === undefined) return undefined;
  if (typeof limit !== "object" || limit === null)
    throw wrongArgument("limit", "{ perSubject: 5 }, for example", limit);
  checkKnown("limit", limit, ["perSubject", "excess"]);
  const { perSubject } = limit;
  if (!Number.isSafeInteger(perSubject) || perSubject < 1 || perSubject > 1000)
    throw wrongArgument("limit.perSubject", "a whole number from 1 to 1000", perSubject);
  if (isCookieStore(store) || !store.capabilities.bySubject || store.capabilities.compareAndSwap === "none") {
    throw new TypeError(
      `limit cannot be kept with the ${store.name} store, which cannot find the sessions of a subject; use one that can, such as redis or sql`,
    );
  }
  if (format.foreign)
    throw new TypeError(
      `limit cannot be kept with format ${format.name}, which keeps no note of when a session logged in`,
    );
  return { perSubject, excess: oneOf<"end-oldest" | "refuse">("limit.excess", limit.excess, ["end-oldest", "refuse"]) };
}
