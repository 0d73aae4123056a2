/** What a payload says, value by value, each with the place where it says it: MessagePack and JSON alike. */

import { isBytes } from "../core/bytes/bytes.ts";
import type { Payload } from "../core/contracts/format.ts";
import { pathOf } from "../core/record/values.ts";

/**
 * A value of a MessagePack extension type that is not a date, as Python's `msgspec.msgpack.Ext`. It stays unchanged.
 * JSON cannot express it.
 *
 * @example
 * ```ts
 * import { MsgpackExt } from "sojourn/flask";
 *
 * const point = new MsgpackExt(5, new Uint8Array([1, 2]));
 * ```
 */
export class MsgpackExt {
  /** The application's number for the type, -128 to 127. */
  readonly type: number;
  /** The bytes. Their meaning is up to the application. */
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** Where a value stands in a payload: it is written again as it was while it is unchanged. */
export interface Slice {
  readonly source: Payload;
  readonly start: number;
  readonly end: number;
}

/** A value that JavaScript has the very same of. A number is an integer here. */
export interface Scalar {
  readonly kind: "scalar";
  readonly value: null | boolean | number | bigint | string | Uint8Array | MsgpackExt;
  at: Slice | undefined;
}

/** A number that is a float in Python, whole or not. */
export interface Float {
  readonly kind: "float";
  readonly value: number;
  at: Slice | undefined;
}

/** An instant, finer than a Date. */
export interface Time {
  readonly kind: "time";
  readonly seconds: number;
  readonly nanos: number;
  at: Slice | undefined;
}

export interface List {
  readonly kind: "list";
  readonly items: readonly Node[];
  at: Slice | undefined;
}

/** A dict: entries by {@link nameOf} their keys, in their order. Of two with one name the place is the first's, the value the last's. */
export interface Dict {
  readonly kind: "dict";
  readonly entries: ReadonlyMap<unknown, Entry>;
  at: Slice | undefined;
}

export type Entry = readonly [key: Node, value: Node];

export type Node = Scalar | Float | Time | List | Dict;

/** What finds an entry again: the key itself where that is a simple value, else the node. */
export function nameOf(key: Node): unknown {
  if (key.kind === "float") return key.value;
  return key.kind === "scalar" && (typeof key.value !== "object" || key.value === null) ? key.value : key;
}

/** Whether Python takes it for a dict's key. */
export function isKey(node: Node): boolean {
  if (node.kind === "list") return node.items.every(isKey);
  return node.kind !== "dict" && !(node.kind === "scalar" && node.value instanceof MsgpackExt);
}

/** Whether Python takes it for true. */
export function isTruthy(node: Node): boolean {
  if (node.kind === "list") return node.items.length > 0;
  if (node.kind === "dict") return node.entries.size > 0;
  if (node.kind === "time") return true;
  if (node.kind === "float") return node.value !== 0;
  return isBytes(node.value) ? node.value.length > 0 : Boolean(node.value);
}

export function scalar(value: Scalar["value"]): Scalar {
  return { kind: "scalar", value, at: undefined };
}

const [least, most] = [-32, 127];
const smallest = Array.from({ length: most - least + 1 }, (_, i) => scalar(i + least));
const [none, no, yes] = [scalar(null), scalar(false), scalar(true)];

/** A value that has one form in every encoding, for the price of a reference. */
export function shared(value: null | boolean | number): Scalar {
  if (value === null) return none;
  if (typeof value === "boolean") return value ? yes : no;
  return smallest[value - least] ?? scalar(value);
}

/** The value of a node: a fresh copy that is shared with nothing. */
export function toValue(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return isBytes(node.value) ? new Uint8Array(node.value) : node.value;
    case "float":
      return node.value;
    case "time":
      return new Date(milliseconds(node));
    case "list":
      return node.items.map(toValue);
    case "dict": {
      const entries = [...node.entries];
      if (!entries.every(([name]) => typeof name === "string"))
        return new Map(entries.map(([_, [key, value]]) => [toValue(key), toValue(value)]));
      // Defines properties, so that `__proto__` is one like the others.
      return Object.fromEntries(entries.map(([name, [_, value]]) => [name, toValue(value)]));
    }
  }
}

/** A Date's own number for it. */
export function milliseconds({ seconds, nanos }: Time): number {
  return seconds * 1000 + Math.floor(nanos / 1_000_000);
}

/** A step of the way as messages show it. */
export function segmentOf(key: Node): string {
  const name = nameOf(key);
  if (typeof name === "string") return pathOf("", name);
  return typeof name === "object" ? `.get(${key.kind})` : `.get(${name})`;
}
