/** Pickles as Python's own pickler writes them, in any protocol: what is referred to twice is written once. */

import { utf8 } from "../../core/bytes/bytes.ts";
import { olderName } from "./globals.ts";
import { latin1 } from "./literals.ts";
import {
  nameOf,
  none,
  type PyBytes,
  type PyEntry,
  type PyForeign,
  type PyGlobal,
  type PyInstance,
  type PyItems,
  type PyText,
  type PyValue,
  pyBytes,
  pyItems,
  pyText,
} from "./values.ts";

/** The newest protocol that is written: every Python that is in use reads it, 3.7 and older no later one. */
export const newestProtocol = 4;

/** The protocol in which to write in the place of a pickle: never a later one than it has, for the writer can read that one. */
export function protocolOf(pickle: Uint8Array): number {
  const [first, protocol = 0] = pickle;
  if (first === 0x80) return Math.min(protocol, newestProtocol);
  // The empty dict of protocol 1 has an opcode of its own.
  return first === 0x7d ? 1 : 0;
}

/** The pickle of a value. One that Python wrote in protocol 4 comes out of its tree as it was. */
export function writeTree(value: PyValue, protocol: number = newestProtocol): Uint8Array<ArrayBuffer> {
  return new Pickler(protocol).run(value);
}

/** Frames and batches as large as Python makes them. */
const frameTarget = 64 * 1024;
const batch = 1000;

const named = (module: string, name: string): PyGlobal => ({
  kind: "global",
  module: pyText(module),
  name: pyText(name),
});
const [encodeCall, bytesClass, bytearrayClass] = [
  named("_codecs", "encode"),
  named("builtins", "bytes"),
  named("builtins", "bytearray"),
];
const [setClass, frozensetClass] = [named("builtins", "set"), named("builtins", "frozenset")];
const [reconstructor, objectClass, textClass] = [
  named("copyreg", "_reconstructor"),
  named("builtins", "object"),
  named("builtins", "str"),
];

class Pickler {
  readonly #memo = new Map<PyValue, number>();
  /** Classes by name: one name is one class, however often it was read. */
  readonly #globals = new Map<string, number>();
  readonly #protocol: number;
  #out = new Uint8Array(256);
  #length = 0;
  /** Where the frame at hand begins; its length is put there when it ends. */
  #frame: number | undefined;

  constructor(protocol: number) {
    this.#protocol = protocol;
  }

  run(value: PyValue): Uint8Array<ArrayBuffer> {
    if (this.#protocol >= 2) this.#raw(0x80, this.#protocol);
    this.#save(value);
    this.#write(0x2e);
    this.#endFrame();
    return this.#out.slice(0, this.#length);
  }

  #save(value: PyValue): void {
    if (this.#frame !== undefined && this.#length - this.#frame - 9 >= frameTarget) this.#endFrame();
    const known = value.kind === "global" ? this.#globals.get(nameOf(value)) : this.#memo.get(value);
    if (known !== undefined) {
      if (this.#protocol === 0) this.#line("g", String(known));
      else if (known < 256) this.#write(0x68, known);
      else this.#write(0x6a, ...u32(known));
      return;
    }
    switch (value.kind) {
      case "atom":
        if (value.value === null) this.#write(0x4e);
        else if (this.#protocol >= 2) this.#write(value.value ? 0x88 : 0x89);
        else this.#line("I", value.value ? "01" : "00");
        break;
      case "int":
        this.#int(value.value);
        break;
      case "float":
        if (this.#protocol > 0) this.#write(0x47, ...float64(value.value));
        else this.#line("F", floatText(value.value));
        break;
      case "str":
        this.#text(value);
        break;
      case "bytes":
        this.#bytes(value);
        break;
      case "bytearray":
        this.#reduced(value, bytearrayClass, value.value.length === 0 ? [] : [pyBytes(value.value)]);
        break;
      case "list":
        this.#begin(value, 0x5d, 0x6c);
        this.#batches(value.items, 0x61, 0x65, (item) => this.#save(item));
        break;
      case "tuple":
        this.#tuple(value);
        break;
      case "set":
      case "frozenset":
        this.#set(value);
        break;
      case "dict":
        this.#begin(value, 0x7d, 0x64);
        this.#entries(value.entries);
        break;
      case "global":
        this.#global(value);
        break;
      case "instance":
        this.#instance(value);
        break;
      case "foreign":
        this.#foreign(value);
        break;
    }
  }

  /** An empty list or dict: protocol 0 makes it of a mark. */
  #begin(value: PyValue, opcode: number, older: number): void {
    if (this.#protocol > 0) this.#write(opcode);
    else this.#write(0x28, older);
    this.#memoize(value);
  }

  #global(value: PyGlobal): void {
    if (this.#protocol >= 4) {
      this.#save(value.module);
      this.#save(value.name);
      this.#write(0x93);
    } else {
      const [module, name] = this.#protocol === 3 ? [value.module.value, value.name.value] : olderName(value);
      this.#line("c", `${module}\n${name}`);
    }
    this.#globals.set(nameOf(value), this.#memo.size);
    this.#memoize(value);
  }

  /** `callable(*args)`, where the protocol has no opcode for what it makes. */
  #reduced(value: PyValue, callable: PyGlobal, args: PyValue[]): void {
    this.#save(callable);
    this.#save(pyItems("tuple", args));
    this.#write(0x52);
    this.#memoize(value);
  }

  #instance(value: PyInstance): void {
    if (value.by === "new" && this.#protocol < 2) {
      const [text] = value.args.items;
      this.#reduced(value, reconstructor, text ? [value.of, textClass, text] : [value.of, objectClass, none]);
    } else {
      this.#save(value.of);
      this.#save(value.args);
      this.#write(value.by === "call" ? 0x52 : 0x81);
      this.#memoize(value);
    }
    this.#entries(value.entries);
    if (!value.state) return;
    this.#save(value.state);
    this.#write(0x62);
  }

  #foreign(value: PyForeign): void {
    this.#save(value.callable);
    this.#save(value.args);
    if (value.keywords) this.#save(value.keywords);
    this.#write({ call: 0x52, new: 0x81, newWithKeywords: 0x92 }[value.by]);
    this.#memoize(value);
    this.#batches(value.items, 0x61, 0x65, (item) => this.#save(item));
    if (value.added.length > 0) this.#added(value.added);
    this.#entries(value.entries);
    for (const state of value.states) {
      this.#save(state);
      this.#write(0x62);
    }
  }

  #tuple(value: PyItems): void {
    const { items } = value;
    const short = items.length <= (this.#protocol >= 2 ? 3 : this.#protocol > 0 ? 0 : -1);
    if (items.length === 0 && short) {
      this.#write(0x29);
      return;
    }
    if (!short) this.#write(0x28);
    for (const item of items) this.#save(item);
    this.#write(short ? 0x84 + items.length : 0x74);
    this.#memoize(value);
  }

  #set(value: PyItems): void {
    const isSet = value.kind === "set";
    if (this.#protocol < 4) {
      this.#reduced(value, isSet ? setClass : frozensetClass, [pyItems("list", value.items)]);
    } else if (isSet) {
      this.#write(0x8f);
      this.#memoize(value);
      if (value.items.length > 0) this.#added(value.items);
    } else {
      this.#write(0x28);
      for (const item of value.items) this.#save(item);
      this.#write(0x91);
      this.#memoize(value);
    }
  }

  // A full batch is followed by another, empty if need be.
  #added(items: readonly PyValue[]): void {
    for (let at = 0; at <= items.length; at += batch) {
      this.#write(0x28);
      for (const item of items.slice(at, at + batch)) this.#save(item);
      this.#write(0x90);
    }
  }

  #entries(entries: readonly PyEntry[]): void {
    this.#batches(entries, 0x73, 0x75, ([key, item]) => {
      this.#save(key);
      this.#save(item);
    });
  }

  #text(value: PyText): void {
    if (this.#protocol === 0) {
      this.#line("V", rawUnicodeText(value.value));
      this.#memoize(value);
    } else this.#sized(value, utf8(value.value), this.#protocol >= 4 ? 0x8c : undefined, 0x58);
  }

  #bytes(value: PyBytes): void {
    if (this.#protocol >= 3) this.#sized(value, value.value, 0x43, 0x42);
    else if (value.value.length === 0) this.#reduced(value, bytesClass, []);
    else this.#reduced(value, encodeCall, [pyText(latin1(value.value)), pyText("latin1")]);
  }

  /** A line of protocol 0. */
  #line(opcode: string, text: string): void {
    this.#write(...Array.from(`${opcode}${text}\n`, (character) => character.charCodeAt(0)));
  }

  #batches<T>(items: readonly T[], one: number, many: number, save: (item: T) => void): void {
    if (items.length === 1 || this.#protocol === 0) {
      for (const item of items) {
        save(item);
        this.#write(one);
      }
      return;
    }
    for (let at = 0; at < items.length; at += batch) {
      this.#write(0x28);
      for (const item of items.slice(at, at + batch)) save(item);
      this.#write(many);
    }
  }

  #int(value: number | bigint): void {
    const isSmall = value >= -0x80000000 && value <= 0x7fffffff;
    if (this.#protocol === 0 && isSmall) this.#line("I", String(value));
    else if (this.#protocol < 2 && !isSmall) this.#line("L", `${value}L`);
    else if (value >= 0 && value <= 0xff) this.#write(0x4b, Number(value));
    else if (value >= 0 && value <= 0xffff) this.#write(0x4d, Number(value) & 255, Number(value) >> 8);
    else if (isSmall) this.#write(0x4a, ...u32(Number(value) >>> 0));
    else {
      const octets = twosComplement(BigInt(value));
      if (octets.length < 256) this.#write(0x8a, octets.length, ...octets);
      else this.#write(0x8b, ...u32(octets.length), ...octets);
    }
  }

  /** Length and octets. A length in one octet has an opcode of its own in most protocols. */
  #sized(value: PyText | PyBytes, octets: Uint8Array, short: number | undefined, long: number): void {
    const { length } = octets;
    const header = short !== undefined && length < 256 ? [short, length] : [long, ...u32(length)];
    // What would fill a frame by itself stands outside of frames.
    const large = this.#protocol >= 4 && length >= frameTarget;
    if (large) this.#endFrame();
    if (large) this.#raw(...header);
    else this.#write(...header);
    this.#append(octets);
    this.#memoize(value);
  }

  #memoize(value: PyValue): void {
    const index = this.#memo.size;
    this.#memo.set(value, index);
    if (this.#protocol >= 4) this.#write(0x94);
    else if (this.#protocol === 0) this.#line("p", String(index));
    else if (index < 256) this.#write(0x71, index);
    else this.#write(0x72, ...u32(index));
  }

  /** Octets in a frame, where the protocol has those. */
  #write(...octets: number[]): void {
    if (this.#protocol >= 4 && this.#frame === undefined) {
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

/** As Python's `repr` has it, more or less: what `float()` reads. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** Latin-1, and escapes for what it has no octet for or what ends a line. */
function rawUnicodeText(text: string): string {
  return text.replace(/[\\\0\n\r\x1a]|[^\0-\xff]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}
