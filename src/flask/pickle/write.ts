/** Pickles as Python's own pickler writes them: protocol 5, framed, what is referred to twice written once. */

import { utf8 } from "../../core/bytes/bytes.ts";
import {
  nameOf,
  type PyBytes,
  type PyEntry,
  type PyInstance,
  type PyItems,
  type PyText,
  type PyValue,
} from "./values.ts";

/** The pickle of a value, in protocol 5. A pickle that Python wrote in that protocol comes out of its tree as it was. */
export function writeTree(value: PyValue): Uint8Array<ArrayBuffer> {
  return new Pickler().run(value);
}

/** Frames and batches as large as Python makes them. */
const frameTarget = 64 * 1024;
const batch = 1000;

class Pickler {
  readonly #memo = new Map<PyValue, number>();
  /** Classes by name: one name is one class, however often it was read. */
  readonly #globals = new Map<string, number>();
  #out = new Uint8Array(256);
  #length = 0;
  /** Where the frame at hand begins; its length is put there when it ends. */
  #frame: number | undefined;

  run(value: PyValue): Uint8Array<ArrayBuffer> {
    this.#raw(0x80, 5);
    this.#save(value);
    this.#write(0x2e);
    this.#endFrame();
    return this.#out.slice(0, this.#length);
  }

  #save(value: PyValue): void {
    if (this.#frame !== undefined && this.#length - this.#frame - 9 >= frameTarget) this.#endFrame();
    const known = value.kind === "global" ? this.#globals.get(nameOf(value)) : this.#memo.get(value);
    if (known !== undefined) {
      if (known < 256) this.#write(0x68, known);
      else this.#write(0x6a, ...u32(known));
      return;
    }
    switch (value.kind) {
      case "atom":
        this.#write(value.value === null ? 0x4e : value.value ? 0x88 : 0x89);
        break;
      case "int":
        this.#int(value.value);
        break;
      case "float":
        this.#write(0x47, ...float64(value.value));
        break;
      case "str":
        this.#sized(value, utf8(value.value), 0x8c, 0x58);
        break;
      case "bytes":
        this.#sized(value, value.value, 0x43, 0x42);
        break;
      case "bytearray":
        this.#sized(value, value.value);
        break;
      case "list":
        this.#write(0x5d);
        this.#memoize(value);
        this.#batches(value.items, 0x61, 0x65, (item) => this.#save(item));
        break;
      case "tuple":
        this.#tuple(value);
        break;
      case "set":
        this.#set(value);
        break;
      case "frozenset":
        this.#write(0x28);
        for (const item of value.items) this.#save(item);
        this.#write(0x91);
        this.#memoize(value);
        break;
      case "dict":
        this.#write(0x7d);
        this.#memoize(value);
        this.#entries(value.entries);
        break;
      case "global":
        this.#save(value.module);
        this.#save(value.name);
        this.#write(0x93);
        this.#globals.set(nameOf(value), this.#memo.size);
        this.#memoize(value);
        break;
      case "instance":
        this.#instance(value);
        break;
    }
  }

  #instance(value: PyInstance): void {
    this.#save(value.of);
    this.#save(value.args);
    this.#write(value.by === "call" ? 0x52 : 0x81);
    this.#memoize(value);
    this.#entries(value.entries);
    if (!value.state) return;
    this.#save(value.state);
    this.#write(0x62);
  }

  #tuple(value: PyItems): void {
    const { items } = value;
    if (items.length === 0) {
      this.#write(0x29);
      return;
    }
    if (items.length > 3) this.#write(0x28);
    for (const item of items) this.#save(item);
    this.#write(items.length > 3 ? 0x74 : 0x84 + items.length);
    this.#memoize(value);
  }

  #set(value: PyItems): void {
    this.#write(0x8f);
    this.#memoize(value);
    if (value.items.length === 0) return;
    // A full batch is followed by another, empty if need be.
    for (let at = 0; at <= value.items.length; at += batch) {
      this.#write(0x28);
      for (const item of value.items.slice(at, at + batch)) this.#save(item);
      this.#write(0x90);
    }
  }

  #entries(entries: readonly PyEntry[]): void {
    this.#batches(entries, 0x73, 0x75, ([key, item]) => {
      this.#save(key);
      this.#save(item);
    });
  }

  #batches<T>(items: readonly T[], one: number, many: number, save: (item: T) => void): void {
    if (items.length === 1) {
      save(items[0] as T);
      this.#write(one);
      return;
    }
    for (let at = 0; at < items.length; at += batch) {
      this.#write(0x28);
      for (const item of items.slice(at, at + batch)) save(item);
      this.#write(many);
    }
  }

  #int(value: number | bigint): void {
    if (value >= 0 && value <= 0xff) this.#write(0x4b, Number(value));
    else if (value >= 0 && value <= 0xffff) this.#write(0x4d, Number(value) & 255, Number(value) >> 8);
    else if (value >= -0x80000000 && value <= 0x7fffffff) this.#write(0x4a, ...u32(Number(value) >>> 0));
    else {
      const octets = twosComplement(BigInt(value));
      if (octets.length < 256) this.#write(0x8a, octets.length, ...octets);
      else this.#write(0x8b, ...u32(octets.length), ...octets);
    }
  }

  /** Length and octets. A length in one octet and one in four have opcodes of their own; a bytearray has one of eight. */
  #sized(value: PyText | PyBytes, octets: Uint8Array, short?: number, long?: number): void {
    const { length } = octets;
    const header =
      short === undefined || long === undefined
        ? [0x96, ...u32(length), 0, 0, 0, 0]
        : length < 256
          ? [short, length]
          : [long, ...u32(length)];
    // What would fill a frame by itself stands outside of frames.
    const large = length >= frameTarget;
    if (large) this.#endFrame();
    if (large) this.#raw(...header);
    else this.#write(...header);
    this.#append(octets);
    this.#memoize(value);
  }

  #memoize(value: PyValue): void {
    this.#memo.set(value, this.#memo.size);
    this.#write(0x94);
  }

  /** Octets in a frame. */
  #write(...octets: number[]): void {
    if (this.#frame === undefined) {
      this.#frame = this.#length;
      this.#raw(0x95, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    this.#raw(...octets);
  }

  #endFrame(): void {
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

  #raw(...octets: number[]): void {
    this.#append(octets);
  }

  #append(octets: ArrayLike<number>): void {
    const end = this.#length + octets.length;
    if (end > this.#out.length) {
      const larger = new Uint8Array(Math.max(end, this.#out.length * 2));
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out.set(octets, this.#length);
    this.#length = end;
  }
}

function u32(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
}

function float64(value: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setFloat64(0, value);
  return octets;
}

/** As few octets as there can be, the lowest first. */
function twosComplement(value: bigint): number[] {
  const octets: number[] = [];
  let rest = value;
  for (;;) {
    const octet = Number(rest & 255n);
    octets.push(octet);
    rest >>= 8n;
    if ((rest === 0n && octet < 128) || (rest === -1n && octet >= 128)) return octets;
  }
}
