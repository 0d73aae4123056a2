/** How a record looks in MongoDB: one document, its fields by any name. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { StoredRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";
import { asItWas, wellFormed } from "../shared/text.ts";
import type { MongodbDocument } from "./collection.ts";

/** The fields of a document. */
export interface MongodbLayout {
  /** Text, unique: the record's key. Default `"key"`. With `"_id"` a rename takes two steps. */
  readonly key?: string | undefined;
  /** Text or binary data: the encoded session. Default `"payload"`. */
  readonly payload?: string | undefined;
  /** A date: when the record ends. Default `"expiresAt"`. */
  readonly expiresAt?: string | undefined;
  /**
   * Text: the user of the session; absent for an anonymous session. Default `"subject"`. With `null` there is no such
   * field and no `listBySubject`, for a collection that other programs write without it.
   */
  readonly subject?: string | null | undefined;
  /**
   * Text, new with every write, which updates compare. Default `"version"`. With `null` there is no such field and
   * updates compare the payload, for a collection that other programs write without it.
   */
  readonly version?: string | null | undefined;
  /**
   * The payload is a document, for a format that encodes to a JSON object. Values that do not change keep their types, such as
   * dates. Only where `version` is `null`. Default false.
   */
  readonly object?: boolean | undefined;
  /** Fields of another program that are part of the session. Only where `version` is `null`. Default nothing. */
  readonly beside?: MongodbBeside | undefined;
}

/** Fields beside the payload that belong to the session, for a format that knows of one payload only. */
export interface MongodbBeside {
  /** The names of the fields. */
  readonly fields: readonly string[];
  /** Takes a session apart, into the payload to store and the values of the fields. */
  split(payload: string | Uint8Array): MongodbParts;
  /** Puts one together. Throws when it is none. */
  join(parts: MongodbParts): string | Uint8Array;
}

/** A session as it is stored: the payload, and the values of the fields beside it by their names. */
export interface MongodbParts {
  readonly payload: string | Uint8Array;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A layout with all its names. */
export type Fields = Readonly<Required<{ [Name in Field]: Exclude<MongodbLayout[Name], undefined> }>> &
  Pick<MongodbLayout, "beside" | "object">;

type Field = Exclude<keyof MongodbLayout, "beside" | "object">;

/** All names of a layout. Throws a `TypeError` for one that cannot be a field, or that is there twice. */
export function fieldsOf(layout: MongodbLayout): Fields {
  if (typeof layout !== "object" || layout === null) throw wrongArgument("layout", "an object of field names", layout);
  checkKnown("layout", layout, ["key", "payload", "expiresAt", "subject", "version", "object", "beside"]);
  const {
    key = "key",
    payload = "payload",
    expiresAt = "expiresAt",
    subject = "subject",
    version = "version",
    object = false,
    beside,
  } = layout;
  const fields = { key, payload, expiresAt, subject, version };
  if (beside !== undefined && version !== null)
    throw wrongArgument("layout.beside", "left out where the documents have a version", beside);
  if (object !== false && (object !== true || version !== null || beside !== undefined))
    throw wrongArgument("layout.object", "true or false, and true only where version is null, without beside", object);
  const seen = new Set<unknown>([key === "_id" ? "" : "_id", timeLeft, ...(beside?.fields ?? [])]);
  for (const [field, name] of Object.entries(fields)) {
    if ((field === "version" || field === "subject") && name === null) continue;
    if (typeof name !== "string" || !/^[^$.\0][^.\0]*$/.test(name) || seen.has(name)) {
      throw wrongArgument(`layout.${field}`, "a unique field name, without dots, not beginning with $", name);
    }
    seen.add(name);
  }
  return { ...fields, object, beside };
}

/** The projected field with a document's time left, in milliseconds. */
const timeLeft = "sojourn_left";

/** What is asked of a document: our fields, and how long it has, since the asking process may have a wrong clock. */
export function projectionOf(fields: Fields): MongodbDocument {
  const { key, payload, subject, version, expiresAt } = fields;
  const names = [key, payload, subject, version, ...(fields.beside?.fields ?? [])].filter((name) => name !== null);
  const left = { $subtract: [`$${expiresAt}`, "$$NOW"] };
  return { _id: 0, ...Object.fromEntries(names.map((name) => [name, 1])), [timeLeft]: left };
}

/** Whether a document's time has come, by the server's clock; an expression for queries and updates. */
export function endedBy(fields: Fields): MongodbDocument {
  return { $lte: [`$${fields.expiresAt}`, "$$NOW"] };
}

/** A new version, which no record had before. */
export function newVersion(fields: Fields, record: StoreRecord, was?: Version): Version {
  if (fields.object) return documentOf(record.payload, was as MongodbDocument | undefined);
  if (fields.beside) return fields.beside.split(record.payload);
  return fields.version === null ? copy(record.payload) : newStamp();
}

/** The filter for the state that a version names. */
export function stateOf(fields: Fields, version: Version): MongodbDocument {
  if (fields.beside) {
    const parts = version as MongodbParts;
    return { [fields.payload]: encode(parts.payload), ...parts.fields };
  }
  if (fields.object) return { [fields.payload]: { $eq: version } };
  return fields.version === null
    ? { [fields.payload]: encode(version as string | Uint8Array) }
    : { [fields.version]: version };
}

/** The fields of a record for an update pipeline, all except its key and its expiry. */
export function contentsOf(fields: Fields, record: StoreRecord, version: Version): MongodbDocument {
  const { subject } = record;
  const parts = fields.beside ? (version as MongodbParts) : { payload: record.payload, fields: {} };
  return {
    ...Object.fromEntries(Object.entries(parts.fields).map(([name, value]) => [name, { $literal: value }])),
    [fields.payload]: { $literal: fields.object ? version : encode(parts.payload) },
    ...(fields.subject !== null && {
      [fields.subject]: subject === undefined ? "$$REMOVE" : { $literal: encode(subject) },
    }),
    ...(fields.version !== null && { [fields.version]: { $literal: version } }),
  };
}

/** The record in a document, or `null` when it has ended or is no record of this layout. */
export function recordIn(fields: Fields, document: MongodbDocument | null, now: number): StoredRecord | null {
  if (!document) return null;
  const left = document[timeLeft];
  const found = document[fields.payload];
  const stored = fields.object ? jsonOf(found) : decode(found);
  const parts = fields.beside && stored !== null ? partsIn(fields.beside, stored, document) : undefined;
  const payload = parts ? joined(fields.beside, parts) : stored;
  const version = parts ?? (fields.object ? found : fields.version === null ? payload : document[fields.version]);
  if (typeof left !== "number" || left <= 0 || payload === null || version === undefined || version === null)
    return null;
  const subject = fields.subject === null ? null : decode(document[fields.subject]);
  const record = { payload, version, expiresAt: now + left };
  return typeof subject === "string" ? { ...record, subject } : record;
}

/** The document for a JSON object. An unchanged key keeps the value of `was`, with its BSON type. */
function documentOf(payload: string | Uint8Array, was: MongodbDocument = {}): MongodbDocument {
  const next = JSON.parse(typeof payload === "string" ? payload : new TextDecoder().decode(payload)) as MongodbDocument;
  for (const key of Object.keys(next))
    if (Object.hasOwn(was, key) && JSON.stringify(was[key]) === JSON.stringify(next[key])) next[key] = was[key];
  return next;
}

function jsonOf(found: unknown): string | null {
  return typeof found === "object" && found !== null ? JSON.stringify(found) : null;
}

function partsIn(beside: MongodbBeside, payload: string | Uint8Array, document: MongodbDocument): MongodbParts {
  return { payload, fields: Object.fromEntries(beside.fields.map((name) => [name, document[name] ?? null])) };
}

/** What is no session is left to the format, which says so. */
function joined(beside: MongodbBeside | undefined, parts: MongodbParts): string | Uint8Array {
  try {
    return beside ? beside.join(parts) : parts.payload;
  } catch {
    return parts.payload;
  }
}

/** UTF-8 has no half of a surrogate pair: text with one is stored as `{ json }`. Bytes are copied, for they are sent later. */
export function encode(value: string | Uint8Array): string | Uint8Array | { readonly json: string } {
  if (typeof value !== "string") return copy(value);
  const [text, isJson] = wellFormed(value);
  return isJson ? { json: text } : text;
}

function decode(value: unknown): string | Uint8Array | null {
  if (typeof value === "string") return value;
  if (isBytes(value)) return copy(value);
  const json = (value as { json?: unknown } | null | undefined)?.json;
  return typeof json === "string" ? asItWas(json, true) : null;
}

function copy<Value extends string | Uint8Array>(value: Value): Value | Uint8Array {
  return typeof value === "string" ? value : new Uint8Array(value);
}
