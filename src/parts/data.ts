/** `session.data` of a session in parts: each key is read and written in its part. */

import { own } from "../core/record/own-keys.ts";

/** Finds the data of the part that takes a key. */
export interface PartsData {
  /** To read: `undefined` when no part takes the key. Throws a `TypeError` when its part was not loaded. */
  reading(key: string): Record<string, unknown> | undefined;
  /** To write: throws when no part takes it, too. */
  writing(key: string): Record<string, unknown>;
  /** The keys there are, in the parts that were loaded. */
  keys(): string[];
}

const inspect = Symbol.for("nodejs.util.inspect.custom");
/** The language and React look for these, as for what every object inherits: that must not be an error. */
const probes = ["then", "toJSON", "$$typeof"];

/** An object as plain as a proxy can be, whose keys lie in several. */
export function dataOf(parts: PartsData): Record<string, unknown> {
  const target: Record<string | symbol, unknown> = {};
  const has = (key: string): boolean => {
    const isProbe = key in target || probes.includes(key);
    if (isProbe && !parts.keys().includes(key)) return false;
    return Object.hasOwn(parts.reading(key) ?? {}, key);
  };
  const data: Record<string, unknown> = new Proxy(target, {
    get(_target, key, receiver) {
      if (typeof key === "string" && has(key)) return own(parts.reading(key) as object, key);
      return Reflect.get(target, key, receiver);
    },
    set(_target, key, value) {
      return typeof key === "string" && Reflect.set(parts.writing(key), key, value);
    },
    has: (_target, key) => (typeof key === "string" && has(key)) || key in Object.prototype,
    deleteProperty(_target, key) {
      const part = typeof key === "string" ? parts.reading(key) : undefined;
      return part === undefined || Reflect.deleteProperty(part, key);
    },
    defineProperty: (_target, key, property) =>
      typeof key === "string" && Reflect.defineProperty(parts.writing(key), key, property),
    getOwnPropertyDescriptor(_target, key) {
      if (typeof key !== "string" || !has(key)) return undefined;
      const property = Object.getOwnPropertyDescriptor(parts.reading(key), key);
      return property && { ...property, configurable: true };
    },
    ownKeys: () => parts.keys(),
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  });
  // Where Node shows a proxy, it shows its target.
  Object.defineProperty(target, inspect, { value: () => ({ ...data }), configurable: true });
  return data;
}
