/**
 * Adopts the sessions of koa-session 6 and 7: in signed cookies, or in a store of theirs.
 *
 * @module
 */

import type { Adopter } from "../core/contracts/adopter.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { adopter, type OldCredential } from "./shared/adopter.ts";
import { objectInBase64, signedCookie } from "./shared/keygrip.ts";
import {
  type AdoptOptions,
  asObject,
  checkAdopter,
  type OldCookieOptions,
  type OldSession,
  oldCookie,
  secretsOf,
} from "./shared/options.ts";

/** The part of a `store` of koa-session that is used here. */
export interface KoaSessionStore {
  get(key: string, maxAge: number | "session" | undefined, data: object): unknown;
  destroy(key: string, data: object): unknown;
}

/** The options of {@link adoptKoaSession}. */
export interface AdoptKoaSessionOptions extends AdoptOptions {
  /** `app.keys`: all verify. `false` if koa-session had `signed: false` and a store. */
  readonly keys: string | readonly string[] | false;
  /** The `store` of koa-session. Default: sessions are in their cookies. */
  readonly store?: KoaSessionStore | undefined;
  /** `key` as the name, and `path` and `domain` where they were given. Default: named `koa.sess`. */
  readonly cookie?: OldCookieOptions | undefined;
}

/**
 * Adopts the sessions of koa-session, for `createSessions({ adopt: [ … ] })`. With a store the old record is destroyed.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adoptKoaSession } from "sojourn/adopt/koa-session";
 *
 * export const sessions = createSessions<{ userId: string }>({
 *   adopt: [adoptKoaSession({ keys: [process.env.APP_KEY ?? ""], subject: (data) => data.userId as string })],
 * });
 * ```
 */
export function adoptKoaSession(options: AdoptKoaSessionOptions): Adopter {
  const where = "adoptKoaSession";
  checkAdopter(where, options, ["keys", "store", "cookie"]);
  const { keys: given, store, cookie, ...common } = options;
  if (store !== undefined && (typeof store?.get !== "function" || typeof store.destroy !== "function"))
    throw wrongArgument(`${where}: store`, "the store of koa-session, with get and destroy", store);
  if (given === false && !store)
    throw new TypeError(`${where}: keys must be given: cookies that hold a session and are not signed are anybody's`);
  const keys = given === false ? undefined : secretsOf(`${where}: keys`, given);
  const old = oldCookie(`${where}: cookie`, cookie, "koa.sess");
  return adopter({
    ...common,
    name: "koa-session",
    cookie: old,
    async read(cookies, now) {
      const value = keys ? await signedCookie(cookies, old.name, keys) : cookies(old.name);
      if (!value || (store && !/^[\x21-\x7e]{16,200}$/.test(value))) return null;
      const names = keys ? [old.name, `${old.name}.sig`] : [old.name];
      if (store) return { ...inStore(store, value, now), names };
      const stored = objectInBase64(value);
      return stored ? { credential: value, names, open: () => sessionIn(stored, now) } : null;
    },
  });
}

function inStore(store: KoaSessionStore, id: string, now: number): OldCredential {
  return {
    credential: id,
    open: async () => sessionIn(asObject(await store.get(id, undefined, {})), now),
    end: async () => store.destroy(id, {}),
  };
}

function sessionIn(stored: Record<string, unknown> | undefined, now: number): OldSession | null {
  if (!stored) return null;
  const { _expire: end, _maxAge: _, _session: __, ...data } = stored;
  if (Object.keys(data).length === 0 || (typeof end === "number" && end <= now)) return null;
  return { data, expiresAt: typeof end === "number" ? end : undefined };
}
