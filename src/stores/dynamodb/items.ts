/** How a record looks in DynamoDB: one item, and for its subject another one that names it. */

import { base64url, utf8 } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { StoredRecord, StoreRecord } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";
import type { FoundItem, Item, Value } from "./client.ts";

/** The names of the attributes. All must differ. */
export interface DynamodbAttributes {
  /** The table's partition key. Default `"pk"`. */
  readonly partition?: string | undefined;
  /** The table's sort key. Default `"sk"`. */
  readonly sort?: string | undefined;
  /** The encoded session. Default `"payload"`. */
  readonly payload?: string | undefined;
  /** When the session ends, in epoch milliseconds. Default `"expiresAt"`. */
  readonly expiresAt?: string | undefined;
  /** Text that is new with every write. Default `"version"`. */
  readonly version?: string | undefined;
  /** Who the session belongs to, as JSON text. Default `"subject"`. */
  readonly subject?: string | undefined;
  /** When DynamoDB may remove the item, in epoch seconds. Default `"ttl"`. */
  readonly ttl?: string | undefined;
}

/** Every attribute's name. */
export type Names = Readonly<Record<keyof DynamodbAttributes, string>>;

const defaults: Names = {
  partition: "pk",
  sort: "sk",
  payload: "payload",
  expiresAt: "expiresAt",
  version: "version",
  subject: "subject",
  ttl: "ttl",
};

/** The names of the attributes, checked. */
export function namesOf(attributes: DynamodbAttributes = {}): Names {
  if (typeof attributes !== "object" || attributes === null) throw wrongArgument("attributes", "an object", attributes);
  const all: Record<string, string> = { ...defaults };
  for (const [which, name] of Object.entries(attributes)) {
    if (name === undefined) continue;
    if (!(which in defaults))
      throw new TypeError(`attributes has no field ${which}: it names ${Object.keys(defaults).join(", ")}`);
    if (typeof name !== "string" || name === "") throw wrongArgument(`attributes.${which}`, "non-empty text", name);
    all[which] = name;
  }
  if (new Set(Object.values(all)).size < Object.keys(defaults).length) {
    throw new TypeError("attributes must name every attribute differently; received the same name twice");
  }
  return all as Names;
}

/** What a version tells: the stamp that must stand, the subject whose index has the record, and until which day. */
export interface State {
  readonly stamp: string;
  readonly day: number;
  readonly subject: string | undefined;
}

const day = 86_400_000;

/** The day an instant is in, counted from 1970. An index entry outlives its record by a day at least, in whole days. */
export function dayOf(instant: number): number {
  return Math.floor(instant / day);
}

/** The first instant of a day. */
export function startOf(dayNumber: number): number {
  return dayNumber * day;
}

export function versionOf({ stamp, day, subject }: State): string {
  return `${stamp} ${day} ${subject ?? ""}`;
}

export function stateOf(version: string): State {
  const [, stamp = "", day = "0", subject = ""] = /^(\S*) (\d+) (.*)$/s.exec(version) ?? [];
  return { stamp, day: Number(day), subject: subject === "" ? undefined : subject };
}

/** A record as an item, and the state it is in then. No two calls give the same stamp. */
export interface Encoded extends State {
  readonly item: Item;
  readonly expiresAt: number;
}

/** Records and index entries as items, and back. */
export interface Items {
  readonly names: Names;
  /** The primary key of a record. */
  key(key: string): Item;
  encode(key: string, record: StoreRecord): Encoded;
  /** The record in an item, whether it has ended or not. */
  decode(item: FoundItem): StoredRecord & { readonly key: string };
  /** The attributes that move with the expiry. */
  expiry(expiresAt: number): { readonly expiresAt: Value; readonly ttl: Value };
  /** The primary key of the entry that a subject's index has for a record. `subject` is JSON. */
  entryKey(subject: string, key: string): Promise<Item>;
  /** That entry, until the end of a day after `dayNumber`, or until an instant. */
  entry(subject: string, key: string, until: { readonly day: number } | { readonly instant: number }): Promise<Item>;
}

/** Marks the item of a record; the entries of indexes have the record's key there. */
export const session = "session";

export function itemsOf(names: Names, prefix: string): Items {
  const wholeSeconds = (instant: number): Value => ({ N: String(Math.ceil(instant / 1000)) });
  const expiry = (expiresAt: number): { expiresAt: Value; ttl: Value } => ({
    expiresAt: { N: String(expiresAt) },
    ttl: wholeSeconds(expiresAt),
  });
  const primary = (partition: string, sort: string): Item => ({
    [names.partition]: { S: partition },
    [names.sort]: { S: sort },
  });
  const items: Items = {
    names,
    key: (key) => primary(prefix + key, session),
    expiry,
    encode(key, record) {
      const stamp = newStamp();
      const expiresAt = instantOf(record.expiresAt);
      const subject = record.subject === undefined ? undefined : JSON.stringify(record.subject);
      const ends = expiry(expiresAt);
      const item: Item = {
        ...items.key(key),
        [names.payload]: encodePayload(record.payload),
        [names.expiresAt]: ends.expiresAt,
        [names.ttl]: ends.ttl,
        [names.version]: { S: stamp },
        ...(subject !== undefined && { [names.subject]: { S: subject } }),
      };
      return { item, stamp, subject, expiresAt, day: dayOf(expiresAt) };
    },
    decode(item) {
      const subject = item[names.subject]?.S;
      const expiresAt = Number(item[names.expiresAt]?.N);
      const state = { stamp: item[names.version]?.S ?? "", day: dayOf(expiresAt), subject };
      const record = {
        key: (item[names.partition]?.S ?? "").slice(prefix.length),
        payload: decodePayload(item[names.payload]),
        expiresAt,
        version: versionOf(state),
      };
      return subject === undefined ? record : { ...record, subject: JSON.parse(subject) as string };
    },
    entryKey: async (subject, key) => primary(`${prefix}subject ${await short(subject)}`, key),
    async entry(subject, key, until) {
      const instant = "day" in until ? startOf(until.day + 2) : until.instant;
      return { ...(await items.entryKey(subject, key)), [names.ttl]: wholeSeconds(instant) };
    },
  };
  return items;
}

/** Whole milliseconds, as far as numbers are exact. */
export function instantOf(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt), Number.MAX_SAFE_INTEGER));
}

/** Text, bytes, or text in a list as JSON where it has half a surrogate pair, which UTF-8 cannot say. */
function encodePayload(payload: string | Uint8Array): Value {
  if (typeof payload !== "string") return { B: payload.slice() };
  return payload.isWellFormed() ? { S: payload } : { L: [{ S: JSON.stringify(payload) }] };
}

function decodePayload(value: FoundItem[string] | undefined): string | Uint8Array {
  if (value?.B) return new Uint8Array(value.B);
  return value?.S ?? (JSON.parse(value?.L?.[0]?.S ?? '""') as string);
}

/** A partition key has at most 2048 octets. */
async function short(subject: string): Promise<string> {
  const bytes = utf8(subject);
  if (bytes.length <= 1500) return subject;
  return `sha256 ${base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))}`;
}
