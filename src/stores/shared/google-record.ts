/** What the stores for Firestore and Datastore share: names and values that Google's databases take. */

import { base64url, isBytes, isDate } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { StoreCapabilities, StoreRecord } from "../../core/contracts/store.ts";
import { refuseLongSubject, refuseTooLarge } from "./size.ts";
import { newStamp } from "./stamp.ts";
import { wellFormed } from "./text.ts";

/** Other names for the fields of a document, or the properties of an entity. */
export interface GoogleNames {
  /** Text or bytes: the encoded session. Default `"payload"`. */
  readonly payload?: string | undefined;
  /** A timestamp: when the record ends, for a TTL policy. Default `"expiresAt"`. */
  readonly expiresAt?: string | undefined;
  /** Text: the user of the session; null for an anonymous session. Default `"subject"`. */
  readonly subject?: string | undefined;
  /** Text, new with every write, which updates compare. Default `"version"`. */
  readonly version?: string | undefined;
}

/** All four of them. */
export type Names = Readonly<Record<keyof GoogleNames, string>>;

/** The same where other programs write too, which may not know of subjects and versions. */
export interface BareNames extends Omit<Names, "subject" | "version"> {
  readonly subject: string | null;
  /** `null`: the payload is compared. */
  readonly version: string | null;
}

/** What both stores promise. */
export const googleCapabilities: StoreCapabilities = {
  compareAndSwap: "atomic",
  // Nothing is removed until an administrator makes a TTL policy, which no client can do or see.
  nativeExpiry: false,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: true,
  pages: true,
  count: "estimate",
  shared: true,
  // A document has 1 MiB with its name, its subject and what others keep in it; a single value a little less.
  maxPayloadBytes: 1_000_000,
};

/** Throws a `TypeError` for a name that cannot be one, or that is there twice. `option` is what the caller calls them. */
export function namesOf(option: string, given: GoogleNames): Names {
  return bareNamesOf(option, given, []) as Names;
}

/** The same, where `null` may stand for some of the names. */
export function bareNamesOf(
  option: string,
  given: { readonly [Name in keyof GoogleNames]: string | null | undefined },
  nullable: readonly (keyof GoogleNames)[] = ["subject", "version"],
): BareNames {
  if (typeof given !== "object" || given === null) throw wrongArgument(option, "an object of names", given);
  const { payload = "payload", expiresAt = "expiresAt", subject = "subject", version = "version" } = given;
  const names = { payload, expiresAt, subject, version };
  const seen = new Set<unknown>();
  for (const [name, value] of Object.entries(names)) {
    if (value === null && nullable.includes(name as keyof GoogleNames)) continue;
    if (typeof value !== "string" || !/^(?!__.*__$)[a-z_]\w*$/i.test(value) || seen.has(value)) {
      throw wrongArgument(`${option}.${name}`, "a name of its own of letters, digits and underscores", value);
    }
    seen.add(value);
  }
  return names as BareNames;
}

/** A key as the id of a document or the name of an entity: without `/`, not `.` or `..` or `__like this__`. */
export function idOf(key: string): string {
  return key.replace(/[%/]|^\.(?=\.?$)|^_(?=_.*__$)/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The key in an id, or `null` when no key has it. */
export function keyOf(id: string): string | null {
  try {
    const key = decodeURIComponent(id);
    return idOf(key) === id ? key : null;
  } catch {
    return null;
  }
}

/** A record as it will be stored. `stamp` is its version, which no record had before unless it is the payload itself. */
export interface Prepared {
  readonly values: Readonly<Record<string, string | Uint8Array | Date | null>>;
  readonly stamp: string;
  readonly expiresAt: number;
}

/** Throws before anything is sent when the record does not fit. */
export function prepare(names: BareNames, backend: string, record: StoreRecord): Prepared {
  const { payload, subject } = record;
  // Bytes are copied, for they may be sent later.
  const stored = typeof payload === "string" ? encodeText(payload) : new Uint8Array(payload);
  const owner = subject === undefined ? null : encodeText(subject);
  // Encoded text is never the shorter one.
  refuseTooLarge(stored, googleCapabilities.maxPayloadBytes, `the ${backend} store`);
  // An indexed text is compared no further than this, in bytes.
  if (owner !== null) refuseLongSubject(owner, 1500, `the ${backend} store`);
  const stamp = names.version === null ? stampOf(stored) : newStamp();
  const ends = instantOf(record.expiresAt);
  const values = {
    [names.payload]: stored,
    [names.expiresAt]: ends,
    ...(names.subject !== null && { [names.subject]: owner }),
    ...(names.version !== null && { [names.version]: stamp }),
  };
  return { values, stamp, expiresAt: ends.getTime() };
}

/** When a record ends, and its version: what tells whether it may be changed. */
export interface Standing {
  readonly stamp: string;
  readonly expiresAt: number;
}

/** The state of a document, or `null` when it holds no record of this library. */
export function standingIn(names: BareNames, values: Readonly<Record<string, unknown>> | undefined): Standing | null {
  const stamp = names.version === null ? stampOf(values?.[names.payload]) : values?.[names.version];
  const expiresAt = millisecondsOf(values?.[names.expiresAt]);
  return typeof stamp === "string" && expiresAt !== null ? { stamp, expiresAt } : null;
}

/** The version of a payload that is compared by itself. */
export function stampOf(stored: string | Uint8Array): string;
export function stampOf(stored: unknown): string | null;
export function stampOf(stored: unknown): string | null {
  if (isBytes(stored)) return `bytes:${base64url(stored)}`;
  return typeof stored === "string" ? `text:${stored}` : null;
}

/** The record in a document, or `null` when it holds none of this library. */
export function recordIn(names: BareNames, values: Readonly<Record<string, unknown>> | undefined): StoreRecord | null {
  const expiresAt = millisecondsOf(values?.[names.expiresAt]);
  const [stored, owner] = [values?.[names.payload], names.subject === null ? null : values?.[names.subject]];
  const payload = typeof stored === "string" ? decodeText(stored) : isBytes(stored) ? new Uint8Array(stored) : null;
  if (payload === null || expiresAt === null) return null;
  const subject = typeof owner === "string" ? decodeText(owner) : null;
  return subject === null ? { payload, expiresAt } : { payload, expiresAt, subject };
}

/** The databases keep instants up to the year 9999. */
const latest = 253_402_300_799_999;

/** An expiry as a date, no further than the databases reach. */
export function instantOf(expiresAt: number): Date {
  return new Date(Math.min(Math.max(Math.ceil(expiresAt), 0), latest));
}

/** A timestamp as either client gives it: a date, or an object with `toMillis`. */
export function millisecondsOf(value: unknown): number | null {
  if (isDate(value)) return value.getTime();
  const { toMillis } = (value ?? {}) as { toMillis?: unknown };
  return typeof toMillis === "function" ? ((value as { toMillis(): number }).toMillis() ?? null) : null;
}

/** Half a surrogate pair has no UTF-8: text with one is stored as JSON, and so is text that looks like that. */
export function encodeText(text: string): string {
  const [stored, isJson] = text.startsWith("json:") ? [JSON.stringify(text), true] : wellFormed(text);
  return isJson ? `json:${stored}` : stored;
}

function decodeText(stored: string): string | null {
  if (!stored.startsWith("json:")) return stored;
  try {
    const text: unknown = JSON.parse(stored.slice(5));
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}

/** The commands for `gcloud` that make the TTL policy and exempt from indexing what no query asks for. */
export function gcloudCommands(
  group: string,
  database: string,
  names: Pick<Names, "expiresAt">,
  exempt: readonly string[],
): string {
  const where = `--collection-group=${quoted(group)} --database=${quoted(database)}`;
  return [
    `gcloud firestore fields ttls update ${names.expiresAt} ${where} --enable-ttl`,
    ...exempt.map((name) => `gcloud firestore indexes fields update ${name} ${where} --disable-indexes`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

/** A word for the shell. */
function quoted(word: string): string {
  return /^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Refuses names that a collection, a kind or a database cannot have. */
export function checkName(option: string, value: unknown, takes: string): asserts value is string {
  const segments = typeof value === "string" ? value.split("/") : [""];
  if (segments.some((one) => one === "" || /^(\.\.?|__.*__)$/.test(one))) throw wrongArgument(option, takes, value);
}
