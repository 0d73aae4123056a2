/** Reads and sets keys of `session.data` by name alone: what an object inherits, such as `toString`, is no key of it. */

/** The value of a key of the object's own; `undefined` when it has none. */
export function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}

/** Sets a key of the object's own, whatever its name: assigning to `__proto__` would change the prototype. */
export function set(object: object, key: string, value: unknown): void {
  if (!(key in Object.prototype)) (object as Record<string, unknown>)[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
