/** `expressSession`: the options of `createSessions` for sessions shared with express-session, in its words. */

import type { CookieOptions } from "../core/client/cookie.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import type { SessionOptions } from "../core/options/options.ts";
import { expressFormat } from "./format.ts";
import { type ExpressIdOptions, expressIds } from "./ids.ts";
import type { ExpressSecret } from "./signature.ts";
import { expressToken } from "./token.ts";

/** Options of {@link expressSession}. */
export interface ExpressSessionConfigOptions extends ExpressIdOptions {
  /** `secret` of express-session: one, or several of which the first signs and all verify. */
  readonly secret: ExpressSecret | readonly ExpressSecret[];
  /** `name` of express-session. Default `"connect.sid"`. */
  readonly name?: string | undefined;
  /**
   * `cookie.maxAge` of express-session, as a duration: how long new sessions and their cookies last when they are not
   * used. Default: the cookie ends with the browser, and the session after `ttl`. A session keeps its own `maxAge`.
   */
  readonly maxAge?: Duration | undefined;
  /** `ttl` of the store: how long sessions without `maxAge` last when they are not used. Default `"1d"`, as most stores have it. */
  readonly ttl?: Duration | undefined;
  /**
   * The other attributes of the cookie. Default: Secure, HttpOnly, SameSite=Lax, Path=/, without a prefix. Both sides
   * need the same attributes: set `cookie: { secure: true, sameSite: "lax" }` there.
   */
  readonly cookie?: Omit<CookieOptions, "name"> | undefined;
  /** Where the application keeps the user, as a path of keys. Default `"passport.user"`, where passport keeps it. */
  readonly subjectKey?: string | undefined;
}

/** The options that {@link expressSession} returns for `createSessions`. */
export type ExpressSessionConfig = Required<
  Pick<SessionOptions, "ids" | "token" | "format" | "cookie" | "idleTimeout" | "absoluteTimeout" | "persistent">
>;

const known = ["secret", "name", "maxAge", "ttl", "cookie", "subjectKey", "keyPrefix", "hashIds"];
const longest = 400 * 86_400_000;

/**
 * The options of `createSessions` to share sessions with an application that uses express-session: each reads,
 * changes and ends the other's. Give the store the layout of that application's store.
 *
 * There is no absolute timeout, since its records do not say when a session began, and no `renewAfter`.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { connectRedis, expressSession } from "sojourn/express-session";
 * import { type RedisClient, redisStore } from "sojourn/stores/redis";
 *
 * export function sessionsBesideExpress(client: RedisClient, secret: string) {
 *   return createSessions<{ cart: string[] }>({
 *     ...expressSession({ secret, keyPrefix: "sess:", ttl: "1d" }),
 *     store: redisStore({ client, layout: connectRedis() }),
 *   });
 * }
 * ```
 */
export function expressSession(options: ExpressSessionConfigOptions): ExpressSessionConfig {
  checkKnown("expressSession", options, known);
  const { secret, name = "connect.sid", maxAge, ttl = "1d", cookie = {}, subjectKey, keyPrefix, hashIds } = options;
  if (typeof cookie !== "object" || cookie === null)
    throw wrongArgument("cookie", "an object of cookie options", cookie);
  const lasts = maxAge === undefined ? undefined : durationOption("maxAge", maxAge, 1000, longest);
  const idle = durationOption("ttl", ttl, 1000, longest);
  const { secure = true, sameSite = "lax", path = "/", domain, partitioned } = cookie;
  const stored = {
    originalMaxAge: lasts ?? null,
    ...(partitioned !== undefined && { partitioned }),
    expires: null,
    secure,
    httpOnly: true,
    ...(domain !== undefined && { domain }),
    path,
    sameSite,
  };
  return {
    ids: expressIds({ keyPrefix, hashIds }),
    token: expressToken(secret),
    format: expressFormat({ subjectKey, cookie: stored, maxAge: lasts ?? idle }),
    cookie: { prefix: "", ...cookie, name },
    idleTimeout: (lasts ?? idle) / 1000,
    absoluteTimeout: false,
    persistent: lasts !== undefined,
  };
}
