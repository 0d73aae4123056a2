/** Objects of Python that JavaScript has no word for, as they show in `session.data`. */

import type { Budget } from "../budget.ts";
import { costOf } from "./cost.ts";
import { nameOf, type PyValue } from "./values.ts";

/**
 * An object in a session that Flask keeps as a pickle, of a class that this library does not read: a `defaultdict`, a
 * date with a `ZoneInfo`, an object of the application. It is kept as it is, and can be copied to another key or
 * deleted. The Python object is never created: no code of the pickle is executed.
 *
 * @example
 * ```ts
 * import { PickledObject } from "sojourn/flask";
 *
 * export function describe(value: unknown): string {
 *   return value instanceof PickledObject ? `a ${value.type} of Python` : String(value);
 * }
 * ```
 */
export class PickledObject {
  /** The name of the object's class, or of the function that creates it: `"collections.defaultdict"`. */
  readonly type: string;
  readonly #value: PyValue;

  private constructor(value: PyValue) {
    this.#value = value;
    this.type = typeOf(value);
    Object.freeze(this);
  }

  /** @internal */
  static around(value: PyValue): PickledObject {
    return new PickledObject(value);
  }

  /** @internal The Python object; `undefined` when the value is none of these. */
  static within(value: object): PyValue | undefined {
    return #value in value ? value.#value : undefined;
  }
}

/** Wraps an object as a {@link PickledObject}. Throws if its contents exceed the budget. */
export function pickledObject(value: PyValue, budget: Budget, depth: number): PickledObject {
  weigh(value, budget, depth, new Set());
  return PickledObject.around(value);
}

// It is written again, so it must not be nested deeper than what is read. It may contain itself.
function weigh(value: PyValue, budget: Budget, depth: number, seen: Set<PyValue>): void {
  budget.visit(depth);
  if (seen.has(value)) return;
  seen.add(value);
  budget.spend(costOf(value));
  for (const part of partsOf(value)) if (part) weigh(part, budget, depth + 1, seen);
}

function partsOf(value: PyValue): readonly (PyValue | undefined)[] {
  switch (value.kind) {
    case "foreign": {
      const { callable, args, keywords, items, added, entries, states } = value;
      return [callable, args, keywords, ...items, ...added, ...entries.flat(), ...states];
    }
    case "instance":
      return [value.args, ...value.entries.flat(), value.state];
    case "dict":
      return value.entries.flat();
    default:
      return "items" in value ? value.items : [];
  }
}

function typeOf(value: PyValue): string {
  if (value.kind === "global") return nameOf(value);
  if (value.kind === "instance") return nameOf(value.of);
  if (value.kind !== "foreign") return "object";
  // How older protocols make an object: its class is the first argument.
  const [first] = value.args.kind === "tuple" ? value.args.items : [];
  const name = typeOf(value.callable);
  return name.startsWith("copyreg.") && first?.kind === "global" ? nameOf(first) : name;
}
