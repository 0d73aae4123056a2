/** JSON as msgspec writes it. Reads what msgspec reads; integers of any size, floats told from integers. */

import { base64url, isBytes } from "../core/bytes/bytes.ts";
import { Budget, cost } from "./budget.ts";
import { Refusal, within } from "./storable.ts";
import { type Entry, type Node, type Scalar, type Slice, scalar, segmentOf, shared, type Time } from "./tree.ts";

/** The value in a text. Throws when it is not exactly one value that Python would read too. */
export function readJson(text: string): Node {
  const reader = new Reader(text);
  const node = reader.value(0);
  if (!reader.done) throw notJson();
  return node;
}

const blank = /[ \t\n\r]*/y;
const numeral = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const control = /[\0-\x1f]/;

// Python's own limit on the digits of an integer.
const mostDigits = 4300;

class Reader {
  readonly #text: string;
  readonly #budget: Budget;
  /** Keys by name: lists of objects say the same ones over and over. */
  readonly #keys = new Map<string, Scalar>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#budget = new Budget(text.length);
  }

  get done(): boolean {
    this.#blank();
    return this.#at === this.#text.length;
  }

  value(depth: number): Node {
    this.#budget.visit(depth);
    this.#blank();
    const start = this.#at;
    const at = (): Slice => ({ source: this.#text, start, end: this.#at });
    switch (this.#text[start]) {
      case "{": {
        this.#budget.spend(cost.dict);
        const entries = this.#dict(depth);
        return { kind: "dict", entries, at: at() };
      }
      case "[": {
        this.#budget.spend(cost.list);
        const items = this.#list(depth);
        return { kind: "list", items, at: at() };
      }
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #list(depth: number): Node[] {
    const items: Node[] = [];
    this.#at += 1;
    if (this.#next("]")) return items;
    do {
      this.#budget.spend(cost.slot);
      items.push(this.value(depth + 1));
    } while (this.#next(","));
    this.#expect("]");
    return items;
  }

  #dict(depth: number): ReadonlyMap<unknown, Entry> {
    const entries = new Map<unknown, Entry>();
    this.#at += 1;
    if (this.#next("}")) return entries;
    do {
      this.#blank();
      if (this.#text[this.#at] !== '"') throw notJson();
      const key = this.#known(this.#string());
      this.#budget.visit(depth);
      this.#budget.spend(cost.entry);
      this.#expect(":");
      const value = this.value(depth + 1);
      entries.set(key.value, [entries.get(key.value)?.[0] ?? key, value]);
    } while (this.#next(","));
    this.#expect("}");
    return entries;
  }

  #string(): Scalar {
    const start = this.#at;
    let end = start;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end === -1) throw notJson();
    } while (isEscaped(this.#text, end));
    this.#at = end + 1;
    const at = { source: this.#text, start, end: end + 1 };
    const raw = this.#text.slice(start + 1, end);
    this.#budget.spend(cost.scalar + 2 * raw.length);
    if (!raw.includes("\\")) {
      if (control.test(raw)) throw notJson();
      // Written as it stands: it need not be found again.
      return raw.isWellFormed() ? scalar(raw) : { kind: "scalar", value: raw, at };
    }
    const value = unescaped(this.#text.slice(start, end + 1));
    if (!value.isWellFormed()) throw notJson();
    return { kind: "scalar", value, at };
  }

  /** The key of that name that was read before. One that is written with escapes is itself. */
  #known(key: Scalar): Scalar {
    if (key.at) return key;
    const known = this.#keys.get(key.value as string);
    if (!known) this.#keys.set(key.value as string, key);
    return known ?? key;
  }

  #number(): Node {
    numeral.lastIndex = this.#at;
    const match = numeral.exec(this.#text);
    if (!match) throw notJson();
    const [digits, fraction, exponent] = match;
    const start = this.#at;
    this.#at += digits.length;
    const value = Number(digits);
    if (fraction === undefined && exponent === undefined && Number.isSafeInteger(value) && !Object.is(value, -0)) {
      // Whole numbers have one form only.
      if (value < -32 || value > 127) this.#budget.spend(cost.scalar);
      return shared(value);
    }
    this.#budget.spend(cost.scalar + digits.length);
    const at = { source: this.#text, start, end: this.#at };
    if (fraction !== undefined || exponent !== undefined) {
      if (!Number.isFinite(value)) throw notJson();
      return { kind: "float", value, at };
    }
    if (digits.length > mostDigits) throw notJson();
    return { kind: "scalar", value: Object.is(value, -0) ? 0 : BigInt(digits), at };
  }

  #word(word: string, value: null | boolean): Scalar {
    if (!this.#text.startsWith(word, this.#at)) throw notJson();
    this.#at += word.length;
    return shared(value);
  }

  #next(mark: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#next(mark)) throw notJson();
  }

  #blank(): void {
    blank.lastIndex = this.#at;
    blank.test(this.#text);
    this.#at = blank.lastIndex;
  }
}

/** Whether an odd number of backslashes stands in front of a quote. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text[at - 1] === "\\") at--;
  return (quote - at) % 2 === 1;
}

// A text by itself, never a key, which V8 may misread: https://github.com/nodejs/node/issues/63785
function unescaped(literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw notJson();
  }
}

/** Does not quote the text, which must not be shown. */
function notJson(): SyntaxError {
  return new SyntaxError("not JSON that Python reads");
}

/** Writes a value as JSON. Copies the source text of a value that was read from JSON. Throws {@link Refusal} for a value that JSON cannot express. */
export function writeJson(node: Node): string {
  if (typeof node.at?.source === "string") return node.at.source.slice(node.at.start, node.at.end);
  switch (node.kind) {
    case "scalar":
      return scalarText(node.value);
    case "float":
      return Number.isFinite(node.value) ? floatText(node.value) : "null";
    case "time":
      return `"${timeText(node)}"`;
    case "list":
      return `[${node.items.map((item, i) => inside(item, () => `[${i}]`)).join(",")}]`;
    case "dict": {
      const entries = Array.from(
        node.entries.values(),
        ([key, value]) => `${keyText(key)}:${inside(value, () => segmentOf(key))}`,
      );
      return `{${entries.join(",")}}`;
    }
  }
}

function inside(node: Node, segment: () => string): string {
  try {
    return writeJson(node);
  } catch (error) {
    throw within(error, segment);
  }
}

function scalarText(value: Scalar["value"]): string {
  if (typeof value === "bigint") return String(value);
  if (isBytes(value)) return `"${base64(value)}"`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  throw new Refusal("it is a MessagePack extension, and JSON has none");
}

function keyText(key: Node): string {
  if (key.kind === "scalar" && typeof key.value === "string") return writeJson(key);
  if (key.kind === "float") return `"${Number.isFinite(key.value) ? floatText(key.value) : notFinite(key.value)}"`;
  if (key.kind === "time") return `"${timeText(key)}"`;
  if (key.kind === "scalar") {
    if (typeof key.value === "number" || typeof key.value === "bigint") return `"${key.value}"`;
    if (isBytes(key.value)) return scalarText(key.value);
  }
  throw new Refusal("a key that is true, false, null or an array has no form in JSON").within(".<key>");
}

function notFinite(value: number): string {
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** The shortest digits that name the number, always as a float: `1.0`, `0.00001`, `1e-6`, `1e16`. */
function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  if (size >= 1e-5 && size < 1e16) {
    // JavaScript writes these without an exponent, but for those below a millionth.
    const text = String(value);
    return text.includes(".") ? text : `${text}.0`;
  }
  return value.toExponential().replace("e+", "e");
}

function timeText({ seconds, nanos }: Time): string {
  const micros = Math.floor(nanos / 1000);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micros === 0 ? `${text}Z` : `${text}.${String(micros).padStart(6, "0")}Z`;
}

function base64(bytes: Uint8Array): string {
  const text = base64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}
