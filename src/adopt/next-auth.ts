/**
 * Adopts the sessions of next-auth 4 and of Auth.js 5 (`@auth/core`, next-auth 5): encrypted tokens, and rows of a
 * database.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { adopter, type OldCredential } from "./shared/adopter.ts";
import { hkdf, type JweKeys, jweOpen } from "./shared/crypto.ts";
import {
  type AdoptOptions,
  checkAdopter,
  inChunks,
  type OldCookieOptions,
  type OldSession,
  objectIn,
  oldCookie,
  secretsOf,
} from "./shared/options.ts";

/** What {@link adoptNextAuth} and {@link adoptAuthJs} take. */
export interface AdoptNextAuthOptions extends AdoptOptions {
  /**
   * `NEXTAUTH_SECRET` or `AUTH_SECRET`: one, or several that all open. Needed for the strategy `"jwt"`, the default of
   * both libraries. Default: none.
   */
  readonly secret?: string | readonly string[] | undefined;
  /**
   * For the strategy `"database"`: the two methods of your adapter that find a session by its token and end it. The
   * data is `{ user, expires }`, the subject `user.id`. Default: none.
   */
  readonly adapter?: NextAuthAdapter | undefined;
  /**
   * The old session cookie. Default: named `__Secure-next-auth.session-token` or `__Secure-authjs.session-token`, as on
   * https; without `__Secure-` where `secure` is false.
   */
  readonly cookie?: OldCookieOptions | undefined;
  /** Whether the site was served over https, so that the old cookie's name begins with `__Secure-`. Default true. */
  readonly secure?: boolean | undefined;
}

/** The part of an adapter of next-auth or Auth.js that is used here. */
export interface NextAuthAdapter {
  getSessionAndUser(
    sessionToken: string,
  ): PromiseLike<{ session: { expires: Date }; user: object } | null> | null | undefined;
  deleteSession(sessionToken: string): unknown;
}

/**
 * Adopts the sessions of next-auth 4. The data is the claims of the token (`name`, `email`, `picture`, and those of
 * your `jwt` callback). The subject is its `sub`.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptNextAuth } from "sojourn/adopt/next-auth";
 *
 * export const sessions = createSessions<{ name: string; email: string }>({
 *   adopt: [adoptNextAuth({ secret: process.env.NEXTAUTH_SECRET ?? "" })],
 * });
 * ```
 */
export function adoptNextAuth(options: AdoptNextAuthOptions): Adopter {
  const info = "NextAuth.js Generated Encryption Key";
  return adopted("next-auth", "adoptNextAuth", options, (secrets) => [
    { enc: "A256GCM", keys: keysOf(secrets, "", info, 32) },
  ]);
}

/**
 * Adopts the sessions of Auth.js 5: next-auth 5, `@auth/core` and what is built on it. The rest is the same as for
 * {@link adoptNextAuth}.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptAuthJs } from "sojourn/adopt/next-auth";
 *
 * export const sessions = createSessions<{ name: string; email: string }>({
 *   adopt: [adoptAuthJs({ secret: process.env.AUTH_SECRET ?? "" })],
 * });
 * ```
 */
export function adoptAuthJs(options: AdoptNextAuthOptions): Adopter {
  return adopted("authjs", "adoptAuthJs", options, (secrets, cookieName) => {
    const info = `Auth.js Generated Encryption Key (${cookieName})`;
    return [
      { enc: "A256CBC-HS512", keys: keysOf(secrets, cookieName, info, 64) },
      { enc: "A256GCM", keys: keysOf(secrets, cookieName, info, 32) },
    ];
  });
}

/** As many cookies as a request can bring. */
const mostChunks = 20;

function adopted(
  name: "next-auth" | "authjs",
  where: string,
  options: AdoptNextAuthOptions,
  kindsOf: (secrets: readonly string[], cookieName: string) => readonly JweKeys[],
): Adopter {
  checkAdopter(where, options, ["secret", "adapter", "cookie", "secure"]);
  const { secret, adapter, cookie: given, secure = true, ...common } = options;
  if (typeof secure !== "boolean") throw wrongArgument(`${where}: secure`, "true or false", secure);
  if ((secret === undefined) === (adapter === undefined))
    throw new TypeError(`${where} takes either secret, for the strategy "jwt", or adapter, for "database"`);
  const methods = [adapter?.getSessionAndUser, adapter?.deleteSession];
  if (adapter !== undefined && methods.some((method) => typeof method !== "function"))
    throw wrongArgument(`${where}: adapter`, "an adapter with getSessionAndUser and deleteSession", adapter);
  const cookie = oldCookie(`${where}: cookie`, given, `${secure ? "__Secure-" : ""}${name}.session-token`);
  const kinds = secret === undefined ? [] : kindsOf(secretsOf(`${where}: secret`, secret), cookie.name);
  return adopter({
    ...common,
    name,
    cookie,
    async read(cookies, now) {
      const found = inChunks(cookies, cookie.name, mostChunks);
      if (!found) return null;
      const old = adapter ? inDatabase(adapter, found.value, now) : await inToken(found.value, kinds, now);
      return old && { ...old, names: found.names };
    },
  });
}

async function inToken(token: string, kinds: readonly JweKeys[], now: number): Promise<OldCredential | null> {
  const json = await jweOpen(token, kinds);
  const claims = json === null ? undefined : objectIn(json);
  if (!claims) return null;
  const { iat: _, exp, nbf, jti: __, sub, ...data } = claims;
  if (typeof exp !== "number" || exp * 1000 <= now) return null;
  if (nbf !== undefined && !(typeof nbf === "number" && nbf * 1000 <= now)) return null;
  const subject = typeof sub === "string" && sub !== "" ? sub : undefined;
  const kept = subject === undefined ? data : { sub: subject, ...data };
  return { credential: token, open: () => ({ data: kept, subject, expiresAt: exp * 1000 }) };
}

function inDatabase(adapter: NextAuthAdapter, token: string, now: number): OldCredential | null {
  // `randomUUID()` as both make it, or what `generateSessionToken` made of its own.
  if (!/^[\x21-\x7e]{16,512}$/.test(token)) return null;
  return {
    credential: token,
    async open(): Promise<OldSession | null> {
      const { session, user } = (await adapter.getSessionAndUser(token)) ?? {};
      const expiresAt = Number(session?.expires);
      if (!user || !(expiresAt > now)) return null;
      const { id } = user as { id?: unknown };
      const subject = typeof id === "string" || typeof id === "number" ? String(id) : undefined;
      return { data: { user, expires: new Date(expiresAt).toISOString() }, subject, expiresAt };
    },
    end: async () => adapter.deleteSession(token),
  };
}

function keysOf(secrets: readonly string[], salt: string, info: string, octets: number): JweKeys["keys"] {
  let keys: ReturnType<JweKeys["keys"]> | undefined;
  return () => {
    keys ??= Promise.all(secrets.map((secret) => hkdf(secret, salt, info, octets)));
    return keys;
  };
}
