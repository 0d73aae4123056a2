/** Sessions in Elasticsearch or OpenSearch, through the client you already have. Reading by id sees every write at once; a search refreshes first. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { pruneOptions } from "../core/contracts/known.ts";
import type {
  PageOptions,
  RecordPage,
  Store,
  StoreCapabilities,
  StoreRecord,
  Version,
} from "../core/contracts/store.ts";
import { bareRecords, type ElasticsearchLayout } from "./elasticsearch/bare.ts";
import { type ElasticsearchClient, type Send, senderOf } from "./elasticsearch/client.ts";
import {
  type ElasticsearchFields,
  type Hit,
  namesOf,
  ownRecords,
  type Position,
  type Query,
  type State,
  type Written,
} from "./elasticsearch/documents.ts";
import { checkIndex, indexOf, setUp } from "./elasticsearch/mapping.ts";
import { attempts, mostHits, requestsTo, tooManyTouches } from "./elasticsearch/requests.ts";
import { lazily } from "./shared/lazy.ts";
import { countPrefix, everyPage, pageInOrder, pageOptions, untilNothingNew } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { renameByCopy } from "./shared/rename.ts";
import { refuseTooLarge } from "./shared/size.ts";
import { newStamp } from "./shared/stamp.ts";

export type { ElasticsearchLayout } from "./elasticsearch/bare.ts";
export type { ElasticsearchClient, SearchRequest } from "./elasticsearch/client.ts";
export type { ElasticsearchFields } from "./elasticsearch/documents.ts";
export { type ElasticsearchIndex, elasticsearchIndex } from "./elasticsearch/mapping.ts";

/** What `elasticsearchStore` takes. */
export interface ElasticsearchStoreOptions {
  /**
   * Your client: a `Client` of `@elastic/elasticsearch` 7, 8 or 9 or of `@opensearch-project/opensearch` 2 or 3. Or
   * another object with its `transport.request()`. Or a function that returns one, or a promise of one: it is called
   * once, when the store is first used. The store never configures or closes it.
   */
  readonly client: ElasticsearchClient | (() => ElasticsearchClient | Promise<ElasticsearchClient>);
  /** The name of the index, or of an alias of one. Default `"sessions"`. Keep nothing else in it. */
  readonly index?: string | undefined;
  /** The names of the fields. Default: see `ElasticsearchFields`. */
  readonly fields?: ElasticsearchFields | undefined;
  /**
   * The layout of another program, to share its sessions in the index: `flask2Elasticsearch()` of `sojourn/flask`. It
   * names the fields, so do not pass `fields`. Sessions cannot be listed. A session must not have integers beyond 2^53 or
   * a key `constructor` or `__proto__`. A whole float becomes an integer when it is written again. Default: this store's
   * own layout.
   */
  readonly layout?: ElasticsearchLayout | undefined;
  /** The current time in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in an index of Elasticsearch 7.17 or later or OpenSearch 2 or later.
 *
 * A read is one request, and sees every confirmed write. A write is one request, on the condition that the sequence
 * number is unchanged. A touch takes two requests, and so does the next write after a touch. The index must exist: call
 * `await store.setup()` when you deploy, or send the result of {@link elasticsearchIndex}. Ended sessions are never
 * returned, but stay in the index until `prune()`. Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { elasticsearchStore, type ElasticsearchClient } from "sojourn/stores/elasticsearch";
 *
 * export function sessionsIn(client: ElasticsearchClient) {
 *   return createSessions({ name: "shop", store: elasticsearchStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function elasticsearchStore(options: ElasticsearchStoreOptions): Store {
  checkOptions<ElasticsearchStoreOptions>(
    "elasticsearchStore",
    options,
    known,
    "elasticsearchStore({ client: new Client({ node: url }) })",
  );
  const { client, layout, now = Date.now } = options;
  const index = indexOf(options.index);
  if (layout !== undefined && options.fields !== undefined)
    throw wrongArgument("fields", "left out with a layout", options.fields);
  const records = layout === undefined ? ownRecords(namesOf(options.fields)) : bareRecords(layout);
  const { search } = records;
  const connect = lazily(client, senderOf);
  const isLive = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now();

  let checked: Promise<void> | undefined;
  const send: Send = async (request) => {
    const through = await connect();
    if (search) {
      checked ??= checkIndex(through, index, records).catch((error) => {
        checked = undefined;
        throw error;
      });
      await checked;
    }
    return through(request);
  };

  const requests = requestsTo(send, index, records.idOf);

  const encode = (key: string, record: StoreRecord): [document: Record<string, unknown>, Written] => {
    refuseTooLarge(record.payload, capabilities.maxPayloadBytes, "the Elasticsearch store");
    return records.encode(key, record);
  };
  const stateAt = async (key: string): Promise<State | null> => {
    const hit = await requests.get(key, ...records.stateFields);
    return hit && records.state(hit);
  };
  /** Whether a document is this write's own: a client that lost the response sends the write again, and that is a success. */
  const isWritten = (found: State, next: Written): boolean => records.unique && found.stamp === next.stamp;

  /**
   * Writes if the record is still in the state that the version names, and returns the new state. A touch changes the
   * document's position but not its stamp: a write that loses to a touch reads the new position and writes again.
   */
  const writeIf = async (
    version: Version,
    next: Written,
    write: (at: Position) => Promise<Position | null>,
  ): Promise<State | null> => {
    let was = records.stateOf(version, next.key);
    // Two shards count alike.
    if (was.key !== next.key) return null;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const position = isLive(was) ? await write(was) : null;
      if (position) return { ...next, ...position };
      const found = await stateAt(next.key);
      if (found && isWritten(found, next)) return found;
      if (found?.stamp !== was.stamp || !isLive(found)) return null;
      was = found;
    }
    throw tooManyTouches();
  };

  const store: Store = {
    name: "elasticsearch",
    space: options.index === undefined && layout === undefined ? "common" : "own",
    capabilities: search
      ? capabilities
      : { ...capabilities, list: false, bySubject: false, pages: false, count: "none" },

    async read(key) {
      const hit = await requests.get(key);
      if (!hit) return null;
      const { key: _, ...record } = records.decode(hit);
      return isLive(record) ? record : null;
    },

    async create(key, record) {
      const [document, next] = encode(key, record);
      for (let attempt = 0; attempt < attempts; attempt++) {
        const created = await requests.create(key, document);
        if (created) return records.versionOf({ ...next, ...created });
        const found = await stateAt(key);
        if (!found) continue;
        if (isWritten(found, next)) return records.versionOf(found);
        if (isLive(found)) return null;
        const replaced = await requests.replace(key, document, found);
        if (replaced) return records.versionOf({ ...next, ...replaced });
      }
      throw tooManyTouches();
    },

    async update(key, record, version) {
      const [document, next] = encode(key, record);
      const state = await writeIf(version, next, (at) => requests.replace(key, document, at));
      return state && records.versionOf(state);
    },

    async touch(key, expiresAt) {
      const { fields, at: later } = records.prolong(expiresAt);
      for (let attempt = 0; attempt < attempts; attempt++) {
        const found = await stateAt(key);
        if (!found || !isLive(found)) return false;
        if (found.expiresAt >= later) return true;
        if (await requests.change(key, fields, found)) return true;
      }
      throw tooManyTouches();
    },

    rename: (from, to, record, version) => renameByCopy(steps, from, to, record, version),

    delete: requests.remove,

    async prune(options) {
      const { limit, cursor } = pruneOptions(options);
      const size = Math.min(limit, mostHits);
      await refresh();
      const hits = await requests.search(records.ended(now()), size, search?.pageAfter(cursor));
      const removed = await requests.removeAll(hits.filter((hit) => !isLive(records.state(hit))));
      // Without an order there is no place to go on from but the beginning: what was seen is removed or lives again.
      const next = search ? lastKey(hits) : "more";
      return { removed, cursor: hits.length < size ? undefined : next };
    },

    examine: async () => (await import("./elasticsearch/examine.ts")).examine(await connect(), index, records),

    async setup() {
      await setUp(await connect(), index, records);
    },
  };

  const steps = {
    create: store.create,
    /** What is left tells a listing that runs right now that something moved. */
    async deleteIf(key: string, version: Version) {
      const next = { key, stamp: newStamp(), expiresAt: 0 };
      const rest = search?.moved(next.stamp, now());
      const end = (at: Position): Promise<Position | null> =>
        rest ? requests.change(key, rest, at) : requests.removeIf(key, at);
      return (await writeIf(version, next, end)) !== null;
    },
    delete: store.delete,
  };

  /** Makes a search see all that was written, in an index in which it can. */
  async function refresh(): Promise<void> {
    await checkIndex(await connect(), index, records);
    await requests.refresh();
  }
  function lastKey(hits: readonly Hit[]): string | undefined {
    const last = hits.at(-1);
    return last && search?.keyOf(last);
  }
  if (!search) return store;

  const searchAll = async function* (query: Query, answered?: () => void): AsyncIterable<Hit> {
    await refresh();
    for (let hits: Hit[] | undefined; hits === undefined || hits.length === pageSize; ) {
      hits = await requests.search(query, pageSize, search.pageAfter(hits && lastKey(hits)));
      answered?.();
      yield* hits;
    }
  };
  const page = async (options?: PageOptions): Promise<RecordPage> => {
    const { limit, cursor, subject, prefix } = pageOptions(options);
    const live = subject === undefined ? search.live(now()) : search.liveOf(subject, now());
    await refresh();
    const hits = await requests.search(search.within(prefix, live), limit + 1, search.pageAfter(cursor));
    const { records: rows, cursor: next } = pageInOrder(hits.map(records.decode), limit);
    return { records: rows.filter(isLive), cursor: next };
  };
  return {
    ...store,

    list: () => everyPage(page),
    page,
    async count(options) {
      await refresh();
      return { count: await requests.count(search.within(countPrefix(options), search.live(now()))), estimate: false };
    },

    listBySubject(subject, answered) {
      // A session may move to where the search had passed, or to a shard that was searched before.
      return untilNothingNew(subject, async function* () {
        for await (const hit of searchAll(search.bySubject(subject, now()), answered)) {
          const row = records.decode(hit);
          if (isLive(row)) yield row;
          else if (search.isMoved(hit)) yield row.key;
        }
      });
    },
  };
}

const known = { client: true, index: true, fields: true, layout: true, now: true } as const;

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: false,
  list: true,
  bySubject: true,
  pages: true,
  count: "exact",
  shared: true,
  // As JSON it may be six times as long, and some servers take requests of 10 MB.
  maxPayloadBytes: 1_000_000,
} as const satisfies StoreCapabilities;

const pageSize = 100;
