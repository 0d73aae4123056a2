/** The cryptography of other libraries, over WebCrypto: to open what they sealed, never to seal. */

import { equalBytes, fromBase64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const { subtle } = globalThis.crypto;

/** An HMAC of a text. */
export async function hmac(hash: "SHA-1" | "SHA-256" | "SHA-512", key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, data));
}

/** HKDF with SHA-256: so many bytes. */
export async function hkdf(secret: string, salt: string, info: string, octets: number): Promise<Bytes> {
  const imported = await subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: utf8(salt), info: utf8(info) };
  return new Uint8Array(await subtle.deriveBits(parameters, imported, octets * 8));
}

/** PBKDF2 with SHA-1 and one iteration, as Iron uses it on passwords of 32 characters and more: 32 bytes. */
async function pbkdf2(password: string, salt: string): Promise<Bytes> {
  const imported = await subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-1", salt: utf8(salt), iterations: 1 };
  return new Uint8Array(await subtle.deriveBits(parameters, imported, 256));
}

async function decrypt(name: "AES-CBC" | "AES-GCM", key: Bytes, iv: Bytes, text: Bytes, more = {}): Promise<Bytes> {
  const imported = await subtle.importKey("raw", key, name, false, ["decrypt"]);
  return new Uint8Array(await subtle.decrypt({ name, iv, ...more }, imported, text));
}

/** What an Iron seal holds (`Fe26.2`, as `@hapi/iron` and `iron-webcrypto` make it). */
export interface Unsealed {
  /** What its MAC covers: the same for all that open to this. */
  readonly signed: string;
  readonly json: string;
  /** When it ends, in epoch milliseconds; `undefined`: never. */
  readonly expiresAt: number | undefined;
}

/**
 * Opens an Iron seal. `null` when no password fits, it was changed, or it has ended.
 *
 * @param passwordsOf The passwords for an id in a seal, which may be empty.
 */
export async function ironUnseal(
  seal: string,
  passwordsOf: (id: string) => readonly string[],
  now: number,
): Promise<Unsealed | null> {
  const parts = seal.split("*");
  if (parts.length !== 8 || parts[0] !== "Fe26.2") return null;
  const [, id, salt, iv, encrypted, end, macSalt, mac] = parts as [string, ...string[]] & { length: 8 };
  if (!/^\w{0,99}$/.test(id as string) || !/^\d{0,15}$/.test(end as string)) return null;
  const expiresAt = end === "" ? undefined : Number(end);
  if (expiresAt !== undefined && expiresAt <= now) return null;
  const [nonce, octets, given] = [iv, encrypted, mac].map((text) => fromBase64url(text as string));
  if (!nonce || !octets || !given) return null;
  const signed = parts.slice(0, 6).join("*");
  for (const password of passwordsOf(id as string)) {
    const expected = await hmac("SHA-256", await pbkdf2(password, macSalt as string), utf8(signed));
    if (!equalBytes(expected, given)) continue;
    const plain = await decrypt("AES-CBC", await pbkdf2(password, salt as string), nonce, octets);
    return { signed, json: fromUtf8(plain), expiresAt };
  }
  return null;
}

/** How a JWE with direct encryption was made: its content encryption, and the key of each secret for it. */
export interface JweKeys {
  readonly enc: "A256GCM" | "A256CBC-HS512";
  readonly keys: () => Promise<readonly Bytes[]>;
}

/** The claims in a JWE in compact form (RFC 7516, `alg` `dir`). `null` when no key opens it, or its header says something else. */
export async function jweOpen(token: string, kinds: readonly JweKeys[]): Promise<string | null> {
  const [header = "", encryptedKey, iv = "", text = "", tag = "", rest] = token.split(".");
  if (encryptedKey !== "" || rest !== undefined) return null;
  const [head, nonce, octets, mac] = [header, iv, text, tag].map(fromBase64url);
  if (!head || !nonce || !octets || !mac) return null;
  const { alg, enc, zip, crit } = JSON.parse(fromUtf8(head)) as Record<string, unknown>;
  const kind = kinds.find((one) => one.enc === enc);
  if (alg !== "dir" || !kind || zip !== undefined || crit !== undefined) return null;
  const open = kind.enc === "A256GCM" ? openGcm : openCbc;
  for (const key of await kind.keys()) {
    const plain = await open(key, nonce, octets, mac, utf8(header)).catch(() => null);
    if (plain) return fromUtf8(plain);
  }
  return null;
}

async function openGcm(key: Bytes, iv: Bytes, text: Bytes, tag: Bytes, additionalData: Bytes): Promise<Bytes | null> {
  if (iv.length !== 12 || tag.length !== 16) return null;
  return decrypt("AES-GCM", key, iv, joined(text, tag), { additionalData });
}

/** RFC 7518 section 5.2.5: HMAC-SHA-512 under the first half of the key, cut to 32 bytes; AES-256-CBC under the second. */
async function openCbc(key: Bytes, iv: Bytes, text: Bytes, tag: Bytes, header: Bytes): Promise<Bytes | null> {
  if (iv.length !== 16 || tag.length !== 32) return null;
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length * 8));
  const mac = await hmac("SHA-512", key.slice(0, 32), joined(header, iv, text, length));
  return equalBytes(mac.slice(0, 32), tag) ? decrypt("AES-CBC", key.slice(32), iv, text) : null;
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
