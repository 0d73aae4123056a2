/** Pickles as JavaScript values: read through a whitelist, bounded, without executing anything. */

import { set } from "../../core/record/own-keys.ts";
import { Budget } from "../budget.ts";
import { costOf } from "./cost.ts";
import { readTree } from "./machine.ts";
import { pickledObject } from "./object.ts";
import { objectToJs } from "./objects.ts";
import { holdsForeign, isOrderedDict, type PyEntry, type PyValue } from "./values.ts";

/**
 * The value of a pickle of any protocol (0 to 5): the ones that Flask-Session up to 0.6 and cachelib write.
 *
 * A dict with text keys is a plain object, another dict a `Map`; lists and tuples are arrays, sets are
 * `Set`s, bytes are `Uint8Array`s, integers beyond 2⁵³ are bigints, a datetime with a zone is a `Date`. For the other
 * types on the list (datetime without zone, date, time, timedelta, UUID, Decimal, Markup) it is the text that msgspec
 * makes of them. Whatever is not on the list is refused by throwing; nothing is ever executed.
 */
export function readPickle(bytes: Uint8Array): unknown {
  return toJs(readTree(bytes), new Budget(bytes.length), 0, refused);
}

/** A Python value as JavaScript has it, a fresh copy that is shared with nothing. `depth` is how deep it lies. */
export function toJs(
  value: PyValue,
  budget: Budget,
  depth = 0,
  foreign: typeof pickledObject = pickledObject,
): unknown {
  budget.visit(depth);
  budget.spend(costOf(value));
  const inside = (item: PyValue): unknown => toJs(item, budget, depth + 1, foreign);
  const hashed = (item: PyValue): unknown => {
    const converted = inside(item);
    return isHashable(item) ? converted : unhashable();
  };
  switch (value.kind) {
    case "atom":
    case "int":
    case "float":
    case "str":
      return value.value;
    case "bytes":
    case "bytearray":
      return value.value.slice();
    case "list":
    case "tuple":
      return value.items.map(inside);
    case "set":
    case "frozenset":
      return new Set(value.items.map(hashed));
    case "dict":
      return dict(value.entries, hashed, inside);
    case "instance":
      if (isOrderedDict(value)) return dict(value.entries, hashed, inside);
      if (holdsForeign(value)) return foreign(value, budget, depth);
      return objectToJs(value);
    case "global":
    case "foreign":
      return foreign(value, budget, depth);
  }
}

type Convert = (value: PyValue) => unknown;

function dict(entries: readonly PyEntry[], hashed: Convert, inside: Convert): unknown {
  if (entries.some(([key]) => key.kind !== "str"))
    return new Map(entries.map(([key, item]) => [hashed(key), inside(item)]));
  const object = {};
  for (const [key, item] of entries) set(object, hashed(key) as string, inside(item));
  return object;
}

/** Whether Python takes it for a key or into a set. */
function isHashable(value: PyValue): boolean {
  if (value.kind === "tuple") return value.items.every(isHashable);
  return !["list", "set", "dict", "bytearray"].includes(value.kind) && !isOrderedDict(value);
}

function refused(): never {
  throw new TypeError("a pickle of more than plain values");
}

function unhashable(): never {
  throw new TypeError("a key, or an item of a set, that is not hashable in Python");
}
