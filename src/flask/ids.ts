/** The ids of Flask-Session: random texts that are the store's keys as they are, or UUIDs. */

import { randomBytes } from "#crypto";
import { base64url } from "../core/bytes/bytes.ts";
import type { IdScheme } from "../core/client/id.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";

/** Options of {@link flaskIds}. */
export interface FlaskIdOptions {
  /** The prefix of every key in the store: `SESSION_KEY_PREFIX`. Default `"session:"`. */
  readonly keyPrefix?: string | undefined;
  /** How many random bytes a new id is made of, 16 to 64: `SESSION_ID_LENGTH`. Default 32. */
  readonly idLength?: number | undefined;
  /** What new ids are: `"random"` (default; Flask-Session 0.6 and later), or `"uuid"` (Flask-Session2, Flask-Session up to 0.5). */
  readonly ids?: "random" | "uuid" | undefined;
}

/** 16 to 64 bytes in base64url, whatever `SESSION_ID_LENGTH` was when they were made; UUIDs look like some of them. */
const acceptable = /^[A-Za-z0-9_-]{22,86}$/;

/**
 * Ids as Flask-Session has them. Text of 16 to 64 bytes in base64url, or a UUID, is accepted; nothing else
 * reaches the store. An unknown id is never adopted.
 *
 * The key of a record is the id itself, not a hash of it: anyone who reads the store can use every session in it.
 */
export function flaskIds(options: FlaskIdOptions = {}): IdScheme {
  checkKnown("flaskIds", options, ["keyPrefix", "idLength", "ids"]);
  const { keyPrefix = "session:", idLength = 32, ids = "random" } = options;
  if (typeof keyPrefix !== "string" || !/^[\x21-\x7e]{0,100}$/.test(keyPrefix))
    throw wrongArgument("keyPrefix", "at most 100 printable ASCII characters without spaces", keyPrefix);
  if (!Number.isInteger(idLength) || idLength < 16 || idLength > 64)
    throw wrongArgument("idLength", "a whole number of bytes from 16 to 64", idLength);
  if (ids !== "random" && ids !== "uuid") throw wrongArgument("ids", '"random" or "uuid"', ids);
  return {
    prefix: keyPrefix,
    secretKeys: true,
    create: () => (ids === "uuid" ? crypto.randomUUID() : base64url(randomBytes(idLength))),
    accepts: (text) => acceptable.test(text),
    keyOf: (id) => keyPrefix + id,
  };
}
