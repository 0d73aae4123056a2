/** The signed cookie of Flask-Session, `SESSION_USE_SIGNER`: `id.signature`, as itsdangerous' `Signer` makes it. */

import { base64url, equalBytes, fromBase64url, isBytes, utf8 } from "../core/bytes/bytes.ts";
import { firstThat, type TokenFormat } from "../core/client/token.ts";
import { wrongArgument } from "../core/contracts/errors.ts";

/** Flask's `SECRET_KEY`: one, or several from the oldest to the newest, as itsdangerous takes them. */
export type FlaskSecretKey = string | Uint8Array | readonly (string | Uint8Array)[];

type Sign = (text: string) => Promise<Uint8Array>;

const salt = "flask-session";
// The 20 bytes of SHA-1 in base64url. Python ignores padding and the last two bits.
const signature = /^([A-Za-z0-9_-]{26})([A-Za-z0-9_-])=*$/;

/**
 * `id.signature` with HMAC-SHA-1, under a key derived from Flask's own. The last secret signs, and all verify. A cookie
 * signed with an older one is signed again when it is next sent.
 *
 * @param secretKey Must not be empty: otherwise a `TypeError`.
 */
export function flaskToken(secretKey: FlaskSecretKey): TokenFormat {
  const takes = "Flask's SECRET_KEY, or a list of them from the oldest to the newest";
  const given: readonly unknown[] = Array.isArray(secretKey) ? secretKey : [secretKey];
  const keys = given.map((key) => {
    const bytes = typeof key === "string" ? utf8(key) : key;
    if (isBytes(bytes) && bytes.length > 0) return new Uint8Array(bytes);
    throw wrongArgument("signed.secretKey", takes, key);
  });
  if (keys.length === 0 || keys.length > 10) throw wrongArgument("signed.secretKey", takes, secretKey);
  let derived: Promise<readonly Sign[]> | undefined;
  const newestFirst = (): Promise<readonly Sign[]> => {
    derived ??= Promise.all(keys.reverse().map(async (key) => hmacSha1(await (await hmacSha1(key))(salt))));
    return derived;
  };
  return {
    async seal(id) {
      const [sign] = await newestFirst();
      return `${id}.${base64url(await (sign as Sign)(id))}`;
    },
    open(token) {
      const dot = token.lastIndexOf(".");
      const [, start, last] = (dot > 0 && token.length - dot < 40 && signature.exec(token.slice(dot + 1))) || [];
      const given = start && last && fromBase64url(start + withoutUnusedBits(last));
      if (!given) return null;
      const id = token.slice(0, dot);
      return firstThat(newestFirst(), async (sign, at) =>
        equalBytes(await sign(id), given) ? { id, stale: at > 0 } : null,
      );
    },
  };
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function withoutUnusedBits(digit: string): string {
  return digits[digits.indexOf(digit) & ~3] as string;
}

async function hmacSha1(key: Uint8Array): Promise<Sign> {
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const imported = await crypto.subtle.importKey("raw", new Uint8Array(key), algorithm, false, ["sign"]);
  return async (text) => new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8(text)));
}
