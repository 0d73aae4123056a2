/** The five primitives, synchronous, where `node:crypto` exists: Node, Bun and Deno. The twin of `crypto.ts`. */

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  hash,
  randomFillSync,
  verify,
} from "node:crypto";
import type { MaybePromise } from "./bytes.ts";
import type { PublicKey } from "./crypto.ts";

/** SHA-256 of a text in UTF-8, as base64url. */
export function sha256(text: string): MaybePromise<string> {
  return hash("sha256", text, "base64url");
}

const pool = new Uint8Array(4096);
let used = pool.length;

/** Unpredictable bytes. Drawn from the system a block at a time; a byte handed out is erased from the block. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > pool.length) return randomFillSync(new Uint8Array(length));
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}

/** HMAC-SHA-256 under one key. */
export function hmacSha256(key: Uint8Array): (data: Uint8Array) => MaybePromise<Uint8Array<ArrayBuffer>> {
  return (data) => new Uint8Array(createHmac("sha256", key).update(data).digest());
}

/** Authenticated encryption with associated data under one key. */
export interface Aead {
  /** nonce (12 bytes), ciphertext, tag (16 bytes), in one string of bytes. */
  seal(plain: Uint8Array, associated: Uint8Array): MaybePromise<Uint8Array<ArrayBuffer>>;
  /** The plain bytes; `null` whatever the reason it cannot be opened. */
  open(sealed: Uint8Array, associated: Uint8Array): MaybePromise<Uint8Array<ArrayBuffer> | null>;
}

/** AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D) under a key of 32 bytes. */
export function aes256Gcm(key: Uint8Array): Aead {
  return {
    seal(plain, associated) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(associated);
      const parts = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
      return new Uint8Array(Buffer.concat(parts));
    },
    open(sealed, associated) {
      if (sealed.length < 28) return null;
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
      decipher.setAAD(associated);
      decipher.setAuthTag(sealed.subarray(sealed.length - 16));
      try {
        return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]));
      } catch {
        return null;
      }
    },
  };
}

/** Whether the key made the signature. Never throws: what is no key has signed nothing. */
export function verifies({ alg, jwk }: PublicKey, data: Uint8Array, signature: Uint8Array): MaybePromise<boolean> {
  try {
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    if (key.asymmetricKeyType !== (alg === "ES256" ? "ec" : "rsa")) return false;
    return verify("sha256", data, alg === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key, signature);
  } catch {
    return false;
  }
}
