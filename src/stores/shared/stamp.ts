/** Stamps: what tells one state of a record from every other, new with every write except a touch. */

import { base64url } from "../../core/bytes/bytes.ts";

/** Random bytes for many stamps: drawing them costs the same for one as for many. Stamps are no secret. */
const pool = new Uint8Array(12 * 256);
let used = pool.length;

/** 16 random characters. No two are the same. */
export function newStamp(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += 12;
  return base64url(pool.subarray(used - 12, used));
}

/** The same as a whole number that every database and driver gives back exactly: 53 random bits. */
export function newNumber(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 21) * 2 ** 32 + low;
}
