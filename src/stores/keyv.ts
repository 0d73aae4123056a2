/** Sessions in any backend of Keyv, through the instance you already have. */

import { isError, wrongArgument } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";
import { checkOptions } from "./shared/options.ts";
import { type PlainBackend, plainStore } from "./shared/plain.ts";
import { queueOf } from "./shared/queue.ts";

/** A Keyv instance, as far as it is used here. Fits Keyv 5 and 6. */
export interface KeyvClient {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  on(event: "error", listener: (error: unknown) => void): unknown;
  iterator?: ((...values: never[]) => AsyncIterable<readonly unknown[]>) | undefined;
  readonly throwOnErrors?: boolean | undefined;
  readonly store?: unknown;
}

/** The options of {@link keyvStore}. */
export interface KeyvStoreOptions {
  /** Your instance of Keyv 5, made with `throwOnErrors: true`, or of Keyv 6. The store never closes it. */
  readonly client: KeyvClient;
  /** The prefix of all keys in Keyv: up to 50 printable ASCII characters without spaces. Default `"sojourn:"`. */
  readonly prefix?: string | undefined;
  /**
   * Whether several processes use the backend at once. Default false. It changes nothing but `capabilities.shared`:
   * Keyv has no compare-and-swap, so if two processes change one session at the same instant, one change may be lost.
   */
  readonly shared?: boolean | undefined;
  /** The current time in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions through Keyv. Keyv can only get, set and delete. Within this process nothing is lost, since changes of
 * one session run one after the other. But several processes may undo each other's changes, even a logout. If this
 * library has a store for your backend, use that.
 *
 * Keyv turns some failures into "not found"; the store rejects such a call with the error that Keyv reported.
 *
 * @throws TypeError when `client` is no Keyv instance, or hides its errors, or another option is wrong.
 * @example
 * ```ts
 * import Keyv from "keyv";
 * import { createSessions } from "sojourn";
 * import { keyvStore } from "sojourn/stores/keyv";
 *
 * const sessions = createSessions({ name: "shop", store: keyvStore({ client: new Keyv({ throwOnErrors: true }) }) });
 * ```
 */
export function keyvStore(options: KeyvStoreOptions): Store {
  checkOptions<KeyvStoreOptions>(
    "keyvStore",
    options,
    { client: true, prefix: true, shared: true, now: true },
    "keyvStore({ client: new Keyv({ throwOnErrors: true }) })",
  );
  const { client, prefix = "sojourn:", shared = false, now = Date.now } = options;
  const methods = ["get", "set", "delete", "on"] as const;
  if (typeof client !== "object" || client === null || methods.some((name) => typeof client[name] !== "function")) {
    throw wrongArgument("client", "an instance of Keyv 5 or 6", client);
  }
  if (client.throwOnErrors === false) {
    throw new TypeError("client must be made with throwOnErrors: true; received one that hides when its backend fails");
  }
  if (typeof prefix !== "string" || !/^[!-~]{0,50}$/.test(prefix)) {
    throw wrongArgument("prefix", "at most 50 printable ASCII characters without spaces", prefix);
  }
  if (typeof shared !== "boolean") throw wrongArgument("shared", "true or false", shared);

  const backend: PlainBackend = {
    async get(key) {
      const seen = failuresOf(client);
      const { count } = seen;
      const value = await client.get(key);
      if (value === undefined && seen.count !== count) throw seen.last;
      return value;
    },
    async set(key, text, lifetime) {
      const seen = failuresOf(client);
      const { count } = seen;
      const done = await client.set(key, text, lifetime);
      if (seen.count !== count) throw seen.last;
      if (done === false) throw new Error("Keyv did not store the session");
    },
    async remove(key) {
      const seen = failuresOf(client);
      const { count } = seen;
      await client.delete(key);
      if (seen.count !== count) throw seen.last;
    },
  };
  const listing: PlainBackend = {
    ...backend,
    async *keys() {
      const seen = new Set<string>();
      for (let attempt = 1; ; attempt++) {
        try {
          for await (const [key] of client.iterator?.() ?? []) {
            if (typeof key !== "string" || !key.startsWith(prefix) || seen.has(key)) continue;
            seen.add(key);
            yield key;
          }
          return;
        } catch (error) {
          // Keyv 5 breaks off when a key that it was about to show has gone.
          if (!isError(error, "TypeError") || attempt === 100) throw error;
        }
      }
    },
  };
  failuresOf(client);
  const iterates = typeof client.iterator === "function" && canIterate(client.store);
  return plainStore(iterates ? listing : backend, {
    name: "keyv",
    space:
      options.prefix === undefined && Object.prototype.toString.call(client.store) !== "[object Map]"
        ? "common"
        : "own",
    queue: queueOf(client),
    now,
    shared,
    // A backend that Keyv cannot walk through is one that keeps to the lifetime it is given, such as Memcached.
    nativeExpiry: !iterates,
    place: (key) => prefix + key,
  });
}

/** Keyv 6 has an iterator over any backend, and one that finds nothing where the backend has none; it knows. */
function canIterate(store: unknown): boolean {
  type Adapter = {
    readonly capabilities?: { readonly methods?: { readonly iterator?: { readonly exists?: boolean } } };
  };
  return (store as Adapter | undefined)?.capabilities?.methods?.iterator?.exists !== false;
}

/** The failures an instance has reported: it reports some that it does not throw. */
interface Failures {
  count: number;
  last: unknown;
}

const failures = new WeakMap<KeyvClient, Failures>();

function failuresOf(client: KeyvClient): Failures {
  const known = failures.get(client);
  if (known) return known;
  const fresh: Failures = { count: 0, last: undefined };
  failures.set(client, fresh);
  client.on("error", (error) => {
    fresh.count += 1;
    fresh.last = isError(error) ? error : new Error("Keyv reported an error");
  });
  return fresh;
}
