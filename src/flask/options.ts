/** `flaskSession`: the options of `createSessions` for sessions shared with Flask-Session, in Flask's words. */

import type { CookieOptions } from "../core/client/cookie.ts";
import { bareToken } from "../core/client/token.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import type { SessionOptions } from "../core/options/options.ts";
import { type FlaskFormatOptions, flaskFormat } from "./format.ts";
import { type FlaskIdOptions, flaskIds } from "./ids.ts";
import { pickleFormat } from "./pickle/format.ts";
import { type FlaskSecretKey, flaskToken } from "./token.ts";

/** Options of {@link flaskSession}. All have the defaults of Flask-Session 0.8, except for the cookie's attributes. */
export interface FlaskSessionOptions extends Omit<FlaskFormatOptions, "format">, FlaskIdOptions {
  /**
   * How sessions are written: `SESSION_SERIALIZATION_FORMAT`. Default `"msgpack"`. `"msgpack"` and `"json"` are both
   * read, whichever you choose. `"pickle"` is for cachelib (`SESSION_TYPE` `filesystem` and `cachelib`), which has no
   * other format.
   */
  readonly format?: "msgpack" | "json" | "pickle" | undefined;
  /**
   * `PERMANENT_SESSION_LIFETIME`: how long a session lives after its last use. Default `"31d"`; at most 400 days, what
   * browsers keep a cookie for, and 50 years with `permanent: false`.
   */
  readonly lifetime?: Duration | undefined;
  /** Whether the cookie of a new session outlives the browser: `SESSION_PERMANENT`. Default true. */
  readonly permanent?: boolean | undefined;
  /** Signs the id in the cookie: `SESSION_USE_SIGNER` with Flask's `SECRET_KEY`. Default: not signed. */
  readonly signed?: { readonly secretKey: FlaskSecretKey } | undefined;
  /**
   * The cookie: `SESSION_COOKIE_NAME` and so on. Default: named `session`, without a prefix, Secure, HttpOnly,
   * SameSite=Lax, Path=/. Both sides need the same attributes: set `SESSION_COOKIE_SECURE` and
   * `SESSION_COOKIE_SAMESITE` in Flask.
   */
  readonly cookie?: CookieOptions | undefined;
}

/** The options that {@link flaskSession} returns for `createSessions`. */
export type FlaskSessionConfig = Required<
  Pick<SessionOptions, "ids" | "token" | "format" | "cookie" | "idleTimeout" | "absoluteTimeout" | "persistent">
>;

const day = 86_400_000;
/** How long a session may live whose cookie does not say it, in milliseconds: 50 years, which every store can say. */
export const longestLifetime: number = 18_250 * day;

const known: Readonly<Record<keyof FlaskSessionOptions, true>> = {
  ...{ format: true, subjectKey: true, subjectType: true, legacyPickle: true, keyPrefix: true, idLength: true },
  ...{ ids: true, lifetime: true, permanent: true, signed: true, cookie: true },
};

/**
 * The options with which `createSessions` reads, changes and ends the sessions of a Flask application with
 * Flask-Session 0.8, while that application uses the same sessions. Give the store the layout that fits Flask's
 * backend.
 *
 * There is no absolute timeout, since Flask does not record when a session began, and no `renewAfter`.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskSession } from "sojourn/flask";
 *
 * const sessions = createSessions<{ cart: string[] }>({
 *   ...flaskSession({ keyPrefix: "session:", lifetime: "31d", subjectKey: "_user_id" }),
 * });
 * ```
 */
export function flaskSession(options: FlaskSessionOptions = {}): FlaskSessionConfig {
  checkKnown("flaskSession", options, Object.keys(known));
  const { format = "msgpack", lifetime = "31d", permanent = true, signed, cookie } = options;
  const { subjectKey, subjectType, legacyPickle, keyPrefix, idLength, ids } = options;
  if (!["msgpack", "json", "pickle"].includes(format))
    throw wrongArgument("format", '"msgpack", "json" or "pickle"', format);
  // In whole seconds, as Flask-Session cuts it.
  const idleTimeout = Math.floor(
    durationOption("lifetime", lifetime, 1000, permanent ? 400 * day : longestLifetime) / 1000,
  );
  if (typeof permanent !== "boolean") throw wrongArgument("permanent", "true or false", permanent);
  if (signed !== undefined && (typeof signed !== "object" || signed === null))
    throw wrongArgument("signed", "{ secretKey }", signed);
  return {
    ids: flaskIds({ keyPrefix, idLength, ids }),
    token: signed ? flaskToken(signed.secretKey) : bareToken(),
    format:
      format === "pickle"
        ? pickleFormat({ subjectKey, subjectType })
        : flaskFormat({ format, legacyPickle, subjectKey, subjectType }),
    cookie: { prefix: "", ...cookie },
    idleTimeout,
    absoluteTimeout: false,
    persistent: permanent,
  };
}
