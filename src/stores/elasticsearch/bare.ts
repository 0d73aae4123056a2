/** Documents of another program in Elasticsearch, in which the session itself is an object. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import { SessionError, wrongArgument } from "../../core/contracts/errors.ts";
import type { ElasticsearchRecords } from "./documents.ts";

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

/** Records as another program's documents. A version is the session as JSON, which is what is compared: so that program takes part. */
export function bareRecords(layout: ElasticsearchLayout): ElasticsearchRecords {
  checkLayout(layout);
  const { fields } = layout;
  const records: ElasticsearchRecords = {
    idOf: (key) => key,
    encode(key, { payload, expiresAt }) {
      const session = objectOf(payload);
      const { fields: end, at } = records.prolong(expiresAt);
      const document = { [fields.key]: key, [fields.payload]: session, ...end };
      return [document, { key, stamp: JSON.stringify(session), expiresAt: at }];
    },
    stateFields: [],
    state: ({ _id, _source, _seq_no, _primary_term }) => ({
      key: _id,
      stamp: textOf(_source[fields.payload]),
      expiresAt: instantIn(_source[fields.expiresAt]),
      seqNo: _seq_no,
      primaryTerm: _primary_term,
    }),
    decode(hit) {
      const { key, stamp, expiresAt } = records.state(hit);
      return { key, payload: stamp, expiresAt, version: stamp };
    },
    versionOf: ({ stamp }) => stamp,
    stateOf: (version, key) => ({ key, stamp: String(version), expiresAt: 0, seqNo: 0, primaryTerm: 0 }),
    // Others may come to the same session by themselves.
    unique: false,
    prolong(expiresAt) {
      const at = Math.max(0, Math.min(Math.ceil(expiresAt), 253_402_300_799_999));
      return { at, fields: { [fields.expiresAt]: dateText(at) } };
    },
    properties: {
      [fields.key]: { type: "keyword" },
      [fields.payload]: { type: "object", enabled: false },
      [fields.expiresAt]: { type: "date", format: "uuuu-MM-dd'T'HH:mm:ss.SSSSSSZ||strict_date_optional_time" },
    },
    /** The program may have had its index made by its first document, and then the server guesses what a field holds. */
    wrongWith({ [fields.expiresAt]: found }) {
      // Without a document there is no field yet.
      if (found === undefined || found.type === "date") return undefined;
      return `has ${fields.expiresAt} as ${found.type}, not as a date: what has ended cannot be found`;
    },
    ended: (now) => ({ range: { [fields.expiresAt]: { lte: now, format: "epoch_millis" } } }),
    search: undefined,
  };
  return records;
}

/** Throws a `TypeError` for what is no layout. */
function checkLayout(layout: unknown): asserts layout is ElasticsearchLayout {
  const { name, fields } = (layout ?? {}) as Partial<ElasticsearchLayout>;
  const texts = [name, fields?.key, fields?.payload, fields?.expiresAt];
  if (!texts.every((text) => typeof text === "string" && text !== ""))
    throw wrongArgument("layout", "a layout such as flask2Elasticsearch()", layout);
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
  return `${new Date(expiresAt).toISOString().slice(0, 23)}000+0000`;
}

/** In epoch milliseconds; the beginning of time for what is no date. */
function instantIn(text: unknown): number {
  const [, time, sign = "+", hours = "00", minutes = "00"] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|([+-])(\d\d):?(\d\d))$/.exec(String(text)) ?? [];
  return Date.parse(`${time}${sign}${hours}:${minutes}`) || 0;
}
