/** One store in the place of two, while sessions move from the old one to the new one: each is alive in one of both at any moment. */

import { received, SessionError, wrongArgument } from "../core/contracts/errors.ts";
import { pruneOptions } from "../core/contracts/known.ts";
import type {
  CountOptions,
  ListedRecord,
  PageOptions,
  RecordCount,
  RecordPage,
  Store,
  StoredRecord,
  StoreRecord,
  Version,
} from "../core/contracts/store.ts";
import { capabilitiesOf } from "./moving/capabilities.ts";
import { isPending, isTombstone, OldVersion, settled, tombstone, unsettled } from "./moving/marks.ts";
import { pageOptions, wrongCursor } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";

/** The options of {@link movingStore}. */
export interface MovingStoreOptions {
  /** The store that sessions leave. */
  readonly from: Store;
  /** The store that sessions move to. */
  readonly to: Store;
  /**
   * `"move"` (default): a session is moved when it is used, and new ones begin in `to`. `"prepare"`: sessions stay in
   * `from`, and sessions that other processes have moved are found in `to`. Start every process with `"prepare"` first,
   * and then every process with `"move"`, so that each can find every session.
   */
  readonly phase?: "prepare" | "move" | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** A store over two. */
export interface MovingStore extends Store {
  readonly from: Store;
  readonly to: Store;
  /** Moves one record now, whatever the phase, and finishes what a crash has left of its move. True when it is alive in `to`. */
  move(key: string): Promise<boolean>;
}

/** Where a record is alive. */
interface Alive {
  readonly in: "from" | "to";
  readonly record: StoredRecord;
}

/**
 * Moves sessions from one store to another while the application runs. First it creates a copy in `to`, marked as not valid yet.
 * Then a tombstone replaces the original by compare-and-swap, and from then on the copy is the record. So only one of
 * several processes moves a session, an update in between is not lost, and an ended session does not come back. If a
 * process dies in between, the session is still in one of the two stores, and its next use finishes the move.
 *
 * A moved session costs no more calls than in `to` alone; a new session costs one more. Move the rest with
 * `sojourn move`, and use `to` alone when nothing is left.
 *
 * @throws TypeError when a store has no compare-and-swap, or when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { fileStore } from "sojourn/stores/file";
 * import { movingStore } from "sojourn/stores/moving";
 * import { type RedisStoreOptions, redisStore } from "sojourn/stores/redis";
 *
 * export const sessionsOn = (client: RedisStoreOptions["client"]) =>
 *   createSessions({
 *     name: "shop",
 *     store: movingStore({ from: fileStore({ directory: ".sessions" }), to: redisStore({ client }) }),
 *   });
 * ```
 */
export function movingStore(options: MovingStoreOptions): MovingStore {
  const known = { from: true, to: true, phase: true, now: true } as const;
  checkOptions<MovingStoreOptions>("movingStore", options, known);
  const { from, to, phase = "move", now = Date.now } = options;
  for (const [name, store] of Object.entries({ from, to })) checkStore(name, store);
  if (from === to) throw new TypeError("movingStore: from and to must be two stores; received one twice");
  if (phase !== "prepare" && phase !== "move") throw wrongArgument("movingStore: phase", '"prepare" or "move"', phase);
  const moves = phase === "move";

  /** Finds the live record in either store. If `moving` is true, first moves it to the new one. */
  async function find(key: string, moving = moves): Promise<Alive | null> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const there = await to.read(key);
      if (there && !isPending(there.payload)) return { in: "to", record: there };
      const here = await from.read(key);
      if (here && !isTombstone(here)) {
        if (!moving) return { in: "from", record: here };
        if (await leave(key, here, there)) continue;
      } else if (there) {
        // Its original has left, or has ended: then the copy is none.
        const ends = here === null;
        const record = ends ? ended(there) : { ...there, payload: settled(there.payload) };
        const version = await to.update(key, record, there.version);
        if (version !== null && ends) return null;
        if (version !== null) await from.delete(key, there.subject);
        if (version !== null) return { in: "to", record: { ...record, version } };
      } else if ((await to.read(key)) === null) {
        // It was not moved between the two reads.
        return null;
      }
    }
    throw new SessionError(
      "ERR_SESSION_CONFLICT",
      "the record was changed by others a hundred times while it was moved",
    );
  }

  /** Makes the copy, and then the tombstone. True in any case: what stands where is to be looked at again. */
  async function leave(key: string, here: StoredRecord, there: StoredRecord | null): Promise<true> {
    const { payload, expiresAt, subject } = here;
    const copy = { payload: unsettled(payload), expiresAt, subject };
    const made = await (there ? to.update(key, copy, there.version) : to.create(key, copy));
    if (made !== null) await from.update(key, { payload: tombstone, expiresAt, subject }, here.version);
    return true;
  }

  /** A record that expires in a millisecond, to write in place of a deletion, which could hit a record that has begun under the key since. */
  function ended({ payload, subject }: Pick<StoreRecord, "payload" | "subject">): StoreRecord {
    return { payload, expiresAt: now() + 1, subject };
  }

  function given({ in: where, record }: Alive): StoredRecord {
    return where === "to" ? record : { ...record, version: new OldVersion(record.version) };
  }

  async function isAlive(key: string): Promise<boolean> {
    return (await find(key)) !== null;
  }

  const inOld = async (version: Promise<Version | null>): Promise<Version | null> => {
    const next = await version;
    return next === null ? null : new OldVersion(next);
  };

  async function touch(key: string, expiresAt: number, subject?: string): Promise<boolean> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const alive = await find(key);
      if (!alive) return false;
      if (alive.in === "to") return to.touch(key, expiresAt, subject);
      const { record } = alive;
      if (record.expiresAt >= expiresAt) return true;
      // A write: a touch alone would be lost if another process moved the record at this moment.
      if ((await from.update(key, { ...record, expiresAt }, record.version)) !== null) return true;
    }
    return false;
  }

  async function* list(): AsyncGenerator<ListedRecord> {
    for await (const row of from.list!()) if (!isTombstone(row)) yield asOld(row);
    for await (const row of to.list!()) if (!isPending(row.payload)) yield row;
  }

  /** What moves while it looks is in the second list, or was in the first. */
  async function* listBySubject(subject: string, answered?: () => void): AsyncGenerator<ListedRecord> {
    const old = new Map<string, ListedRecord>();
    for await (const row of from.listBySubject!(subject, answered)) if (!isTombstone(row)) old.set(row.key, row);
    for await (const row of to.listBySubject!(subject, answered)) {
      const { key } = row;
      if (!isPending(row.payload)) {
        old.delete(key);
        yield row;
      } else if (!old.has(key)) {
        const alive = await find(key);
        answered?.();
        if (alive?.record.subject === subject) yield { key, ...given(alive) };
      }
    }
    for (const row of old.values()) yield asOld(row);
  }

  /** Lists the records of `from`, then those of `to`. A copy counts as a record once its original has moved. */
  async function page(given?: PageOptions): Promise<RecordPage> {
    const { cursor = "0.", ...options } = pageOptions(given, from.capabilities.bySubject);
    if (!/^[01]\./.test(cursor)) throw wrongCursor();
    const [at, inner] = split(cursor);
    const store = at === 0 ? from : to;
    const { records, cursor: next } = await store.page!({ ...options, ...(inner !== "" && { cursor: inner }) });
    const rows: ListedRecord[] = [];
    for (const row of records) {
      if (at === 0 && !isTombstone(row)) rows.push(asOld(row));
      if (at === 0) continue;
      const alive: Alive | null = isPending(row.payload) ? await find(row.key, false) : { in: "to", record: row };
      if (alive?.in === "to") rows.push({ key: row.key, ...alive.record });
    }
    return { records: rows, cursor: next !== undefined ? `${at}.${next}` : at === 0 ? "1." : undefined };
  }

  async function count(options?: CountOptions, answered?: () => void): Promise<RecordCount> {
    const old = await from.count!(options, answered);
    const { count: more, estimate } = await to.count!(options, answered);
    return { count: old.count + more, estimate: estimate || old.estimate };
  }

  function asOld({ key, ...record }: ListedRecord): ListedRecord {
    return { key, ...given({ in: "from", record }) };
  }

  return {
    name: "moving",
    from,
    to,
    ...(from.space === "own" && to.space === "own" && { space: "own" }),
    ...(from.foreign !== undefined && { foreign: from.foreign }),
    capabilities: capabilitiesOf(from, to),

    async read(key) {
      const alive = await find(key);
      return alive && given(alive);
    },

    async create(key, record) {
      if (moves) {
        const version = (await from.read(key)) ? null : await to.create(key, record);
        if (version !== null) return version;
      } else if ((await to.read(key)) === null) {
        const version = await from.create(key, record);
        const there = version && (await to.read(key));
        // It is a second one, if another record has just left from under the key.
        const isSecond =
          there && !isPending(there.payload) && (await from.update(key, ended({ payload: tombstone }), version));
        if (version !== null && !isSecond) return new OldVersion(version);
      }
      return (await isAlive(key)) ? null : to.create(key, record);
    },

    update(key, record, version) {
      const old = OldVersion.of(version);
      return old === undefined ? to.update(key, record, version) : inOld(from.update(key, record, old));
    },

    touch,

    async rename(key, target, record, version) {
      if (await isAlive(target)) return null;
      const old = OldVersion.of(version);
      return old === undefined ? to.rename(key, target, record, version) : inOld(from.rename(key, target, record, old));
    },

    async delete(key, subject) {
      // In this order: a copy whose original has ended is none.
      await from.delete(key, subject);
      await to.delete(key, subject);
    },

    async move(key) {
      const alive = await find(key, true);
      const here = await from.read(key);
      if (here && isTombstone(here)) await from.update(key, ended(here), here.version);
      return alive !== null;
    },

    ...(from.list && to.list && { list }),
    ...(from.page && to.page && { page }),
    ...(from.count && to.count && { count }),
    ...(from.listBySubject && to.listBySubject && { listBySubject }),
    ...((from.prune || to.prune) && { prune: (given) => prune([from, to], given) }),

    async setup() {
      await from.setup?.();
      await to.setup?.();
    },
    async close() {
      await from.close?.();
      await to.close?.();
    },
  };
}

/** Prunes one store after the other. */
async function prune(stores: readonly Store[], given: Parameters<NonNullable<Store["prune"]>>[0]) {
  const { limit, cursor = "0." } = pruneOptions(given);
  const [at, inner] = split(cursor);
  const result = await stores[at]?.prune?.({ limit, ...(inner !== "" && { cursor: inner }) });
  const next = at + 1;
  if (result?.cursor !== undefined) return { removed: result.removed, cursor: `${at}.${result.cursor}` };
  return { removed: result?.removed ?? 0, cursor: next < stores.length ? `${next}.` : undefined };
}

/** A cursor: which of the two stores, and the cursor there. */
function split(cursor: string): [at: number, inner: string] {
  return [cursor.startsWith("1.") ? 1 : 0, cursor.slice(2)];
}

function checkStore(name: string, store: Store | undefined): void {
  if (typeof store?.read !== "function" || typeof store.update !== "function" || !store.capabilities)
    throw wrongArgument(`movingStore: ${name}`, "a store such as redisStore({ client })", store);
  if (store.capabilities.compareAndSwap !== "atomic") {
    const why = "of two processes at one moment one would undo what the other did";
    throw new TypeError(`movingStore: ${name} must have compare-and-swap, or ${why}; ${received(store.name)}`);
  }
}
