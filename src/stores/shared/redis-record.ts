/** How a record looks in Redis: one string value, a header of text and the payload. */

import type { StoreCapabilities, StoredRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { type RedisArgument, type RedisConnection, type Replies, textOf } from "./redis-client.ts";
import { explained, says } from "./redis-scripts.ts";
import { newStamp } from "./stamp.ts";
import { decodeBody, encodeBody, instantText } from "./text.ts";

/** How records are kept as values: this library's own way, or another program's. */
export interface RedisRecords {
  /** What the client has to answer for values. */
  readonly replies: Replies;
  /** Values hold the subject of their record. */
  readonly bySubject: boolean;
  /** What the keys of all records begin with, to list them. */
  readonly keyPrefix: string;
  /**
   * Lua over a value in place: `stands(key, state)`, is this the state of it; `unique`, no two writes come to the same
   * state; `belongs(key, subject)`, is it a record of this subject; `hint(key, expiresAt)`, write down when it ends
   * without changing its state. None of them raises an error for a key of another type: that is no record.
   */
  readonly lua: string;
  /** The value for a record, and the version of it. */
  encode(record: StoreRecord): { readonly value: RedisArgument; readonly version: Version };
  /** What `stands` compares for a version. */
  stateOf(version: Version): string | Promise<string>;
  /** The subject of the record a version names. */
  subjectOf(version: Version): string | undefined;
  /** The subject of the record in a value. `null`: there is none. */
  subjectIn(value: string): string | null | undefined;
  /** The record under a name in Redis. */
  read(connection: RedisConnection, name: string): Promise<StoredRecord | null>;
  /** The records under many. `apart`: no command may name more than one. */
  readMany(connection: RedisConnection, names: string[], apart: boolean): Promise<(StoredRecord | null)[]>;
  /** A value that is no record, and whose state is `state`. Without it, a renamed record is removed at once. */
  tombstone?(state: string): string;
}

/**
 * `s1 <expiry> <stamp> <kind> <subject>\n<payload>`: expiry in epoch milliseconds, 16 digits; stamp, 16 random
 * characters new with every write; kind `t` for text, `j` for text as JSON, `b` for bytes as base64url; subject as
 * JSON, or `-`. The version is the part from stamp to subject, of which the stamp alone makes it unique: so nothing
 * is hashed, and a touch, which writes the expiry, leaves it alone.
 */
export const nativeRecords: RedisRecords = {
  replies: "text",
  bySubject: true,
  keyPrefix: "",
  lua: `
local unique = true
local function stands(key, version)
  return redis.pcall('GETRANGE', key, 20, 19 + #version) == version
end
local function belongs(key, subject)
  return redis.pcall('GETRANGE', key, 0, 2) == 's1 ' and redis.call('GETRANGE', key, 39, 38 + #subject) == subject
end
local function hint(key, expiresAt)
  redis.call('SETRANGE', key, 3, expiresAt)
end`,
  encode({ payload, expiresAt, subject }) {
    const stamp = newStamp();
    const [kind, body] = encodeBody(payload);
    const version = `${stamp} ${kind} ${subjectText(subject)}`;
    return { value: `s1 ${instantText(expiresAt)} ${version}${body}`, version };
  },
  stateOf: (version) => version as string,
  subjectOf(version) {
    const subject = (version as string).slice(19);
    return subject === "-\n" ? undefined : textIn(subject.slice(0, -1));
  },
  subjectIn(value) {
    const record = recordIn(value);
    return record && record.subject;
  },
  read: (connection, name) => connection.command(name, ["GET", name]).then(recordIn, noRecord),
  async readMany(connection, names, apart) {
    if (apart) return Promise.all(names.map((name) => this.read(connection, name)));
    return ((await connection.command(names[0] ?? "", ["MGET", ...names])) as unknown[]).map(recordIn);
  },
  tombstone: (state) => `-- ${instantText(0)} ${state}`,
};

/** What the store can do with records on such a connection. */
export function redisCapabilities(bySubject: boolean, atomicRename: boolean, list: boolean): StoreCapabilities {
  return {
    compareAndSwap: "atomic",
    nativeExpiry: true,
    expiryGranularity: 1,
    clock: "server",
    shared: true,
    maxPayloadBytes: undefined,
    bySubject,
    atomicRename,
    list,
    pages: list,
    count: list ? "estimate" : "none",
  };
}

/** A subject as `belongs` takes it. */
export function subjectText(subject: string | undefined): string {
  if (subject === undefined) return "-\n";
  return isPlain.test(subject) ? `"${subject}"\n` : `${JSON.stringify(subject)}\n`;
}

/** A text that is the same inside a text of JSON. */
const isPlain = /^[ !#-[\]-~]*$/;

/** The record in a reply, or `null` when the value is none. */
function recordIn(reply: unknown): StoredRecord | null {
  const value = textOf(reply);
  if (value === null) return null;
  const end = value.indexOf("\n") + 1;
  const expiresAt = instantIn(value);
  const kind = value[37] as string;
  if (!value.startsWith("s1 ") || expiresAt === null || end < 41) return null;
  if (value[19] !== " " || value[36] !== " " || value[38] !== " " || !"tjb".includes(kind)) return null;
  try {
    const payload = decodeBody(kind, value.slice(end));
    const version = value.slice(20, end);
    if (value[39] === "-" && end === 41) return { payload, expiresAt, version };
    return { payload, expiresAt, version, subject: textIn(value.slice(39, end - 1)) };
  } catch {
    return null;
  }
}

/** The expiry in a header; `null` where there are no 16 digits. */
function instantIn(value: string): number | null {
  let instant = 0;
  for (let at = 3; at < 19; at++) {
    const digit = value.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return null;
    instant = instant * 10 + digit;
  }
  return instant;
}

/** The text that a text of JSON stands for. Throws when it stands for none. */
function textIn(json: string): string {
  if (/^"[^"\\\0-\x1f]*"$/.test(json)) return json.slice(1, -1);
  const text: unknown = JSON.parse(json);
  if (typeof text !== "string") throw new TypeError("not a text");
  return text;
}

/** A key of another type under our prefix is no session. */
function noRecord(error: unknown): null {
  if (says(error, "WRONGTYPE")) return null;
  throw explained(error);
}
