/** Pickles as JavaScript values: read through a whitelist, bounded, without executing anything. */

import { Allowance } from "./allowance.ts";
import { readTree } from "./machine.ts";
import { objectToJs } from "./objects.ts";
import { isOrderedDict, type PyEntry, type PyValue } from "./values.ts";

/**
 * The value of a pickle of any protocol (0 to 5): the ones that Flask-Session up to 0.6 and cachelib write.
 *
 * A dict with text keys is an object without prototype, another dict a `Map`; lists and tuples are arrays, sets are
 * `Set`s, bytes are `Uint8Array`s, integers beyond 2⁵³ are bigints, a datetime with a zone is a `Date`. For the other
 * types on the list (datetime without zone, date, time, timedelta, UUID, Decimal, Markup) it is the text that msgspec
 * makes of them. Whatever is not on the list is refused by throwing; nothing is ever executed.
 */
export function readPickle(bytes: Uint8Array): unknown {
  return toJs(readTree(bytes));
}

/** A Python value as JavaScript has it, made anew: nobody else has it. */
export function toJs(value: PyValue, allowance: Allowance = new Allowance()): unknown {
  return convert(value, 0, allowance);
}

function convert(value: PyValue, depth: number, allowance: Allowance): unknown {
  allowance.spend(value, depth);
  const inside = (item: PyValue): unknown => convert(item, depth + 1, allowance);
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
      return new Set(value.items.map(inside));
    case "dict":
      return dict(value.entries, inside);
    case "instance":
      return isOrderedDict(value) ? dict(value.entries, inside) : objectToJs(value);
    case "global":
      throw new TypeError("a class, which is no value");
  }
}

function dict(entries: readonly PyEntry[], inside: (item: PyValue) => unknown): unknown {
  if (entries.some(([key]) => key.kind !== "str"))
    return new Map(entries.map(([key, item]) => [inside(key), inside(item)]));
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, item] of entries) object[inside(key) as string] = inside(item);
  return object;
}
