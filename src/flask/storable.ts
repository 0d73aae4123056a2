/** What a record that Python reads may hold, and why a value cannot be in one. */

import type { SessionError } from "../core/contracts/errors.ts";
import { notStorable, whyNotWhole } from "../core/record/values.ts";
import { fewValues } from "./budget.ts";

// The first and the last second that a datetime of Python's can say: 0001-01-01T00:00:00Z, 9999-12-31T23:59:59Z.
const [earliest, latest] = [-62_135_596_800, 253_402_300_799];

/** Whether Python's datetime can say it. */
export function isTime(seconds: number, nanos: number): boolean {
  return seconds >= earliest && seconds <= latest && nanos >= 0 && nanos < 1_000_000_000;
}

/** Why a value cannot be stored; the way to it is added on the way up. */
export class Refusal extends Error {
  path = "";

  within(segment: string): this {
    this.path = segment + this.path;
    return this;
  }
}

/** The array, Date, Map or Set, if it has no property of its own that would be dropped. */
export function whole<Value extends object>(value: Value): Value {
  const why = whyNotWhole(value);
  if (why) throw new Refusal(why);
  return value;
}

/** Does what may refuse a value, and says which: `ERR_SESSION_NOT_STORABLE`. */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Refusal ? asSessionError(path, error) : error;
  }
}

function asSessionError(path: string, refusal: Refusal): SessionError {
  return notStorable(path + refusal.path, undefined, refusal.message);
}

/** The same error with one more step of the way. */
export function within(error: unknown, segment: () => string): unknown {
  return error instanceof Refusal ? error.within(segment()) : error;
}

/** Refuses what would not be read again. Only a session of very many values is worth the look. */
export function checkReadable(values: number, read: () => unknown): void {
  if (values < fewValues) return;
  try {
    read();
  } catch {
    throw new Refusal("it holds too many values to be read again; keep fewer of them in the session, or elsewhere");
  }
}
