/**
 * Adopts the sessions of @fastify/session 10 and 11, from the store they are in.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { type AdoptOptions, checkAdopter, type OldCookieOptions } from "./shared/options.ts";
import { adoptSignedId } from "./shared/signed-id.ts";

/** The part of a `store` of @fastify/session that is used here. Stores for express-session fit. */
export interface FastifySessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void;
  destroy(id: string, callback: (error?: unknown) => void): void;
}

/** The options of {@link adoptFastifySession}. */
export interface AdoptFastifySessionOptions extends AdoptOptions {
  /** `secret` of @fastify/session: one, or several that all verify. */
  readonly secret: string | readonly string[];
  /** `store` of @fastify/session. */
  readonly store: FastifySessionStore;
  /** `cookieName` as the name, and `path` and `domain` of its `cookie`. Default: named `sessionId`. */
  readonly cookie?: OldCookieOptions | undefined;
  /** `cookiePrefix` of @fastify/session. Default `""`. */
  readonly cookiePrefix?: string | undefined;
}

/**
 * Adopts the sessions of @fastify/session, for `createSessions({ adopt: [ … ] })`, and destroys their records.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptFastifySession, type FastifySessionStore } from "sojourn/adopt/fastify-session";
 *
 * export const sessionsAfter = (store: FastifySessionStore) =>
 *   createSessions<{ userId: string }>({
 *     adopt: [
 *       adoptFastifySession({
 *         secret: process.env.SESSION_SECRET ?? "",
 *         store, // the one that @fastify/session had
 *         subject: (data) => data.userId as string,
 *       }),
 *     ],
 *   });
 * ```
 */
export function adoptFastifySession(options: AdoptFastifySessionOptions): Adopter {
  const where = "adoptFastifySession";
  checkAdopter(where, options, ["secret", "store", "cookie", "cookiePrefix"]);
  const { cookiePrefix: prefix = "", ...others } = options;
  if (typeof prefix !== "string") throw wrongArgument(`${where}: cookiePrefix`, "a text", prefix);
  return adoptSignedId(others, { where, library: "@fastify/session", cookie: "sessionId", prefix });
}
