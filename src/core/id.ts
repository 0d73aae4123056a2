/** Session ids: 256 random bits, their shape, and the key a record is kept under. */

import { randomBytes, sha256 } from "#crypto";
import { andThen, base64url, type MaybePromise } from "./bytes.ts";

/**
 * What ids look like and how they lead to the key of a record. The native scheme is {@link randomIds};
 * a foreign one (Flask-Session, express-session) is another value of this type.
 */
export interface IdScheme {
  /** What every key begins with: whoever lists a store finds the sessions of this kind by it. */
  readonly prefix: string;
  /** A new unpredictable id (OWASP ASVS 7.2.3 asks for 128 bits; ours has 256). */
  create(): string;
  /** Whether a text from the network has the shape of an id. Asked before anything reaches the store. */
  accepts(text: string): boolean;
  /** The key under which the record of `id` is kept. */
  keyOf(id: string): MaybePromise<string>;
}

/** The native ids: 32 random bytes in base64url, kept under `prefix` + SHA-256, so that a dump of the store lets nobody in. */
export function randomIds(prefix: string): IdScheme {
  return {
    prefix,
    create: () => base64url(randomBytes(32)),
    accepts: (text) => text.length === 43 && /^[A-Za-z0-9_-]{43}$/.test(text),
    keyOf: (id) => andThen(sha256(id), (digest) => prefix + digest),
  };
}

/** A public name for a session: 72 random bits, of no use to whoever finds it in a log. */
export function newHandle(): string {
  return base64url(randomBytes(9));
}
