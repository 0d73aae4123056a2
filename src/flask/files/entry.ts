/** What is in a file of cachelib: when it ends, in one of three ways of writing a number, and the pickle of the session. */

/** How the end is written: four bytes (cachelib 0.7 and later), a pickle (0.5 and 0.6), a pickle of protocol 1 (before). */
export type Header = "packed" | "pickled" | "pickled1";

/** A file, taken apart. */
export interface Entry {
  readonly header: Header;
  /** Of a header that is a pickle. */
  readonly protocol: number;
  /** In epoch milliseconds. */
  readonly expiresAt: number;
  /** Where the four bytes of the end are; `undefined` when it does not end. */
  readonly at: number | undefined;
  readonly payload: Uint8Array;
}

const [proto, frame, int, byte, stop] = [0x80, 0x95, 0x4a, 0x4b, 0x2e];
const endless = Number.MAX_SAFE_INTEGER;

/** Takes a file apart; `null` when there is no end in it. Whether the rest is a session the format tells. */
export function decodeEntry(bytes: Uint8Array): Entry | null {
  if (bytes.length < 4) return null;
  const isPickle = (at: number): boolean => bytes[at] === proto && (bytes[at + 1] ?? 0) >= 2 && bytes[at + 1]! <= 5;
  if (!isPickle(4)) {
    const header = isPickle(0) ? "pickled" : "pickled1";
    const start = header === "pickled1" ? 0 : bytes[2] === frame ? 11 : 2;
    const width = bytes[start] === int ? 4 : bytes[start] === byte ? 1 : 0;
    const end = start + 1 + width;
    if (width > 0 && bytes[end] === stop && isPickle(end + 1)) return entry(header, bytes, start + 1, width, end + 1);
  }
  return entry("packed", bytes, 0, 4, 4);
}

function entry(header: Header, bytes: Uint8Array, at: number, width: number, size: number): Entry {
  const seconds = width === 1 ? bytes[at]! : new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  const ends = seconds === 0 ? { expiresAt: endless, at: undefined } : { expiresAt: seconds * 1000, at };
  return { header, protocol: bytes[1]!, ...ends, payload: bytes.subarray(size) };
}

/** The bytes of an end: whole seconds, rounded up, never 0, which would mean no end. */
export function endOf(header: Header, expiresAt: number): Uint8Array {
  const octets = new Uint8Array(4);
  // A pickle's four bytes have a sign.
  const latest = header === "packed" ? 0xffffffff : 0x7fffffff;
  new DataView(octets.buffer).setUint32(0, Math.min(Math.max(Math.ceil(expiresAt / 1000), 1), latest), true);
  return octets;
}

/** A whole file; a header that is a pickle is in the protocol of the one that stood there, if there was one. */
export function encodeEntry(
  { header, protocol = 4 }: Pick<Entry, "header"> & Partial<Entry>,
  end: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const before = { packed: [], pickled1: [int], pickled: [proto, protocol, frame, 6, 0, 0, 0, 0, 0, 0, 0, int] }[
    header
  ];
  const head = [...before, ...end, ...(header === "packed" ? [] : [stop])];
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}
