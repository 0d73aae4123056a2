/** Session objects as handlers hold them: what code for other session libraries does to them is an error, not a silence. */

import { docs } from "../contracts/errors.ts";

const elsewhere = `Code written for express-session, such as passport and connect-flash, needs sojourn/express-session: see ${docs}migration/express-session.md`;

/**
 * Makes mistakes with the objects of a class errors, in sloppy mode as well: setting what is no property, replacing a
 * method or a property that is only read, and passing a callback. Objects call `Object.preventExtensions` on themselves.
 *
 * @param Class The class of the sessions.
 * @param functions The methods that take functions.
 */
export function guardSessions({ prototype }: { readonly prototype: object }, functions: readonly string[]): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const { value, set = refuse(name) } = descriptor;
    if (name === "constructor") continue;
    if (typeof value !== "function") {
      Object.defineProperty(prototype, name, { ...descriptor, set });
      continue;
    }
    const method = Object.freeze(functions.includes(name) ? value : withoutCallback(name, value));
    Object.defineProperty(prototype, name, { get: () => method, set });
  }
  // What an object does not have is looked for here.
  const set = (_target: object, name: string | symbol): never => {
    throw new TypeError(`session.${String(name)} cannot be set: data is kept in session.data. ${elsewhere}`);
  };
  Object.setPrototypeOf(prototype, new Proxy({}, { set }));
}

function refuse(name: string): () => never {
  const instead: Readonly<Record<string, string>> = {
    data: "change its keys, or call session.clear()",
    subject: "call session.login()",
    handle: "a new id is session.regenerate()",
  };
  return () => {
    throw new TypeError(
      `session.${name} cannot be set: ${instead[name] ?? "data is kept in session.data"}. ${elsewhere}`,
    );
  };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function withoutCallback(name: string, method: Method): Method {
  const how = name === "save" ? "await session.save()" : `call session.${name}(), which does not wait, and answer`;
  const guarded: Method = function (...args) {
    for (const arg of args) {
      if (typeof arg === "function") throw new TypeError(`session.${name}() takes no callback: ${how}. ${elsewhere}`);
    }
    return method.apply(this, args);
  };
  return Object.defineProperty(guarded, "name", { value: name });
}

/** The error for code that assigns another value to the property of an attached session. */
export function cannotReplace(name: string): TypeError {
  const how = "to log out, call its destroy(); what is to be kept goes into its data";
  return new TypeError(`"${name}" is the session of this request and cannot be replaced: ${how}. ${elsewhere}`);
}
