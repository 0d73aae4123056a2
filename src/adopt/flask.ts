/**
 * Adopts the sessions in Flask's own signed cookie, for good: no Flask is needed any more.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { type FlaskCookieOptions, flaskCookie } from "../flask/cookie.ts";
import { adopter } from "./shared/adopter.ts";
import { type AdoptOptions, checkAdopter, type OldCookieOptions, oldCookie } from "./shared/options.ts";

/** The options of {@link adoptFlask}. */
export interface AdoptFlaskOptions
  extends AdoptOptions,
    Pick<FlaskCookieOptions, "secretKey" | "fallbacks" | "lifetime" | "digest" | "salt" | "subjectKey"> {
  /** `SESSION_COOKIE_NAME`, `SESSION_COOKIE_PATH` and `SESSION_COOKIE_DOMAIN`. Default: named `session`. */
  readonly cookie?: OldCookieOptions | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

const own = ["secretKey", "fallbacks", "lifetime", "digest", "salt", "subjectKey", "cookie", "now"];

/**
 * Adopts the sessions in Flask's cookie, for `createSessions({ adopt: [ … ] })`. If Flask keeps running, share its
 * sessions instead: `sojourn/flask`. If Flask-Session kept them in a store, see `docs/migration/flask.md`.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptFlask } from "sojourn/adopt/flask";
 *
 * export const sessions = createSessions<{ cart: string[] }>({
 *   adopt: [adoptFlask({ secretKey: process.env.SECRET_KEY ?? "", subjectKey: "_user_id" })],
 * });
 * ```
 */
export function adoptFlask(options: AdoptFlaskOptions): Adopter {
  const where = "adoptFlask";
  checkAdopter(where, options, own);
  const { secretKey, fallbacks, lifetime, digest, salt, subjectKey, now, cookie, ...common } = options;
  const { store, format } = flaskCookie({ secretKey, fallbacks, lifetime, digest, salt, subjectKey, now });
  const old = oldCookie(`${where}: cookie`, cookie, "session");
  return adopter({
    ...common,
    name: "Flask",
    cookie: old,
    async read(cookies) {
      const value = cookies(old.name);
      const opened = value === undefined ? null : await store.seal.open(value, old.name);
      if (value === undefined || !opened) return null;
      const { data, meta } = format.decode(opened.payload);
      const { expiresAt } = opened;
      const open = () => (Object.keys(data).length === 0 ? null : { data, subject: meta.subject, expiresAt });
      return { credential: value.slice(0, value.lastIndexOf(".")), open };
    },
  });
}
