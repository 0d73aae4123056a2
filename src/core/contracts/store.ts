/**
 * The store contract: where session records live. Types only.
 *
 * A store moves records and knows their versions; it never looks inside a payload, never decides when a
 * session ends, and opens no connection and no timer of its own. Every method may reject: a rejection means
 * that the system failed, never that a record is absent.
 *
 * The author of a store ends by running `storeConformance` from `sojourn/testing` against a real server.
 */

/**
 * Names one exact state of a stored record. Made by the store, opaque to everybody else, never `null`: a
 * counter, a compare-and-swap token, an update time, or the stored bytes themselves (a digest of them lets a
 * foreign writer take part without knowing of it).
 */
export type Version = NonNullable<unknown>;

/** What a store is asked to keep under a key. */
export interface StoreRecord {
  /** The encoded session. Opaque to the store; given back exactly, as the same type. */
  readonly payload: string | Uint8Array;
  /** When the record ends, in epoch milliseconds. From this instant on `read` answers `null`. */
  readonly expiresAt: number;
  /** Who the session belongs to, for `listBySubject`. Absent for an anonymous session. */
  readonly subject?: string | undefined;
}

/** What a store gives back: the record and the version that names this state of it. */
export interface StoredRecord extends StoreRecord {
  readonly version: Version;
}

/** One row of `list` and `listBySubject`: a stored record and the key it is kept under. */
export interface ListedRecord extends StoredRecord {
  readonly key: string;
}

/** What a store can promise. The conformance suite proves each claim. */
export interface StoreCapabilities {
  /**
   * `"atomic"`: `create`, `update` and `rename` compare and write in one step on the server, so no update is ever
   * lost. `"none"`: the backend cannot do that, and one of two parallel writes may be lost.
   */
  readonly compareAndSwap: "atomic" | "none";
  /** The backend removes expired records by itself. If false, call `prune()` now and then. */
  readonly nativeExpiry: boolean;
  /** The finest step of `expiresAt` the backend keeps, in milliseconds: 1, or 1000 for whole seconds. It rounds up. */
  readonly expiryGranularity: number;
  /**
   * The clock that ends a record. `"ours"`: the store compares with its option `now`. `"server"`: the backend's clock
   * decides, and the store sends durations, so that application servers with different clocks agree.
   */
  readonly clock: "ours" | "server";
  /** `rename` is one atomic step. If false, the store's documentation says what a crash in between leaves. */
  readonly atomicRename: boolean;
  /** The store has `list`. */
  readonly list: boolean;
  /** The store has `listBySubject`, which always finds every live session of the subject. */
  readonly bySubject: boolean;
  /** The store has `page`, which reads the records a page at a time, in several calls. Default false. */
  readonly pages?: boolean | undefined;
  /** Whether `count` returns an exact number, or an estimate if the exact one would take too long. Default `"none"`: there is no `count`. */
  readonly count?: "exact" | "estimate" | "none" | undefined;
  /** Several processes see the same records. */
  readonly shared: boolean;
  /** The largest payload in bytes, or `undefined` when there is no limit that matters. A write with a larger one rejects with `ERR_SESSION_TOO_LARGE` and changes nothing. */
  readonly maxPayloadBytes: number | undefined;
}

/** How `prune` is bounded and resumed. */
export interface PruneOptions {
  /** The most records to remove in this call. Default 1000. */
  readonly limit?: number | undefined;
  /** The `cursor` of the previous call. Default: the beginning. */
  readonly cursor?: string | undefined;
}

/** What one bounded call of `prune` did. */
export interface PruneResult {
  /** How many expired records were removed. */
  readonly removed: number;
  /** Pass to the next call; `undefined` when the whole store has been seen. */
  readonly cursor: string | undefined;
}

/** Which records `page` answers. */
export interface PageOptions {
  /** About how many records, 1 to 1000. Default 100. A backend that walks in buckets may return a few more or fewer. */
  readonly limit?: number | undefined;
  /** The `cursor` of the previous page. Default: the beginning. */
  readonly cursor?: string | undefined;
  /** Only records of this subject, compared exactly. Needs `capabilities.bySubject`. Default: all records. */
  readonly subject?: string | undefined;
  /** Only records whose key begins with this. Default `""`: all. */
  readonly prefix?: string | undefined;
}

/** Some of the live records. */
export interface RecordPage {
  readonly records: readonly ListedRecord[];
  /** Pass to the next call, in this process or another one; `undefined` at the end. A page with a cursor may be empty. */
  readonly cursor: string | undefined;
}

/** Which records `count` counts. */
export interface CountOptions {
  /** Only records whose key begins with this. Default `""`: all. */
  readonly prefix?: string | undefined;
}

/** How many live records there are. */
export interface RecordCount {
  readonly count: number;
  /** True when the number was worked out from a part of the store, or has records in it that have just ended. */
  readonly estimate: boolean;
}

/** One thing about a backend that `examine` looked at. */
export interface Finding {
  /** What it is about, in a few words: `"eviction policy"`. */
  readonly about: string;
  /**
   * `"good"`; `"note"`: sessions work, and something is worth doing; `"fault"`: sessions fail, get lost or stay for ever;
   * `"unknown"`: this account may not ask.
   */
  readonly state: "good" | "note" | "fault" | "unknown";
  /** What was found, without the address or the credentials of the backend. */
  readonly found: string;
  /** What to do about it, where there is something to do: a command or a sentence. */
  readonly cure?: string | undefined;
}

/**
 * Keeps session records. All methods are safe to call at any time from any number of processes.
 *
 * Keys are non-empty strings of printable ASCII without spaces, at most 200 characters, compared exactly.
 *
 * @example
 * ```ts
 * import type { Store } from "sojourn";
 *
 * async function count(store: Store): Promise<string> {
 *   const counted = await store.count?.();
 *   return counted ? `${counted.estimate ? "about " : ""}${counted.count}` : "unknown";
 * }
 * ```
 */
export interface Store {
  /** A word for error messages and tables: `"redis"`, `"file"`. */
  readonly name: string;
  readonly capabilities: StoreCapabilities;
  /**
   * Whether other applications may keep their sessions in the same place: `"own"` if you chose the place (a prefix, a
   * table, a directory), `"common"` if not. With `"common"`, `createSessions` needs a `name`. Default: `"common"` for
   * a store with `capabilities.shared`.
   */
  readonly space?: "own" | "common" | undefined;
  /** With a `layout` of another program, whose keys are unhashed ids: the prefix of those keys. */
  readonly foreign?: string | undefined;
  /** The live record under `key`, or `null` if there is none. Never returns an expired record. */
  read(key: string): Promise<StoredRecord | null>;
  /** Stores a new record. Returns `null`, and changes nothing, if the key has a live record. */
  create(key: string, record: StoreRecord): Promise<Version | null>;
  /**
   * Replaces the whole record, with expiry and subject, if its version is still `version`. Returns `null`, and writes
   * nothing, if the record is gone, expired or changed. Never creates a record.
   */
  update(key: string, record: StoreRecord, version: Version): Promise<Version | null>;
  /**
   * Moves the expiry of a live record to a later instant. Payload and version stay, so that an `update` with a version
   * read before still succeeds. An instant earlier than the present expiry changes nothing. Returns whether the record
   * is live.
   *
   * @param subject The record's subject, for stores whose index has its own expiry.
   */
  touch(key: string, expiresAt: number, subject?: string): Promise<boolean>;
  /**
   * Moves a record to a new key with new contents if its version is still `version`; `from` has no record afterwards.
   * Returns `null`, and writes nothing, if `from` is gone or changed, or `to` is taken.
   */
  rename(from: string, to: string, record: StoreRecord, version: Version): Promise<Version | null>;
  /**
   * Removes the record of any version. Also succeeds if there is no record.
   *
   * @param subject The record's subject if the caller knows it, so that the store can remove the index entry too.
   */
  delete(key: string, subject?: string): Promise<void>;

  /** Every live record, in no order. May miss or repeat records that change during it. */
  list?(): AsyncIterable<ListedRecord>;
  /**
   * Every live record of one subject, compared exactly. It always finds all records that were live when it was called,
   * also those that are renamed or renewed during the call. If the index names a record that has another subject by now,
   * it does not return the record, and reads the index again.
   *
   * @param answered Call it after each answer of the backend: the library limits the time of each answer, not of the
   * whole listing.
   */
  listBySubject?(subject: string, answered?: () => void): AsyncIterable<ListedRecord>;
  /**
   * One page of the live records, for callers whose memory must not grow with the number of records. If you follow the
   * cursor to the end, each unchanged record appears once. A record created, renamed or removed in between may be missed
   * or appear twice, so to end every session of a subject, use `listBySubject`.
   */
  page?(options?: PageOptions): Promise<RecordPage>;
  /**
   * How many live records there are: sessions, and the library's own short-lived notes.
   *
   * @param answered Call it after each answer of the backend, as in `listBySubject`.
   */
  count?(options?: CountOptions, answered?: () => void): Promise<RecordCount>;
  /**
   * Removes expired records in one bounded batch. Never removes a record that is live, or becomes live during the call.
   * Call it again with the returned `cursor` until that is `undefined`.
   */
  prune?(options?: PruneOptions): Promise<PruneResult>;
  /** Creates tables, collections or indexes. The library never calls it; you may call it again. */
  setup?(): Promise<void>;
  /**
   * Checks the set-up of the backend, and changes nothing. For `sojourn doctor`. Rejects when the backend does not
   * answer.
   */
  examine?(): Promise<readonly Finding[]>;
  /** Closes the connections that the store opened. A client that you passed stays open. */
  close?(): Promise<void>;
}
