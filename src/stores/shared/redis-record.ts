/** How a record looks in Redis: one string value, a header of text and the payload. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";
import type { StoredRecord, StoreRecord } from "../../core/contracts/store.ts";

/** How records are written as values, and what the scripts must know of that. */
export interface NativeLayout {
  /**
   * Lua functions over a value in place: `stands(key, version)`, is this the state of it; `belongs(key, subject)`,
   * is it a record of this subject; `hint(key, expiresAt)`, write down when it ends without changing its version.
   */
  readonly lua: string;
  /** The value for a record, and the version of it. Two calls never give the same version. */
  encode(record: StoreRecord): { readonly value: string; readonly version: string };
  /** The record in a value, or `null` when the value is none. */
  decode(value: string): StoredRecord | null;
  /** A subject as `belongs` takes it. */
  subject(subject: string | undefined): string;
  /** An instant as `hint` takes it. */
  instant(expiresAt: number): string;
  /** The subject of the record a version names. */
  subjectOf(version: string): string | undefined;
  /** A value that is no record, and whose state is `version`. */
  tombstone(version: string): string;
}

/**
 * `s1 <expiry> <stamp> <kind> <subject>\n<payload>`: expiry in epoch milliseconds, 16 digits; stamp, 16 random
 * characters new with every write; kind `t` for text, `j` for text as JSON, `b` for bytes as base64url; subject as
 * JSON, or `-`. The version is the part from stamp to subject, of which the stamp alone makes it unique: so nothing
 * is hashed, and a touch, which writes the expiry, leaves it alone.
 */
export const nativeLayout: NativeLayout = {
  lua: `
local function stands(key, version)
  return redis.call('GETRANGE', key, 20, 19 + #version) == version
end
local function belongs(key, subject)
  return redis.call('GETRANGE', key, 0, 2) == 's1 ' and redis.call('GETRANGE', key, 39, 38 + #subject) == subject
end
local function hint(key, expiresAt)
  redis.call('SETRANGE', key, 3, expiresAt)
end`,
  encode({ payload, expiresAt, subject }) {
    const stamp = base64url(crypto.getRandomValues(new Uint8Array(12)));
    const [kind, body] = encodePayload(payload);
    const version = `${stamp} ${kind} ${this.subject(subject)}`;
    return { value: `s1 ${this.instant(expiresAt)} ${version}${body}`, version };
  },
  decode(value) {
    const end = value.indexOf("\n") + 1;
    const [, expiresAt, version, kind] = header.exec(value.slice(0, end)) ?? [];
    if (expiresAt === undefined || version === undefined || kind === undefined) return null;
    try {
      const payload = decodePayload(kind, value.slice(end));
      const record = { payload, expiresAt: Number(expiresAt), version };
      const subject = this.subjectOf(version);
      return subject === undefined ? record : { ...record, subject };
    } catch {
      return null;
    }
  },
  subject(subject) {
    return `${subject === undefined ? "-" : JSON.stringify(subject)}\n`;
  },
  instant(expiresAt) {
    return String(Math.min(Math.ceil(expiresAt), Number.MAX_SAFE_INTEGER)).padStart(16, "0");
  },
  subjectOf(version) {
    const subject = version.slice(19);
    return subject === "-\n" ? undefined : (JSON.parse(subject) as string);
  },
  tombstone(version) {
    return `-- ${this.instant(0)} ${version}`;
  },
};

const header = /^s1 (\d{16}) ([\w-]{16} ([tjb]) (?:-|"[^\n]*")\n)$/;

function encodePayload(payload: string | Uint8Array): [kind: "t" | "j" | "b", body: string] {
  if (typeof payload !== "string") return ["b", base64url(payload)];
  // UTF-8 has no half of a surrogate pair; JSON escapes it.
  return payload.isWellFormed() ? ["t", payload] : ["j", JSON.stringify(payload)];
}

function decodePayload(kind: string, body: string): string | Uint8Array {
  if (kind === "t") return body;
  if (kind === "j") return JSON.parse(body) as string;
  const bytes = fromBase64url(body);
  if (bytes === null) throw new TypeError("not base64url");
  return bytes;
}
