/** Values as JSON text, with tags for what JSON has no word for: Date, Map, Set, BigInt, URL, bytes, NaN and their like. */

import { base64url, fromBase64url, isBytes, isDate, isMap, isSet } from "../bytes/bytes.ts";
import { received, SessionError } from "../contracts/errors.ts";
import { set } from "./own-keys.ts";

const deepest = 100;
const most = 1_000_000;

/** How many values the text at hand may still hold. */
let left = most;

/**
 * The text of a value. Throws `ERR_SESSION_NOT_STORABLE`, naming the path, for functions, symbols, instances of
 * classes, cycles, nesting deeper than 100 and more than a million values (an object counts as often as it is
 * referred to). A property that is `undefined` is left out, as if it were absent; so is one whose key is a symbol.
 */
export function stringify(value: unknown, path: string): string {
  left = most;
  if (isPlain(value, 0)) {
    const text = JSON.stringify(value);
    if (!text.includes("\\") || !hasOddKey(value)) return text;
  }
  left = most;
  return JSON.stringify(tag(value, path, []));
}

/**
 * The value of a text. Throws when the text is not what {@link stringify} writes, or such in one object more.
 *
 * @param depth 1 where the text stood in that object. Default 0.
 */
export function parse(text: string, depth = 0): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return text.includes("$") || mayBeDeep(text) ? untag(value, depth) : value;
  } catch {
    // The reasons quote the text, which must not be shown.
    throw new SyntaxError("not what a session is stored as");
  }
}

/** Whether a text has brackets enough to be nested too deep: then it is looked at value by value. */
function mayBeDeep(text: string): boolean {
  if (text.length <= 2 * deepest) return false;
  let brackets = 0;
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) brackets++;
  }
  return brackets > deepest;
}

/** Whether `JSON.stringify` keeps the value exactly: the usual case, and the fast one. */
function isPlain(value: unknown, depth: number): boolean {
  left -= 1;
  if (left < 0) return false;
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === deepest) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype && Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
    // A property set on an array would be dropped in silence. Costs 0.3 µs for 1 KB.
    return Object.keys(value).length === value.length;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if ((property !== undefined && !isPlain(property, depth + 1)) || key === "$") return false;
  }
  return true;
}

// Keys that need an escape are kept as values: V8 (Node 24, 26) may read them as other keys, once some JSON had a
// key that begins with a backslash. https://github.com/nodejs/node/issues/63785
const escaped = /["\\\0-\x1f\ud800-\udfff]/u;

function isOdd(key: string): boolean {
  return key === "$" || escaped.test(key);
}

function hasOddKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasOddKey);
  return Object.entries(value).some(([key, item]) => isOdd(key) || hasOddKey(item));
}

type Tagged = { $: readonly unknown[] };

/** An object on the way to a value, and the part of it that the way goes on with: an index, a property, a key. */
interface Level {
  readonly object: object;
  part: unknown;
}

/** In place of a part: the way goes on with a key of a Map, not with the value under it. */
const keyItself = Symbol("key");

/** A copy of the value in which everything is plain JSON. */
function tag(value: unknown, path: string, above: Level[]): unknown {
  left -= 1;
  if (left < 0) throw refused(value, path, above, `the session holds more than ${most} values`);
  switch (typeof value) {
    case "number":
      if (Object.is(value, -0)) return { $: ["number", "-0"] };
      return Number.isFinite(value) ? value : { $: ["number", String(value)] };
    case "bigint":
      return { $: ["BigInt", String(value)] };
    case "undefined":
      return { $: ["undefined"] };
    case "function":
    case "symbol":
      throw refused(value, path, above);
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  for (const { object } of above) if (object === value) throw refused(value, path, above, "it contains itself");
  if (above.length >= deepest) throw refused(value, path, above, `it is nested deeper than ${deepest} levels`);
  above.push({ object: value, part: undefined });
  const copy = tagObject(value, path, above);
  above.pop();
  return copy;
}

function tagObject(value: object, path: string, above: Level[]): unknown {
  if (isBytes(value)) return { $: ["bytes", base64url(value)] };
  const level = above.at(-1) as Level;
  const inside = (part: unknown, item: unknown): unknown => {
    level.part = part;
    return tag(item, path, above);
  };
  const ancestors = countAncestors(value);
  if (ancestors === 2) {
    const why = whyNotWhole(value);
    if (why && (Array.isArray(value) || isDate(value) || isMap(value) || isSet(value)))
      throw refused(value, path, above.slice(0, -1), why);
    if (Array.isArray(value)) return Array.from(value, (item, i) => inside(i, item));
    if (isDate(value)) return { $: ["Date", value.getTime()] };
    if (isUrl(value)) return { $: ["URL", value.href] };
    if (isSet(value)) return { $: ["Set", Array.from(value, (item) => inside(undefined, item))] };
    if (isMap(value)) {
      return { $: ["Map", Array.from(value, ([key, item]) => [inside(keyItself, key), inside(key, item)])] };
    }
  }
  if (ancestors > 1) throw refused(value, path, above.slice(0, -1));
  const copy: Record<string, unknown> = {};
  let odd = false;
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    set(copy, key, inside(key, item));
    odd ||= isOdd(key);
  }
  return odd ? { $: ["Object", Object.entries(copy)] } : copy;
}

/** Why not all of an array, Date, Map or Set can be kept: a property set on it would be dropped in silence. */
export function whyNotWhole(value: object): string | undefined {
  const keys = Object.keys(value);
  if (Array.isArray(value) ? keys.length === value.length : keys.length === 0) return undefined;
  const extra = keys.find((key) => !Array.isArray(value) || !/^\d+$/.test(key));
  return extra === undefined
    ? undefined
    : `it has the property ${quoted(extra)} of its own, and a session keeps what is in it only`;
}

/**
 * How many prototypes an object has: 0 or 1 for a plain one, 2 for an instance of a class that is derived from no
 * other, such as Map. Says so for objects of another realm (a vm context, a test runner's) too. Infinite for what
 * inherits from an object that is no realm's `Object.prototype`.
 */
export function countAncestors(value: object): number {
  let count = 0;
  let last: object | null = null;
  for (let at = prototypeOf(value); at !== null; at = prototypeOf(at)) {
    last = at;
    count++;
  }
  return last === null || Object.hasOwn(last, "isPrototypeOf") ? count : Number.POSITIVE_INFINITY;
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

/** Hosts have URLs of their own, made in no way the language knows of: one has an address and looks like it. */
function isUrl(value: object): value is URL {
  return Object.prototype.toString.call(value) === "[object URL]" && typeof (value as URL).href === "string";
}

/** Puts the tagged values back, in place. */
function untag(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  // One level more than a value may have, for the envelope around it.
  if (depth > deepest) throw new RangeError("nested too deep");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = untag(value[i], depth + 1);
    return value;
  }
  if (Object.hasOwn(value, "$")) return revive((value as Tagged).$, depth);
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    const back = untag(item, depth + 1);
    if (back !== item) set(value, key, back);
  }
  return value;
}

function revive([kind, content]: readonly unknown[], depth: number): unknown {
  const text = (): string => (typeof content === "string" ? content : unknownTag());
  const inside = (item: unknown): unknown => untag(item, depth + 1);
  const pairs = (): [unknown, unknown][] => (content as [unknown, unknown][]).map(([a, b]) => [inside(a), inside(b)]);
  switch (kind) {
    case "Date":
      return new Date(content === null ? Number.NaN : (content as number));
    case "Map":
      return new Map(pairs());
    case "Set":
      return new Set((content as unknown[]).map(inside));
    case "BigInt":
      return BigInt(text());
    case "URL":
      return new URL(text());
    case "bytes":
      return fromBase64url(text()) ?? unknownTag();
    case "number":
      return Number(text());
    case "undefined":
      return undefined;
    case "Object": {
      const object = {};
      for (const [key, item] of pairs()) set(object, typeof key === "string" ? key : unknownTag(), item);
      return object;
    }
    default:
      return unknownTag();
  }
}

function unknownTag(): never {
  throw new SyntaxError("unknown tag");
}

/** How a property is named in messages. Long and odd names are shown cut and quoted. */
export function pathOf(path: string, key: string): string {
  if (/^[A-Za-z_$][\w$]{0,40}$/.test(key)) return `${path}.${key}`;
  return `${path}[${quoted(key)}]`;
}

function refused(value: unknown, start: string, above: readonly Level[], why?: string): SessionError {
  let path = start;
  for (const { object, part } of above) {
    if (Array.isArray(object)) path += `[${part}]`;
    else if (isSet(object)) path += ".<item>";
    else if (!isMap(object)) path = pathOf(path, part as string);
    else if (part === keyItself) path += ".<key>";
    else path += `.get(${typeof part === "string" ? quoted(part) : typeof part})`;
  }
  return notStorable(path, value, why);
}

function quoted(key: string): string {
  return JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key);
}

/** The error for a value that cannot be stored, by name. */
export function notStorable(path: string, value: unknown, why?: string): SessionError {
  const keeps = "plain objects, arrays, strings, numbers, booleans, null, Date, Map, Set, BigInt, URL and Uint8Array";
  const reason = why ?? `${received(value)}, and a session keeps ${keeps}`;
  return new SessionError("ERR_SESSION_NOT_STORABLE", `${path} cannot be stored: ${reason}`);
}
