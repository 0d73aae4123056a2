/** Pickles as Python's own pickler writes them, in any protocol: what is referred to twice is written once. */

import { utf8 } from "../../core/bytes/bytes.ts";
import {
  bytearrayClass,
  bytesClass,
  encodeCall,
  frozensetClass,
  objectClass,
  reconstructor,
  setClass,
  textClass,
} from "./callables.ts";
import { Frames, frameTarget } from "./frames.ts";
import { olderName } from "./globals.ts";
import { latin1 } from "./literals.ts";
import { float64, floatText, rawUnicodeText, twosComplement, u32 } from "./numerals.ts";
import { newestProtocol } from "./protocols.ts";
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

/** The pickle of a value. One that Python wrote in protocol 4 comes out of its tree as it was. */
export function writeTree(value: PyValue, protocol: number = newestProtocol): Uint8Array<ArrayBuffer> {
  return new Pickler(protocol).run(value);
}

/** Batches as large as Python makes them. */
const batch = 1000;

class Pickler {
  readonly #memo = new Map<PyValue, number>();
  /** Classes by name: one name is one class, however often it was read. */
  readonly #globals = new Map<string, number>();
  readonly #protocol: number;
  readonly #out: Frames;

  constructor(protocol: number) {
    this.#protocol = protocol;
    this.#out = new Frames(protocol);
  }

  run(value: PyValue): Uint8Array<ArrayBuffer> {
    if (this.#protocol >= 2) this.#out.raw(0x80, this.#protocol);
    this.#save(value);
    this.#out.write(0x2e);
    this.#out.end();
    return this.#out.bytes();
  }

  #save(value: PyValue): void {
    if (this.#out.isFull) this.#out.end();
    const known = value.kind === "global" ? this.#globals.get(nameOf(value)) : this.#memo.get(value);
    if (known !== undefined) {
      if (this.#protocol === 0) this.#line("g", String(known));
      else if (known < 256) this.#out.write(0x68, known);
      else this.#out.write(0x6a, ...u32(known));
      return;
    }
    switch (value.kind) {
      case "atom":
        if (value.value === null) this.#out.write(0x4e);
        else if (this.#protocol >= 2) this.#out.write(value.value ? 0x88 : 0x89);
        else this.#line("I", value.value ? "01" : "00");
        break;
      case "int":
        this.#int(value.value);
        break;
      case "float":
        if (this.#protocol > 0) this.#out.write(0x47, ...float64(value.value));
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
    if (this.#protocol > 0) this.#out.write(opcode);
    else this.#out.write(0x28, older);
    this.#memoize(value);
  }

  #global(value: PyGlobal): void {
    if (this.#protocol >= 4) {
      this.#save(value.module);
      this.#save(value.name);
      this.#out.write(0x93);
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
    this.#out.write(0x52);
    this.#memoize(value);
  }

  #instance(value: PyInstance): void {
    if (value.by === "new" && this.#protocol < 2) {
      const [text] = value.args.items;
      this.#reduced(value, reconstructor, text ? [value.of, textClass, text] : [value.of, objectClass, none]);
    } else {
      this.#save(value.of);
      this.#save(value.args);
      this.#out.write(value.by === "call" ? 0x52 : 0x81);
      this.#memoize(value);
    }
    this.#entries(value.entries);
    if (!value.state) return;
    this.#save(value.state);
    this.#out.write(0x62);
  }

  #foreign(value: PyForeign): void {
    this.#save(value.callable);
    this.#save(value.args);
    if (value.keywords) this.#save(value.keywords);
    this.#out.write({ call: 0x52, new: 0x81, newWithKeywords: 0x92 }[value.by]);
    this.#memoize(value);
    this.#batches(value.items, 0x61, 0x65, (item) => this.#save(item));
    if (value.added.length > 0) this.#added(value.added);
    this.#entries(value.entries);
    for (const state of value.states) {
      this.#save(state);
      this.#out.write(0x62);
    }
  }

  #tuple(value: PyItems): void {
    const { items } = value;
    const short = items.length <= (this.#protocol >= 2 ? 3 : this.#protocol > 0 ? 0 : -1);
    if (items.length === 0 && short) {
      this.#out.write(0x29);
      return;
    }
    if (!short) this.#out.write(0x28);
    for (const item of items) this.#save(item);
    this.#out.write(short ? 0x84 + items.length : 0x74);
    this.#memoize(value);
  }

  #set(value: PyItems): void {
    const isSet = value.kind === "set";
    if (this.#protocol < 4) {
      this.#reduced(value, isSet ? setClass : frozensetClass, [pyItems("list", value.items)]);
    } else if (isSet) {
      this.#out.write(0x8f);
      this.#memoize(value);
      if (value.items.length > 0) this.#added(value.items);
    } else {
      this.#out.write(0x28);
      for (const item of value.items) this.#save(item);
      this.#out.write(0x91);
      this.#memoize(value);
    }
  }

  // A full batch is followed by another, empty if need be.
  #added(items: readonly PyValue[]): void {
    for (let at = 0; at <= items.length; at += batch) {
      this.#out.write(0x28);
      for (const item of items.slice(at, at + batch)) this.#save(item);
      this.#out.write(0x90);
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
    this.#out.write(...Array.from(`${opcode}${text}\n`, (character) => character.charCodeAt(0)));
  }

  #batches<T>(items: readonly T[], one: number, many: number, save: (item: T) => void): void {
    if (items.length === 1 || this.#protocol === 0) {
      for (const item of items) {
        save(item);
        this.#out.write(one);
      }
      return;
    }
    for (let at = 0; at < items.length; at += batch) {
      this.#out.write(0x28);
      for (const item of items.slice(at, at + batch)) save(item);
      this.#out.write(many);
    }
  }

  #int(value: number | bigint): void {
    const isSmall = value >= -0x80000000 && value <= 0x7fffffff;
    if (this.#protocol === 0 && isSmall) this.#line("I", String(value));
    else if (this.#protocol < 2 && !isSmall) this.#line("L", `${value}L`);
    else if (value >= 0 && value <= 0xff) this.#out.write(0x4b, Number(value));
    else if (value >= 0 && value <= 0xffff) this.#out.write(0x4d, Number(value) & 255, Number(value) >> 8);
    else if (isSmall) this.#out.write(0x4a, ...u32(Number(value) >>> 0));
    else {
      const octets = twosComplement(BigInt(value));
      if (octets.length < 256) this.#out.write(0x8a, octets.length, ...octets);
      else this.#out.write(0x8b, ...u32(octets.length), ...octets);
    }
  }

  /** Length and bytes. A length in one octet has an opcode of its own in most protocols. */
  #sized(value: PyText | PyBytes, octets: Uint8Array, short: number | undefined, long: number): void {
    const { length } = octets;
    const header = short !== undefined && length < 256 ? [short, length] : [long, ...u32(length)];
    // What would fill a frame by itself stands outside of frames.
    const large = this.#protocol >= 4 && length >= frameTarget;
    if (large) this.#out.end();
    if (large) this.#out.raw(...header);
    else this.#out.write(...header);
    this.#out.append(octets);
    this.#memoize(value);
  }

  #memoize(value: PyValue): void {
    const index = this.#memo.size;
    this.#memo.set(value, index);
    if (this.#protocol >= 4) this.#out.write(0x94);
    else if (this.#protocol === 0) this.#line("p", String(index));
    else if (index < 256) this.#out.write(0x71, index);
    else this.#out.write(0x72, ...u32(index));
  }
}
