/** The ids of Flask-Session: random texts that are the store's keys as they are, or UUIDs. */

import { randomBytes } from "#crypto";
import { base64url } from "../../core/bytes.ts";
import { wrongArgument } from "../../core/errors.ts";
import type { IdScheme } from "../../core/id.ts";

/** Options of {@link flaskIds}. */
export interface FlaskIdOptions {
  /** In front of every key in the store: `SESSION_KEY_PREFIX`. Default `"session:"`. */
  readonly keyPrefix?: string | undefined;
  /** How many random octets an id is made of, 16 to 64: `SESSION_ID_LENGTH`. Default 32. */
  readonly idLength?: number | undefined;
  /** What new ids are: `"random"` (default; Flask-Session 0.6 and later), or `"uuid"` (Flask-Session2, Flask-Session up to 0.5). */
  readonly ids?: "random" | "uuid" | undefined;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * Ids as Flask-Session has them. Ids of `idLength` octets and UUIDs are accepted, nothing else reaches the store;
 * one that names no session is never adopted.
 *
 * The key of a record is the id itself, not a hash of it: whoever reads the store can use every session in it.
 */
export function flaskIds(options: FlaskIdOptions = {}): IdScheme {
  const { keyPrefix = "session:", idLength = 32, ids = "random" } = options;
  if (typeof keyPrefix !== "string" || !/^[\x21-\x7e]{0,100}$/.test(keyPrefix))
    throw wrongArgument("keyPrefix", "at most 100 printable ASCII characters without spaces", keyPrefix);
  if (!Number.isInteger(idLength) || idLength < 16 || idLength > 64)
    throw wrongArgument("idLength", "a whole number of octets from 16 to 64", idLength);
  if (ids !== "random" && ids !== "uuid") throw wrongArgument("ids", '"random" or "uuid"', ids);
  const random = new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((idLength * 4) / 3)}}$`);
  return {
    prefix: keyPrefix,
    secretKeys: true,
    create: () => (ids === "uuid" ? crypto.randomUUID() : base64url(randomBytes(idLength))),
    accepts: (text) => random.test(text) || uuid.test(text),
    keyOf: (id) => keyPrefix + id,
  };
}
