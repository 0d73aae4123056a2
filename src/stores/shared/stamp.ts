/** Stamps: what tells one state of a record from every other, new with every write but a touch. */

import { base64url } from "../../core/bytes/bytes.ts";

/** 16 random characters. No two are the same. */
export function newStamp(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(12)));
}
