/** JavaScript values as Python has them, with the types of those whose place they take, where they say the same. */

import { isBytes, isDate, isMap, isSet } from "../../core/bytes/bytes.ts";
import { received } from "../../core/contracts/errors.ts";
import { countAncestors, pathOf } from "../../core/record/values.ts";
import { deepest, mostValues } from "../budget.ts";
import { Refusal, whole, within } from "../storable.ts";
import { PickledObject } from "./object.ts";
import { datetimeOf, instantOf, objectToJs } from "./objects.ts";
import {
  holdsForeign,
  isOrderedDict,
  none,
  type PyEntry,
  type PyValue,
  pyBool,
  pyBytes,
  pyDict,
  pyFloat,
  pyInt,
  pyItems,
  pyText,
} from "./values.ts";
import { writeTree } from "./write.ts";

const keeps = "plain objects, arrays, strings, numbers, booleans, null, Date, Map, Set, BigInt and Uint8Array";

/**
 * Converts JavaScript values to Python values. If a JavaScript value equals the Python value it came from, the result is
 * that same object, so identity means "unchanged". An array that replaces a tuple becomes a tuple.
 */
export class Lowering {
  #left = mostValues;
  readonly #above: object[];
  readonly #anyText: boolean;

  /** @param above What is around the values, if anything. @param anyText Also text with half of a surrogate pair. */
  constructor(above: readonly object[] = [], anyText = false) {
    this.#above = [...above];
    this.#anyText = anyText;
  }

  /** How many values there were so far. */
  get values(): number {
    return mostValues - this.#left;
  }

  /** The Python value; `was` is what stood in its place. Throws {@link Refusal}. */
  lower(value: unknown, was?: PyValue): PyValue {
    this.#left -= 1;
    if (this.#left < 0) throw new Refusal(`the session holds more than ${mostValues} values`);
    switch (typeof value) {
      case "boolean":
        return was?.kind === "atom" && was.value === value ? was : pyBool(value);
      case "number":
        return number(value, was);
      case "bigint":
        if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return number(Number(value), was);
        return was?.kind === "int" && was.value === value ? was : pyInt(value);
      case "string":
        if (was && textOf(was) === value) return was;
        if (!this.#anyText && !value.isWellFormed())
          throw new Refusal("it holds half of a surrogate pair, and Python's texts hold none");
        return pyText(value);
      case "object":
        if (value === null) return was?.kind === "atom" && was.value === null ? was : none;
        return this.#object(value, was);
      default:
        throw new Refusal(`${received(value)}, and Flask keeps ${keeps}`);
    }
  }

  #object(value: object, was: PyValue | undefined): PyValue {
    if (isBytes(value)) {
      const before = was?.kind === "bytes" || was?.kind === "bytearray" ? was : undefined;
      if (before && sameBytes(before.value, value)) return before;
      return pyBytes(value.slice(), before?.kind);
    }
    const pickled = PickledObject.within(value);
    if (pickled) return was && sameBytes(writeTree(was), writeTree(pickled)) ? was : pickled;
    const ancestors = countAncestors(value);
    if (ancestors === 2 && isDate(value)) return date(whole(value).getTime(), was);
    if (this.#above.includes(value)) throw new Refusal("it contains itself");
    if (this.#above.length > deepest) throw new Refusal(`it is nested deeper than ${deepest} levels`);
    this.#above.push(value);
    const lowered = this.#container(value, ancestors, was);
    this.#above.pop();
    return lowered;
  }

  #container(value: object, ancestors: number, was: PyValue | undefined): PyValue {
    if (ancestors === 2) {
      if (Array.isArray(value)) return this.#list(whole(value), was);
      if (isSet(value)) return this.#set([...whole(value)], was);
      if (isMap(value)) return this.#dict([...whole(value)], was, false);
    }
    if (ancestors > 1) throw new Refusal(`${received(value)}, and Flask keeps ${keeps}`);
    return this.#dict(Object.entries(value), was, true);
  }

  #list(values: readonly unknown[], was: PyValue | undefined): PyValue {
    const before = was?.kind === "list" || was?.kind === "tuple" ? was : undefined;
    const items: PyValue[] = [];
    // By index, since an array may have holes: None, as `undefined` is.
    for (let at = 0; at < values.length; at++)
      items.push(named(`[${at}]`, () => this.lower(values[at] ?? null, before?.items[at])));
    return before && sameItems(before.items, items) ? before : pyItems(before?.kind ?? "list", items);
  }

  #set(values: readonly unknown[], was: PyValue | undefined): PyValue {
    const before = was?.kind === "set" || was?.kind === "frozenset" ? was : undefined;
    const items = values.map((value, at) => named(".<item>", () => this.#hashable(value, before?.items[at])));
    return before && sameItems(before.items, items) ? before : pyItems(before?.kind ?? "set", items);
  }

  #dict(pairs: readonly (readonly [unknown, unknown])[], was: PyValue | undefined, isObject: boolean): PyValue {
    const before = was && (was.kind === "dict" || isOrderedDict(was)) ? was : undefined;
    const old = entriesByName(before?.entries ?? []);
    const inOrder = [...old.values()];
    const entries: PyEntry[] = [];
    for (const [name, value] of pairs) {
      if (value === undefined) continue;
      const place = old.get(name) ?? inOrder[entries.length];
      const key = named(".<key>", () => this.#hashable(name, place?.[0]));
      const known = place && key === place[0] ? place : undefined;
      const segment = typeof name === "string" ? pathOf("", name) : `.get(${typeof name})`;
      const lowered = named(segment, () => this.lower(value, known?.[1]));
      entries.push(known && known[1] === lowered ? known : [key, lowered]);
    }
    if (before && (sameItems(inOrder, entries) || (isObject && sameItems(asProperties(inOrder), entries))))
      return before;
    return before?.kind === "instance" ? { ...before, entries } : pyDict(entries);
  }

  /** A key or an item of a set: what is an array or a Set is a tuple or a frozenset there. */
  #hashable(value: unknown, was: PyValue | undefined): PyValue {
    return frozen(this.lower(value, was), value);
  }
}

/** A dict's entries as JavaScript finds them again: by text or number, else by themselves. Of two with one name the last counts. */
export function entriesByName(entries: readonly PyEntry[]): Map<unknown, PyEntry> {
  const byName = new Map<unknown, PyEntry>();
  for (const entry of entries) {
    const [key] = entry;
    const name = key.kind === "atom" || key.kind === "int" || key.kind === "float" ? key.value : textOf(key);
    byName.set(name === undefined ? entry : name, entry);
  }
  return byName;
}

/** The text of a value that is a string in JavaScript: a str, a UUID, a datetime without zone. */
function textOf(value: PyValue): string | undefined {
  if (value.kind === "str") return value.value;
  if (value.kind !== "instance" || isOrderedDict(value)) return undefined;
  if (holdsForeign(value)) return undefined;
  const text = objectToJs(value);
  return typeof text === "string" ? text : undefined;
}

function number(value: number, was: PyValue | undefined): PyValue {
  if ((was?.kind === "int" || was?.kind === "float") && Object.is(was.value, value)) return was;
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? pyInt(value) : pyFloat(value);
}

function date(ms: number, was: PyValue | undefined): PyValue {
  const before = was?.kind === "instance" && !holdsForeign(was) ? instantOf(was) : undefined;
  if (was && before && before.seconds * 1000 + Math.floor(before.nanos / 1_000_000) === ms) return was;
  return datetimeOf(ms) ?? refuse("it is no instant of the years 1 to 9999, which Python's dates are in");
}

function frozen(lowered: PyValue, value: unknown): PyValue {
  switch (lowered.kind) {
    case "list":
      return pyItems("tuple", frozenItems(lowered.items, value));
    case "set":
      return pyItems("frozenset", frozenItems(lowered.items, value));
    case "tuple": {
      const items = frozenItems(lowered.items, value);
      return sameItems(items, lowered.items) ? lowered : pyItems("tuple", items);
    }
    case "dict":
    case "bytearray":
      return refuse(`${received(value)}, which Python can use neither as a key nor in a set`);
    default:
      return lowered;
  }
}

function frozenItems(items: readonly PyValue[], value: unknown): PyValue[] {
  return items.map((item) => frozen(item, value));
}

/** In the order that an object without prototype has them: numbers first. */
function asProperties<E extends PyEntry>(entries: readonly E[]): E[] {
  const object: Record<string, E> = Object.create(null);
  for (const entry of entries) if (entry[0].kind === "str") object[entry[0].value] = entry;
  return Object.values(object);
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function named<T>(segment: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw within(error, () => segment);
  }
}

function refuse(why: string): never {
  throw new Refusal(why);
}
