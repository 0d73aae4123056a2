/** Signed cookies of the package `cookies`, as koa and cookie-session set them: the signature is a cookie of its own, `name.sig`. */

import { equalBytes, fromBase64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import { hmac } from "./crypto.ts";
import { type CookieReader, objectIn } from "./options.ts";

/** A cookie's value, if one of the keys signed it with HMAC-SHA-1; `null` when none did, or it is not there. */
export async function signedCookie(
  cookies: CookieReader,
  name: string,
  keys: readonly string[],
): Promise<string | null> {
  const value = cookies(name);
  const given = fromBase64url(cookies(`${name}.sig`) ?? "");
  if (value === undefined || !given) return null;
  for (const key of keys) {
    if (equalBytes(await hmac("SHA-1", utf8(key), utf8(`${name}=${value}`)), given)) return value;
  }
  return null;
}

/** The object in base64 of JSON; `undefined` when there is none. */
export function objectInBase64(text: string): Record<string, unknown> | undefined {
  const bare = text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
  const octets = fromBase64url(bare);
  if (!octets) return undefined;
  try {
    return objectIn(fromUtf8(octets));
  } catch {
    return undefined;
  }
}
