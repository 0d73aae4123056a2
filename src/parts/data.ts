/** `session.data` of a session in parts: each key is read and written in its part. */

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
/** The language itself looks for these; that must not be an error. */
const probes = ["then", "toJSON"];

/** An object without prototype whose keys lie in several. */
export function dataOf(parts: PartsData): Record<string, unknown> {
  const find = (key: string | symbol): Record<string, unknown> | undefined =>
    typeof key === "string" ? parts.reading(key) : undefined;
  const target: Record<string | symbol, unknown> = Object.create(null);
  const data: Record<string, unknown> = new Proxy(target, {
    get(_target, key) {
      if (typeof key === "symbol") return target[key];
      if (probes.includes(key) && !parts.keys().includes(key)) return undefined;
      return parts.reading(key)?.[key];
    },
    set(_target, key, value) {
      return typeof key === "string" && Reflect.set(parts.writing(key), key, value);
    },
    has: (_target, key) => Object.hasOwn(find(key) ?? {}, key),
    deleteProperty(_target, key) {
      const part = find(key);
      return part === undefined || Reflect.deleteProperty(part, key);
    },
    defineProperty: (_target, key, property) =>
      typeof key === "string" && Reflect.defineProperty(parts.writing(key), key, property),
    getOwnPropertyDescriptor(_target, key) {
      const part = find(key);
      const property = part && Object.getOwnPropertyDescriptor(part, key);
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
