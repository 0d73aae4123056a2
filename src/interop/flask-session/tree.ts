/** What a payload says, value by value, each with the place where it says it: MessagePack and JSON alike. */

import { received, type SessionError } from "../../core/errors.ts";
import type { Payload } from "../../core/format.ts";
import { countAncestors, notStorable, pathOf } from "../../core/values.ts";

/** The deepest nesting that is read or written. Python's own readers give up near 1000. */
export const deepest = 500;

/** The most values a session may hold. */
export const mostValues = 1_000_000;

/**
 * A value of a MessagePack extension type that is not a date, as Python's `msgspec.msgpack.Ext`. Kept as it is;
 * JSON has no word for it.
 *
 * @example
 * ```ts
 * import { MsgpackExt } from "sojourn/interop/flask-session";
 *
 * const point = new MsgpackExt(5, new Uint8Array([1, 2]));
 * ```
 */
export class MsgpackExt {
  /** The application's number for the type, -128 to 127. */
  readonly type: number;
  /** The octets, which mean what the application says. */
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** Where a value stands in a payload: it is written again as it was while nobody changes it. */
export interface Slice {
  readonly source: Payload;
  readonly start: number;
  readonly end: number;
}

/** A value that JavaScript has the very same of. A number is an integer here. */
export interface Scalar {
  readonly kind: "scalar";
  readonly value: null | boolean | number | bigint | string | Uint8Array | MsgpackExt;
  readonly at: Slice | undefined;
}

/** A number that is a float in Python, whole or not. */
export interface Float {
  readonly kind: "float";
  readonly value: number;
  readonly at: Slice | undefined;
}

/** An instant, finer than a Date. */
export interface Time {
  readonly kind: "time";
  readonly seconds: number;
  readonly nanos: number;
  readonly at: Slice | undefined;
}

export interface List {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly at: Slice | undefined;
}

/** A dict: entries by {@link nameOf} their keys, in their order. Of two with one name the place is the first's, the value the last's. */
export interface Dict {
  readonly kind: "dict";
  readonly entries: ReadonlyMap<unknown, Entry>;
  readonly at: Slice | undefined;
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
  return node.value instanceof Uint8Array ? node.value.length > 0 : Boolean(node.value);
}

export function scalar(value: Scalar["value"]): Scalar {
  return { kind: "scalar", value, at: undefined };
}

// The first and the last second that a datetime of Python's can say: 0001-01-01T00:00:00Z, 9999-12-31T23:59:59Z.
const [earliest, latest] = [-62_135_596_800, 253_402_300_799];

/** Whether Python's datetime can say it. */
export function isTime(seconds: number, nanos: number): boolean {
  return seconds >= earliest && seconds <= latest && nanos >= 0 && nanos < 1_000_000_000;
}

/** The value of a node, made anew: nobody else has it. */
export function toValue(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      return node.value instanceof Uint8Array ? new Uint8Array(node.value) : node.value;
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

function milliseconds({ seconds, nanos }: Time): number {
  return seconds * 1000 + Math.floor(nanos / 1_000_000);
}

/** Why a value cannot be stored; the way to it is added on the way up. */
export class Refusal extends Error {
  path = "";

  within(segment: string): this {
    this.path = segment + this.path;
    return this;
  }
}

/** Does what may refuse a value, and says which: `ERR_SESSION_NOT_STORABLE`. */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Refusal ? asSessionError(path, error) : error;
  }
}

function asSessionError(path: string, refusal: Refusal): SessionError {
  return notStorable(path + refusal.path, undefined, refusal.message);
}

/** The same error with one more step of the way. */
export function within(error: unknown, segment: () => string): unknown {
  return error instanceof Refusal ? error.within(segment()) : error;
}

/** A step of the way as messages show it. */
export function segmentOf(key: Node): string {
  const name = nameOf(key);
  if (typeof name === "string") return pathOf("", name);
  return typeof name === "object" ? `.get(${key.kind})` : `.get(${name})`;
}

const surrogate = /\p{Surrogate}/u;
const keeps =
  "plain objects, arrays, strings, numbers, booleans, null, Date, Map, Set, BigInt, Uint8Array and MsgpackExt";

/**
 * Makes nodes of values. Where a value is what a node of the payload says, it is that very node: "the same node"
 * means "unchanged", and unchanged parts are written as they stand, however the rest of the session changed.
 */
export class Lowering {
  #left = mostValues;
  readonly #above: object[];

  /** @param above What is around the values, if anything. */
  constructor(...above: object[]) {
    this.#above = above;
  }

  /** The node of a value; `was` is what stood in its place. Throws {@link Refusal}. */
  lower(value: unknown, was?: Node): Node {
    this.#left -= 1;
    if (this.#left < 0) throw new Refusal(`the session holds more than ${mostValues} values`);
    switch (typeof value) {
      case "string":
        if (was?.kind === "scalar" && was.value === value) return was;
        if (surrogate.test(value)) throw new Refusal("it holds half of a surrogate pair, and Python's texts hold none");
        return scalar(value);
      case "bigint":
        if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER)
          return this.#number(Number(value), was);
        return was?.kind === "scalar" && was.value === value ? was : scalar(value);
      case "number":
        return this.#number(value, was);
      case "boolean":
        return was?.kind === "scalar" && was.value === value ? was : scalar(value);
      case "object":
        if (value === null) return was?.kind === "scalar" && was.value === null ? was : scalar(null);
        return this.#object(value, was);
      default:
        throw new Refusal(`${received(value)}, and Flask-Session keeps ${keeps}`);
    }
  }

  #number(value: number, was: Node | undefined): Node {
    if ((was?.kind === "scalar" || was?.kind === "float") && Object.is(was.value, value)) return was;
    const whole = Number.isSafeInteger(value) && !Object.is(value, -0);
    return whole ? scalar(value) : { kind: "float", value, at: undefined };
  }

  #object(value: object, was: Node | undefined): Node {
    if (value instanceof Uint8Array) {
      const before = was?.kind === "scalar" ? was.value : undefined;
      return before instanceof Uint8Array && sameBytes(before, value) ? was! : scalar(new Uint8Array(value));
    }
    if (value instanceof MsgpackExt) {
      const before = was?.kind === "scalar" ? was.value : undefined;
      const same = before instanceof MsgpackExt && before.type === value.type && sameBytes(before.data, value.data);
      return same ? was! : scalar(value);
    }
    const ancestors = countAncestors(value);
    if (value instanceof Date && ancestors === 2) return time(value.getTime(), was);
    for (const one of this.#above) if (one === value) throw new Refusal("it contains itself");
    if (this.#above.length > deepest) throw new Refusal(`it is nested deeper than ${deepest} levels`);
    this.#above.push(value);
    const node = this.#container(value, ancestors, was);
    this.#above.pop();
    return node;
  }

  #container(value: object, ancestors: number, was: Node | undefined): Node {
    if (ancestors === 2) {
      if (Array.isArray(value)) return this.#list(value, was, (at) => `[${at}]`);
      if (value instanceof Set) return this.#list([...value], was, () => ".<item>");
      if (value instanceof Map) return this.#dict([...value], was, false);
    }
    if (ancestors > 1) throw new Refusal(`${received(value)}, and Flask-Session keeps ${keeps}`);
    return this.#dict(Object.entries(value), was, true);
  }

  #list(values: readonly unknown[], was: Node | undefined, segment: (at: number) => string): Node {
    const before = was?.kind === "list" ? was.items : undefined;
    const items: Node[] = [];
    // By index, since an array may have holes: None, as `undefined` is.
    for (let at = 0; at < values.length; at++) {
      try {
        items.push(this.lower(values[at] ?? null, before?.[at]));
      } catch (error) {
        throw within(error, () => segment(at));
      }
    }
    const same = before?.length === items.length && items.every((item, at) => item === before[at]);
    return same ? was! : { kind: "list", items, at: undefined };
  }

  #dict(pairs: readonly (readonly [unknown, unknown])[], was: Node | undefined, isObject: boolean): Node {
    const before = was?.kind === "dict" ? was.entries : undefined;
    const inOrder = before ? [...before.values()] : [];
    const entries = new Map<unknown, Entry>();
    let at = 0;
    for (const [name, value] of pairs) {
      if (value === undefined) continue;
      const old = before?.get(name) ?? inOrder[at];
      at += 1;
      const key = this.#key(name, old?.[0]);
      const known = key === old?.[0] ? old : undefined;
      try {
        const node = this.lower(value, known?.[1]);
        entries.set(nameOf(key), known && node === known[1] ? known : [key, node]);
      } catch (error) {
        throw within(error, () => segmentOf(key));
      }
    }
    return before && sameEntries(entries, before, isObject) ? was! : { kind: "dict", entries, at: undefined };
  }

  #key(name: unknown, was: Node | undefined): Node {
    try {
      const key = this.lower(name, was);
      if (isKey(key)) return key;
    } catch (error) {
      throw within(error, () => ".<key>");
    }
    throw new Refusal(`${received(name)}, which Python does not take for a key`).within(".<key>");
  }
}

function time(ms: number, was: Node | undefined): Node {
  if (was?.kind === "time" && milliseconds(was) === ms) return was;
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  if (!isTime(seconds, nanos))
    throw new Refusal("it is no instant of the years 1 to 9999, which Python's dates are in");
  return { kind: "time", seconds, nanos, at: undefined };
}

/** Whether they are the same entries in the same order; that of an object is the one JavaScript gives its properties. */
function sameEntries(
  after: ReadonlyMap<unknown, Entry>,
  before: ReadonlyMap<unknown, Entry>,
  isObject: boolean,
): boolean {
  if (after.size !== before.size) return false;
  for (const [name, entry] of after) if (before.get(name) !== entry) return false;
  if (sameOrder([...after.keys()], [...before.keys()])) return true;
  return isObject && sameOrder([...after.keys()], Object.keys(Object.fromEntries(before)));
}

function sameOrder(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((name, at) => Object.is(name, b[at]));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
