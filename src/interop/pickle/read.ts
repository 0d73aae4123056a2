/** Pickles as JavaScript values: read through a whitelist, bounded, without executing anything. */

import { readTree } from "./machine.ts";
import { objectToJs } from "./objects.ts";
import { nameOf, type PyDict, type PyInstance, type PyValue } from "./values.ts";

/** Deeper than anything Python itself would write as msgpack or JSON. */
const deepest = 500;

/** What all values may take, in octets as it were. A value counts as often as it is referred to. */
const mostOctets = 32 * 1024 * 1024;

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

/** A Python value as JavaScript has it. Throws when it is nested too deep, or larger than memory should be used for. */
export function toJs(value: PyValue): unknown {
  let left = mostOctets;
  const convert = (one: PyValue, depth: number): unknown => {
    left -= 16;
    if ("value" in one && (typeof one.value === "string" || one.value instanceof Uint8Array)) left -= one.value.length;
    if (left < 0 || depth > deepest) throw new RangeError("a pickle of too many values, or nested too deep");
    switch (one.kind) {
      case "atom":
      case "int":
      case "float":
      case "str":
        return one.value;
      case "bytes":
      case "bytearray":
        return one.value.slice();
      case "list":
      case "tuple":
        return one.items.map((item) => convert(item, depth + 1));
      case "set":
      case "frozenset":
        return new Set(one.items.map((item) => convert(item, depth + 1)));
      case "dict":
        return dict(one, depth);
      case "instance":
        return nameOf(one.of) === "collections.OrderedDict" ? dict(one, depth) : objectToJs(one);
      case "global":
        throw new TypeError("a class, which is no value");
    }
  };
  const dict = ({ entries }: PyDict | PyInstance, depth: number): unknown => {
    const inside = (item: PyValue): unknown => convert(item, depth + 1);
    if (entries.some(([key]) => key.kind !== "str"))
      return new Map(entries.map(([key, item]) => [inside(key), inside(item)]));
    const object: Record<string, unknown> = Object.create(null);
    for (const [key, item] of entries) object[inside(key) as string] = inside(item);
    return object;
  };
  return convert(value, 0);
}
