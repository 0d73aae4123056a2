/** The ids of express-session: what `genid` makes, which is the store's key as it is. */

import { randomBytes, sha256 } from "#crypto";
import { andThen, base64url } from "../core/bytes/bytes.ts";
import type { IdScheme } from "../core/client/id.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";

/** Options of {@link expressIds}. */
export interface ExpressIdOptions {
  /** The prefix of every key in the store: `prefix` of connect-redis, connect-dynamodb and others. Default `""`. */
  readonly keyPrefix?: string | undefined;
  /**
   * Keeps new sessions under a hash of their id, so that a stolen copy of the store gives no access. Processes with
   * express-session cannot find these sessions, so set it only when the last such process has stopped. Earlier sessions
   * stay. Default false.
   */
  readonly hashIds?: boolean | undefined;
}

/** Begins the ids whose keys are hashes. No id of another program begins with it. */
const mark = "~";

/**
 * Ids of express-session: 24 random bytes in base64url, or the result of the application's `genid`.
 *
 * The key of a record is the id itself: anyone who reads the store can use every session in it. `hashIds` prevents
 * that.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function expressIds(options: ExpressIdOptions = {}): IdScheme {
  checkKnown("expressIds", options, ["keyPrefix", "hashIds"]);
  const { keyPrefix = "", hashIds = false } = options;
  if (typeof keyPrefix !== "string" || !/^[\x21-\x7e]{0,100}$/.test(keyPrefix))
    throw wrongArgument("keyPrefix", "at most 100 printable ASCII characters without spaces", keyPrefix);
  if (typeof hashIds !== "boolean") throw wrongArgument("hashIds", "true or false", hashIds);
  const plain = plainIds(keyPrefix);
  return {
    ...plain,
    create: () => (hashIds ? mark + base64url(randomBytes(32)) : plain.create()),
    keyOf: (id) => (id.startsWith(mark) ? andThen(sha256(id), (digest) => keyPrefix + mark + digest) : keyPrefix + id),
  };
}

/** Ids that are keys. */
export function plainIds(prefix: string): IdScheme {
  return {
    prefix,
    secretKeys: true,
    create: () => base64url(randomBytes(24)),
    accepts: (id) => /^[\x21-\x7e]{1,99}$/.test(id),
    keyOf: (id) => prefix + id,
  };
}
