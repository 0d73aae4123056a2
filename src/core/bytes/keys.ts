/** Key rings: the secrets of a deployment, and the keys derived from them for one purpose each. */

import { hmacSha256 } from "#crypto";
import { wrongArgument } from "../contracts/errors.ts";
import { andThen, isPromise, type MaybePromise, utf8 } from "./bytes.ts";

/**
 * One secret or several, each at least 32 characters. The first protects new values, and all open older ones. To change
 * a secret in several processes, give all of them the new one *after* the old one, then put it first, and remove the
 * old one when nothing uses it any more.
 */
export type Secrets = string | readonly string[];

/** Things made from each secret of a ring, in its order; made once, when first used. */
export type Ring<T> = () => MaybePromise<readonly T[]>;

/** Checks the secrets now and derives a key of 32 bytes from each when first used: HMAC-SHA-256(secret, purpose). */
export function keyRing<T>(name: string, secrets: Secrets, purpose: string, make: (key: Uint8Array) => T): Ring<T> {
  const list: unknown = typeof secrets === "string" ? [secrets] : Array.isArray(secrets) ? [...secrets] : secrets;
  const takes = "a secret of at least 32 characters, or a list of 1 to 10 such, the newest first";
  if (!Array.isArray(list) || list.length < 1 || list.length > 10) throw wrongArgument(name, takes, secrets);
  for (const secret of list) {
    if (typeof secret !== "string" || secret.length < 32) throw wrongArgument(name, takes, secret);
  }
  let ring: MaybePromise<readonly T[]> | undefined;
  return () => {
    ring ??= derive(list as readonly string[], purpose, make);
    return ring;
  };
}

function derive<T>(
  secrets: readonly string[],
  purpose: string,
  make: (key: Uint8Array) => T,
): MaybePromise<readonly T[]> {
  const keys = secrets.map((secret) => andThen(hmacSha256(utf8(secret))(utf8(`sojourn ${purpose}`)), make));
  return keys.some(isPromise) ? Promise.all(keys) : (keys as T[]);
}
