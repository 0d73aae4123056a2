/** Sessions whose cookie is a signed id, and whose record is in a store with callbacks: those of express-session and @fastify/session. */

import { equalBytes, fromBase64url, utf8 } from "../../core/bytes/bytes.ts";
import type { Adopter } from "../../core/contracts/adopter.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { adopter } from "./adopter.ts";
import { hmac } from "./crypto.ts";
import {
  type AdoptOptions,
  asObject,
  type OldCookieOptions,
  type OldSession,
  oldCookie,
  percentDecoded,
  secretsOf,
} from "./options.ts";

/** The part of a `store` of express-session that is used here. */
export interface CallbackStore {
  get(id: string, callback: (error: unknown, session?: object | null) => void): void;
  destroy(id: string, callback: (error?: unknown) => void): void;
}

/** What both adopters take. */
export interface SignedIdOptions extends AdoptOptions {
  readonly secret: string | readonly string[];
  readonly store: CallbackStore;
  readonly cookie?: OldCookieOptions | undefined;
}

/** How the old library does it. */
export interface SignedId {
  /** The function that adopts. */
  readonly where: string;
  readonly library: string;
  /** The default name of its cookie. */
  readonly cookie: string;
  /** What stands before the id in it. */
  readonly prefix: string;
}

/** The adopter of one such library; the options are known ones. */
export function adoptSignedId(options: SignedIdOptions, { where, library, cookie, prefix }: SignedId): Adopter {
  const { secret, store, cookie: given, ...common } = options;
  const secrets = secretsOf(`${where}: secret`, secret);
  if (typeof store?.get !== "function" || typeof store.destroy !== "function")
    throw wrongArgument(`${where}: store`, `the store of ${library}, with get and destroy`, store);
  const old = oldCookie(`${where}: cookie`, given, cookie);
  return adopter({
    ...common,
    name: library,
    cookie: old,
    async read(cookies, now) {
      const value = percentDecoded(cookies(old.name));
      const id = value?.startsWith(prefix) && (await unsigned(value.slice(prefix.length), secrets));
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
