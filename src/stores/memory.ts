/**
 * The memory store: sessions in this process, for tests, development and single-process tools. It is also the
 * reference: the whole store contract in the fewest lines, to read before writing a store of your own.
 */

import { SessionError, wrongArgument } from "../core/contracts/errors.ts";
import { pruneOptions } from "../core/contracts/known.ts";
import type { ListedRecord, Store, StoreCapabilities, StoredRecord, StoreRecord } from "../core/contracts/store.ts";
import { countPrefix, pageOptions } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";

/** The options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * The maximum number of records, default 100 000. When it is reached, the store drops expired records. If all are
   * live, `create` rejects with `ERR_SESSION_STORE_FULL`; a live session is never dropped.
   */
  readonly maxRecords?: number | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`; tests pass their own. */
  readonly now?: (() => number) | undefined;
}

const capabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: true,
  pages: true,
  count: "exact",
  shared: false,
  maxPayloadBytes: undefined,
};

/** A record as it is kept. */
type Entry = StoreRecord & { readonly version: number };

/**
 * Keeps sessions in the memory of this process: they end with it, and no other process sees them.
 *
 * The store copies payloads when it saves and when it returns them. It drops expired records when it reads them, when
 * it needs room, and in `prune()`; it starts no timer.
 *
 * @throws TypeError when an option is of the wrong type.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const sessions = createSessions({ store: memoryStore({ maxRecords: 10_000 }) });
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkOptions<MemoryStoreOptions>("memoryStore", options, { maxRecords: true, now: true });
  const { maxRecords = 100_000, now = Date.now } = options;
  if (!Number.isSafeInteger(maxRecords) || maxRecords < 1) {
    throw wrongArgument("maxRecords", "a whole number of at least 1", maxRecords);
  }

  const entries = new Map<string, Entry>(); // In the order of their versions: put() moves a key to the end.
  const keysOf = new Map<string, Set<string>>(); // By subject.
  let counter = 0;
  let soonestEnd = Number.POSITIVE_INFINITY; // No record ends earlier.

  /** The live record under a key. One that has ended is dropped here, and so is absent for every method. */
  function find(key: string): Entry | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt > now()) return entry;
    drop(key);
    return undefined;
  }

  function put(key: string, { payload, expiresAt, subject }: StoreRecord): number {
    drop(key);
    counter += 1;
    entries.set(key, { payload: copy(payload), expiresAt, subject, version: counter });
    if (subject !== undefined) keysOf.set(subject, (keysOf.get(subject) ?? new Set()).add(key));
    soonestEnd = Math.min(soonestEnd, expiresAt);
    return counter;
  }

  function drop(key: string): void {
    const subject = entries.get(key)?.subject;
    entries.delete(key);
    if (subject === undefined) return;
    const keys = keysOf.get(subject);
    keys?.delete(key);
    if (keys?.size === 0) keysOf.delete(subject);
  }

  /** Drops ended records. Does nothing before the earliest expiry, when none can have ended. */
  function makeRoom(): void {
    if (soonestEnd > now()) return;
    soonestEnd = Number.POSITIVE_INFINITY;
    for (const key of entries.keys()) soonestEnd = Math.min(soonestEnd, find(key)?.expiresAt ?? soonestEnd);
  }

  /** The records as they are at the call (when defaults are computed), given out one by one later. */
  async function* rows(keys: readonly string[], found = keys.map(find)): AsyncGenerator<ListedRecord> {
    for (const [at, key] of keys.entries()) if (found[at]) yield { key, ...stored(found[at]) };
  }

  return {
    name: "memory",
    capabilities,

    async read(key) {
      const entry = find(key);
      return entry ? stored(entry) : null;
    },

    async create(key, record) {
      if (find(key)) return null;
      if (entries.size >= maxRecords) makeRoom();
      if (entries.size >= maxRecords) {
        throw new SessionError(
          "ERR_SESSION_STORE_FULL",
          `The memory store holds ${maxRecords} live sessions, its maxRecords. Raise it, shorten idleTimeout, or use a store outside this process.`,
        );
      }
      return put(key, record);
    },

    async update(key, record, version) {
      return find(key)?.version === version ? put(key, record) : null;
    },

    async touch(key, expiresAt) {
      const entry = find(key);
      if (!entry) return false;
      if (expiresAt > entry.expiresAt) entries.set(key, { ...entry, expiresAt });
      return true;
    },

    async rename(from, to, record, version) {
      if (find(from)?.version !== version || find(to)) return null;
      drop(from);
      return put(to, record);
    },

    async delete(key) {
      drop(key);
    },

    list: () => rows([...entries.keys()]),
    listBySubject: (subject) => rows([...(keysOf.get(subject) ?? [])]),

    async page(options) {
      const { limit, cursor = "0", subject, prefix } = pageOptions(options);
      const records: (ListedRecord & Entry)[] = [];
      // Both are in the order of versions.
      for (const key of subject === undefined ? entries.keys() : (keysOf.get(subject) ?? [])) {
        const entry = find(key);
        if (!entry || entry.version <= Number(cursor) || !key.startsWith(prefix)) continue;
        if (records.length === limit) return { records, cursor: String(records.at(-1)?.version) };
        records.push({ key, ...entry, payload: copy(entry.payload) });
      }
      return { records, cursor: undefined };
    },
    async count(options) {
      const prefix = countPrefix(options);
      let count = 0;
      for (const key of entries.keys()) if (key.startsWith(prefix) && find(key)) count += 1;
      return { count, estimate: false };
    },

    async prune(options) {
      const { limit, cursor = `0 ${counter}` } = pruneOptions(options);
      // The cursor: the version seen last, and the last there was when the walk began. What is newer waits for the next walk.
      const [seen = 0, last = 0] = cursor.split(" ").map(Number);
      let [removed, examined] = [0, 0];
      for (const [key, { version }] of entries) {
        if (version <= seen) continue;
        if (version > last) break;
        examined += 1;
        if (!find(key)) removed += 1;
        if (removed === limit || examined === limit * 10) return { removed, cursor: `${version} ${last}` };
      }
      return { removed, cursor: undefined };
    },
  };
}

function stored(entry: Entry): StoredRecord {
  return { ...entry, payload: copy(entry.payload) };
}

/** Bytes by value: `slice()` of a Node Buffer would share them. */
function copy(payload: string | Uint8Array): string | Uint8Array {
  return typeof payload === "string" ? payload : new Uint8Array(payload);
}
