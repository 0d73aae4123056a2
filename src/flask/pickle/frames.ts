/** The bytes of a pickle as they are written: in frames, where the protocol has those. */

/** Frames as large as Python makes them. */
export const frameTarget: number = 64 * 1024;

/** Takes the bytes of a pickle. */
export class Frames {
  readonly #framed: boolean;
  #out = new Uint8Array(256);
  #length = 0;
  /** Where the frame at hand begins; its length is put there when it ends. */
  #frame: number | undefined;

  constructor(protocol: number) {
    this.#framed = protocol >= 4;
  }

  /** Octets in a frame, where the protocol has those. */
  write(...octets: number[]): void {
    if (this.#framed && this.#frame === undefined) {
      this.#frame = this.#length;
      this.raw(0x95, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    this.raw(...octets);
  }

  /** Ends the frame at hand. */
  end(): void {
    if (this.#frame === undefined) return;
    const start = this.#frame + 9;
    const length = this.#length - start;
    this.#frame = undefined;
    if (length >= 4) {
      new DataView(this.#out.buffer).setBigUint64(start - 8, BigInt(length), true);
      return;
    }
    // So little is not worth a frame.
    this.#out.copyWithin(start - 9, start, this.#length);
    this.#length -= 9;
  }

  /** Octets outside of frames. */
  raw(...octets: number[]): void {
    this.append(octets);
  }

  /** Octets that belong to those before them. */
  append(octets: ArrayLike<number>): void {
    const end = this.#length + octets.length;
    if (end > this.#out.length) {
      const larger = new Uint8Array(Math.max(end, this.#out.length * 2));
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out.set(octets, this.#length);
    this.#length = end;
  }

  /** Whether the frame at hand is as large as Python makes them. */
  get isFull(): boolean {
    return this.#frame !== undefined && this.#length - this.#frame - 9 >= frameTarget;
  }

  /** All bytes so far. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#out.slice(0, this.#length);
  }
}
