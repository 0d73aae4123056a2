/**
 * Adopts the sessions of iron-session 8 and 9: sealed cookies, whole or in chunks.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { adopter } from "./shared/adopter.ts";
import { ironUnseal } from "./shared/crypto.ts";
import {
  type AdoptOptions,
  checkAdopter,
  inChunks,
  type OldCookieOptions,
  objectIn,
  oldCookie,
  percentDecoded,
} from "./shared/options.ts";

/** The options of {@link adoptIronSession}. */
export interface AdoptIronSessionOptions extends AdoptOptions {
  /**
   * `password` as in iron-session: a text of at least 32 characters, or an object of several by number, which all open.
   */
  readonly password: string | Readonly<Record<string, string>>;
  /** `cookieName` and, where `cookieOptions` had them, `path` and `domain`. */
  readonly cookie: OldCookieOptions & { readonly name: string };
}

/** iron-session cuts a seal into so many cookies. */
const mostChunks = 4;

/**
 * Adopts the sessions of iron-session, for `createSessions({ adopt: [ … ] })`: see `adopter` in `sojourn/adopt`. A seal
 * is valid until its own `ttl` ends.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptIronSession } from "sojourn/adopt/iron-session";
 *
 * export const sessions = createSessions<{ userId: string }>({
 *   adopt: [
 *     adoptIronSession({
 *       password: process.env.IRON_PASSWORD ?? "",
 *       cookie: { name: "my-app" },
 *       subject: (data) => data.userId as string,
 *     }),
 *   ],
 * });
 * ```
 */
export function adoptIronSession(options: AdoptIronSessionOptions): Adopter {
  const where = "adoptIronSession";
  checkAdopter(where, options, ["password", "cookie"]);
  const { password, cookie, ...common } = options;
  if (typeof cookie?.name !== "string")
    throw wrongArgument(`${where}: cookie.name`, "the old cookieName", cookie?.name);
  const old = oldCookie(`${where}: cookie`, cookie, cookie.name);
  const passwords = passwordsByNumber(`${where}: password`, password);
  return adopter({
    ...common,
    name: "iron-session",
    cookie: old,
    async read(cookies, now) {
      const found = inChunks(cookies, old.name, mostChunks);
      const seal = percentDecoded(found?.value)?.replace(/~.*$/s, "");
      const unsealed = seal === undefined ? null : await ironUnseal(seal, (id) => passwords.get(id) ?? [], now);
      const data = unsealed ? objectIn(unsealed.json) : undefined;
      if (!found || !unsealed || !data) return null;
      const { signed, expiresAt } = unsealed;
      const open = () => (Object.keys(data).length === 0 ? null : { data, expiresAt });
      return { credential: signed, names: found.names, open };
    },
  });
}

function passwordsByNumber(where: string, given: unknown): ReadonlyMap<string, readonly string[]> {
  const all: unknown = typeof given === "string" ? { 1: given } : given;
  const takes = "a text of at least 32 characters, or an object of such by number, as iron-session takes it";
  if (typeof all !== "object" || all === null || Object.keys(all).length === 0)
    throw wrongArgument(where, takes, given);
  const passwords = new Map<string, readonly string[]>();
  for (const [id, password] of Object.entries(all)) {
    if (typeof password !== "string" || password.length < 32) throw wrongArgument(where, takes, password);
    passwords.set(id, [password]);
  }
  return passwords;
}
