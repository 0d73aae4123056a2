/** The five primitives over WebCrypto with keys imported once, for runtimes without `node:crypto`. The twin of `crypto.node.ts`. */

import { base64url, type MaybePromise, utf8 } from "./bytes.ts";

/** SHA-256 of a text in UTF-8, as base64url. */
export function sha256(text: string): MaybePromise<string> {
  return crypto.subtle.digest("SHA-256", utf8(text)).then((digest) => base64url(new Uint8Array(digest)));
}

/** Unpredictable bytes. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** HMAC-SHA-256 under one key. */
export function hmacSha256(key: Uint8Array): (data: Uint8Array) => MaybePromise<Uint8Array<ArrayBuffer>> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  let imported: Promise<CryptoKey> | undefined;
  return async (data) => {
    imported ??= crypto.subtle.importKey("raw", new Uint8Array(key), algorithm, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", await imported, new Uint8Array(data)));
  };
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
  let imported: Promise<CryptoKey> | undefined;
  const cryptoKey = (): Promise<CryptoKey> => {
    imported ??= crypto.subtle.importKey("raw", new Uint8Array(key), "AES-GCM", false, ["encrypt", "decrypt"]);
    return imported;
  };
  const parameters = (iv: Uint8Array, additionalData: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: new Uint8Array(iv),
    additionalData: new Uint8Array(additionalData),
  });
  return {
    async seal(plain, associated) {
      const nonce = randomBytes(12);
      const body = await crypto.subtle.encrypt(parameters(nonce, associated), await cryptoKey(), new Uint8Array(plain));
      const sealed = new Uint8Array(12 + body.byteLength);
      sealed.set(nonce);
      sealed.set(new Uint8Array(body), 12);
      return sealed;
    },
    async open(sealed, associated) {
      if (sealed.length < 28) return null;
      const body = new Uint8Array(sealed.subarray(12));
      const opened = crypto.subtle.decrypt(parameters(sealed.subarray(0, 12), associated), await cryptoKey(), body);
      return opened.then(
        (plain) => new Uint8Array(plain),
        () => null,
      );
    },
  };
}

/** A public key that verifies signatures with SHA-256: ES256 is ECDSA on P-256 (`r‖s`), RS256 is RSA by PKCS #1 v1.5. */
export interface PublicKey {
  readonly alg: "ES256" | "RS256";
  readonly jwk: Readonly<Record<string, string>>;
}

const signatures = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
};

/** Whether the key made the signature. Never throws, nor rejects: what is no key has signed nothing. */
export function verifies({ alg, jwk }: PublicKey, data: Uint8Array, signature: Uint8Array): MaybePromise<boolean> {
  const algorithm = signatures[alg];
  return crypto.subtle
    .importKey("jwk", jwk, algorithm, false, ["verify"])
    .then((key) => crypto.subtle.verify(algorithm, key, new Uint8Array(signature), new Uint8Array(data)))
    .catch(() => false);
}
