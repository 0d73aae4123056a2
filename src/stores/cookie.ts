/** Sessions in the cookie itself: no server keeps them. */

import type { Secrets } from "../core/bytes/keys.ts";
import { aesSeal, type CookieSeal } from "../core/client/seal.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { Store } from "../core/contracts/store.ts";
import type { CookieStore } from "../core/record/cookie-store.ts";
import { keptInCookies } from "../core/record/in-cookie.ts";

export type { CookieSeal, OpenedSeal } from "../core/client/seal.ts";
export type { CookieCapabilities, CookieStore } from "../core/record/cookie-store.ts";

/** What {@link cookieStore} takes: `secrets` or `seal`, one of them. */
export interface CookieStoreOptions {
  /**
   * At least 32 characters each, the newest first: the first encrypts, all decrypt. A cookie encrypted with an older
   * secret is encrypted again in that response. Keep them out of the source: anyone who has one can create any session.
   * Default: none; needed without `seal`.
   */
  readonly secrets?: Secrets | undefined;
  /** Another way to make a cookie of a session, to share cookies with another program. Excludes `secrets`. Default: sealed with `secrets`. */
  readonly seal?: CookieSeal | undefined;
  /**
   * How many cookies one session may take, 1 to 9. Default 1: about 3 KB of data. With more than one, a large session
   * is split into `name`, `name-1`, `name-2` and so on; servers and proxies refuse requests with more than 8 or 16 KB
   * of headers.
   */
  readonly chunks?: number | undefined;
  /**
   * A store for small notes about sessions that ended before they expired: destroyed, revoked, or with a new id. Each
   * request that uses a session reads one or two of them. Default none: then a copy of a cookie works until it expires,
   * even after a logout or a revocation.
   */
  readonly revocations?: Store | undefined;
  /**
   * Whether every save makes earlier cookies invalid, so that a user cannot restore an old one. Then counters of
   * attempts, quotas and one-time values are safe in the session. Needs `revocations`, and costs a write there for each
   * save. If requests are parallel, only one can save. For five minutes, requests with the older cookie have an empty
   * session, and no cookie is set. Default false: the client can go back to any earlier cookie until that expires.
   */
  readonly latestOnly?: boolean | undefined;
}

/**
 * Keeps each session in the client's cookie, encrypted with AES-256-GCM and bound to the cookie's name. The expiry is
 * inside. Nothing is stored on a server. That has a price: if requests are parallel, the last response wins, a session
 * has to fit into 4096 bytes (`ERR_SESSION_TOO_LARGE`), sessions cannot be listed, and without `revocations` a stolen
 * cookie cannot be ended. The client can also restore an older cookie, with all its values: a counter of attempts, a
 * code for one use. If such values matter, set `latestOnly`, or keep them in another store.
 *
 * Excludes the options `token`, `ids` and `renewAfter` of `createSessions`, and an encrypting format. With
 * `revocations` it needs an `absoluteTimeout`.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieStore } from "sojourn/stores/cookie";
 *
 * const secrets = (process.env.SESSION_SECRETS ?? "").split(" ");
 *
 * export const sessionsInCookies = () => createSessions({ store: cookieStore({ secrets }), absoluteTimeout: "12h" });
 * ```
 */
export function cookieStore(options: CookieStoreOptions): CookieStore {
  checkKnown("cookieStore", options, ["secrets", "seal", "chunks", "revocations", "latestOnly"]);
  const { secrets, seal, chunks = 1, revocations, latestOnly = false } = options;
  if (secrets !== undefined && seal !== undefined) {
    throw new TypeError("cookieStore takes secrets or seal, not both; a seal has secrets of its own");
  }
  if (seal !== undefined && (typeof seal?.seal !== "function" || typeof seal.open !== "function")) {
    throw wrongArgument("seal", "an object with the functions seal and open", seal);
  }
  if (!Number.isSafeInteger(chunks) || chunks < 1 || chunks > 9) {
    throw wrongArgument("chunks", "a whole number from 1 to 9", chunks);
  }
  if (revocations !== undefined && typeof revocations?.update !== "function") {
    throw wrongArgument("revocations", "a store such as redisStore({ client })", revocations);
  }
  if (typeof latestOnly !== "boolean") throw wrongArgument("latestOnly", "true or false", latestOnly);
  if (latestOnly && !revocations) {
    throw wrongArgument("revocations", "a store such as redisStore({ client }) where latestOnly is true", revocations);
  }
  return keptInCookies({ seal: seal ?? aesSeal("secrets", secrets as Secrets), chunks, revocations, latestOnly });
}
