/** Reads the JSON of Flask's own sessions, in which one-key objects say what JSON has no word for. */

import { Budget, cost } from "../budget.ts";
import { costOf } from "../pickle/cost.ts";
import { markupOf, uuidOf } from "../pickle/objects.ts";
import {
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
} from "../pickle/values.ts";
import { dateOf, tags } from "./tags.ts";

/** A text read: its value, and where in it each of its values stands. */
export interface TaggedText {
  readonly root: PyValue;
  /** The text of a value as it stood. `undefined` for one that was not read here. */
  textOf(value: PyValue): string | undefined;
}

/** Throws when the text is not exactly one value that Flask would read. Says nothing of what is in it. */
export function readTagged(text: string): TaggedText {
  const reader = new Reader(text);
  const root = reader.value(0);
  reader.end();
  return {
    root,
    textOf(value) {
      const place = reader.places.get(value);
      return place && text.slice(place[0], place[1]);
    },
  };
}

const blank = /[ \t\n\r]*/y;
const numeral = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const literal = /"[^"\\\0-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\0-\x1f]*)*"/y;
const words: readonly (readonly [string, () => PyValue])[] = [
  ["null", () => none],
  ["true", () => pyBool(true)],
  ["false", () => pyBool(false)],
  ["NaN", () => pyFloat(Number.NaN)],
  ["Infinity", () => pyFloat(Number.POSITIVE_INFINITY)],
  ["-Infinity", () => pyFloat(Number.NEGATIVE_INFINITY)],
];

// Python's own limit on the digits of an integer.
const mostDigits = 4300;

class Reader {
  readonly places = new Map<PyValue, readonly [number, number]>();
  readonly #text: string;
  readonly #budget: Budget;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#budget = new Budget(text.length);
  }

  value(depth: number): PyValue {
    this.#budget.visit(depth);
    this.#budget.spend(cost.slot);
    this.#match(blank);
    const start = this.#at;
    const value = this.#read(depth);
    this.#budget.spend(costOf(value));
    if (hasOneForm(value)) return value;
    this.#budget.spend(cost.place);
    this.places.set(value, [start, this.#at]);
    return value;
  }

  end(): void {
    this.#match(blank);
    if (this.#at !== this.#text.length) malformed();
  }

  #read(depth: number): PyValue {
    const first = this.#text[this.#at];
    if (first === "{") return untagged(this.#dict(depth));
    if (first === "[") return pyItems("list", this.#list(depth));
    if (first === '"') return pyText(this.#string());
    const word = words.find(([word]) => this.#text.startsWith(word, this.#at));
    if (word) this.#at += word[0].length;
    return word ? word[1]() : this.#number();
  }

  #number(): PyValue {
    const [text, fraction, exponent] = this.#match(numeral) ?? malformed();
    if (fraction !== undefined || exponent !== undefined) return pyFloat(Number(text));
    return text.length > mostDigits ? malformed() : pyInt(BigInt(text));
  }

  // What needs an escape is read by itself: V8 may misread it as a key. https://github.com/nodejs/node/issues/63785
  #string(): string {
    const [text] = this.#match(literal) ?? malformed();
    return text.includes("\\") ? (JSON.parse(text) as string) : text.slice(1, -1);
  }

  #list(depth: number): PyValue[] {
    const items: PyValue[] = [];
    this.#at += 1;
    if (this.#take("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.#take(","));
    return this.#take("]") ? items : malformed();
  }

  #dict(depth: number): PyEntry[] {
    const entries: PyEntry[] = [];
    this.#at += 1;
    if (this.#take("}")) return entries;
    do {
      this.#match(blank);
      const key = pyText(this.#string());
      this.#budget.visit(depth);
      this.#budget.spend(cost.entry);
      entries.push([key, this.#take(":") ? this.value(depth + 1) : malformed()]);
    } while (this.#take(","));
    return this.#take("}") ? entries : malformed();
  }

  #take(character: string): boolean {
    this.#match(blank);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }
}

/** Whether it is always written as it stood: its place need not be noted. */
function hasOneForm(value: PyValue): boolean {
  return value.kind === "atom" || (value.kind === "int" && !Object.is(value.value, -0));
}

/** What an object stands for: itself, unless its one key is a tag. */
function untagged(entries: PyEntry[]): PyValue {
  const [first] = entries;
  const tag = first?.[0].kind === "str" ? first[0].value : "";
  if (!first || !tags.includes(tag) || entries.some(([key]) => key.kind === "str" && key.value !== tag))
    return pyDict(entries);
  // Of a key that is there twice the last counts.
  const [, inner] = entries.at(-1) as PyEntry;
  if (tag === " t") return inner.kind === "list" ? pyItems("tuple", inner.items) : malformed();
  if (tag === " di") return escaped(inner);
  const text = inner.kind === "str" ? inner.value : malformed();
  if (tag === " b") return pyBytes(fromBase64(text));
  if (tag === " m") return markupOf(text);
  if (tag === " u") return uuidOf(/^[0-9a-fA-F]{32}$/.exec(text.replaceAll("-", ""))?.[0] ?? malformed());
  return dateOf(text) ?? malformed();
}

/** `{" t__": 1}`: an object whose one key is a tag itself. */
function escaped(inner: PyValue): PyValue {
  const [entry, ...rest] = inner.kind === "dict" ? inner.entries : [];
  if (entry?.[0].kind !== "str" || rest.length > 0 || !entry[0].value.endsWith("__")) return malformed();
  return pyDict([[pyText(entry[0].value.slice(0, -2)), entry[1]]]);
}

function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) malformed();
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function malformed(): never {
  throw new SyntaxError("not the JSON of Flask's sessions");
}
