/** Memory in front of any store: saves reads, for as long as you allow an answer to be out of date. */

import { ticks } from "../core/contracts/clock.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store, StoredRecord } from "../core/contracts/store.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import { checkOptions } from "./shared/options.ts";

/** What {@link cachedStore} takes beside the store. */
export interface CachedStoreOptions {
  /**
   * How old an answer from memory may be: a text such as `"500ms"`, or seconds; at most `"1m"`. Default 0: every read
   * goes to the store, and the cache saves nothing. A session that another process ended still works in this process
   * for up to that time.
   */
  readonly staleness?: Duration | undefined;
  /** The maximum number of records in memory, default 10 000. The record that was read first is dropped first. */
  readonly maxRecords?: number | undefined;
  /**
   * The clock that ends sessions, in epoch milliseconds. Default `Date.now`. For tests. `staleness` uses a monotonic
   * clock.
   */
  readonly now?: (() => number) | undefined;
}

/** A record in memory, and when its reading began, in {@link ticks}. */
interface Entry {
  readonly record: StoredRecord;
  readonly asked: number;
}

/**
 * Answers reads of a session that was just read from the memory of this process. Everything else goes to the store,
 * where each write is a compare-and-swap. The store refuses a write based on a stale read. The library then reads the
 * session again and merges the changes. A process sees its own writes at once. A missing session is never cached.
 *
 * The cost: revocations, logouts and changes by other processes are seen up to `staleness`
 * later. It is only worth it for pages that load a session many times in a second.
 *
 * @param store Any store; `capabilities` are its own.
 * @throws TypeError when an argument is wrong.
 * @example
 * ```ts
 * import { createSessions, type Store } from "sojourn";
 * import { cachedStore } from "sojourn/stores/cached";
 *
 * export const sessionsIn = (store: Store) => createSessions({ store: cachedStore(store, { staleness: "1s" }) });
 * ```
 */
export function cachedStore(store: Store, options: CachedStoreOptions = {}): Store {
  checkOptions<CachedStoreOptions>("cachedStore", options, { staleness: true, maxRecords: true, now: true });
  const { staleness = 0, maxRecords = 10_000, now = Date.now } = options;
  if (typeof store?.read !== "function" || typeof store.update !== "function") {
    throw wrongArgument("the first argument of cachedStore", "a store such as redisStore({ client })", store);
  }
  const bound = durationOption("staleness", staleness, 0, 60_000);
  if (!Number.isSafeInteger(maxRecords) || maxRecords < 1) {
    throw wrongArgument("maxRecords", "a whole number of at least 1", maxRecords);
  }
  const entries = new Map<string, Entry>();
  /** For each key, the one read in flight whose answer may be cached: the latest, unless a write has begun since. */
  const readings = new Map<string, object>();
  /** How many writes of a key are in flight. A read during a write may see either state, so it is not cached. */
  const writes = new Map<string, number>();

  async function writing<T>(keys: readonly string[], write: () => Promise<T>): Promise<T> {
    for (const key of keys) {
      entries.delete(key);
      readings.delete(key);
      writes.set(key, (writes.get(key) ?? 0) + 1);
    }
    try {
      return await write();
    } finally {
      for (const key of keys) {
        const left = (writes.get(key) ?? 1) - 1;
        if (left === 0) writes.delete(key);
        else writes.set(key, left);
      }
    }
  }

  function remembered(key: string): StoredRecord | undefined {
    const entry = entries.get(key);
    if (!entry) return undefined;
    if (ticks() < entry.asked + bound && now() < entry.record.expiresAt) return copy(entry.record);
    entries.delete(key);
    return undefined;
  }

  async function read(key: string): Promise<StoredRecord | null> {
    // Marks that revocations change are compared across a login: an old answer would let it slip through.
    if (bound === 0 || key.startsWith("epoch:")) return store.read(key);
    const known = remembered(key);
    if (known) return known;
    if (writes.has(key)) return store.read(key);
    const reading = {};
    const asked = ticks();
    readings.set(key, reading);
    try {
      const record = await store.read(key);
      if (record && readings.get(key) === reading) keep(key, { record: copy(record), asked });
      return record;
    } finally {
      if (readings.get(key) === reading) readings.delete(key);
    }
  }

  function keep(key: string, entry: Entry): void {
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= maxRecords) return;
      entries.delete(oldest);
    }
  }

  return {
    ...optional(store),
    name: store.name,
    ...(store.space && { space: store.space }),
    capabilities: store.capabilities,
    read,
    create: (key, record) => writing([key], () => store.create(key, record)),
    update: (key, record, version) => writing([key], () => store.update(key, record, version)),
    touch: (key, expiresAt, subject) => writing([key], () => store.touch(key, expiresAt, subject)),
    rename: (from, to, record, version) => writing([from, to], () => store.rename(from, to, record, version)),
    delete: (key, subject) => writing([key], () => store.delete(key, subject)),
  };
}

/** What the store can do beside the contract: never answered from memory. */
function optional(store: Store): Partial<Store> {
  return {
    ...(store.list && { list: () => store.list!() }),
    ...(store.listBySubject && { listBySubject: store.listBySubject.bind(store) }),
    ...(store.page && { page: (options) => store.page!(options) }),
    ...(store.count && { count: (options, answered) => store.count!(options, answered) }),
    ...(store.examine && { examine: () => store.examine!() }),
    ...(store.prune && { prune: (options) => store.prune!(options) }),
    ...(store.setup && { setup: () => store.setup!() }),
    ...(store.close && { close: () => store.close!() }),
  } as Partial<Store>;
}

/** Copies bytes, so that a caller cannot change what is in memory. */
function copy(record: StoredRecord): StoredRecord {
  return typeof record.payload === "string" ? record : { ...record, payload: new Uint8Array(record.payload) };
}
