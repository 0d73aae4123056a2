/** The requests the Elasticsearch store sends, each with the answer it looks for. */

import { SessionError } from "../../core/contracts/errors.ts";
import type { Reply, SearchRequest, Send } from "./client.ts";
import type { Hit, Position } from "./documents.ts";

/** The documents of one index. */
export interface Requests {
  /** The document for a key as it is now, or only some fields of it. */
  get(key: string, ...fields: string[]): Promise<Hit | null>;
  /** Where the new document stands; `null` when there is one. */
  create(key: string, document: Record<string, unknown>): Promise<Position | null>;
  /** Where the document stands then; `null` when it is not where it should be. */
  replace(key: string, document: Record<string, unknown>, at: Position): Promise<Position | null>;
  /** The same for some of its fields. */
  change(key: string, fields: Record<string, unknown>, at: Position): Promise<Position | null>;
  remove(key: string): Promise<void>;
  /** The same, if it is where it should be; `null` otherwise. */
  removeIf(key: string, at: Position): Promise<Position | null>;
  /** Removes those that are still where they were found; says how many. */
  removeAll(hits: readonly Hit[]): Promise<number>;
  /** Makes a search see every write that was answered. */
  refresh(): Promise<void>;
  /** How many documents there are. */
  count(query: Record<string, unknown>): Promise<number>;
  /** Up to `size` documents; with `page` sorted and from some place on. */
  search(query: Record<string, unknown>, size: number, page?: Record<string, unknown>): Promise<Hit[]>;
}

/** @param idOf The id of the document for a key. */
export function requestsTo(send: Send, index: string, idOf: (key: string) => string): Requests {
  const path = (...parts: string[]): string => ["", index, ...parts].map(encodeURIComponent).join("/");
  const write = async (request: SearchRequest): Promise<Position | null> => {
    const { status, body } = await send(request);
    return status < 300 ? { seqNo: body._seq_no, primaryTerm: body._primary_term } : null;
  };
  const at = ({ seqNo, primaryTerm }: Position): SearchRequest["querystring"] & object => ({
    if_seq_no: seqNo,
    if_primary_term: primaryTerm,
  });
  return {
    async get(key, ...fields) {
      const querystring = fields.length > 0 ? { _source_includes: fields.join(",") } : {};
      const { body } = await send({ method: "GET", path: path("_doc", idOf(key)), querystring });
      return body.found ? (body as Hit) : null;
    },
    create: (key, body) => write({ method: "PUT", path: path("_create", idOf(key)), body }),
    replace: (key, body, position) =>
      write({ method: "PUT", path: path("_doc", idOf(key)), querystring: at(position), body }),
    change: (key, doc, position) =>
      write({ method: "POST", path: path("_update", idOf(key)), querystring: at(position), body: { doc } }),
    async remove(key) {
      await send({ method: "DELETE", path: path("_doc", idOf(key)) });
    },
    removeIf: (key, position) => write({ method: "DELETE", path: path("_doc", idOf(key)), querystring: at(position) }),
    async removeAll(hits) {
      if (hits.length === 0) return 0;
      const lines = hits.map(({ _id, _seq_no, _primary_term }) =>
        JSON.stringify({ delete: { _id, if_seq_no: _seq_no, if_primary_term: _primary_term } }),
      );
      const { body } = await send({ method: "POST", path: path("_bulk"), bulkBody: `${lines.join("\n")}\n` });
      return (body.items as { delete: { status: number } }[]).filter((item) => item.delete.status === 200).length;
    },
    async refresh() {
      const { body }: Reply = await send({ method: "POST", path: path("_refresh") });
      if (body._shards.failed > 0) throw new Error("the index for sessions could not be refreshed on every shard");
    },
    async count(query) {
      const { body }: Reply = await send({ method: "POST", path: path("_count"), body: { query } });
      if (body._shards.failed > 0) throw new Error("the sessions could not be counted on every shard");
      return Number(body.count);
    },
    async search(query, size, page) {
      const { body } = await send({
        method: "POST",
        path: path("_search"),
        querystring: { allow_partial_search_results: false },
        body: { query, size, ...page, seq_no_primary_term: true, track_total_hits: false },
      });
      return body.hits.hits as Hit[];
    },
  };
}

/** How often a write is tried that loses to others. */
export const attempts = 100;

/** The most hits of one search. The server by default gives ten times as many. */
export const mostHits = 1000;

export function tooManyTouches(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFLICT",
    "Other requests changed the document of the session faster than this one could write it.",
  );
}
