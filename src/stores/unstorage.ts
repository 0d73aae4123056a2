/** Sessions in any driver of unstorage, through the storage you already have. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";
import { checkOptions } from "./shared/options.ts";
import { plainStore } from "./shared/plain.ts";
import { queueOf } from "./shared/queue.ts";

/** A `Storage` of unstorage 1, as far as it is used here. */
export interface UnstorageClient {
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: string, options?: { ttl: number }): Promise<void>;
  removeItem(key: string): Promise<void>;
  getKeys(base?: string): Promise<string[]>;
  /** When a driver says when an item was written, `prune()` removes what is left of broken ones. */
  getMeta?(key: string): UnstorageMeta | Promise<UnstorageMeta>;
  /** Tells which driver there is. */
  getMount?(key: string): { readonly driver: { readonly name?: string | undefined } };
}

/** The metadata that a driver returns for an item. */
export interface UnstorageMeta {
  readonly mtime?: Date | undefined;
}

/** The options of {@link unstorageStore}. */
export interface UnstorageStoreOptions {
  /** Your storage, the result of `createStorage()` or `prefixStorage()`. The store never disposes of it. */
  readonly storage: UnstorageClient;
  /**
   * The prefix of all keys in the storage: letters, digits, `-`, and `:` between and after them. Default `"sojourn:"`.
   */
  readonly prefix?: string | undefined;
  /**
   * Whether several processes use the storage at once. Default false. It only changes `capabilities.shared`:
   * unstorage has no compare-and-swap, so if two processes change one session at the same instant, one change may be
   * lost. With the fs drivers both changes may be lost, and the user logged out, so it also prints a warning. Use
   * `fileStore` for files.
   */
  readonly shared?: boolean | undefined;
  /** The current time in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions through unstorage. unstorage can only get, set and remove. Within this process nothing is lost, since
 * changes of one session run one after the other. But several processes may undo each other's changes, even a logout.
 * If this library has a store for your backend, use that.
 *
 * The expiry is stored with the session, since most drivers ignore lifetimes: call `prune()` now and then.
 *
 * @throws TypeError when `storage` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { unstorageStore } from "sojourn/stores/unstorage";
 * import { createStorage } from "unstorage";
 * import fsDriver from "unstorage/drivers/fs";
 *
 * const storage = createStorage({ driver: fsDriver({ base: "./sessions" }) });
 *
 * export const sessions = createSessions({ name: "shop", store: unstorageStore({ storage }) });
 * ```
 */
export function unstorageStore(options: UnstorageStoreOptions): Store {
  checkOptions<UnstorageStoreOptions>(
    "unstorageStore",
    options,
    { storage: true, prefix: true, shared: true, now: true },
    "unstorageStore({ storage: createStorage({ driver }) })",
  );
  const { storage, prefix = "sojourn:", shared = false, now = Date.now } = options;
  const methods = ["getItem", "setItem", "removeItem", "getKeys"] as const;
  if (typeof storage !== "object" || storage === null || methods.some((name) => typeof storage[name] !== "function")) {
    throw wrongArgument("storage", "a storage of unstorage, such as createStorage() makes", storage);
  }
  if (typeof prefix !== "string" || prefix.length > 50 || !/^[a-z0-9-]+(:[a-z0-9-]+)*:?$/i.test(prefix)) {
    throw wrongArgument("prefix", "at most 50 letters, digits and -, in parts with : between", prefix);
  }
  const base = prefix.replace(/:$/, "");
  if (typeof shared !== "boolean") throw wrongArgument("shared", "true or false", shared);

  const driver = storage.getMount?.(base).driver.name;
  if (shared && /^fs\b/.test(driver ?? "")) {
    console.warn(
      `sojourn: unstorageStore over the ${driver} driver loses sessions when several processes use it, for it writes files ` +
        "in place: two that write at once leave a broken one. Take fileStore({ directory }) of sojourn/stores/file.",
    );
  }

  const setAt = async (key: string): Promise<number | undefined> => (await storage.getMeta?.(key))?.mtime?.getTime();
  return plainStore(
    {
      setAt,
      get: (key) => storage.getItem(key),
      // Drivers that take a lifetime take seconds.
      set: (key, text, lifetime) => storage.setItem(key, text, { ttl: Math.ceil(lifetime / 1000) }),
      async remove(key) {
        await storage.removeItem(key);
        // The fs driver says nothing of a file that it could not remove.
        const left = await storage.getItem(key);
        if (left !== null && left !== undefined) throw new Error("the storage did not remove a session");
      },
      async *keys() {
        yield* await storage.getKeys(base);
      },
    },
    {
      name: "unstorage",
      space: options.prefix === undefined && driver !== "memory" ? "common" : "own",
      queue: queueOf(storage),
      now,
      shared,
      nativeExpiry: false,
      place: (key) => `${base}:${legal(key)}`,
    },
  );
}

/**
 * unstorage changes keys: `/` to `:`, `::` to `:`, and it drops what follows a `?`. So only what it leaves alone is let
 * through, and a long key is cut, since parts between `:` become names of directories and files. `_` ends a directory's.
 */
function legal(key: string): string {
  const escaped = key.replace(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`);
  return escaped.replace(/.{180}(?=.)/g, "$&_:");
}
