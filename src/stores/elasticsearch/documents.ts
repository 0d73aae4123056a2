/** How a record looks in Elasticsearch: one document, of which the index knows the key, the subject and the expiry. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { ListedRecord, StoreRecord } from "../../core/contracts/store.ts";

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
  /** Who the session belongs to, as within the quotes of JSON. Default `"subject"`. */
  readonly subject?: string | undefined;
  /** Text that is new with every write but a touch. Default `"version"`. */
  readonly version?: string | undefined;
  /** When the session was renamed to another key, in epoch milliseconds. Only in what is left of it. Default `"movedAt"`. */
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

/** Names one state of a record, and where its document stood then. */
export interface State extends Position {
  readonly key: string;
  /** Of the write; a touch leaves it. */
  readonly stamp: string;
  readonly expiresAt: number;
}

export function versionOf({ seqNo, primaryTerm, expiresAt, stamp, key }: State): string {
  return `${seqNo} ${primaryTerm} ${expiresAt} ${stamp} ${key}`;
}

/** The state a version names, with numbers that never fit if it is none. */
export function stateOf(version: unknown): State {
  const [seqNo, primaryTerm, expiresAt, stamp = "", key = ""] = String(version).split(" ");
  return { seqNo: Number(seqNo), primaryTerm: Number(primaryTerm), expiresAt: Number(expiresAt), stamp, key };
}

/** A document as `_doc` and `_search` give it. */
export interface Hit {
  readonly _id: string;
  readonly _source: Readonly<Record<string, unknown>>;
  readonly _seq_no: number;
  readonly _primary_term: number;
}

/** Records as documents, and back. */
export interface Documents {
  encode(key: string, record: StoreRecord, stamp: string): Record<string, unknown>;
  /** The state of a document, live or not. */
  state(hit: Hit): State;
  decode(hit: Hit): ListedRecord;
}

export function documentsOf(names: Names): Documents {
  const documents: Documents = {
    encode: (key, { payload, expiresAt, subject }, stamp) => ({
      [names.key]: key,
      ...(typeof payload === "string" ? { [names.payload]: payload } : { [names.bytes]: base64url(payload) }),
      [names.expiresAt]: instantOf(expiresAt),
      [names.version]: stamp,
      ...(subject !== undefined && { [names.subject]: escaped(subject) }),
    }),
    state: ({ _id, _source, _seq_no, _primary_term }) => ({
      key: keyOf(_id),
      stamp: String(_source[names.version]),
      expiresAt: Number(_source[names.expiresAt]),
      seqNo: _seq_no,
      primaryTerm: _primary_term,
    }),
    decode(hit) {
      const { [names.payload]: text, [names.bytes]: bytes, [names.subject]: subject } = hit._source;
      const state = documents.state(hit);
      const { key, expiresAt } = state;
      const payload = typeof text === "string" ? text : (fromBase64url(String(bytes ?? "")) ?? new Uint8Array());
      const record = { key, payload, expiresAt, version: versionOf(state) };
      return typeof subject === "string" ? { ...record, subject: JSON.parse(`"${subject}"`) as string } : record;
    },
  };
  return documents;
}

/** As in JSON, for the server does not tell one half of a surrogate pair from another. Mostly the text itself. */
export function escaped(subject: string): string {
  return JSON.stringify(subject).slice(1, -1);
}

/** Ids are in paths, where `..` would mean something. */
const prefix = "s:";

/** The id of the document for a key. */
export function idOf(key: string): string {
  return prefix + key;
}

/** The key a document with this id is for. */
export function keyOf(id: string): string {
  return id.slice(prefix.length);
}

/** Whole milliseconds, as far as numbers are exact and dates go. */
export function instantOf(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt), 8.64e15));
}
