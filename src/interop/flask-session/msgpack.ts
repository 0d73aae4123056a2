/** MessagePack as msgspec writes it: shortest forms, floats of 64 bits, dates as extension -1. Reads every other form too. */

import { fromUtf8, utf8 } from "../../core/bytes.ts";
import {
  deepest,
  type Entry,
  type Float,
  isKey,
  isTime,
  MsgpackExt,
  mostValues,
  type Node,
  nameOf,
  Refusal,
  type Scalar,
  segmentOf,
  type Time,
  within,
} from "./tree.ts";

/** The value in a payload. Throws when it is not exactly one value, or one that Python would refuse. */
export function readMsgpack(payload: Uint8Array): Node {
  const reader = new Reader(payload);
  const node = reader.value(0);
  if (!reader.done) throw new SyntaxError("not MessagePack: something follows the value");
  return node;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #left = mostValues;

  constructor(payload: Uint8Array) {
    // A view of its own: the payload may be a Buffer, whose slices are not copies.
    this.#bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): Node {
    this.#left -= 1;
    if (depth > deepest || this.#left < 0) throw new RangeError("not a session: too deep or too large");
    const start = this.#at;
    const node = this.#node(depth);
    return { ...node, at: { source: this.#bytes, start, end: this.#at } };
  }

  #node(depth: number): Node {
    const head = this.#unsigned(1);
    if (head < 0x80) return number(head);
    if (head < 0x90) return this.#dict(head & 15, depth);
    if (head < 0xa0) return this.#list(head & 15, depth);
    if (head < 0xc0) return scalar(fromUtf8(this.#take(head & 31)));
    if (head >= 0xe0) return number(head - 256);
    switch (head) {
      case 0xc0:
        return scalar(null);
      case 0xc2:
        return scalar(false);
      case 0xc3:
        return scalar(true);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return scalar(new Uint8Array(this.#take(this.#unsigned(1 << (head - 0xc4)))));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#ext(this.#unsigned(1 << (head - 0xc7)));
      case 0xca:
        return float(this.#view.getFloat32(this.#skip(4)));
      case 0xcb:
        return float(this.#view.getFloat64(this.#skip(8)));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return number(this.#unsigned(1 << (head - 0xcc)));
      case 0xcf:
        return integer(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return number(this.#view.getInt8(this.#skip(1)));
      case 0xd1:
        return number(this.#view.getInt16(this.#skip(2)));
      case 0xd2:
        return number(this.#view.getInt32(this.#skip(4)));
      case 0xd3:
        return integer(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return scalar(fromUtf8(this.#take(this.#unsigned(1 << (head - 0xd9)))));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#unsigned(2 << (head - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#dict(this.#unsigned(2 << (head - 0xde)), depth);
      default:
        throw new SyntaxError("not MessagePack: there is no such type");
    }
  }

  // Nothing is made by a length alone: a list that is said to be long ends with the payload.
  #list(length: number, depth: number): Node {
    const items: Node[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return { kind: "list", items, at: undefined };
  }

  #dict(length: number, depth: number): Node {
    const entries = new Map<unknown, Entry>();
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      if (!isKey(key)) throw new SyntaxError("not a session: a key that Python does not take");
      const name = nameOf(key);
      entries.set(name, [entries.get(name)?.[0] ?? key, this.value(depth + 1)]);
    }
    return { kind: "dict", entries, at: undefined };
  }

  #ext(length: number): Node {
    const type = this.#view.getInt8(this.#skip(1));
    if (type !== -1) return scalar(new MsgpackExt(type, new Uint8Array(this.#take(length))));
    const start = this.#skip(length);
    const high = length > 4 ? this.#view.getUint32(start) : 0;
    const low = length === 4 || length === 8 ? this.#view.getUint32(start + length - 4) : 0;
    const [seconds, nanos] =
      length === 12
        ? [Number(this.#view.getBigInt64(start + 4)), high]
        : [(high % 4) * 2 ** 32 + low, Math.floor(high / 4)];
    if (![4, 8, 12].includes(length) || !isTime(seconds, nanos)) throw new SyntaxError("not a date of Python's");
    return { kind: "time", seconds, nanos, at: undefined };
  }

  #unsigned(size: number): number {
    const at = this.#skip(size);
    if (size === 1) return this.#bytes[at] as number;
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new RangeError("not MessagePack: it ends too early");
    this.#at = at + length;
    return at;
  }
}

function scalar(value: Scalar["value"]): Scalar {
  return { kind: "scalar", value, at: undefined };
}

const number: (value: number) => Scalar = scalar;

function integer(value: bigint): Scalar {
  const small = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return scalar(small ? Number(value) : value);
}

function float(value: number): Float {
  return { kind: "float", value, at: undefined };
}

/** The payload of a value: what stands in a MessagePack payload already is copied, the rest is written in the shortest form. */
export function writeMsgpack(node: Node): Uint8Array {
  const writer = new Writer();
  writer.node(node);
  return writer.bytes();
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  node(node: Node): void {
    const { at } = node;
    if (at?.source instanceof Uint8Array) {
      this.#put(at.source.subarray(at.start, at.end));
      return;
    }
    switch (node.kind) {
      case "scalar":
        this.#scalar(node.value);
        break;
      case "float":
        this.#byte(0xcb);
        this.#write(8, (view, at) => view.setFloat64(at, node.value));
        break;
      case "time":
        this.#time(node);
        break;
      case "list":
        this.#head(node.items.length, 0x90, 15, 0xdc, 2);
        node.items.forEach((item, i) => {
          this.#inside(item, () => `[${i}]`);
        });
        break;
      case "dict":
        this.#head(node.entries.size, 0x80, 15, 0xde, 2);
        for (const [key, value] of node.entries.values()) {
          this.#inside(key, () => ".<key>");
          this.#inside(value, () => segmentOf(key));
        }
    }
  }

  #inside(node: Node, segment: () => string): void {
    try {
      this.node(node);
    } catch (error) {
      throw within(error, segment);
    }
  }

  #scalar(value: Scalar["value"]): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (typeof value === "string") {
      const text = utf8(value);
      this.#head(text.length, 0xa0, 31, 0xd9, 1);
      this.#put(text);
    } else if (value instanceof Uint8Array) {
      this.#head(value.length, 0, -1, 0xc4, 1);
      this.#put(value);
    } else {
      const { type, data } = value;
      const short = [1, 2, 4, 8, 16].indexOf(data.length);
      if (short === -1) this.#head(data.length, 0, -1, 0xc7, 1);
      else this.#byte(0xd4 + short);
      this.#write(1, (view, at) => view.setInt8(at, type));
      this.#put(data);
    }
  }

  #number(value: number): void {
    if (value >= 0) this.#head(value, 0, 127, 0xcc, 1);
    else if (value >= -32) this.#byte(value + 256);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      this.#write(1, (view, at) => view.setInt8(at, value));
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      this.#write(2, (view, at) => view.setInt16(at, value));
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      this.#write(4, (view, at) => view.setInt32(at, value));
    } else this.#integer(BigInt(value));
  }

  #integer(value: bigint): void {
    if (value < -(2n ** 63n) || value >= 2n ** 64n) {
      throw new Refusal("it is an integer of more than 64 bits, for which MessagePack has no room");
    }
    this.#byte(value < 0n ? 0xd3 : 0xcf);
    this.#write(8, (view, at) => view.setBigUint64(at, BigInt.asUintN(64, value)));
  }

  #time({ seconds, nanos }: Time): void {
    if (nanos === 0 && seconds >= 0 && seconds < 2 ** 32) {
      this.#put([0xd6, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, seconds));
    } else if (seconds >= 0 && seconds < 2 ** 34) {
      this.#put([0xd7, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, nanos * 4 + Math.floor(seconds / 2 ** 32)));
      this.#write(4, (view, at) => view.setUint32(at, seconds % 2 ** 32));
    } else {
      this.#put([0xc7, 12, 0xff]);
      this.#write(4, (view, at) => view.setUint32(at, nanos));
      this.#write(8, (view, at) => view.setBigInt64(at, BigInt(seconds)));
    }
  }

  /** A length (or an unsigned integer) in its shortest form: in the head itself, or in 1, 2, 4 or 8 octets after it. */
  #head(length: number, inHead: number, mostInHead: number, after: number, least: 1 | 2): void {
    if (length <= mostInHead) this.#byte(inHead + length);
    else if (least === 1 && length < 2 ** 8) this.#put([after, length]);
    else if (length < 2 ** 16) {
      this.#byte(after + 2 - least);
      this.#write(2, (view, at) => view.setUint16(at, length));
    } else if (length < 2 ** 32) {
      this.#byte(after + 3 - least);
      this.#write(4, (view, at) => view.setUint32(at, length));
    } else this.#integer(BigInt(length));
  }

  #byte(byte: number): void {
    const at = this.#room(1);
    this.#bytes[at] = byte;
  }

  #put(bytes: ArrayLike<number>): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  // The view is asked for after the room: making room may replace it.
  #write(length: number, write: (view: DataView, at: number) => void): void {
    const at = this.#room(length);
    write(this.#view, at);
  }

  #room(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
