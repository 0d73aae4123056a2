/** Sessions in Memcached, through the client you already have. One command to read, one to write; nothing survives a restart of the server. */

import { payloadBytes } from "../core/bytes/bytes.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store, StoreRecord, Version } from "../core/contracts/store.ts";
import { bareLayout, type MemcachedLayout, nativeLayout } from "./memcached/layout.ts";
import { connectionOf, type Item, type MemcachedClient } from "./memcached/shapes.ts";
import { lazily } from "./shared/lazy.ts";
import { checkOptions } from "./shared/options.ts";
import { renameByCopy } from "./shared/rename.ts";
import { isTooLarge, tooLarge } from "./shared/size.ts";

export type { MemcachedLayout } from "./memcached/layout.ts";
export type {
  ByteItem,
  ByteMemcachedClient,
  CallbackMemcachedClient,
  MemcachedClient,
  PromiseMemcachedClient,
} from "./memcached/shapes.ts";

/** What `memcachedStore` takes. */
export interface MemcachedStoreOptions {
  /**
   * Your client: an instance of the npm package `memcached` 2 or `memcache-client` 1, or `memcachedClient()` of
   * `sojourn/stores/memcached/client`. Or a function that returns one, or a promise of one: it is called once, when the store
   * is first used. The store never configures or closes it.
   */
  readonly client: MemcachedClient | (() => MemcachedClient | Promise<MemcachedClient>);
  /**
   * The prefix of all keys in Memcached: up to 50 printable ASCII characters without spaces, the last one `:`, `.`,
   * `/` or `-`. Default `"sojourn:"`. If several applications share servers, no prefix may be
   * the beginning of another one.
   */
  readonly prefix?: string | undefined;
  /**
   * The layout of another program, to share its sessions in Memcached: `flaskMemcached()` of `sojourn/flask`. It needs
   * `memcachedClient()`, which keeps all bytes unchanged, and Memcached 1.6. With a layout `prefix` is `""` by default,
   * and there is no room for a subject. Default: this store's own layout.
   */
  readonly layout?: MemcachedLayout | undefined;
  /**
   * The largest item that the servers accept, in bytes: the value of their option `-I`. The save of a larger session
   * rejects with `ERR_SESSION_TOO_LARGE`, and the session stays unchanged. Default 1,048,576, the servers' default.
   */
  readonly maxItemBytes?: number | undefined;
  /** The current time in epoch milliseconds, to compute how long a record lasts. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** One thing to write under a key. */
interface Write {
  readonly value: string | Uint8Array;
  readonly lifetime: number;
}

/** A version: what names the state of a record, and the server's token for the item where it is known. */
interface Seen {
  readonly stamp: string;
  readonly cas?: string;
}

/**
 * Keeps sessions in Memcached 1.4 or later, with compare-and-swap by its `cas`. Memcached ends them by its own clock,
 * and may drop any session when it runs out of memory.
 *
 * Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` cannot compare and swap, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { memcachedStore, type MemcachedClient } from "sojourn/stores/memcached";
 *
 * export function sessionsIn(client: MemcachedClient) {
 *   return createSessions({ name: "shop", store: memcachedStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function memcachedStore(options: MemcachedStoreOptions): Store {
  checkOptions<MemcachedStoreOptions>(
    "memcachedStore",
    options,
    known,
    "memcachedStore({ client: memcachedClient({ server }) })",
  );
  const { client, layout: foreign, maxItemBytes = 1_048_576, now = Date.now } = options;
  const { prefix = foreign === undefined ? "sojourn:" : "" } = options;
  const layout = foreign === undefined ? nativeLayout : bareLayout(foreign);
  const free = foreign !== undefined && prefix === "";
  if (!free && (typeof prefix !== "string" || !/^[!-~]{0,49}[:./-]$/.test(prefix))) {
    throw wrongArgument("prefix", "1 to 50 printable ASCII characters that end in one of : . / -", prefix);
  }
  if (!Number.isSafeInteger(maxItemBytes) || maxItemBytes < 8192) {
    throw wrongArgument("maxItemBytes", "a whole number of at least 8192", maxItemBytes);
  }
  const connect = lazily(client, (one) => {
    const connection = connectionOf(one);
    if (layout.needsBytes && !connection.keepsBytes) {
      throw wrongArgument(
        "client",
        "memcachedClient() of sojourn/stores/memcached/client when the store has a layout",
        one,
      );
    }
    const room = longestKey - 200 - prefix.length;
    if (connection.namespace.length <= room) return connection;
    throw new TypeError(
      `client must have a namespace of at most ${room} characters beside this prefix; ` +
        `received one with ${connection.namespace.length}`,
    );
  });
  const maxPayloadBytes = layout.room(maxItemBytes);

  /** The record as it will be stored; throws before anything is sent when it does not fit. */
  function encode(record: StoreRecord): Write & { readonly stamp: string } {
    const size = payloadBytes(record.payload);
    if (size <= maxPayloadBytes) {
      const encoded = layout.encode(record);
      if (payloadBytes(encoded.value) <= maxItemBytes - 512)
        return { ...encoded, lifetime: lifetimeOf(record.expiresAt) };
    }
    throw tooLarge(record.payload, `the Memcached store keeps at most ${maxPayloadBytes} and a short subject`, remedy);
  }

  /** What the server, or its client, has no room for was not written: trying again is of no use. */
  async function orTooLarge<T>({ payload }: StoreRecord, write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      throw isTooLarge(error) ? tooLarge(payload, "the Memcached server takes less in one item", remedy) : error;
    }
  }

  /** As the protocol takes it: whole seconds from now, an instant where that is far ahead, or negative for "over". */
  function lifetimeOf(expiresAt: number): number {
    const left = Math.ceil((expiresAt - now()) / 1000);
    if (left <= 0) return -1;
    // Memcached counts the ticks of its clock: the first one comes within a second. One more, so that none ends early.
    if (left < longestRelative) return left + 1;
    return Math.min(Math.ceil(expiresAt / 1000) + 1, latestInstant);
  }

  /**
   * Writes the item that `next` returns by compare-and-swap, until that succeeds or `next` returns the outcome. A touch
   * changes the server's token but not the stamp, so a write that loses to a touch reads again and retries.
   */
  async function change(
    key: string,
    next: (item: Item | undefined) => Write | boolean,
    first?: { readonly write: Write; readonly cas: string },
  ): Promise<boolean> {
    const connection = await connect();
    if (first && (await connection.cas(key, first.write.value, first.write.lifetime, first.cas))) return true;
    for (let tried = first?.cas; ; ) {
      const item = await connection.get(key);
      const write = next(item);
      if (item === undefined || typeof write === "boolean") return write === true;
      // One client has the same answer for "changed since" and "no memory left".
      if (item.cas === tried) throw new Error("Memcached failed to store");
      if (await connection.cas(key, write.value, write.lifetime, item.cas)) return true;
      tried = item.cas;
    }
  }

  /** Writes if the record is still in the state that `version` names. */
  function changeIf(key: string, version: Version, write: Write): Promise<boolean> {
    const { stamp, cas } = version as Seen;
    const stands = (item: Item | undefined): boolean => {
      const found = item && layout.decode(item, now());
      return found ? found.stamp === stamp : false;
    };
    return change(prefix + key, (item) => stands(item) && write, cas === undefined ? undefined : { write, cas });
  }

  const store: Store = {
    name: "memcached",
    space: options.prefix === undefined && foreign === undefined ? "common" : "own",
    capabilities: { ...capabilities, maxPayloadBytes },
    async read(key) {
      const item = await (await connect()).get(prefix + key);
      const found = item && layout.decode(item, now());
      if (!found) return null;
      const { stamp, ...record } = found;
      return { ...record, version: { stamp, cas: item.cas } satisfies Seen };
    },
    async create(key, record) {
      const { value, stamp, lifetime } = encode(record);
      const connection = await connect();
      const added = await orTooLarge(record, connection.add(prefix + key, value, lifetime));
      return added ? ({ stamp } satisfies Seen) : null;
    },
    async update(key, record, version) {
      const write = encode(record);
      return (await orTooLarge(record, changeIf(key, version, write))) ? ({ stamp: write.stamp } satisfies Seen) : null;
    },
    touch: (key, expiresAt) =>
      change(prefix + key, (item) => {
        const record = item && layout.decode(item, now());
        if (!item || !record) return false;
        if (expiresAt <= Math.max(record.expiresAt, now())) return true;
        return { value: layout.prolonged(item, expiresAt), lifetime: lifetimeOf(expiresAt) };
      }),
    rename: (from, to, record, version) => renameByCopy(steps, from, to, record, version),
    async delete(key) {
      await (await connect()).delete(prefix + key);
    },
  };
  const steps = {
    create: store.create,
    // Deleting has no compare-and-swap; storing something that is over at once has.
    deleteIf: (key: string, version: Version) => changeIf(key, version, { value: "-", lifetime: -1 }),
    delete: store.delete,
  };
  return store;
}

const known = { client: true, prefix: true, layout: true, maxItemBytes: true, now: true } as const;

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1000,
  clock: "server",
  atomicRename: false,
  list: false,
  bySubject: false,
  shared: true,
} as const;

const remedy = "Keep less in the session, or start Memcached with a larger -I and set maxItemBytes to it.";

/** Of Memcached, in bytes. */
const longestKey = 250;
/** Thirty days in seconds: more is taken for an instant in epoch seconds. */
const longestRelative = 2_592_000;
/** Memcached reads 32 bits: January 2038. */
const latestInstant = 2_147_483_647;
