/** Tokens: what the client holds, and the session id inside it. */

import { type Aead, aes256Gcm, hmacSha256 } from "#crypto";
import { andThen, base64url, equalBytes, fromBase64url, fromUtf8, type MaybePromise, utf8 } from "../bytes/bytes.ts";
import { keyRing, type Secrets } from "../bytes/keys.ts";
import { unmarked, witnessOf } from "../bytes/witness.ts";

/** What opening a token gives: the id, and whether an old key opened it, so that it is worth sending again. */
export interface OpenedToken {
  readonly id: string;
  /** True when a secret other than the first opened it: the next cookie is sealed with the first. */
  readonly stale: boolean;
}

/**
 * The form in which a client holds a session id: bare, signed or encrypted. Pass one as `token` to `createSessions`.
 *
 * The bare form is safe, since the id is 256 random bits and the store gets only its hash. With a signature invalid
 * tokens are refused without a store call. Encryption also hides the id from anyone who sees the cookie but does not
 * have the secret.
 */
export interface TokenFormat {
  /** The token that carries `id` in the cookie called `cookieName`. */
  seal(id: string, cookieName: string): MaybePromise<string>;
  /**
   * The id in a token, or `null` when this format did not make the token. Throws only `SessionError`
   * `ERR_SESSION_UNREADABLE`, for a token made with a secret that this process does not have yet.
   */
  open(token: string, cookieName: string): MaybePromise<OpenedToken | null>;
}

/** The id as it is. The default. */
export function bareToken(): TokenFormat {
  return { seal: (id) => id, open: (token) => ({ id: token, stale: false }) };
}

/**
 * `id.signature`: HMAC-SHA-256, bound to the cookie's name. A forged token is refused before the store is asked.
 *
 * @param secrets At least 32 characters each; the first signs, all verify. A `TypeError` otherwise.
 * @example
 * ```ts
 * import { createSessions, signedToken } from "sojourn";
 *
 * const sessions = createSessions({ token: signedToken(["a new secret of at least 32 characters"]) });
 * ```
 */
export function signedToken(secrets: Secrets): TokenFormat {
  const ring = keyRing("signedToken(secrets)", secrets, "token signature", hmacSha256);
  const witness = witnessOf("signedToken(secrets)", secrets, "token signature");
  const message = (id: string, cookieName: string): Uint8Array => utf8(`${cookieName}=${id}`);
  return {
    seal(id, cookieName) {
      const signed = andThen(ring(), (keys) => (keys[0] as (typeof keys)[0])(message(id, cookieName)));
      return andThen(signed, (signature) => witness.mark(`${id}.${base64url(signature)}`, cookieName));
    },
    open(token, cookieName) {
      const marked = unmarked(token);
      const { text } = marked;
      const dot = text.lastIndexOf(".");
      if (text.length - dot !== 44) return null;
      const signature = fromBase64url(text.slice(dot + 1));
      if (!signature) return null;
      const id = text.slice(0, dot);
      const data = message(id, cookieName);
      const opened = firstThat(ring(), (sign, at) =>
        andThen(sign(data), (expected) => (equalBytes(expected, signature) ? { id, stale: at > 0 } : null)),
      );
      return andThen(opened, (found) => found ?? witness.refuse(marked, cookieName));
    },
  };
}

/**
 * The id encrypted with AES-256-GCM and bound to the cookie's name. The cookie shows nothing and cannot be forged.
 *
 * @param secrets At least 32 characters each; the first encrypts, all decrypt. A `TypeError` otherwise.
 * @example
 * ```ts
 * import { createSessions, sealedToken } from "sojourn";
 *
 * const sessions = createSessions({ token: sealedToken("a secret of at least 32 characters, from the environment") });
 * ```
 */
export function sealedToken(secrets: Secrets): TokenFormat {
  const ring = keyRing("sealedToken(secrets)", secrets, "token seal", aes256Gcm);
  const witness = witnessOf("sealedToken(secrets)", secrets, "token seal");
  return {
    seal(id, cookieName) {
      const sealed = andThen(ring(), (keys) => (keys[0] as Aead).seal(utf8(id), utf8(cookieName)));
      return andThen(sealed, (octets) => witness.mark(base64url(octets), cookieName));
    },
    open(token, cookieName) {
      const marked = unmarked(token);
      const sealed = token.length <= 400 ? fromBase64url(marked.text) : null;
      if (!sealed) return null;
      const opened = firstThat(ring(), (key, at) =>
        andThen(key.open(sealed, utf8(cookieName)), (id) => (id ? { id: fromUtf8(id), stale: at > 0 } : null)),
      );
      return andThen(opened, (found) => found ?? witness.refuse(marked, cookieName));
    },
  };
}

/** The first answer that is not `null`, asking one key after the other. */
export function firstThat<K, R>(
  ring: MaybePromise<readonly K[]>,
  ask: (key: K, at: number) => MaybePromise<R | null>,
): MaybePromise<R | null> {
  const from = (keys: readonly K[], at: number): MaybePromise<R | null> =>
    at === keys.length
      ? null
      : andThen(ask(keys[at] as K, at), (answer) => (answer === null ? from(keys, at + 1) : answer));
  return andThen(ring, (keys) => from(keys, 0));
}
