/** The bytes of a pickle, one after the other. */

import { latin1, malformed } from "./literals.ts";

/** Reads bytes, and throws if fewer are left than asked for, so a false length in the pickle allocates nothing. */
export class Octets {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** A line, read as Latin-1, without its end. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) return malformed();
    const line = latin1(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return line;
  }

  /** A line that is a number of the memo. */
  index(): number {
    const line = this.line();
    return /^\d{1,9}$/.test(line) ? Number(line) : malformed();
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  slice(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  /** The one that is written with the highest octet first. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** Where the next ones are. */
  #take(length: number): number {
    const at = this.#at;
    if (this.left < length) malformed();
    this.#at = at + length;
    return at;
  }
}
