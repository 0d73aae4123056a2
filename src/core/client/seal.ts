/** Seals: how a whole session becomes the text of a cookie and comes back. */

import { type Aead, aes256Gcm } from "#crypto";
import { andThen, base64url, fromBase64url, fromUtf8, type MaybePromise, utf8 } from "../bytes/bytes.ts";
import { keyRing, type Secrets } from "../bytes/keys.ts";
import { unmarked, witnessOf } from "../bytes/witness.ts";
import type { Payload } from "../contracts/format.ts";
import { firstThat } from "./token.ts";

/** What opening a seal gives. */
export interface OpenedSeal {
  readonly payload: Payload;
  /** When the session ends, in epoch milliseconds, as the seal vouches for it. */
  readonly expiresAt: number;
  /** True when a secret other than the first opened it: the session is sealed again with the first. */
  readonly stale: boolean;
}

/**
 * Turns an encoded session into the text of a cookie and back, so that only holders of the secret can make one. The store of
 * `cookieStore({ secrets })` has its own; pass another as `cookieStore({ seal })` to share cookies with another program.
 *
 * The text is of the characters that a cookie may hold (RFC 6265), and never has `~` as its second character.
 */
export interface CookieSeal {
  /** The text for a payload that ends at `expiresAt` (epoch milliseconds), bound to the cookie called `name`. */
  seal(payload: Payload, expiresAt: number, name: string): MaybePromise<string>;
  /**
   * What was sealed, ended or not; `null` when this seal did not make the text. Throws only `SessionError`
   * `ERR_SESSION_UNREADABLE`, for a text made with a secret that this process does not have yet.
   */
  open(text: string, name: string): MaybePromise<OpenedSeal | null>;
}

const text = 1;
const bytes = 2;

/** AES-256-GCM over kind (1 octet), expiry (8, float64) and payload, bound to the cookie's name; base64url. */
export function aesSeal(name: string, secrets: Secrets): CookieSeal {
  const ring = keyRing(name, secrets, "cookie store", aes256Gcm);
  const witness = witnessOf(name, secrets, "cookie store");
  return {
    seal(payload, expiresAt, cookieName) {
      const body = typeof payload === "string" ? utf8(payload) : payload;
      const plain = new Uint8Array(9 + body.length);
      plain[0] = typeof payload === "string" ? text : bytes;
      new DataView(plain.buffer).setFloat64(1, expiresAt);
      plain.set(body, 9);
      const sealed = andThen(ring(), (keys) => (keys[0] as Aead).seal(plain, utf8(cookieName)));
      return andThen(sealed, (octets) => witness.mark(base64url(octets), cookieName));
    },
    open(sealed, cookieName) {
      const marked = unmarked(sealed);
      const body = fromBase64url(marked.text);
      if (!body) return null;
      const opened = firstThat(ring(), (key, at) =>
        andThen(key.open(body, utf8(cookieName)), (plain) => (plain ? read(plain, at > 0) : null)),
      );
      return andThen(opened, (found) => found ?? witness.refuse(marked, cookieName));
    },
  };
}

function read(plain: Uint8Array<ArrayBuffer>, stale: boolean): OpenedSeal | null {
  if (plain.length < 9) return null;
  const expiresAt = new DataView(plain.buffer, plain.byteOffset).getFloat64(1);
  const payload = plain[0] === text ? fromUtf8(plain.subarray(9)) : plain.slice(9);
  return { payload, expiresAt, stale };
}
