/** The null store: no sessions at all. Reading gives an empty session, saving one is an error that says so. */

import { SessionError, wrongArgument } from "../core/contracts/errors.ts";
import type { Store, StoreCapabilities } from "../core/contracts/store.ts";

const capabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: false,
  bySubject: false,
  shared: true,
  maxPayloadBytes: undefined,
};

/**
 * Keeps nothing. Use it for a part of an application, a tool or a test that must not have sessions. Every request has an
 * empty session, also if it has a cookie, and no cookie is sent. A request that would have to save a session fails with
 * `ERR_SESSION_READ_ONLY`, and the message names the option to change.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { nullStore } from "sojourn/stores/null";
 *
 * const sessions = createSessions({ store: nullStore() });
 * ```
 */
export function nullStore(...options: readonly never[]): Store {
  if (options.length > 0) throw wrongArgument("the argument of nullStore()", "left out: it has no options", options[0]);
  const refuse = async (): Promise<never> => {
    const message =
      "a session was begun, and the store is nullStore(), which keeps none; give createSessions another store, " +
      "such as store: memoryStore() or store: redisStore({ client })";
    throw new SessionError("ERR_SESSION_READ_ONLY", message);
  };
  return {
    name: "null",
    space: "own",
    capabilities,
    read: async () => null,
    create: refuse,
    // There is no record to update, touch, rename or delete.
    update: async () => null,
    touch: async () => false,
    rename: async () => null,
    delete: async () => {},
  };
}
