/** What a browser signs: reads the JWT of a registration or a refresh, and checks it with the browser's key. */

import { verifies } from "#crypto";
import { fromBase64url, fromUtf8, type MaybePromise, utf8 } from "../core/bytes/bytes.ts";
import { isPlainObject } from "../core/contracts/known.ts";

/** How keys may sign: ECDSA on P-256, or RSA (PKCS #1 v1.5), each with SHA-256. */
export type BoundAlgorithm = "ES256" | "RS256";

/** A public key as a session keeps it. */
export interface BoundKey {
  readonly alg: BoundAlgorithm;
  /** Of ES256 the point, `x.y`, of RS256 the modulus and exponent, `n.e`, all in base64url. */
  readonly key: string;
}

/** A parsed JWT. Its signature and claims are not verified yet. */
export interface Proof {
  readonly alg: BoundAlgorithm;
  /** The key in its header: there at a registration. */
  readonly jwk: unknown;
  readonly jti: string;
  /** Who it is for, where the browser says so. */
  readonly aud: unknown;
  readonly signed: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Far longer than one with an RSA key of 4096 bits. */
const longest = 8192;

/** Whether the value is an algorithm that bindings support. */
export function isAlgorithm(value: unknown): value is BoundAlgorithm {
  return value === "ES256" || value === "RS256";
}

/** Reads the header `Secure-Session-Response`, bare or as a quoted string. `null` when it is no JWT of a browser. */
export function readProof(header: string): Proof | null {
  if (header.length > longest) return null;
  const [, head = "", body = "", sign = ""] = /^"?([\w-]+)\.([\w-]+)\.([\w-]+)"?$/.exec(header.trim()) ?? [];
  const signature = fromBase64url(sign);
  const { typ, alg, jwk } = jsonOf(head);
  const { jti, aud } = jsonOf(body);
  if (!signature?.length || typ !== "dbsc+jwt" || !isAlgorithm(alg) || typeof jti !== "string") return null;
  return { alg, jwk, jti, aud, signed: `${head}.${body}`, signature };
}

function jsonOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fromUtf8(fromBase64url(part) as Uint8Array));
    return isPlainObject(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The key that a registration shows; `null` unless it is a public key of the algorithm, and strong enough. */
export function keyOf({ alg, jwk }: Proof): BoundKey | null {
  if (!isPlainObject(jwk)) return null;
  const { kty, crv, x, y, n, e, d } = jwk as Readonly<Record<string, unknown>>;
  if (d !== undefined) return null;
  if (alg === "ES256") {
    const fits = kty === "EC" && crv === "P-256" && sizeOf(x) === 32 && sizeOf(y) === 32;
    return fits ? { alg, key: `${x}.${y}` } : null;
  }
  const size = sizeOf(n);
  // The highest bit is set, so that the size is what it seems to be.
  const fits = kty === "RSA" && e === "AQAB" && size >= 256 && size <= 512 && /^[g-z\d_-]/.test(n as string);
  return fits ? { alg, key: `${n}.${e}` } : null;
}

function sizeOf(value: unknown): number {
  return typeof value === "string" && value.length <= 800 ? (fromBase64url(value)?.length ?? 0) : 0;
}

/** Whether the key made the signature. */
export function isSignedBy({ alg, signed, signature }: Proof, key: BoundKey): MaybePromise<boolean> {
  if (alg !== key.alg) return false;
  const [first = "", second = ""] = key.key.split(".");
  const jwk = alg === "ES256" ? { kty: "EC", crv: "P-256", x: first, y: second } : { kty: "RSA", n: first, e: second };
  return verifies({ alg, jwk }, utf8(signed), signature);
}
