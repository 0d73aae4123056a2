/** The signed cookie value of express-session: `s:` + id + `.` + HMAC-SHA-256 in base64 without padding. */

import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { wrongArgument } from "../core/contracts/errors.ts";

/** What signs the cookie: a text, bytes or a `KeyObject`. */
export type ExpressSecret = string | Uint8Array | KeyObject;

/** A list of secrets from one or several. Not empty. */
export function secretsOf(given: unknown, at: string): readonly ExpressSecret[] {
  const secrets: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const secret of secrets) {
    const isText = typeof secret === "string" && secret !== "";
    if (!isText && (typeof secret !== "object" || secret === null))
      throw wrongArgument(at, "a text, a Buffer or a KeyObject that is not empty, or a list of them", secret);
  }
  if (secrets.length === 0) throw wrongArgument(at, "a list of at least one secret", given);
  return secrets as readonly ExpressSecret[];
}

/** The value that carries an id: `s:id.signature`. */
export function sign(id: string, secret: ExpressSecret): string {
  return `s:${id}.${mac(id, secret)}`;
}

/** The id in a value, and which of the secrets signed it; `undefined` when none did. */
export function unsign(
  value: string,
  secrets: readonly ExpressSecret[],
): { readonly id: string; readonly at: number } | undefined {
  const dot = value.lastIndexOf(".");
  if (!value.startsWith("s:") || dot < 2) return undefined;
  const id = value.slice(2, dot);
  const given = Buffer.from(value.slice(dot + 1));
  for (const [at, secret] of secrets.entries()) {
    const expected = Buffer.from(mac(id, secret));
    if (expected.length === given.length && timingSafeEqual(expected, given)) return { id, at };
  }
  return undefined;
}

function mac(id: string, secret: ExpressSecret): string {
  return createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "");
}
