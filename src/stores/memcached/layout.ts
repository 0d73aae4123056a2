/** What a value in Memcached is: this store's own line of text, or the payload of another program and nothing beside it. */

import { fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { StoreRecord } from "../../core/contracts/store.ts";
import type { Item } from "./shapes.ts";
import { decodeValue, encodeValue, type StampedRecord, withExpiry } from "./value.ts";

/** How another program keeps its sessions in Memcached. For Flask-Session it is `flaskMemcached()` of `sojourn/flask`. */
export interface MemcachedLayout {
  /** A word for error messages: `"flask-session"`. */
  readonly name: string;
  /** Whether its format encodes sessions to text or to bytes. */
  readonly payload: "text" | "bytes";
  /** The flags of items whose value is a session. Default 0 alone, which is what is written in any case. */
  readonly flags?: readonly number[] | undefined;
}

/** What the store does with values. */
export interface Layout {
  /** Only a client that keeps bytes will do. */
  readonly needsBytes: boolean;
  /** The largest payload in an item of that size, in bytes. */
  room(maxItemBytes: number): number;
  /** The value for a record, and what names this state of it. */
  encode(record: StoreRecord): { readonly value: string | Uint8Array; readonly stamp: string };
  /** The record in an item, or `null` when there is none. */
  decode(item: Item, now: number): StampedRecord | null;
  /** The same record with a later expiry. */
  prolonged(item: Item, expiresAt: number): string | Uint8Array;
}

/** One line of text with a header, the same through every client. */
export const nativeLayout: Layout = {
  needsBytes: false,
  // Bytes are stored as base64url; the rest is for the header, the subject, the key and what Memcached adds.
  room: (maxItemBytes) => Math.floor(((maxItemBytes - 4096) * 3) / 4),
  encode: encodeValue,
  decode: ({ text }) => decodeValue(text),
  prolonged: ({ text }, expiresAt) => withExpiry(text, expiresAt),
};

/** The value is the payload, the item's own end the only one, and what names a state is the payload itself: so the other program takes part. */
export function bareLayout(layout: MemcachedLayout): Layout {
  const { payload, flags = [0] } = checkedLayout(layout);
  return {
    needsBytes: true,
    room: (maxItemBytes) => maxItemBytes - 1024,
    encode(record) {
      const value = typeof record.payload === "string" ? utf8(record.payload) : record.payload;
      return { value, stamp: stampOf(value) };
    },
    decode({ value, flags: found, secondsLeft }, now) {
      if (value === undefined || !flags.includes(found ?? 0)) return null;
      // The last of the seconds has begun already.
      const expiresAt = secondsLeft === undefined ? Number.MAX_SAFE_INTEGER : now + (secondsLeft - 1) * 1000;
      try {
        return { payload: payload === "text" ? fromUtf8(value) : value, expiresAt, stamp: stampOf(value) };
      } catch {
        return null;
      }
    },
    prolonged: ({ value }) => value as Uint8Array,
  };
}

/** A character for each byte: no two values have the same. */
const characters = new TextDecoder("windows-1252");

function stampOf(value: Uint8Array): string {
  return characters.decode(value);
}

function checkedLayout(layout: unknown): MemcachedLayout {
  const { name, payload, flags = [] } = (layout ?? {}) as Partial<MemcachedLayout>;
  const fits = typeof name === "string" && (payload === "text" || payload === "bytes") && Array.isArray(flags);
  if (fits) return layout as MemcachedLayout;
  throw wrongArgument("layout", "a layout such as flaskMemcached()", layout);
}
