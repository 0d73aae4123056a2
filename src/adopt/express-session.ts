/**
 * Adopts the sessions of express-session, from the store they are in.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { type AdoptOptions, checkAdopter, type OldCookieOptions } from "./shared/options.ts";
import { adoptSignedId } from "./shared/signed-id.ts";

/** The part of a `store` of express-session that is used here. */
export interface ExpressSessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void;
  destroy(id: string, callback: (error?: unknown) => void): void;
}

/** The options of {@link adoptExpressSession}. */
export interface AdoptExpressSessionOptions extends AdoptOptions {
  /** `secret` of express-session: one, or several that all verify. */
  readonly secret: string | readonly string[];
  /** `store` of express-session. */
  readonly store: ExpressSessionStore;
  /** `name` of express-session, and `path` and `domain` of its `cookie`. Default: named `connect.sid`. */
  readonly cookie?: OldCookieOptions | undefined;
}

/**
 * Adopts the sessions of express-session, for `createSessions({ adopt: [ … ] })`, and destroys their records. They
 * become sessions in this library's own records, which can be listed by user and ended.
 *
 * To share live sessions with processes that still run express-session, use `sojourn/express-session` instead.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptExpressSession, type ExpressSessionStore } from "sojourn/adopt/express-session";
 *
 * export const sessionsAfter = (store: ExpressSessionStore) =>
 *   createSessions<{ cart: string[] }>({
 *     adopt: [
 *       adoptExpressSession({
 *         secret: process.env.SESSION_SECRET ?? "",
 *         store, // the one that express-session had
 *         subject: (data) => data.userId as string | undefined,
 *       }),
 *     ],
 *   });
 * ```
 */
export function adoptExpressSession(options: AdoptExpressSessionOptions): Adopter {
  const where = "adoptExpressSession";
  checkAdopter(where, options, ["secret", "store", "cookie"]);
  return adoptSignedId(options, { where, library: "express-session", cookie: "connect.sid", prefix: "s:" });
}
