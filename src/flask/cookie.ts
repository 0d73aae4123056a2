/**
 * Sessions in Flask's own cookie: signed, but readable by the client. Needs a runtime with `node:zlib` and `node:crypto`.
 *
 * @module
 */

import { isBytes, utf8 } from "../core/bytes/bytes.ts";
import type { CookieOptions } from "../core/client/cookie.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Format } from "../core/contracts/format.ts";
import { checkKnown, checkNow } from "../core/contracts/known.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import type { CookieStore } from "../core/record/cookie-store.ts";
import { keptInCookies } from "../core/record/in-cookie.ts";
import { flaskSeal } from "./cookie/seal.ts";
import { longestLifetime } from "./options.ts";
import { type TaggedJsonOptions, taggedJsonFormat } from "./tagged-json.ts";

/** Options of {@link flaskCookie}. All except `secretKey` have the defaults of Flask 3, except for the cookie's attributes. */
export interface FlaskCookieOptions extends TaggedJsonOptions {
  /** Flask's `SECRET_KEY`. Anyone who has it can make any session. */
  readonly secretKey: string | Uint8Array;
  /** Flask's `SECRET_KEY_FALLBACKS`: cookies signed with one of them are read, and signed again with that response. Default none. */
  readonly fallbacks?: readonly (string | Uint8Array)[] | undefined;
  /** How long a cookie is valid after it was signed: `PERMANENT_SESSION_LIFETIME`, whole seconds. Default `"31d"`. */
  readonly lifetime?: Duration | undefined;
  /** Whether the cookie of a new session outlives the browser: `session.permanent`. Default false. */
  readonly permanent?: boolean | undefined;
  /** The hash of the signature: `"sha1"` (default) as Flask's own, `"sha3-256"` as Flask-Session-Plus's `secure_cookie`. */
  readonly digest?: "sha1" | "sha3-256" | undefined;
  /** The salt from which the signing key is derived. Default `"cookie-session"`, as in Flask. */
  readonly salt?: string | undefined;
  /**
   * The cookie: `SESSION_COOKIE_NAME` and so on. Default: named `session`, without a prefix, Secure, HttpOnly,
   * SameSite=Lax, Path=/. Both sides need the same attributes: set `SESSION_COOKIE_SECURE` and
   * `SESSION_COOKIE_SAMESITE` in Flask.
   */
  readonly cookie?: CookieOptions | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** The options that {@link flaskCookie} returns for `createSessions`. */
export interface FlaskCookieConfig {
  readonly store: CookieStore;
  readonly format: Format;
  readonly cookie: CookieOptions;
  /** Seconds. */
  readonly idleTimeout: number;
  readonly absoluteTimeout: false;
  readonly persistent: boolean;
  readonly now?: () => number;
}

const known: Readonly<Record<keyof FlaskCookieOptions, true>> = {
  ...{ secretKey: true, fallbacks: true, lifetime: true, permanent: true, digest: true, salt: true, cookie: true },
  ...{ now: true, subjectKey: true, subjectType: true },
};

/**
 * The options with which `createSessions` reads and writes Flask's own session cookie, signed with its `SECRET_KEY`.
 *
 * **The client can read its content**; it is signed, not encrypted. The server keeps nothing: you cannot end a session
 * before it expires, and if requests are parallel, the last response wins. Use it only to share sessions with a Flask
 * application that keeps them like this. Otherwise `cookieStore` is better, since it encrypts the cookie, and any other
 * store is better still.
 *
 * A cookie is valid for `lifetime` after Flask or sojourn last signed it. A cookie that is unsigned, older, or signed
 * in the future is refused: there is no session, and an event reports it.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskCookie } from "sojourn/flask/cookie";
 *
 * export const sessionsOfFlask = (secretKey: string) =>
 *   createSessions<{ cart: string[] }>({ ...flaskCookie({ secretKey, subjectKey: "_user_id" }) });
 * ```
 */
export function flaskCookie(options: FlaskCookieOptions): FlaskCookieConfig {
  checkKnown("flaskCookie", options, Object.keys(known));
  const { secretKey, fallbacks = [], lifetime = "31d", permanent = false, digest = "sha1" } = options;
  const { salt = "cookie-session", cookie, now, subjectKey, subjectType } = options;
  if (!Array.isArray(fallbacks) || fallbacks.length > 9)
    throw wrongArgument("fallbacks", "a list of at most 9 keys, Flask's SECRET_KEY_FALLBACKS", fallbacks);
  const keys = [
    keyOf("secretKey", secretKey, "Flask's SECRET_KEY, a text or bytes"),
    // Flask appends: the newest is the last.
    ...fallbacks.map((key) => keyOf("fallbacks", key, "a list of texts or bytes")).reverse(),
  ];
  if (typeof permanent !== "boolean") throw wrongArgument("permanent", "true or false", permanent);
  if (digest !== "sha1" && digest !== "sha3-256") throw wrongArgument("digest", '"sha1" or "sha3-256"', digest);
  if (typeof salt !== "string") throw wrongArgument("salt", "a text", salt);
  checkNow(now);
  const idleTimeout = Math.floor(
    durationOption("lifetime", lifetime, 1000, permanent ? 34_560_000_000 : longestLifetime) / 1000,
  );
  return {
    store: keptInCookies({ seal: flaskSeal({ keys, salt, digest, lifetime: idleTimeout, now: now ?? Date.now }) }),
    format: taggedJsonFormat({ subjectKey, subjectType }),
    cookie: { prefix: "", ...cookie },
    idleTimeout,
    absoluteTimeout: false,
    persistent: permanent,
    ...(now && { now }),
  };
}

function keyOf(name: string, key: unknown, takes: string): Uint8Array {
  const octets = typeof key === "string" ? utf8(key) : key;
  if (isBytes(octets) && octets.length > 0) return octets.slice();
  throw wrongArgument(name, takes, key);
}
