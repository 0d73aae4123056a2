/**
 * Adopts the sessions of cookie-session 2: signed cookies that hold the session.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { adopter } from "./shared/adopter.ts";
import { objectInBase64, signedCookie } from "./shared/keygrip.ts";
import { type AdoptOptions, checkAdopter, type OldCookieOptions, oldCookie, secretsOf } from "./shared/options.ts";

/** The options of {@link adoptCookieSession}. */
export interface AdoptCookieSessionOptions extends AdoptOptions {
  /** `keys` (or `secret`) of cookie-session: all verify. */
  readonly keys: string | readonly string[];
  /** `name`, and `path` and `domain` where they were given. Default: named `session`. */
  readonly cookie?: OldCookieOptions | undefined;
}

/**
 * Adopts the sessions of cookie-session, for `createSessions({ adopt: [ … ] })`. Their cookies have no expiry: a copy
 * of an adopted one is refused for 400 days. So remove the adopter, or set `until`, before that.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptCookieSession } from "sojourn/adopt/cookie-session";
 *
 * export const sessions = createSessions<{ userId: string }>({
 *   adopt: [adoptCookieSession({ keys: [process.env.COOKIE_KEY ?? ""], subject: (data) => data.userId as string })],
 * });
 * ```
 */
export function adoptCookieSession(options: AdoptCookieSessionOptions): Adopter {
  const where = "adoptCookieSession";
  checkAdopter(where, options, ["keys", "cookie"]);
  const { keys: given, cookie, ...common } = options;
  const keys = secretsOf(`${where}: keys`, given);
  const old = oldCookie(`${where}: cookie`, cookie, "session");
  return adopter({
    ...common,
    name: "cookie-session",
    cookie: old,
    async read(cookies) {
      const value = await signedCookie(cookies, old.name, keys);
      const data = value === null ? undefined : objectInBase64(value);
      if (value === null || !data) return null;
      const open = () => (Object.keys(data).length === 0 ? null : { data });
      return { credential: value, names: [old.name, `${old.name}.sig`], open };
    },
  });
}
