/** Reads MessagePack: what msgspec writes, and every other form that it reads. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import { deepest, isTime, mostValues } from "../storable.ts";
import { type Entry, type Float, isKey, MsgpackExt, type Node, nameOf, type Scalar } from "../tree.ts";

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
