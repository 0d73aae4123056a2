/** Sessions of another program in Elasticsearch: one document each, in which the session itself is an object. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import { SessionError, wrongArgument } from "../../core/contracts/errors.ts";
import type { Store, StoreCapabilities, StoredRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { renameByCopy } from "../shared/rename.ts";
import { refuseTooLarge } from "../shared/size.ts";
import type { Reply, Send } from "./client.ts";
import type { Hit, Position } from "./documents.ts";
import { attempts, mostHits, requestsTo, tooManyTouches } from "./requests.ts";

/** How another program keeps its sessions in an index. For Flask-Session2 it is `flask2Elasticsearch()` of `sojourn/flask`. */
export interface ElasticsearchLayout {
  /** A word for error messages: `"flask-session2"`. */
  readonly name: string;
  /** The fields by what they hold. The id of a document is the key. */
  readonly fields: {
    /** The key once more. */
    readonly key: string;
    /** The session as an object: what its format encodes is JSON. */
    readonly payload: string;
    /** When the session ends, as a text of date, time and zone. */
    readonly expiresAt: string;
  };
}

/** Everything `elasticsearchStore` takes, checked. */
export interface BareOptions {
  readonly send: Send;
  readonly index: string;
  readonly layout: ElasticsearchLayout;
  readonly now: () => number;
  /** The most octets of a payload. */
  readonly most: number;
}

/** A store over the documents of another program. A version is the session as JSON: so that program takes part, and a write is two requests. */
export function bareElasticsearchStore({ send, index, layout, now, most }: BareOptions): Store {
  const { fields } = layout;
  const path = `/${encodeURIComponent(index)}`;
  const requests = requestsTo(send, index, (key) => key);
  const isLive = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now();

  const stateIn = ({ _source, _seq_no, _primary_term }: Hit): State => ({
    text: textOf(_source[fields.payload]),
    expiresAt: instantIn(_source[fields.expiresAt]),
    seqNo: _seq_no,
    primaryTerm: _primary_term,
  });
  const find = async (key: string): Promise<State | null> => {
    const hit = await requests.get(key);
    return hit && stateIn(hit);
  };
  const prepare = (key: string, record: StoreRecord): [document: Record<string, unknown>, text: string] => {
    refuseTooLarge(record.payload, most, "the Elasticsearch store");
    const session = objectOf(record.payload);
    const document = {
      [fields.key]: key,
      [fields.payload]: session,
      [fields.expiresAt]: dateText(record.expiresAt),
    };
    return [document, JSON.stringify(session)];
  };

  /** Writes while the session is the one a version names: looks where its document is, and writes if it is still there. */
  const writeIf = async (
    key: string,
    version: Version,
    write: (at: Position) => Promise<Position | null>,
  ): Promise<boolean> => {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = await find(key);
      if (!found || !isLive(found) || found.text !== version) return false;
      if (await write(found)) return true;
    }
    throw tooManyTouches();
  };

  const store: Store = {
    name: "elasticsearch",
    space: "own",
    capabilities: { ...capabilities, maxPayloadBytes: most },

    async read(key): Promise<StoredRecord | null> {
      const found = await find(key);
      if (!found || !isLive(found)) return null;
      return { payload: found.text, expiresAt: found.expiresAt, version: found.text };
    },

    async create(key, record) {
      const [body, text] = prepare(key, record);
      for (let attempt = 0; attempt < attempts; attempt++) {
        if (await requests.create(key, body)) return text;
        const found = await find(key);
        if (!found) continue;
        if (isLive(found)) return null;
        if (await requests.replace(key, body, found)) return text;
      }
      throw tooManyTouches();
    },

    async update(key, record, version) {
      const [body, text] = prepare(key, record);
      return (await writeIf(key, version, (at) => requests.replace(key, body, at))) ? text : null;
    },

    async touch(key, expiresAt) {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const found = await find(key);
        if (!found || !isLive(found)) return false;
        if (found.expiresAt >= expiresAt) return true;
        if (await requests.change(key, { [fields.expiresAt]: dateText(expiresAt) }, found)) return true;
      }
      throw tooManyTouches();
    },

    rename: (from, to, record, version) => renameByCopy(steps, from, to, record, version),

    delete: requests.remove,

    async prune({ limit = 1000 } = {}) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw wrongArgument("limit", "a whole number of at least 1", limit);
      const size = Math.min(limit, mostHits);
      await checkDate();
      await requests.refresh();
      const query = { range: { [fields.expiresAt]: { lte: now(), format: "epoch_millis" } } };
      const hits = await requests.search(query, size);
      const removed = await requests.removeAll(hits.filter((hit) => !isLive(stateIn(hit))));
      // What was seen is removed or lives again: there is no place to go on from but the beginning.
      return { removed, cursor: hits.length < size ? undefined : "more" };
    },

    async setup() {
      const session = { type: "object", enabled: false };
      const properties = { [fields.key]: { type: "keyword" }, [fields.payload]: session, [fields.expiresAt]: date };
      const body = { mappings: { properties } };
      const created = await send({ method: "PUT", path, body }, "answered");
      const type = created.body.error?.type;
      if (created.status === 200) return;
      if (type !== "resource_already_exists_exception" && type !== "invalid_index_name_exception")
        throw new Error(`the index for sessions cannot be made: ${created.body.error?.reason ?? created.status}`);
      await checkDate();
    },
  };

  const steps = {
    create: store.create,
    deleteIf: (key: string, version: Version): Promise<boolean> =>
      writeIf(key, version, (at) => requests.removeIf(key, at)),
    delete: store.delete,
  };
  return store;

  /** The program may have had its index made by its first document, and then the server guesses what a field holds. */
  async function checkDate(): Promise<void> {
    const { body } = await send({ method: "GET", path: `${path}/_mapping` });
    for (const { mappings } of Object.values(body as Record<string, { mappings: Reply["body"] }>)) {
      const found = mappings.properties?.[fields.expiresAt]?.type;
      // Without a document there is no field yet.
      if (found === "date" || found === undefined) continue;
      throw new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        `The index for sessions has ${fields.expiresAt} as ${found}, not as a date: what has ended cannot be found.`,
      );
    }
  }
}

/** Throws a `TypeError` for what is no layout. */
export function checkLayout(layout: unknown): asserts layout is ElasticsearchLayout {
  const { name, fields } = (layout ?? {}) as Partial<ElasticsearchLayout>;
  const texts = [name, fields?.key, fields?.payload, fields?.expiresAt];
  if (!texts.every((text) => typeof text === "string" && text !== ""))
    throw wrongArgument("layout", "a layout such as flask2Elasticsearch()", layout);
}

/** A session as it stands, when it ends, and where its document is. */
interface State extends Position {
  /** As JSON. */
  readonly text: string;
  readonly expiresAt: number;
}

/** The session as JSON. Empty, which is none, where it has what the client cannot have read exactly. */
function textOf(session: unknown): string {
  return typeof session === "object" && session !== null && isExact(session) ? JSON.stringify(session) : "";
}

function objectOf(payload: string | Uint8Array): unknown {
  const session: unknown = JSON.parse(typeof payload === "string" ? payload : fromUtf8(payload));
  if (isExact(session)) return session;
  throw new SessionError(
    "ERR_SESSION_NOT_STORABLE",
    "The session has an integer beyond 2^53 or a key such as __proto__, and clients of Elasticsearch do not read those.",
  );
}

/** Clients read numbers as JavaScript has them, and refuse the keys that could reach a prototype. */
function isExact(value: unknown): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, one]) => key !== "__proto__" && key !== "constructor" && isExact(one));
}

/** `2026-12-21T06:51:33.922000+0000`, as Python's `strftime` writes and `strptime` reads. */
function dateText(expiresAt: number): string {
  const instant = new Date(Math.max(0, Math.min(Math.ceil(expiresAt), 253_402_300_799_999)));
  return `${instant.toISOString().slice(0, 23)}000+0000`;
}

/** In epoch milliseconds; the beginning of time for what is no date. */
function instantIn(text: unknown): number {
  const [, time, sign = "+", hours = "00", minutes = "00"] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|([+-])(\d\d):?(\d\d))$/.exec(String(text)) ?? [];
  return Date.parse(`${time}${sign}${hours}:${minutes}`) || 0;
}

const date = { type: "date", format: "uuuu-MM-dd'T'HH:mm:ss.SSSSSSZ||strict_date_optional_time" };

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: false,
  list: false,
  bySubject: false,
  shared: true,
} as const satisfies Omit<StoreCapabilities, "maxPayloadBytes">;
