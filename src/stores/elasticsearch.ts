/** Sessions in Elasticsearch or OpenSearch, through the client you already have. Reading by id sees every write at once; a search refreshes first. */

import { payloadBytes } from "../core/bytes.ts";
import { SessionError, wrongArgument } from "../core/errors.ts";
import type { Store, StoreCapabilities, StoreRecord, Version } from "../core/store.ts";
import {
  type ElasticsearchClient,
  type Reply,
  type SearchRequest,
  type Send,
  senderOf,
} from "./elasticsearch/client.ts";
import {
  documentsOf,
  type ElasticsearchFields,
  type Hit,
  idOf,
  instantOf,
  keyOf,
  namesOf,
  newStamp,
  type State,
  stateOf,
  versionOf,
} from "./elasticsearch/documents.ts";
import { checkIndex, indexOf, setUp } from "./elasticsearch/index.ts";
import { lazily } from "./shared/lazy.ts";
import { renameByCopy } from "./shared/rename.ts";

export type { ElasticsearchClient, SearchRequest } from "./elasticsearch/client.ts";
export type { ElasticsearchFields } from "./elasticsearch/documents.ts";
export { type ElasticsearchIndex, elasticsearchIndex } from "./elasticsearch/index.ts";

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
  /** The names of the fields. Each has a default. */
  readonly fields?: ElasticsearchFields | undefined;
  /** The present in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in an index of Elasticsearch 7.17 or later or OpenSearch 2 or later.
 *
 * A read is one request, and sees every write that was answered. A write is one, compared by sequence number. A
 * touch takes two, and so does a write after one. The index has to be there: call `await store.setup()` when you
 * deploy, or use what {@link elasticsearchIndex} returns. Ended sessions stay in it, unseen, until `prune()`. Errors of
 * the client reject as they are.
 *
 * @throws TypeError when `client` is none of those it takes, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { elasticsearchStore, type ElasticsearchClient } from "sojourn/stores/elasticsearch";
 *
 * export function sessionsIn(client: ElasticsearchClient) {
 *   return createSessions({ store: elasticsearchStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function elasticsearchStore(options: ElasticsearchStoreOptions): Store {
  const { client, now = Date.now } = options;
  if (typeof now !== "function") throw wrongArgument("now", "a function that returns epoch milliseconds", now);
  const index = indexOf(options.index);
  const names = namesOf(options.fields);
  const documents = documentsOf(names);
  const connect = lazily(client, senderOf);
  const path = (...parts: string[]): string => ["", index, ...parts].map(encodeURIComponent).join("/");
  const isLive = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now();

  let checked: Promise<void> | undefined;
  const send: Send = async (request) => {
    const through = await connect();
    checked ??= checkIndex(through, index, names).catch((error) => {
      checked = undefined;
      throw error;
    });
    await checked;
    return through(request);
  };

  const encode = (key: string, record: StoreRecord, stamp: string): Record<string, unknown> => {
    const size = payloadBytes(record.payload);
    if (size <= capabilities.maxPayloadBytes) return documents.encode(key, record, stamp);
    throw new SessionError(
      "ERR_SESSION_TOO_LARGE",
      `The session has ${size} octets; the Elasticsearch store keeps at most ${capabilities.maxPayloadBytes}. Keep less in the session.`,
    );
  };
  const find = async (key: string, ...fields: string[]): Promise<Hit | null> => {
    const querystring: Record<string, string> = fields.length > 0 ? { _source_includes: fields.join(",") } : {};
    const { body } = await send({ method: "GET", path: path("_doc", idOf(key)), querystring });
    return body.found ? (body as Hit) : null;
  };
  const findState = async (key: string): Promise<State | null> => {
    const hit = await find(key, names.version, names.expiresAt);
    return hit && documents.state(hit);
  };
  /** Sends a write that is refused unless the document still stands where it stood. */
  const sendAt = ({ seqNo, primaryTerm }: State, request: SearchRequest): Promise<Reply> =>
    send({ ...request, querystring: { if_seq_no: seqNo, if_primary_term: primaryTerm } });
  const written = ({ body }: Reply, state: Pick<State, "key" | "stamp" | "expiresAt">): State => {
    return { ...state, seqNo: body._seq_no, primaryTerm: body._primary_term };
  };

  /**
   * Sends a write if the record is still in the state a version names. A touch moves the document's sequence number and
   * not its stamp: whoever loses to one looks where it stands now, and writes again.
   */
  const changeIf = async (
    key: string,
    version: Version,
    request: SearchRequest,
    next: Pick<State, "key" | "stamp" | "expiresAt">,
  ): Promise<State | null> => {
    let was = stateOf(version);
    // Two shards count alike.
    if (was.key !== key) return null;
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (isLive(was)) {
        const reply = await sendAt(was, request);
        if (reply.status < 300) return written(reply, next);
      }
      const found = await findState(key);
      // A client that lost the answer sends the same again: what is there already is a success.
      if (found?.stamp === next.stamp) return found;
      if (found?.stamp !== was.stamp || !isLive(found)) return null;
      was = found;
    }
    throw tooManyTouches();
  };

  /** Makes searches see every write that was answered. */
  const refresh = async (): Promise<void> => {
    const { body } = await send({ method: "POST", path: path("_refresh") });
    if (body._shards.failed > 0) throw new Error("the index for sessions could not be refreshed on every shard");
  };
  /** Up to `size` documents, in the order of their keys, which stays whatever happens to them. */
  const search = async (query: Record<string, unknown>, size: number, after: string | undefined): Promise<Hit[]> => {
    const page = { size, sort: [{ [names.key]: "asc" }], ...(after !== undefined && { search_after: [after] }) };
    const { body } = await send({
      method: "POST",
      path: path("_search"),
      querystring: { allow_partial_search_results: false },
      body: { query, ...page, seq_no_primary_term: true, track_total_hits: false },
    });
    return body.hits.hits;
  };
  const lastKey = (hits: readonly Hit[]): string => keyOf(hits.at(-1)?._id ?? "");
  const searchAll = async function* (query: Record<string, unknown>): AsyncIterable<Hit> {
    await refresh();
    for (let hits: Hit[] | undefined; hits === undefined || hits.length === pageSize; ) {
      hits = await search(query, pageSize, hits && lastKey(hits));
      yield* hits;
    }
  };
  const lives = (): Record<string, unknown> => ({ range: { [names.expiresAt]: { gt: now() } } });
  const justMoved = (): Record<string, unknown> => ({ range: { [names.movedAt]: { gt: now() - moving } } });

  const store: Store = {
    name: "elasticsearch",
    capabilities,

    async read(key) {
      const hit = await find(key);
      if (!hit) return null;
      const { key: _, ...record } = documents.decode(hit);
      return isLive(record) ? record : null;
    },

    async create(key, record) {
      const stamp = newStamp();
      const body = encode(key, record, stamp);
      const next = { key, stamp, expiresAt: instantOf(record.expiresAt) };
      for (let attempt = 0; attempt < attempts; attempt++) {
        const reply = await send({ method: "PUT", path: path("_create", idOf(key)), body });
        if (reply.status < 300) return versionOf(written(reply, next));
        const found = await findState(key);
        if (found?.stamp === stamp) return versionOf(found);
        if (!found) continue;
        if (isLive(found)) return null;
        const replaced = await sendAt(found, { method: "PUT", path: path("_doc", idOf(key)), body });
        if (replaced.status < 300) return versionOf(written(replaced, next));
      }
      throw tooManyTouches();
    },

    async update(key, record, version) {
      const stamp = newStamp();
      const body = encode(key, record, stamp);
      const next = { key, stamp, expiresAt: instantOf(record.expiresAt) };
      const state = await changeIf(key, version, { method: "PUT", path: path("_doc", idOf(key)), body }, next);
      return state && versionOf(state);
    },

    async touch(key, expiresAt) {
      const later = instantOf(expiresAt);
      const body = { doc: { [names.expiresAt]: later } };
      for (let attempt = 0; attempt < attempts; attempt++) {
        const found = await findState(key);
        if (!found || !isLive(found)) return false;
        if (found.expiresAt >= later) return true;
        const { status } = await sendAt(found, { method: "POST", path: path("_update", idOf(key)), body });
        if (status < 300) return true;
      }
      throw tooManyTouches();
    },

    rename: (from, to, record, version) => renameByCopy(steps, from, to, record, version),

    async delete(key) {
      await send({ method: "DELETE", path: path("_doc", idOf(key)) });
    },

    async *list() {
      for await (const hit of searchAll(lives())) {
        const row = documents.decode(hit);
        if (isLive(row)) yield row;
      }
    },

    async *listBySubject(subject) {
      const seen = new Set<string>();
      for (let again = true; again; ) {
        again = false;
        const either = { should: [lives(), justMoved()], minimum_should_match: 1 };
        const query = { bool: { filter: [{ term: { [names.subject]: subject } }], ...either } };
        for await (const hit of searchAll(query)) {
          const row = documents.decode(hit);
          if (row.subject !== subject || seen.has(row.key)) continue;
          seen.add(row.key);
          if (isLive(row)) yield row;
          // It may have moved to where the search had passed, or to a shard that was searched before.
          else again ||= hit._source[names.movedAt] !== undefined;
        }
      }
    },

    async prune({ limit = 1000, cursor } = {}) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw wrongArgument("limit", "a whole number of at least 1", limit);
      const ended = { range: { [names.expiresAt]: { lte: now() } } };
      const query = { bool: { filter: [ended], must_not: [justMoved()] } };
      const size = Math.min(limit, mostHits);
      await refresh();
      const hits = await search(query, size, cursor);
      const removed = hits.length === 0 ? 0 : await removeAll(hits);
      return { removed, cursor: hits.length < size ? undefined : lastKey(hits) };
    },

    async setup() {
      await setUp(await connect(), index, names);
    },
  };

  /** Removes documents that are still as they were found. */
  const removeAll = async (hits: readonly Hit[]): Promise<number> => {
    const lines = hits.map(({ _id, _seq_no, _primary_term }) =>
      JSON.stringify({ delete: { _id, if_seq_no: _seq_no, if_primary_term: _primary_term } }),
    );
    const { body } = await send({ method: "POST", path: path("_bulk"), bulkBody: `${lines.join("\n")}\n` });
    return (body.items as { delete: { status: number } }[]).filter((item) => item.delete.status === 200).length;
  };

  const steps = {
    create: store.create,
    /** What is left tells whoever lists right now that something moved. `prune()` removes it later. */
    async deleteIf(key: string, version: Version) {
      const next = { key, stamp: newStamp(), expiresAt: 0 };
      const doc = {
        [names.expiresAt]: next.expiresAt,
        [names.version]: next.stamp,
        [names.movedAt]: now(),
        [names.payload]: null,
        [names.bytes]: null,
      };
      const request = { method: "POST", path: path("_update", idOf(key)), body: { doc } };
      return (await changeIf(key, version, request, next)) !== null;
    },
    delete: store.delete,
  };
  return store;
}

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: false,
  list: true,
  bySubject: true,
  shared: true,
  // As JSON it may be six times as long, and some servers take requests of 10 MB.
  maxPayloadBytes: 1_000_000,
} as const satisfies StoreCapabilities;

/** How often a write is tried that loses to touches. */
const attempts = 100;
const pageSize = 100;
/** A search gives no more by default than ten times as many. */
const mostHits = 1000;
/** How long a renamed record leaves a trace for listings, in milliseconds. */
const moving = 600_000;

function tooManyTouches(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFLICT",
    "Other requests changed the document of the session faster than this one could write it.",
  );
}
