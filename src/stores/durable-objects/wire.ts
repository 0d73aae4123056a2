/** What a Worker and its object say to each other: one JSON text for a call, one for its answer, one a line in a listing. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";
import type { ListedRecord, StoredRecord, StoreRecord, Version } from "../../core/contracts/store.ts";

/** One call of the store. */
export interface Call {
  readonly method: "read" | "create" | "update" | "touch" | "rename" | "delete" | "page" | "count" | "listBySubject";
  /** The Worker's present, which decides what has ended. */
  readonly now: number;
  readonly key?: string | undefined;
  /** The key that `rename` moves to. */
  readonly to?: string | undefined;
  readonly record?: WireRecord | undefined;
  readonly version?: Version | undefined;
  readonly expiresAt?: number | undefined;
  readonly subject?: string | undefined;
  /** Of `page`: how many records, from the one after `key`. */
  readonly limit?: number | undefined;
  /** Of `page` and `count`: what the keys begin with. */
  readonly prefix?: string | undefined;
}

/** A record whose bytes are text in base64url. */
export interface WireRecord {
  readonly text?: string | undefined;
  readonly bytes?: string | undefined;
  readonly expiresAt: number;
  readonly subject?: string | undefined;
  readonly version?: Version | undefined;
  readonly key?: string | undefined;
}

/** For the way. JSON has no infinity. */
export function toWire({ payload, expiresAt, ...rest }: StoreRecord | ListedRecord): WireRecord {
  const kept = typeof payload === "string" ? { text: payload } : { bytes: base64url(payload) };
  return { ...kept, ...rest, expiresAt: toInstant(expiresAt) };
}

/** A whole millisecond that a number keeps exactly. */
export function toInstant(expiresAt: number): number {
  return Math.min(Math.ceil(expiresAt), Number.MAX_SAFE_INTEGER);
}

/** And back. */
export function fromWire<Wanted extends StoreRecord = StoredRecord>({ text, bytes, ...rest }: WireRecord): Wanted {
  return { payload: text ?? fromBase64url(bytes ?? ""), ...rest } as unknown as Wanted;
}
