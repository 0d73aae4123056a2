/** Changes by functions, as `session.update` makes them: applied at once, and noted, to be applied again on a newer value. */

import { isPromise } from "../bytes/bytes.ts";
import type { Format } from "../contracts/format.ts";
import { own } from "../record/own-keys.ts";
import { encoded, type Marks, put, same, type Update } from "./changes.ts";

/** What is changed. */
interface Held {
  readonly data: Record<string, unknown>;
  readonly format: Format;
}

/** Changes one key with a function, which is applied again when others changed the key in between. */
export function applyUpdate(
  { data, format }: Held,
  marks: Marks,
  key: string,
  change: (value: unknown) => unknown,
  what: string,
): unknown {
  const before = encoded(format, data, key);
  const value = change(own(data, key));
  if (isPromise(value)) throw new TypeError(`${what} must be synchronous; it returned a promise`);
  put(data, key, value);
  noteUpdate({ data, format }, marks, key, change, before);
  return value;
}

/** Notes that a key was changed by a function: what it held before, encoded, and what it holds now. */
export function noteUpdate(
  { data, format }: Held,
  marks: Marks,
  key: string,
  change: (value: unknown) => unknown,
  before: Update["before"],
): void {
  const after = encoded(format, data, key);
  const earlier = marks.updates?.get(key);
  if (!earlier) {
    marks.updates ??= new Map();
    marks.updates.set(key, { changes: [change], before, after, mixed: false });
    return;
  }
  if (!same(earlier.after, before)) earlier.mixed = true;
  earlier.changes.push(change);
  earlier.after = after;
}
