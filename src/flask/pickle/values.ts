/** Python values as a pickle holds them. A value that is referred to twice is one object, as it was in Python. */

import type { Kind } from "../session-dict.ts";

/** `None`, `True` or `False`: a value without identity or contents. */
export interface PyAtom {
  readonly kind: "atom";
  readonly value: null | boolean;
}

/** An integer of any size: a number while it is safe, else a bigint. */
export interface PyInt {
  readonly kind: "int";
  readonly value: number | bigint;
}

export interface PyFloat {
  readonly kind: "float";
  readonly value: number;
}

export interface PyText {
  readonly kind: "str";
  readonly value: string;
}

export interface PyBytes {
  readonly kind: "bytes" | "bytearray";
  readonly value: Uint8Array;
}

export interface PyItems {
  readonly kind: "list" | "tuple" | "set" | "frozenset";
  readonly items: PyValue[];
}

export interface PyDict {
  readonly kind: "dict";
  readonly entries: PyEntry[];
}

/** A key and its value. */
export type PyEntry = readonly [PyValue, PyValue];

/** A class or function by name. */
export interface PyGlobal {
  readonly kind: "global";
  readonly module: PyText;
  readonly name: PyText;
}

/** An object of a class that is not built in: what it was made from, nothing that runs. */
export interface PyInstance {
  readonly kind: "instance";
  readonly of: PyGlobal;
  readonly args: PyItems;
  /** How Python makes it: by calling the class, or by its `__new__`. */
  readonly by: "call" | "new";
  /** The items of an `OrderedDict`. */
  readonly entries: PyEntry[];
  /** What `__setstate__` or `__dict__` is given: of a UUID its number. */
  state: PyValue | undefined;
}

/** An object of a class that is not on the list in `globals.ts`: how Python makes it again. Here it is never made. */
export interface PyForeign {
  readonly kind: "foreign";
  readonly callable: PyValue;
  readonly args: PyValue;
  /** How: by a call, by `cls.__new__`, or by that with keyword arguments. */
  readonly by: "call" | "new" | "newWithKeywords";
  readonly keywords: PyValue | undefined;
  /** What is appended to it, what is added, the keys it is given, and its attributes: in this order. */
  readonly items: PyValue[];
  readonly added: PyValue[];
  readonly entries: PyEntry[];
  readonly states: PyValue[];
}

export type PyValue =
  | PyAtom
  | PyInt
  | PyFloat
  | PyText
  | PyBytes
  | PyItems
  | PyDict
  | PyGlobal
  | PyInstance
  | PyForeign;

export const none: PyAtom = { kind: "atom", value: null };

export function pyBool(value: boolean): PyAtom {
  return { kind: "atom", value };
}

const smallest = Array.from({ length: 160 }, (_, i): PyInt => ({ kind: "int", value: i - 32 }));

/** Small ones are shared: they have neither identity nor contents. */
export function pyInt(value: number | bigint): PyInt {
  const number = shortest(value);
  return (typeof number === "number" && smallest[number + 32]) || { kind: "int", value: number };
}

export function pyFloat(value: number): PyFloat {
  return { kind: "float", value };
}

export function pyText(value: string): PyText {
  return { kind: "str", value };
}

export function pyBytes(value: Uint8Array, kind: PyBytes["kind"] = "bytes"): PyBytes {
  return { kind, value };
}

export function pyItems(kind: PyItems["kind"], items: PyValue[]): PyItems {
  return { kind, items };
}

export function pyDict(entries: PyEntry[] = []): PyDict {
  return { kind: "dict", entries };
}

export function pyInstance(of: PyGlobal, args: PyItems, by: PyInstance["by"]): PyInstance {
  return { kind: "instance", of, args, by, entries: [], state: undefined };
}

export function pyForeign(by: PyForeign["by"], callable: PyValue, args: PyValue, keywords?: PyValue): PyForeign {
  return { kind: "foreign", callable, args, by, keywords, items: [], added: [], entries: [], states: [] };
}

/** `"datetime.datetime"`. Python 2's names of modules are those of Python 3. */
export function nameOf({ module, name }: PyGlobal): string {
  return `${module.value}.${name.value}`;
}

/** The form an integer always has. */
function shortest(value: number | bigint): number | bigint {
  return typeof value === "bigint" && value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** The one class of instances that has entries. */
export function isOrderedDict(value: PyValue): value is PyInstance {
  return value.kind === "instance" && nameOf(value.of) === "collections.OrderedDict";
}

/** Whether an argument of the instance is an object we do not understand, such as a date's time zone. */
export function holdsForeign(value: PyInstance): boolean {
  return value.args.items.some(({ kind }) => kind === "foreign");
}

/** What a session's own entries are asked. */
export const pyKind: Kind<PyValue> = {
  isTruthy,
  simple: (value) => (value.kind === "int" || value.kind === "str" ? value.value : undefined),
};

/** Whether Python takes it for true. */
export function isTruthy(value: PyValue): boolean {
  switch (value.kind) {
    case "atom":
      return value.value === true;
    case "int":
    case "float":
      return Number(value.value) !== 0;
    case "str":
    case "bytes":
    case "bytearray":
      return value.value.length > 0;
    case "list":
    case "tuple":
    case "set":
    case "frozenset":
      return value.items.length > 0;
    case "dict":
      return value.entries.length > 0;
    default:
      return true;
  }
}
