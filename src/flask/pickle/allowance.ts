/** What turning a pickle into values may cost: little bytes can say "the same again" very often. */

import { deepest, mostValues } from "../storable.ts";
import type { PyValue } from "./values.ts";

/** In octets as it were: a value counts as often as it is referred to. */
const mostOctets = 32 * 1024 * 1024;

/** The allowance of one pickle. */
export class Allowance {
  #left = mostOctets;
  #values = mostValues;

  /** Throws when the values seen so far are too many, or this one is nested too deep. */
  spend(value: PyValue, depth: number): void {
    this.#left -= 16 + sizeOf(value);
    this.#values -= 1;
    if (this.#left < 0 || this.#values < 0 || depth > deepest)
      throw new RangeError("a pickle of too many values, or nested too deep");
  }
}

function sizeOf(value: PyValue): number {
  // A decimal or a Markup is as long as its text.
  if (value.kind === "instance") return value.args.items[0] ? sizeOf(value.args.items[0]) : 0;
  return "value" in value && (typeof value.value === "string" || value.value instanceof Uint8Array)
    ? value.value.length
    : 0;
}
