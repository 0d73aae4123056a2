/** Stamps: what tells one state of a record from every other, new with every write except a touch. */

import { base64url } from "../../core/bytes/bytes.ts";

/** Characters for many stamps: drawing and encoding random bytes costs the same for one as for many. Stamps are no secret. */
let pool = "";

/** 16 random characters. No two are the same. */
export function newStamp(): string {
  if (pool === "") pool = base64url(crypto.getRandomValues(new Uint8Array(12 * 256)));
  const stamp = pool.slice(0, 16);
  pool = pool.slice(16);
  return stamp;
}

/** A random stamp as a whole number of 53 bits, which every database and driver returns exactly. */
export function newNumber(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 21) * 2 ** 32 + low;
}
