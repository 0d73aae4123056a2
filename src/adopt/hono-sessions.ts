/**
 * Adopts the sessions of hono-sessions 0.8: sealed in their cookies, or in a store.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { adopter } from "./shared/adopter.ts";
import { ironUnseal } from "./shared/crypto.ts";
import {
  type AdoptOptions,
  asObject,
  checkAdopter,
  type OldCookieOptions,
  type OldSession,
  objectIn,
  oldCookie,
  percentDecoded,
} from "./shared/options.ts";

/** The part of a `store` of hono-sessions that is used here. */
export interface HonoSessionsStore {
  getSessionById(id: string): unknown;
  deleteSession(id: string): unknown;
}

/** The options of {@link adoptHonoSessions}. */
export interface AdoptHonoSessionsOptions extends AdoptOptions {
  /** `encryptionKey` of hono-sessions, at least 32 characters. Needed without a store. Default: none. */
  readonly encryptionKey?: string | undefined;
  /** `store` of hono-sessions; leave it out for its `CookieStore`. Default: none. */
  readonly store?: HonoSessionsStore | undefined;
  /** `sessionCookieName` as the name (with the `prefix` of `cookieOptions`), and `path` and `domain`. Default: named `session`. */
  readonly cookie?: OldCookieOptions | undefined;
}

/**
 * Adopts the sessions of hono-sessions, for `createSessions({ adopt: [ … ] })`. The data is its values, with flash
 * messages that were not read yet. With a store, the old record is deleted.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptHonoSessions } from "sojourn/adopt/hono-sessions";
 *
 * export const sessions = createSessions<{ userId: string }>({
 *   adopt: [
 *     adoptHonoSessions({
 *       encryptionKey: process.env.SESSION_KEY ?? "",
 *       subject: (data) => data.userId as string,
 *     }),
 *   ],
 * });
 * ```
 */
export function adoptHonoSessions(options: AdoptHonoSessionsOptions): Adopter {
  const where = "adoptHonoSessions";
  checkAdopter(where, options, ["encryptionKey", "store", "cookie"]);
  const { encryptionKey, store, cookie, ...common } = options;
  if (encryptionKey !== undefined && (typeof encryptionKey !== "string" || encryptionKey.length < 32))
    throw wrongArgument(`${where}: encryptionKey`, "a text of at least 32 characters", encryptionKey);
  if (store !== undefined && (typeof store?.getSessionById !== "function" || typeof store.deleteSession !== "function"))
    throw wrongArgument(`${where}: store`, "the store of hono-sessions, with getSessionById and deleteSession", store);
  if (!store && encryptionKey === undefined)
    throw new TypeError(`${where} takes encryptionKey, store, or both, as hono-sessions was given them`);
  const old = oldCookie(`${where}: cookie`, cookie, "session");
  return adopter({
    ...common,
    name: "hono-sessions",
    cookie: old,
    async read(cookies, now) {
      const value = percentDecoded(cookies(old.name));
      if (!value) return null;
      const key = encryptionKey;
      const unsealed = key === undefined ? undefined : await ironUnseal(value, (id) => (id === "" ? [key] : []), now);
      if (unsealed === null) return null;
      // The JSON text of a text: an id, or the session once more as JSON.
      const text: unknown = unsealed ? JSON.parse(unsealed.json) : value;
      if (typeof text !== "string") return null;
      if (!store) return { credential: unsealed?.signed ?? "", open: () => sessionIn(objectIn(text), now) };
      if (!/^[\w-]{16,100}$/.test(text)) return null;
      return {
        credential: text,
        open: async () => sessionIn(asObject(await store.getSessionById(text)), now),
        end: async () => store.deleteSession(text),
      };
    },
  });
}

function sessionIn(stored: Record<string, unknown> | undefined, now: number): OldSession | null {
  const { _data, _expire, _delete } = stored ?? {};
  const values = asObject(_data);
  const end = typeof _expire === "string" ? Date.parse(_expire) : Number.NaN;
  if (!values || _delete === true || Object.keys(values).length === 0 || end <= now) return null;
  const data: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(values)) {
    const value = asObject(entry)?.value;
    if (value !== undefined) Object.defineProperty(data, key, { value, ...plain });
  }
  return { data, expiresAt: Number.isNaN(end) ? undefined : end };
}

const plain = { configurable: true, enumerable: true, writable: true };
