/** Session data that can only be read: where nothing could be saved, a change is an error at once. */

import { SessionError } from "../../core/contracts/errors.ts";
import type { Session } from "../../core/contracts/session.ts";

const refuse = (): never => {
  const message = "the session can only be read here; change it in a route handler or an action that was wrapped";
  throw new SessionError("ERR_SESSION_READ_ONLY", message);
};

/** The session, with data that can only be read. */
export function readOnlySession<Data extends object>(session: Session<Data>): Session<Data> {
  const data = readOnlyData(session.data);
  return new Proxy(session, {
    get(_, name) {
      const value: unknown = name === "data" ? data : Reflect.get(session, name, session);
      return typeof value === "function" ? value.bind(session) : value;
    },
    set: (_, name, value) => Reflect.set(session, name, value, session),
  });
}

/** The data, frozen as deep as plain objects and arrays go. */
function readOnlyData<Data extends object>(data: Data): Data {
  // Not the data itself, which cannot be frozen where it lies in parts: it is reached through the proxy only.
  for (const value of Object.values(data)) freeze(value);
  return new Proxy(data, {
    set: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
    setPrototypeOf: refuse,
    preventExtensions: refuse,
  });
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && prototype !== Array.prototype) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
