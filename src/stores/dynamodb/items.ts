/** How a record looks in DynamoDB: one item, and for its subject another one that names it. */

import { base64url, utf8 } from "../../core/bytes/bytes.ts";
import type { ListedRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";
import { asItWas, wellFormed } from "../shared/text.ts";
import type { FoundItem, Item, Value } from "./client.ts";
import { type Expressions, expressionsOf } from "./expressions.ts";
import type { Names } from "./names.ts";
import { type DynamodbTable, tableInputs } from "./table.ts";

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

function versionOf({ stamp, day, subject }: State): string {
  return `${stamp} ${day} ${subject ?? ""}`;
}

export function stateOf(version: Version): State {
  const [, stamp = "", day = "0", subject = ""] = /^(\S*) (\d+) (.*)$/s.exec(String(version)) ?? [];
  return { stamp, day: Number(day), subject: subject === "" ? undefined : subject };
}

/** A record as an item, the version it has then, and when it ends as far as the item tells. */
export interface Encoded {
  readonly item: Item;
  readonly version: Version;
  readonly expiresAt: number;
  /** As JSON, where items have room for it. */
  readonly subject: string | undefined;
  readonly day: number;
}

/** A text in DynamoDB's language, and what the words for values in it stand for. */
export type Text = readonly [text: string, values: Item];

/** How records are kept as items: this library's own way, or another program's. */
export interface DynamodbRecords {
  readonly expressions: Expressions;
  /** The condition that no live record is there. */
  readonly free: string;
  /** What tells live records, whose keys begin so, from the other items of a table. */
  liveWith(prefix: string): Text;
  /** The primary key of a record. */
  key(key: string): Item;
  encode(key: string, record: StoreRecord): Encoded;
  /** The record in an item, whether it has ended or not; `null` when there is none. */
  decode(item: FoundItem): ListedRecord | null;
  /** The condition that a live record is in the state a version names. */
  stands(version: Version): Text;
  /** Whether an item in the way is what a client that lost the answer has written. */
  isWritten(item: FoundItem, next: Encoded): boolean;
  /** Sets another end, `:later`; and the end as the item will tell it. */
  prolong(expiresAt: number): { readonly set: Text; readonly at: number };
  /** Sets what a write changes, where the other attributes of an item stay. Without it an item is replaced. */
  change?(next: Encoded): Text;
  /** The entries that find the records of a subject, where there are any. */
  readonly index: SubjectIndex | undefined;
  readonly table: DynamodbTable;
}

/** Index entries as items. */
export interface SubjectIndex {
  /** The subject in a record's item, as JSON. */
  subjectIn(item: FoundItem | undefined): string | undefined;
  /** The attribute that has a record's key in an entry. */
  readonly sort: string;
  /** The partition of all entries of a subject. */
  partition(subject: string): Promise<Value>;
  /** The primary key of the entry that a subject's index has for a record. `subject` is JSON. */
  entryKey(subject: string, key: string): Promise<Item>;
  /** That entry, until the end of a day after `dayNumber`, or until an instant. */
  entry(subject: string, key: string, until: { readonly day: number } | { readonly instant: number }): Promise<Item>;
}

/** Marks the item of a record; the entries of indexes have the record's key there. */
const session = "session";

/** Records in this library's own way. */
export function ownRecords(
  table: string,
  names: Names,
  prefix: string,
  now: () => number,
): DynamodbRecords & { readonly index: SubjectIndex } {
  const wholeSeconds = (instant: number): Value => ({ N: String(Math.ceil(instant / 1000)) });
  const expiry = (expiresAt: number): { expiresAt: Value; ttl: Value } => ({
    expiresAt: { N: String(expiresAt) },
    ttl: wholeSeconds(expiresAt),
  });
  const primary = (partition: string, sort: string): Item => ({
    [names.partition]: { S: partition },
    [names.sort]: { S: sort },
  });
  const entryKey = async (subject: string, key: string): Promise<Item> =>
    primary(`${prefix}subject ${await short(subject)}`, key);
  const filter = "#sort = :session AND #expiresAt > :now";
  const key = (key: string): Item => primary(prefix + key, session);
  return {
    expressions: expressionsOf(names, now),
    table: tableInputs(table, names),
    free: "attribute_not_exists(#partition) OR #expiresAt <= :now",
    liveWith(keys) {
      const begins = prefix + keys;
      return [
        begins === "" ? filter : `${filter} AND begins_with(#partition, :prefix)`,
        { ":session": { S: session }, ":prefix": { S: begins } },
      ];
    },
    key,
    encode(name, record) {
      const stamp = newStamp();
      const expiresAt = instantOf(record.expiresAt);
      const subject = record.subject === undefined ? undefined : JSON.stringify(record.subject);
      const ends = expiry(expiresAt);
      const item: Item = {
        ...key(name),
        [names.payload]: encodePayload(record.payload),
        [names.expiresAt]: ends.expiresAt,
        [names.ttl]: ends.ttl,
        [names.version]: { S: stamp },
        ...(subject !== undefined && { [names.subject]: { S: subject } }),
      };
      const day = dayOf(expiresAt);
      return { item, version: versionOf({ stamp, day, subject }), subject, expiresAt, day };
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
    stands: (version) => ["#version = :was AND #expiresAt > :now", { ":was": { S: stateOf(version).stamp } }],
    isWritten: (item, { version }) => item[names.version]?.S === stateOf(version).stamp,
    prolong(expiresAt) {
      const at = instantOf(expiresAt);
      const { expiresAt: later, ttl } = expiry(at);
      return { at, set: ["SET #expiresAt = :later, #ttl = :ttl", { ":later": later, ":ttl": ttl }] };
    },
    index: {
      sort: names.sort,
      subjectIn: (item) => item?.[names.subject]?.S,
      partition: async (subject) => (await entryKey(subject, "any"))[names.partition] as Value,
      entryKey,
      async entry(subject, key, until) {
        const instant = "day" in until ? startOf(until.day + 2) : until.instant;
        return { ...(await entryKey(subject, key)), [names.ttl]: wholeSeconds(instant) };
      },
    },
  };
}

/** Whole milliseconds, as far as numbers are exact. */
function instantOf(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt), Number.MAX_SAFE_INTEGER));
}

/** Text as `S`, bytes as `B`. Text with half a surrogate pair, which UTF-8 cannot express, becomes JSON inside a list. */
function encodePayload(payload: string | Uint8Array): Value {
  if (typeof payload !== "string") return { B: payload.slice() };
  const [text, isJson] = wellFormed(payload);
  return isJson ? { L: [{ S: text }] } : { S: text };
}

function decodePayload(value: FoundItem[string] | undefined): string | Uint8Array {
  if (value?.B) return new Uint8Array(value.B);
  return value?.S ?? asItWas(value?.L?.[0]?.S ?? '""', true);
}

/** A partition key has at most 2048 bytes. */
async function short(subject: string): Promise<string> {
  const bytes = utf8(subject);
  if (bytes.length <= 1500) return subject;
  return `sha256 ${base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))}`;
}
