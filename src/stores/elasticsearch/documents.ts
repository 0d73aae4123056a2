/** How a record looks in Elasticsearch: one document, of which the index knows the key, the subject and the expiry. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { ListedRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";

/** The names of the fields. All must differ. */
export interface ElasticsearchFields {
  /** The key the session is kept under. Default `"key"`. */
  readonly key?: string | undefined;
  /** The encoded session, if it is text. Default `"payload"`. */
  readonly payload?: string | undefined;
  /** The encoded session, if it is bytes, as base64url. Default `"bytes"`. */
  readonly bytes?: string | undefined;
  /** When the session ends, in epoch milliseconds. Default `"expiresAt"`. */
  readonly expiresAt?: string | undefined;
  /** The user of the session, as JSON text without the quotes. Default `"subject"`. */
  readonly subject?: string | undefined;
  /** Text that is new with every write except a touch. Default `"version"`. */
  readonly version?: string | undefined;
  /**
   * When the session was renamed to another key, in epoch milliseconds. Only in the document that remains under the old
   * key. Default `"movedAt"`.
   */
  readonly movedAt?: string | undefined;
}

/** Every field's name. */
export type Names = Readonly<Record<keyof ElasticsearchFields, string>>;

const defaults: Names = {
  key: "key",
  payload: "payload",
  bytes: "bytes",
  expiresAt: "expiresAt",
  subject: "subject",
  version: "version",
  movedAt: "movedAt",
};

/** The names of the fields, checked. */
export function namesOf(fields: ElasticsearchFields = {}): Names {
  if (typeof fields !== "object" || fields === null) throw wrongArgument("fields", "an object", fields);
  const all: Record<string, string> = { ...defaults };
  for (const [which, name] of Object.entries(fields)) {
    if (name === undefined) continue;
    if (!(which in defaults)) {
      throw new TypeError(`fields has no field ${which}: it names ${Object.keys(defaults).join(", ")}`);
    }
    // A dot would make it an object in an object.
    if (typeof name !== "string" || !/^[^._][^.]*$/.test(name)) {
      throw wrongArgument(`fields.${which}`, "non-empty text without dots that does not begin with _", name);
    }
    all[which] = name;
  }
  if (new Set(Object.values(all)).size < Object.keys(defaults).length) {
    throw new TypeError("fields must name every field differently; received the same name twice");
  }
  return all as Names;
}

/** Where a document stands: every write moves it. */
export interface Position {
  readonly seqNo: number;
  readonly primaryTerm: number;
}

/** The document that a write makes. */
export interface Written {
  readonly key: string;
  /** Of the write; a touch leaves it. */
  readonly stamp: string;
  readonly expiresAt: number;
}

/** Names one state of a record, and where its document stood then. */
export interface State extends Written, Position {}

/** A document as `_doc` and `_search` give it. */
export interface Hit {
  readonly _id: string;
  readonly _source: Readonly<Record<string, unknown>>;
  readonly _seq_no: number;
  readonly _primary_term: number;
}

/** What a search looks for, and what a document has in its fields. */
export type Query = Record<string, unknown>;
type Document = Record<string, unknown>;

/** How records are kept as documents: this library's own way, or another program's. */
export interface ElasticsearchRecords {
  /** The id of the document for a key. */
  idOf(key: string): string;
  encode(key: string, record: StoreRecord): [document: Document, next: Written];
  /** The fields that {@link state} needs; none means all. */
  readonly stateFields: readonly string[];
  /** The state of a document, live or not. */
  state(hit: Hit): State;
  decode(hit: Hit): ListedRecord;
  versionOf(state: State): Version;
  /** The state a version of a key names: where it has ended, the document has to be looked at before it is written. */
  stateOf(version: Version, key: string): State;
  /** Whether no two writes have one stamp, so that a document with it is what a client that lost the answer has written. */
  readonly unique: boolean;
  /** The fields of another end, and the end as the document will tell it. */
  prolong(expiresAt: number): { readonly fields: Document; readonly at: number };
  /** What of the index is looked into, and what is wrong with the fields of one that is there. */
  readonly properties: Properties;
  wrongWith(fields: Fields): string | undefined;
  /** What finds the documents of sessions that have ended. */
  ended(now: number): Query;
  /** Where an index has every document in the order of keys and under its subject. */
  readonly search: Search | undefined;
}

/** What finds documents. */
export interface Search {
  /** In the order of keys, which stays whatever happens to a document; from a key on. */
  pageAfter(key: string | undefined): Query;
  keyOf(hit: Hit): string;
  live(now: number): Query;
  liveOf(subject: string, now: number): Query;
  /** Of those only the ones whose keys begin with `prefix`. */
  within(prefix: string, query: Query): Query;
  /** Those of a subject that are live, and what is left of those that were renamed just now. */
  bySubject(subject: string, now: number): Query;
  /** Whether it is left of a record that was renamed. */
  isMoved(hit: Hit): boolean;
  /** The fields that a record has when it was renamed. `prune()` removes what is left of it later. */
  moved(stamp: string, now: number): Document;
}

/** The mapping of fields. */
export type Properties = Readonly<Record<string, Property>>;
interface Property {
  readonly type: "keyword" | "date" | "object";
  readonly format?: string;
  readonly enabled?: boolean;
}
/** The same as the server has it. */
export type Fields = Readonly<Record<string, { readonly type?: unknown; readonly format?: unknown } | undefined>>;

/** How long a renamed record leaves a trace for listings, in milliseconds. */
const moving = 600_000;
/** Ids are in paths, where `..` would mean something. */
const prefix = "s:";

/** Records in this library's own way. */
export function ownRecords(names: Names): ElasticsearchRecords & { readonly search: Search } {
  const keyOf = ({ _id }: Hit): string => _id.slice(prefix.length);
  const live = (now: number): Query => ({ range: { [names.expiresAt]: { gt: now } } });
  const justMoved = (now: number): Query => ({ range: { [names.movedAt]: { gt: now - moving } } });
  const properties = propertiesOf(names);
  const records: ElasticsearchRecords & { readonly search: Search } = {
    idOf: (key) => prefix + key,
    encode(key, { payload, expiresAt, subject }) {
      const next = { key, stamp: newStamp(), expiresAt: instantOf(expiresAt) };
      const document = {
        [names.key]: key,
        ...(typeof payload === "string" ? { [names.payload]: payload } : { [names.bytes]: base64url(payload) }),
        [names.expiresAt]: next.expiresAt,
        [names.version]: next.stamp,
        ...(subject !== undefined && { [names.subject]: escaped(subject) }),
      };
      return [document, next];
    },
    stateFields: [names.version, names.expiresAt],
    state: (hit) => ({
      key: keyOf(hit),
      stamp: String(hit._source[names.version]),
      expiresAt: Number(hit._source[names.expiresAt]),
      seqNo: hit._seq_no,
      primaryTerm: hit._primary_term,
    }),
    decode(hit) {
      const { [names.payload]: text, [names.bytes]: bytes, [names.subject]: subject } = hit._source;
      const state = records.state(hit);
      const { key, expiresAt } = state;
      const payload = typeof text === "string" ? text : (fromBase64url(String(bytes ?? "")) ?? new Uint8Array());
      const record = { key, payload, expiresAt, version: records.versionOf(state) };
      return typeof subject === "string" ? { ...record, subject: JSON.parse(`"${subject}"`) as string } : record;
    },
    versionOf: ({ seqNo, primaryTerm, expiresAt, stamp, key }) =>
      `${seqNo} ${primaryTerm} ${expiresAt} ${stamp} ${key}`,
    // With numbers that never fit if it is none.
    stateOf(version) {
      const [seqNo, primaryTerm, expiresAt, stamp = "", key = ""] = String(version).split(" ");
      return { seqNo: Number(seqNo), primaryTerm: Number(primaryTerm), expiresAt: Number(expiresAt), stamp, key };
    },
    unique: true,
    prolong(expiresAt) {
      const at = instantOf(expiresAt);
      return { at, fields: { [names.expiresAt]: at } };
    },
    properties,
    wrongWith(fields) {
      const wrong = Object.entries(properties).find(([name, { type }]) => fields[name]?.type !== type);
      return wrong && `has no ${wrong[1].type} field ${wrong[0]}. Remove the index and call \`await store.setup()\``;
    },
    ended: (now) => ({
      bool: { filter: [{ range: { [names.expiresAt]: { lte: now } } }], must_not: [justMoved(now)] },
    }),
    search: {
      pageAfter: (key) => ({ sort: [{ [names.key]: "asc" }], ...(key !== undefined && { search_after: [key] }) }),
      keyOf,
      live,
      liveOf: (subject, now) => ({ bool: { filter: [live(now), { term: { [names.subject]: escaped(subject) } }] } }),
      within: (prefix, query) =>
        prefix === "" ? query : { bool: { filter: [query, { prefix: { [names.key]: prefix } }] } },
      bySubject(subject, now) {
        const filter = [{ term: { [names.subject]: escaped(subject) } }];
        return { bool: { filter, should: [live(now), justMoved(now)], minimum_should_match: 1 } };
      },
      isMoved: (hit) => hit._source[names.movedAt] !== undefined,
      moved: (stamp, now) => ({
        [names.expiresAt]: 0,
        [names.version]: stamp,
        [names.movedAt]: now,
        [names.payload]: null,
        [names.bytes]: null,
      }),
    },
  };
  return records;
}

/** What the index looks into. */
export function propertiesOf(names: Names): Readonly<Record<string, { type: "keyword" | "date"; format?: string }>> {
  const date = { type: "date", format: "epoch_millis" } as const;
  return {
    [names.key]: { type: "keyword" },
    [names.subject]: { type: "keyword" },
    [names.expiresAt]: date,
    [names.movedAt]: date,
  };
}

/** Escapes a subject as in JSON, since the server cannot tell different halves of surrogate pairs apart. Most subjects stay as they are. */
function escaped(subject: string): string {
  return JSON.stringify(subject).slice(1, -1);
}

/** An expiry in whole milliseconds, rounded up and limited to the range of JavaScript dates. */
function instantOf(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt), 8.64e15));
}
