/** Reads MessagePack: what msgspec writes, and every other form that it reads. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import { Budget, cost } from "../budget.ts";
import { isTime } from "../storable.ts";
import { type Entry, type Float, isKey, MsgpackExt, type Node, nameOf, type Scalar, shared } from "../tree.ts";

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
  readonly #budget: Budget;
  /** Keys by name: lists of objects say the same ones over and over. */
  readonly #keys = new Map<string, Scalar>();
  #at = 0;

  constructor(payload: Uint8Array) {
    // A view of its own: the payload may be a Buffer, whose slices are not copies.
    this.#bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#budget = new Budget(payload.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): Node {
    this.#budget.visit(depth);
    const start = this.#at;
    const head = this.#unsigned(1);
    // Of these there is one form only: they need not be found again.
    if (head < 0x80) return shared(head);
    if (head >= 0xe0) return shared(head - 256);
    if (head === 0xc0) return shared(null);
    if (head === 0xc2 || head === 0xc3) return shared(head === 0xc3);
    this.#budget.spend(cost.scalar);
    if (head >= 0xa0 && head < 0xc0) return this.#text(head & 31);
    const node = this.#node(head, depth);
    node.at = { source: this.#bytes, start, end: this.#at };
    return node;
  }

  #node(head: number, depth: number): Node {
    if (head < 0x90) return this.#dict(head & 15, depth);
    if (head < 0xa0) return this.#list(head & 15, depth);
    switch (head) {
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return scalar(this.#octets(this.#unsigned(1 << (head - 0xc4))));
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
        return this.#text(this.#unsigned(1 << (head - 0xd9)));
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

  #list(length: number, depth: number): Node {
    this.#budget.spend(cost.list + cost.slot * this.#atLeast(length));
    const items: Node[] = new Array(length);
    for (let i = 0; i < length; i++) items[i] = this.value(depth + 1);
    return { kind: "list", items, at: undefined };
  }

  #dict(length: number, depth: number): Node {
    this.#budget.spend(cost.dict + (cost.entry / 2) * this.#atLeast(2 * length));
    const entries = new Map<unknown, Entry>();
    for (let i = 0; i < length; i++) {
      const key = this.#known(this.value(depth + 1));
      if (!isKey(key)) throw new SyntaxError("not a session: a key that Python does not accept");
      const name = nameOf(key);
      entries.set(name, [entries.get(name)?.[0] ?? key, this.value(depth + 1)]);
    }
    return { kind: "dict", entries, at: undefined };
  }

  /** Throws when there cannot be as many values: nothing is made by a length alone. */
  #atLeast(length: number): number {
    if (length > this.#bytes.length - this.#at) throw new RangeError("not MessagePack: it ends too early");
    return length;
  }

  #octets(length: number): Uint8Array {
    this.#budget.spend(cost.bytes + 2 * length);
    return new Uint8Array(this.#take(length));
  }

  #text(length: number): Scalar {
    this.#budget.spend(length);
    return scalar(fromUtf8(this.#take(length)));
  }

  /** The key of that name that was read before. One whose form is not the shortest is itself. */
  #known(key: Node): Node {
    if (key.kind !== "scalar" || typeof key.value !== "string" || key.at) return key;
    const known = this.#keys.get(key.value);
    if (!known) this.#keys.set(key.value, key);
    return known ?? key;
  }

  #ext(length: number): Node {
    const type = this.#view.getInt8(this.#skip(1));
    if (type !== -1) return scalar(new MsgpackExt(type, this.#octets(length)));
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
