/** Puts the session of a request where the option `attach` says, so that it stays there. */

import { cannotReplace } from "../../core/save/guarded.ts";

const attached = new WeakMap<object, Map<string, unknown>>();

/**
 * Puts a session on an object. Assigning something else is an error; deleting it is one in strict mode.
 *
 * @param check Called whenever the session is read.
 */
export function attachSession(target: object, name: string, session: unknown, check?: () => void): void {
  const before = attached.get(target);
  const values = before ?? new Map<string, unknown>();
  const known = values.has(name);
  values.set(name, session);
  if (!before) attached.set(target, values);
  if (known) return;
  Object.defineProperty(target, name, {
    configurable: false,
    enumerable: true,
    get() {
      check?.();
      return values.get(name);
    },
    set(value) {
      if (value !== values.get(name)) throw cannotReplace(name);
    },
  });
}

/** The same where a context has a method that sets: Hono's `c.set`, React Router's `context.set`. */
export function attachBySet<Key>(context: { set(key: Key, value: never): unknown }, key: Key, session: unknown): void {
  const { set } = context;
  set.call(context, key, session as never);
  context.set = function (this: unknown, at: Key, value: never): unknown {
    if (at === key && value !== session) throw cannotReplace(typeof key === "string" ? key : "attach");
    return set.call(this, at, value);
  };
}
