/** Session ids: 256 random bits, their shape, and the key a record is kept under. */

import { randomBytes, sha256 } from "#crypto";
import { andThen, base64url, isBase64url, type MaybePromise } from "../bytes/bytes.ts";

/**
 * What ids look like and how they lead to the key of a record. The native scheme is {@link randomIds};
 * a foreign one (Flask-Session, express-session) is another value of this type.
 */
export interface IdScheme {
  /** The prefix of every key. A listing of the store uses it to find the sessions of this kind. */
  readonly prefix: string;
  /** A new unpredictable id (OWASP ASVS 7.2.3 asks for 128 bits; ours has 256). */
  create(): string;
  /** Whether a text from the network has the shape of an id. Asked before anything reaches the store. */
  accepts(text: string): boolean;
  /** The key under which the record of `id` is kept. */
  keyOf(id: string): MaybePromise<string>;
  /**
   * True when a key reveals its id, as in libraries that do not hash ids. Errors of the store's client are then
   * passed on without keys: only name, code and cleaned message. Default false.
   */
  readonly secretKeys?: boolean;
}

/** The native ids: 32 random bytes in base64url, kept under `prefix` + SHA-256, so that a stolen copy of the store gives no access. */
export function randomIds(prefix: string): IdScheme {
  return {
    prefix,
    create: () => base64url(randomBytes(32)),
    accepts: (text) => text.length === 43 && isBase64url(text),
    keyOf: (id) => andThen(sha256(id), (digest) => prefix + digest),
  };
}

/** A text without the keys and ids in it, for schemes with `secretKeys`. */
export function withoutKeys(text: string, ids: IdScheme): string {
  const parts = ids.prefix === "" ? [text] : text.split(ids.prefix);
  // After a prefix everything goes up to a blank, a quote or a bracket: it may be a key that was cut short.
  const rest = parts.slice(1).map((part) => part.replace(/^[^\s'"`(){}[\]<>,;]+/, ""));
  return [parts[0] as string, ...rest]
    .map((part) => part.replace(/[\w-]{11,}/g, (word) => (ids.accepts(word) ? "…" : word)))
    .join(`${ids.prefix}…`);
}

/** A public name for a session: 72 random bits, of no use to a reader of a log. */
export function newHandle(): string {
  return base64url(randomBytes(9));
}

/** The public name of a session whose format has no room for one: another with each id, and of no use either. */
export function handleOf(key: string): MaybePromise<string> {
  return andThen(sha256(`handle of ${key}`), (digest) => digest.slice(0, 12));
}
