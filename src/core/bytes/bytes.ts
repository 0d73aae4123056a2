/** Bytes and text: UTF-8, base64url, comparison in constant time, and values that may be promises. */

/** A value, or a promise of it: synchronous where the runtime has synchronous crypto, a promise elsewhere. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether a value is a promise. A host's (Next's edge runtime, a `vm` context) may be of another class. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Goes on with a value now when it is here, later when it is a promise: no `await` where none is needed. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)?.get as () => string | undefined;

/** Whether a value is a `Uint8Array` (a `Buffer` is one), in whatever realm it was made. */
export function isBytes(value: unknown): value is Uint8Array {
  return typeof value === "object" && value !== null && typedArrayName.call(value) === "Uint8Array";
}

/** Whether a value is a `Date`, in whatever realm it was made. */
export function isDate(value: unknown): value is Date {
  return isMade(value, "[object Date]", Date.prototype.getTime);
}

const sizeOf = (prototype: object): ((this: unknown) => number) =>
  Object.getOwnPropertyDescriptor(prototype, "size")?.get as (this: unknown) => number;
const [mapSize, setSize] = [sizeOf(Map.prototype), sizeOf(Set.prototype)];

/** Whether a value is a `Map`, in whatever realm it was made. */
export function isMap(value: unknown): value is Map<unknown, unknown> {
  return isMade(value, "[object Map]", mapSize);
}

/** Whether a value is a `Set`, in whatever realm it was made. */
export function isSet(value: unknown): value is Set<unknown> {
  return isMade(value, "[object Set]", setSize);
}

/** Whether a value calls itself so, and a built-in method works on it: that looks for what the language put there, not for a class. */
function isMade(value: unknown, kind: string, method: (this: never) => unknown): boolean {
  if (Object.prototype.toString.call(value) !== kind) return false;
  try {
    method.call(value as never);
    return true;
  } catch {
    return false;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text that is hashed for a subject's key. UTF-8 has one and the same character for each half of a surrogate pair, and
 * subjects with one must not share a key. No prefix holds a space or a NUL.
 */
export function subjectText(prefix: string, subject: string): string {
  return subject.isWellFormed() ? `${prefix} ${subject}` : `${prefix}\0${JSON.stringify(subject)}`;
}

/** Text to UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** UTF-8 to text; throws a `TypeError` when the bytes are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** How many bytes a text takes in UTF-8. */
export function octets(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    count += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit < 0xdc00 && text.charCodeAt(i + 1) >> 10 === 0x37) i++;
  }
  return count;
}

/** How many bytes a payload takes. */
export function payloadBytes(payload: string | Uint8Array): number {
  return typeof payload === "string" ? octets(payload) : payload.byteLength;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const digits = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) digits[alphabet.charCodeAt(i)] = i;

/** Base64url without padding (RFC 4648 section 5). */
export function base64url(bytes: Uint8Array): string {
  let text = "";
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    text +=
      (alphabet[group >> 18] as string) +
      (alphabet[(group >> 12) & 63] as string) +
      (alphabet[(group >> 6) & 63] as string) +
      (alphabet[group & 63] as string);
  }
  if (i === bytes.length) return text;
  const first = bytes[i] as number;
  const second = bytes[i + 1];
  text += (alphabet[first >> 2] as string) + (alphabet[((first & 3) << 4) | ((second ?? 0) >> 4)] as string);
  return second === undefined ? text : text + (alphabet[(second & 15) << 2] as string);
}

/** Whether a text has the characters of base64url only. */
export function isBase64url(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!((digits[text.charCodeAt(at)] ?? -1) >= 0)) return false;
  return true;
}

/** The bytes of a base64url text; `null` unless it is exactly what {@link base64url} writes. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  const rest = text.length % 4;
  if (rest === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let buffer = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digits[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return null;
    buffer = ((buffer << 6) | digit) & 0xffffff;
    if (i % 4 === 1) bytes[at++] = (buffer >> 4) & 255;
    else if (i % 4 === 2) bytes[at++] = (buffer >> 2) & 255;
    else if (i % 4 === 3) bytes[at++] = buffer & 255;
  }
  const unused = rest === 2 ? buffer & 15 : rest === 3 ? buffer & 3 : 0;
  return unused === 0 ? bytes : null;
}

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Whether two payloads are the same: same type, same contents. */
export function samePayload(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return equalBytes(a, b);
}
