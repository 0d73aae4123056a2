/** Numbers and texts as the opcodes of the older protocols spell them. */

import { type PyValue, pyBool, pyFloat, pyInt } from "./values.ts";

/** Python itself refuses integers with more digits. */
const mostDigits = 4300;

/** `I` and `L`: decimal; `00` and `01` are how protocols 0 and 1 write booleans. */
export function integer(text: string, mayBeBoolean: boolean): PyValue {
  if (mayBeBoolean && (text === "00" || text === "01")) return pyBool(text === "01");
  return /^-?\d+$/.test(text) && text.length <= mostDigits ? pyInt(BigInt(text)) : malformed();
}

/** Two's complement, the lowest octet first. */
export function long(bytes: Uint8Array): PyValue {
  if (bytes.length > 1024) malformed();
  let hex = "0x0";
  for (let i = bytes.length - 1; i >= 0; i--) hex += (bytes[i] as number).toString(16).padStart(2, "0");
  return pyInt(BigInt.asIntN(bytes.length * 8, BigInt(hex)));
}

/** `F`: as `repr` writes it. */
export function float(text: string): PyValue {
  const special: Record<string, number> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };
  if (Object.hasOwn(special, text)) return pyFloat(special[text] as number);
  return /^-?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text) && text.length < 400 ? pyFloat(Number(text)) : malformed();
}

/** Latin-1 with `\uXXXX` and `\UXXXXXXXX`; any other backslash is itself. */
export function rawUnicode(text: string): string {
  const unescaped = text.replace(/\\(?:u(.{0,4})|U(.{0,8})|[^uU]|$)/gs, (all, short?: string, wide?: string) => {
    const digits = short ?? wide;
    if (digits === undefined) return all;
    const code = new RegExp(short === undefined ? "^[0-9a-fA-F]{8}$" : "^[0-9a-fA-F]{4}$").test(digits)
      ? Number.parseInt(digits, 16)
      : malformed();
    return code > 0x10ffff ? malformed() : String.fromCodePoint(code);
  });
  // Half of a surrogate pair is malformed in the later protocols, too.
  return unescaped.isWellFormed() ? unescaped : malformed();
}

const escapes: Record<string, string> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
};

/** A text of Python 2 as `repr` writes it. */
export function quoted(line: string): string {
  const [, , inner = malformed()] = /^(['"])(.*)\1$/s.exec(line) ?? [];
  const text = inner.replace(/\\(?:x([0-9a-fA-F]{2})|(.?))/gs, (_, hex?: string, letter?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return Object.hasOwn(escapes, letter as string) ? (escapes[letter as string] as string) : malformed();
  });
  return /^[\0-\x7f]*$/.test(text) ? text : malformed();
}

/** A text of Python 2: what is not ASCII Python 3 refuses as well. */
export function ascii(bytes: Uint8Array): string {
  return bytes.some((byte) => byte > 127) ? malformed() : latin1(bytes);
}

/** Octets as the first 256 characters. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Throws: the bytes are no pickle, or one that makes more than values. Says nothing of what is in it. */
export function malformed(): never {
  throw new SyntaxError("not a pickle of plain values");
}
