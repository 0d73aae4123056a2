/** Flask's signed cookie, as itsdangerous makes it: `payload.timestamp.signature`. Readable by anyone who has it. */

import { createHmac } from "node:crypto";
import { deflateSync, inflateSync } from "node:zlib";
import { base64url, equalBytes, fromBase64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import type { CookieSeal } from "../../core/client/seal.ts";

/** What {@link flaskSeal} needs. */
export interface FlaskSealConfig {
  /** The first signs, all verify. */
  readonly keys: readonly Uint8Array[];
  readonly salt: string;
  readonly digest: "sha1" | "sha3-256";
  /** Whole seconds from the timestamp to the end. */
  readonly lifetime: number;
  readonly now: () => number;
}

/** A cookie has 4 KB, and zlib makes a thousand times as much of it; no session is that large. */
const mostOctets = 1024 * 1024;

/** 43 characters for SHA3-256, and some padding, of which Python takes any amount. */
const longestSignature = 60;

/** The seal of Flask's cookie. A session ends so many seconds after the timestamp, as Flask itself counts them. */
export function flaskSeal({ keys, salt, digest, lifetime, now }: FlaskSealConfig): CookieSeal {
  const hmac = (key: Uint8Array, text: string): Uint8Array => createHmac(digest, key).update(text).digest();
  const derived = keys.map((key) => hmac(key, salt));
  return {
    seal(payload, expiresAt) {
      const json = typeof payload === "string" ? utf8(payload) : payload;
      const made = Math.min(Math.floor(expiresAt / 1000) - lifetime, seconds(now()));
      const signed = `${packed(json)}.${base64url(bigEndian(made))}`;
      return `${signed}.${base64url(hmac(derived[0] as Uint8Array, signed))}`;
    },
    open(text) {
      const [, signed = "", body = "", time = "", signature = ""] = /^((.+)\.([^.]*))\.([^.]+)$/.exec(text) ?? [];
      const given = signature.length <= longestSignature ? unpadded(signature) : null;
      const at = given ? derived.findIndex((key) => equalBytes(hmac(key, signed), given)) : -1;
      const octets = at === -1 ? null : unpadded(time);
      // One of more than eight bytes is no time; one that is still to come is refused by Flask too.
      const made = octets && octets.length <= 8 ? fromBigEndian(octets) : Number.POSITIVE_INFINITY;
      const payload = made <= seconds(now()) ? unpacked(body) : null;
      if (payload === null) return null;
      // Flask counts whole seconds, and the last of them is good to its end. (A second after it would be the last of
      // a cookie signed a second later, which is what the session would get when it is written without being used.)
      return { payload, expiresAt: (made + lifetime) * 1000 + 999, stale: at > 0 };
    },
  };
}

function packed(json: Uint8Array): string {
  const small = deflateSync(json);
  return small.length < json.length - 1 ? `.${base64url(small)}` : base64url(json);
}

/** The JSON in the first part; `null` when there is none, or more than any session has. */
function unpacked(body: string): string | null {
  const isSmall = body.startsWith(".");
  const octets = unpadded(isSmall ? body.slice(1) : body);
  if (!octets) return null;
  try {
    return fromUtf8(isSmall ? inflateSync(octets, { maxOutputLength: mostOctets }) : octets);
  } catch {
    return null;
  }
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** As lax as Python: padding is not needed, and the last bits that no octet needs may be any. */
function unpadded(text: string): Uint8Array | null {
  const bare = text.replace(/=+$/, "");
  const unused = [0, 0, 15, 3][bare.length % 4] as number;
  if (unused === 0) return fromBase64url(bare);
  const last = digits.indexOf(bare.slice(-1));
  return last === -1 ? null : fromBase64url(bare.slice(0, -1) + digits[last & ~unused]);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** Without leading zeros; of 0 nothing is left. */
function bigEndian(value: number): Uint8Array {
  const octets: number[] = [];
  for (let rest = Math.max(value, 0); rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.from(octets);
}

function fromBigEndian(octets: Uint8Array): number {
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}
