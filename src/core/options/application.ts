/** Which application sessions belong to: its name, and whether it needs one. */

import { wrongArgument } from "../contracts/errors.ts";
import type { Store } from "../contracts/store.ts";
import { type CookieStore, isCookieStore, storeBehind } from "../record/cookie-store.ts";

/** Throws a `TypeError` when it is not a name for an application. */
export function checkName(name: unknown): void {
  if (typeof name === "string" && /^[A-Za-z0-9_-]{1,40}$/.test(name)) return;
  throw wrongArgument("name", 'what the application is called, 1 to 40 letters, digits, "-" and "_"', name);
}

/**
 * Throws a `TypeError` where other applications may keep their sessions too: those that do not say which they are would
 * accept each other's.
 */
export function checkSpace(given: Store | CookieStore): void {
  const store = storeBehind(given);
  if (!store || store.space === "own" || (store.space === undefined && !store.capabilities.shared)) return;
  const call = isCookieStore(given) ? `cookieStore({ revocations: ${store.name}Store(…) })` : `${store.name}Store(…)`;
  throw new TypeError(
    `createSessions needs a name: other applications may keep sessions in the same place of the ${store.name} store, and ` +
      `would accept each other's. Write createSessions({ name: "shop", store: ${call} }) with this application's own ` +
      'name; it names the cookie ("__Host-shop") and begins every key ("shop:"). A prefix, table or the like of the ' +
      "store's own will do, too",
  );
}
