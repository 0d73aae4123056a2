/** How a record looks in Memcached: one line of text, a header and the payload, the same through every client. */

import { base64url, fromBase64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import type { StoreRecord } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";

/** A record in a value, and the stamp that names this state of it. */
export interface StampedRecord extends StoreRecord {
  readonly stamp: string;
}

/**
 * `s1 <expiry> <stamp> <kind> <subject>\t<payload>`: expiry in epoch milliseconds, 16 digits; stamp, 16 random
 * characters, new with every write that is not a touch; kind see {@link encodePayload}; subject as JSON, or `-`.
 * There is no line end in it, for the `memcached` package rewrites those.
 */
const header = /^s1 (\d{16}) ([\w-]{16}) ([tujb]) (-|"[^\t]*")\t/;
const expiryAt = "s1 ".length;

/** The value for a record, with a stamp no other has. */
export function encodeValue(record: StoreRecord): { readonly value: string; readonly stamp: string } {
  const stamp = newStamp();
  const [kind, body] = encodePayload(record.payload);
  const subject = record.subject === undefined ? "-" : JSON.stringify(record.subject);
  return { value: `s1 ${digits(record.expiresAt)} ${stamp} ${kind} ${subject}\t${body}`, stamp };
}

/** The record in a value, or `null` when there is none. */
export function decodeValue(value: string): StampedRecord | null {
  const [all, expiresAt, stamp, kind, subject] = header.exec(value) ?? [];
  if (all === undefined || stamp === undefined || kind === undefined || subject === undefined) return null;
  try {
    const payload = decodePayload(kind, value.slice(all.length));
    const record = { payload, expiresAt: Number(expiresAt), stamp };
    return subject === "-" ? record : { ...record, subject: JSON.parse(subject) as string };
  } catch {
    return null;
  }
}

/** The same record with a later expiry: everything else, the stamp too, as it was. */
export function withExpiry(value: string, expiresAt: number): string {
  return value.slice(0, expiryAt) + digits(expiresAt) + value.slice(expiryAt + 16);
}

function digits(expiresAt: number): string {
  return String(Math.min(Math.max(Math.ceil(expiresAt), 0), Number.MAX_SAFE_INTEGER)).padStart(16, "0");
}

const lineEnd = /[\r\n]/;

/** Kind `t` is text as it is, `u` text in base64url, `j` text as JSON, `b` bytes in base64url. */
function encodePayload(payload: string | Uint8Array): [kind: "t" | "u" | "j" | "b", body: string] {
  if (typeof payload !== "string") return ["b", base64url(payload)];
  // UTF-8 has no half of a surrogate pair; JSON escapes it.
  if (!payload.isWellFormed()) return ["j", JSON.stringify(payload)];
  return lineEnd.test(payload) ? ["u", base64url(utf8(payload))] : ["t", payload];
}

function decodePayload(kind: string, body: string): string | Uint8Array {
  if (kind === "t") return body;
  if (kind === "j") return JSON.parse(body) as string;
  const bytes = fromBase64url(body);
  if (bytes === null) throw new TypeError("not base64url");
  return kind === "u" ? fromUtf8(bytes) : bytes;
}
