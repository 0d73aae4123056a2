/** JavaScript values as nodes, those that stand in the payload already where they say the same. */

import { isBytes, isDate, isMap, isSet } from "../core/bytes/bytes.ts";
import { received } from "../core/contracts/errors.ts";
import { countAncestors } from "../core/record/values.ts";
import { deepest, mostValues } from "./budget.ts";
import { isTime, Refusal, whole, within } from "./storable.ts";
import { type Entry, isKey, MsgpackExt, milliseconds, type Node, nameOf, scalar, segmentOf } from "./tree.ts";

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

  /** How many values there were so far. */
  get values(): number {
    return mostValues - this.#left;
  }

  /** The node of a value; `was` is what stood in its place. Throws {@link Refusal}. */
  lower(value: unknown, was?: Node): Node {
    this.#left -= 1;
    if (this.#left < 0) throw new Refusal(`the session holds more than ${mostValues} values`);
    switch (typeof value) {
      case "string":
        if (was?.kind === "scalar" && was.value === value) return was;
        if (!value.isWellFormed()) throw new Refusal("it holds half of a surrogate pair, and Python's texts hold none");
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
    if (isBytes(value)) {
      const before = was?.kind === "scalar" ? was.value : undefined;
      return isBytes(before) && sameBytes(before, value) ? was! : scalar(new Uint8Array(value));
    }
    if (value instanceof MsgpackExt) {
      const before = was?.kind === "scalar" ? was.value : undefined;
      const same = before instanceof MsgpackExt && before.type === value.type && sameBytes(before.data, value.data);
      return same ? was! : scalar(value);
    }
    const ancestors = countAncestors(value);
    if (isDate(value) && ancestors === 2) return time(whole(value).getTime(), was);
    for (const one of this.#above) if (one === value) throw new Refusal("it contains itself");
    if (this.#above.length > deepest) throw new Refusal(`it is nested deeper than ${deepest} levels`);
    this.#above.push(value);
    const node = this.#container(value, ancestors, was);
    this.#above.pop();
    return node;
  }

  #container(value: object, ancestors: number, was: Node | undefined): Node {
    if (ancestors === 2) {
      if (Array.isArray(value)) return this.#list(whole(value), was, (at) => `[${at}]`);
      if (isSet(value)) return this.#list([...whole(value)], was, () => ".<item>");
      if (isMap(value)) return this.#dict([...whole(value)], was, false);
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
    throw new Refusal(`${received(name)}, which cannot be a key in Python`).within(".<key>");
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
