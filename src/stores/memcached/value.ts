/** How a record looks in Memcached: one line of text, a header and the payload, the same through every client. */

import { base64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import type { StoreRecord } from "../../core/contracts/store.ts";
import { newStamp } from "../shared/stamp.ts";
import { decodeBody, encodeBody, instantText } from "../shared/text.ts";

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
  return { value: `s1 ${instantText(record.expiresAt)} ${stamp} ${kind} ${subject}\t${body}`, stamp };
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
  return value.slice(0, expiryAt) + instantText(expiresAt) + value.slice(expiryAt + 16);
}

const lineEnd = /[\r\n]/;

/** The kinds of {@link encodeBody}, and `u` for text in base64url. */
function encodePayload(payload: string | Uint8Array): readonly [kind: "t" | "u" | "j" | "b", body: string] {
  const [kind, body] = encodeBody(payload);
  return kind === "t" && lineEnd.test(body) ? ["u", base64url(utf8(body))] : [kind, body];
}

function decodePayload(kind: string, body: string): string | Uint8Array {
  return kind === "u" ? fromUtf8(decodeBody("b", body) as Uint8Array) : decodeBody(kind, body);
}
