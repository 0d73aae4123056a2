/** Texts in a form that every backend keeps: UTF-8 has no half of a surrogate pair, and JSON escapes it. */

import { base64url, fromBase64url } from "../../core/bytes/bytes.ts";

/** The text itself, or its JSON where it has half of a surrogate pair. What is stored has to tell which. */
export function wellFormed(text: string): readonly [text: string, isJson: boolean] {
  return text.isWellFormed() ? [text, false] : [JSON.stringify(text), true];
}

/** The text that {@link wellFormed} was given. */
export function asItWas(text: string, isJson: boolean): string {
  return isJson ? (JSON.parse(text) as string) : text;
}

/** A payload at the end of a value that is text: `t` for text, `j` for text as JSON, `b` for bytes as base64url. */
export function encodeBody(payload: string | Uint8Array): readonly [kind: "t" | "j" | "b", body: string] {
  if (typeof payload !== "string") return ["b", base64url(payload)];
  const [body, isJson] = wellFormed(payload);
  return [isJson ? "j" : "t", body];
}

/** The payload in a value. Throws for what is none. */
export function decodeBody(kind: string, body: string): string | Uint8Array {
  if (kind !== "b") return asItWas(body, kind === "j");
  const bytes = fromBase64url(body);
  if (bytes === null) throw new TypeError("not base64url");
  return bytes;
}

/** An instant in epoch milliseconds as 16 digits, to be written over in place. */
export function instantText(expiresAt: number): string {
  return String(Math.min(Math.max(Math.ceil(expiresAt), 0), Number.MAX_SAFE_INTEGER)).padStart(16, "0");
}
