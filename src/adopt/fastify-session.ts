/**
 * Adopts the sessions of @fastify/session 10 and 11, from the store they are in.
 *
 * @module
 */

import { equalBytes, fromBase64url, utf8 } from "../core/bytes/bytes.ts";
import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { adopter } from "./shared/adopter.ts";
import { hmac } from "./shared/crypto.ts";
import {
  type AdoptOptions,
  asObject,
  checkAdopter,
  type OldCookieOptions,
  type OldSession,
  oldCookie,
  percentDecoded,
  secretsOf,
} from "./shared/options.ts";

/** The part of a `store` of @fastify/session that is used here. Stores for express-session fit. */
export interface FastifySessionStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void;
  destroy(id: string, callback: (error?: unknown) => void): void;
}

/** The options of {@link adoptFastifySession}. */
export interface AdoptFastifySessionOptions extends AdoptOptions {
  /** `secret` of @fastify/session: of several, all verify. */
  readonly secret: string | readonly string[];
  /** `store` of @fastify/session. */
  readonly store: FastifySessionStore;
  /** `cookieName` as the name, and `path` and `domain` of its `cookie`. Default: named `sessionId`. */
  readonly cookie?: OldCookieOptions | undefined;
  /** `cookiePrefix` of @fastify/session. Default `""`. */
  readonly cookiePrefix?: string | undefined;
}

/**
 * Adopts the sessions of @fastify/session, for `createSessions({ adopt: [ … ] })`, and destroys their records. With
 * `cookiePrefix: "s:"` and the name `connect.sid` it adopts those of express-session, too.
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
  const { secret, store, cookie, cookiePrefix = "", ...common } = options;
  const secrets = secretsOf(`${where}: secret`, secret);
  if (typeof store?.get !== "function" || typeof store.destroy !== "function")
    throw wrongArgument(`${where}: store`, "the store of @fastify/session, with get and destroy", store);
  if (typeof cookiePrefix !== "string") throw wrongArgument(`${where}: cookiePrefix`, "a text", cookiePrefix);
  const old = oldCookie(`${where}: cookie`, cookie, "sessionId");
  return adopter({
    ...common,
    name: "@fastify/session",
    cookie: old,
    async read(cookies, now) {
      const value = percentDecoded(cookies(old.name));
      const id = value?.startsWith(cookiePrefix) && (await unsigned(value.slice(cookiePrefix.length), secrets));
      if (!id) return null;
      return {
        credential: id,
        open: async () => sessionIn(await answered((done) => store.get(id, done)), now),
        end: () => answered((done) => store.destroy(id, done)),
      };
    },
  });
}

/** `id.signature`: HMAC-SHA-256 in base64 without padding. */
async function unsigned(value: string, secrets: readonly string[]): Promise<string | null> {
  const dot = value.lastIndexOf(".");
  const given = fromBase64url(
    value
      .slice(dot + 1)
      .replaceAll("+", "-")
      .replaceAll("/", "_"),
  );
  if (dot < 1 || !given) return null;
  const id = value.slice(0, dot);
  for (const secret of secrets) if (equalBytes(await hmac("SHA-256", utf8(secret), utf8(id)), given)) return id;
  return null;
}

function sessionIn(stored: unknown, now: number): OldSession | null {
  const { cookie, sessionId: _, encryptedSessionId: __, ...data } = asObject(stored) ?? {};
  const { expires } = asObject(cookie) ?? {};
  const end = typeof expires === "string" ? Date.parse(expires) : Number(expires ?? Number.NaN);
  if (Object.keys(data).length === 0 || end <= now) return null;
  return { data, expiresAt: Number.isNaN(end) ? undefined : end };
}

function answered<T>(call: (done: (error?: unknown, answer?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    call((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
