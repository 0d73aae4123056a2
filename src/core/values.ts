/** Values as JSON text, with tags for what JSON has no word for: Date, Map, Set, BigInt, URL, bytes, NaN and their like. */

import { base64url, fromBase64url } from "./bytes.ts";
import { received, SessionError } from "./errors.ts";

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
  if (isPlain(value, 0)) return JSON.stringify(value);
  left = most;
  return JSON.stringify(tag(value, path, []));
}

/** The value of a text. Throws when the text is not what {@link stringify} writes, or such in one object more. */
export function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return text.includes("$") || mayBeDeep(text) ? untag(value, 0) : value;
  } catch {
    // The reasons quote the text, which is nobody's business.
    throw new SyntaxError("not what a session is stored as");
  }
}

/** Whether a text has brackets enough to be nested too deep: then it is looked at value by value. */
function mayBeDeep(text: string): boolean {
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
    return true;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if ((property !== undefined && !isPlain(property, depth + 1)) || key === "$") return false;
  }
  return true;
}

type Tagged = { $: readonly unknown[] };

/** A copy of the value in which everything is plain JSON. */
function tag(value: unknown, path: string, above: object[]): unknown {
  left -= 1;
  if (left < 0) throw notStorable(path, value, `the session holds more than ${most} values`);
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $: ["number", Object.is(value, -0) ? "-0" : String(value)] };
  }
  if (typeof value === "bigint") return { $: ["BigInt", String(value)] };
  if (value === undefined) return { $: ["undefined"] };
  if (typeof value === "function" || typeof value === "symbol") throw notStorable(path, value);
  if (typeof value !== "object" || value === null) return value;

  if (above.includes(value)) throw notStorable(path, value, "it contains itself");
  if (above.length >= deepest) throw notStorable(path, value, `it is nested deeper than ${deepest} levels`);
  above.push(value);
  const copy = tagObject(value, path, above);
  above.pop();
  return copy;
}

function tagObject(value: object, path: string, above: object[]): unknown {
  if (value instanceof Uint8Array) return { $: ["bytes", base64url(value)] };
  const ancestors = countAncestors(value);
  if (ancestors === 2) {
    if (Array.isArray(value)) return Array.from(value, (item, i) => tag(item, `${path}[${i}]`, above));
    if (value instanceof Date) return { $: ["Date", value.getTime()] };
    if (value instanceof URL) return { $: ["URL", value.href] };
    if (value instanceof Set) return { $: ["Set", Array.from(value, (item) => tag(item, `${path}.<item>`, above))] };
    if (value instanceof Map) {
      const pairs = Array.from(value, ([key, item]) => {
        const name = `${path}.get(${typeof key === "string" ? quoted(key) : typeof key})`;
        return [tag(key, `${path}.<key>`, above), tag(item, name, above)];
      });
      return { $: ["Map", pairs] };
    }
  }
  if (ancestors > 1) throw notStorable(path, value);
  const pairs: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) pairs.push([key, tag(item, pathOf(path, key), above)]);
  }
  return Object.hasOwn(value, "$") ? { $: ["Object", pairs] } : Object.fromEntries(pairs);
}

/**
 * How many prototypes an object has: 0 or 1 for a plain one, 2 for an instance of a class that is derived from no
 * other, such as Map. Says so for objects of another realm (a vm context, a test runner's) too.
 */
function countAncestors(value: object): number {
  let count = 0;
  for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) count++;
  return count;
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
    if (back !== item) define(value, key, back);
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
      for (const [key, item] of pairs()) define(object, key as string, item);
      return object;
    }
    default:
      return unknownTag();
  }
}

function unknownTag(): never {
  throw new SyntaxError("unknown tag");
}

/** Sets a property whatever its name: assigning to `__proto__` would not. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** How a property is named in messages. Long and odd names are shown cut and quoted. */
export function pathOf(path: string, key: string): string {
  if (/^[A-Za-z_$][\w$]{0,40}$/.test(key)) return `${path}.${key}`;
  return `${path}[${quoted(key)}]`;
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
