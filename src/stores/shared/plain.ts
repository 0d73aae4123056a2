/** Stores over a plain key-value API, one that can only get, set and remove: exact within one process, honest about several. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";
import { isError } from "../../core/contracts/errors.ts";
import { pruneOptions } from "../../core/contracts/known.ts";
import type {
  CountOptions,
  ListedRecord,
  PageOptions,
  PruneOptions,
  PruneResult,
  RecordCount,
  RecordPage,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "../../core/contracts/store.ts";
import { countPrefix, pageOptions } from "./listing.ts";
import type { IsWanted, Queue } from "./queue.ts";
import { newStamp } from "./stamp.ts";

/** What a plain key-value API can do. All may reject. */
export interface PlainBackend {
  /** What was set, as text or as what that text is in JSON; `null` or `undefined` when there is nothing. */
  get(key: string): Promise<unknown>;
  /** Keeps a text at least for `lifetime` milliseconds; longer does no harm. */
  set(key: string, text: string, lifetime: number): Promise<void>;
  remove(key: string): Promise<void>;
  /** All keys that were set here, and maybe others. */
  keys?(): AsyncIterable<string>;
  /** The same a page at a time, where the backend can go on from a cursor: only keys that begin with `start`. */
  pageOfKeys?(start: string, limit: number, cursor: string | undefined): Promise<KeyPage>;
  /** When a key was last set, in epoch milliseconds, for backends that may keep half of a text; `undefined` if not known. */
  setAt?(key: string): Promise<number | undefined>;
}

/** Some keys of a backend, and where to go on. */
export interface KeyPage {
  readonly keys: readonly string[];
  readonly cursor: string | undefined;
}

/** A record as it is kept, as JSON. The key is in it for backends that have keys of their own. */
interface Kept {
  readonly sojourn: 1;
  readonly key: string;
  /** New with every write except a touch: the version. */
  readonly stamp: string;
  readonly expiresAt: number;
  readonly subject?: string;
  readonly text?: string;
  /** base64url. */
  readonly bytes?: string;
}

/** What a store is made of. */
export interface PlainOptions {
  readonly name: string;
  readonly space: "own" | "common";
  readonly queue: Queue;
  readonly now: () => number;
  /** Whether several processes use the backend. */
  readonly shared: boolean;
  /** Whether the backend removes what has ended by itself. */
  readonly nativeExpiry: boolean;
  /** The key in the backend for a key of the core. */
  place(key: string): string;
}

/** How long to wait, in milliseconds, before looking again at what another process seems to be writing just now. */
const pauses = [1, 2, 4, 8, 16, 32, 64];
/** How long, in milliseconds, what is not whole is left to the process that may be writing it. */
const grace = 60_000;
/** The backend keeps a record this much longer, in milliseconds, so that only the record itself says when it ends. */
const margin = 60_000;

/**
 * Each change reads, compares and writes while no other change of that key runs in this process. Another process
 * may write in between: then its write is lost, and a record that it removed may be there again.
 */
export function plainStore(
  backend: PlainBackend,
  { name, space, queue, now, shared, nativeExpiry, place }: PlainOptions,
): Store {
  const capabilities: StoreCapabilities = {
    compareAndSwap: "none",
    nativeExpiry,
    expiryGranularity: 1,
    clock: "ours",
    atomicRename: false,
    list: backend.keys !== undefined,
    bySubject: false,
    pages: backend.pageOfKeys !== undefined,
    count: backend.keys ? "estimate" : "none",
    shared,
    maxPayloadBytes: undefined,
  };

  /** What is kept under a key of the backend, live or not; `undefined` when it is not whole. */
  async function look(at: string): Promise<Kept | null | undefined> {
    const value = await backend.get(at);
    if (value === null || value === undefined) return null;
    if (isError(value)) throw value;
    return understand(value) ?? undefined;
  }
  /** The same within the queue, where only another process can be writing: `undefined` is what stays broken. */
  async function fetch(at: string): Promise<Kept | null | undefined> {
    let kept = await look(at);
    for (const pause of pauses) {
      if (kept !== undefined) return kept;
      await new Promise((resolve) => setTimeout(resolve, pause));
      kept = await look(at);
    }
    return kept;
  }
  const isLive = (kept: Kept | null | undefined, key: string): kept is Kept =>
    kept?.key === key && kept.expiresAt > now();
  async function live(key: string): Promise<Kept | null> {
    const kept = await fetch(place(key));
    return isLive(kept, key) ? kept : null;
  }
  async function put(kept: Kept, isWanted: IsWanted): Promise<Version> {
    // Its caller has answered that nothing was saved.
    if (!isWanted()) throw new Error("the request of this change has already ended");
    await backend.set(place(kept.key), JSON.stringify(kept), Math.max(0, kept.expiresAt - now()) + margin);
    return kept.stamp;
  }
  const change = <T>(keys: readonly string[], task: (isWanted: IsWanted) => Promise<T>): Promise<T> =>
    queue.run(keys.map(place), task);

  const store: Store = {
    name,
    space,
    capabilities,
    /** What stays broken is an empty payload, which every format refuses: so the event `record_refused` tells of it. */
    async read(key) {
      const at = place(key);
      let kept = await look(at);
      if (kept === undefined) kept = await change([key], () => fetch(at));
      if (kept === undefined) return { payload: "", expiresAt: now() + margin, version: "" };
      return isLive(kept, key) ? stored(kept) : null;
    },
    create: (key, record) =>
      change([key], async (isWanted) => ((await live(key)) ? null : put(keep(key, record), isWanted))),
    update: (key, record, version) =>
      change([key], async (isWanted) =>
        (await live(key))?.stamp === version ? put(keep(key, record), isWanted) : null,
      ),
    touch: (key, expiresAt) =>
      change([key], async (isWanted) => {
        const kept = await live(key);
        if (kept && expiresAt > kept.expiresAt) await put({ ...kept, expiresAt }, isWanted);
        return kept !== null;
      }),
    // The new record first: at no moment is the session nowhere. A crash in between leaves it under a key no client has, too.
    rename: (from, to, record, version) =>
      change([from, to], async (isWanted) => {
        if ((await live(from))?.stamp !== version || (await live(to))) return null;
        const renamed = await put(keep(to, record), isWanted);
        // Without a caller the client has the old id only, and was told that nothing was saved.
        const isDone = isWanted();
        await backend.remove(place(isDone ? from : to));
        return isDone ? renamed : null;
      }),
    delete: (key) => change([key], () => backend.remove(place(key))),
  };
  if (!backend.keys) return store;
  const keys = backend.keys.bind(backend);
  const recordAt = async (at: string): Promise<ListedRecord | null> => {
    const kept = (await look(at)) ?? (await queue.run([at], () => fetch(at)));
    return kept && kept.expiresAt > now() && place(kept.key) === at ? { key: kept.key, ...stored(kept) } : null;
  };

  return {
    ...store,
    async *list(): AsyncGenerator<ListedRecord> {
      for await (const at of keys()) {
        const record = await recordAt(at);
        if (record) yield record;
      }
    },
    ...(backend.pageOfKeys && {
      async page(options?: PageOptions): Promise<RecordPage> {
        const { limit, cursor, prefix } = pageOptions(options, false);
        const found = await backend.pageOfKeys!(place(prefix), limit, cursor);
        const records = await Promise.all(found.keys.map(recordAt));
        return { records: records.filter((record) => record !== null), cursor: found.cursor };
      },
    }),
    /** What has just ended is counted, too: whether it has is in the records, and they are not read. */
    async count(options?: CountOptions, answered?: () => void): Promise<RecordCount> {
      const start = place(countPrefix(options));
      let count = 0;
      for await (const at of keys()) {
        answered?.();
        if (at.startsWith(start)) count += 1;
      }
      return { count, estimate: count > 0 };
    },
    async prune(options?: PruneOptions): Promise<PruneResult> {
      const { limit, cursor = "" } = pruneOptions(options);
      const later: string[] = [];
      for await (const at of keys()) if (at > cursor) later.push(at);
      later.sort();
      let [removed, examined] = [0, 0];
      for (const at of later) {
        examined += 1;
        if (await queue.run([at], () => removeEnded(at))) removed += 1;
        if (examined < later.length && (removed === limit || examined === limit * 10)) return { removed, cursor: at };
      }
      return { removed, cursor: undefined };
    },
  };

  async function removeEnded(at: string): Promise<boolean> {
    const kept = await fetch(at);
    const over = kept ? kept.expiresAt <= now() && place(kept.key) === at : kept === undefined && (await isLeft(at));
    if (over) await backend.remove(at);
    return over;
  }

  /** Whether a value is the remains of a record after a crash, or after two processes wrote it at once. Text of other programs never is. */
  async function isLeft(at: string): Promise<boolean> {
    const setAt = await backend.setAt?.(at);
    if (setAt === undefined || !(setAt <= now() - grace)) return false;
    const value = await backend.get(at);
    if (typeof value === "string") return /^(?:$|\0|\{"sojourn":1,)/.test(value);
    return (value as Partial<Kept> | null | undefined)?.sojourn === 1;
  }
}

function keep(key: string, { payload, expiresAt, subject }: StoreRecord): Kept {
  const stamp = newStamp();
  const head = { sojourn: 1, key, stamp, expiresAt, ...(subject !== undefined && { subject }) } as const;
  return typeof payload === "string" ? { ...head, text: payload } : { ...head, bytes: base64url(payload) };
}

function stored({ stamp, expiresAt, subject, text, bytes }: Kept): StoredRecord {
  const payload = text ?? (fromBase64url(bytes as string) as Uint8Array);
  return { payload, expiresAt, subject, version: stamp };
}

function understand(value: unknown): Kept | null {
  let kept = value as Kept | null;
  if (typeof value === "string") {
    try {
      kept = JSON.parse(value) as Kept | null;
    } catch {
      return null;
    }
  }
  if (typeof kept !== "object" || kept?.sojourn !== 1) return null;
  const { key, stamp, expiresAt, subject = "", text, bytes } = kept;
  const texts = [key, stamp, subject, text ?? bytes];
  if (typeof expiresAt !== "number" || texts.some((one) => typeof one !== "string")) return null;
  return text === undefined && fromBase64url(bytes as string) === null ? null : kept;
}
