/** Numbers and texts as a pickle has them. */

/** Four bytes, the lowest first. */
export function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

/** A float in eight bytes, the highest first. */
export function float64(value: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setFloat64(0, value);
  return octets;
}

/** As few bytes as there can be, the lowest first. */
export function twosComplement(value: bigint): number[] {
  const octets: number[] = [];
  let rest = value;
  for (;;) {
    const octet = Number(rest & 255n);
    octets.push(octet);
    rest >>= 8n;
    if ((rest === 0n && octet < 128) || (rest === -1n && octet >= 128)) return octets;
  }
}

/** A float as text that Python's `float()` reads. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** Latin-1, and escapes for what it has no octet for or what ends a line. */
export function rawUnicodeText(text: string): string {
  return text.replace(/[\\\0\n\r\x1a]|[^\0-\xff]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}
