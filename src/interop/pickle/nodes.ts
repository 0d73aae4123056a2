/** Pickles as the nodes of Flask-Session's own formats, so that what is rewritten is what Flask-Session would have written. */

import { type Entry, nameOf as entryName, isTime, type Node, scalar } from "../flask-session/tree.ts";
import { Allowance } from "./allowance.ts";
import { readTree } from "./machine.ts";
import { instantOf, objectToJs } from "./objects.ts";
import { nameOf, type PyValue } from "./values.ts";

/**
 * The same as `readPickle`, with what JavaScript has no word for: floats that are whole, microseconds. Tuples and sets
 * are lists, as msgspec writes them. Throws for whatever is not a pickle of plain values.
 */
export function readPickleNodes(bytes: Uint8Array): Node {
  return convert(readTree(bytes), 0, new Allowance());
}

function convert(value: PyValue, depth: number, allowance: Allowance): Node {
  allowance.spend(value, depth);
  const inside = (item: PyValue): Node => convert(item, depth + 1, allowance);
  switch (value.kind) {
    case "float":
      return { kind: "float", value: value.value, at: undefined };
    case "atom":
    case "int":
    case "str":
    case "bytes":
    case "bytearray":
      return scalar(value.value);
    case "list":
    case "tuple":
    case "set":
    case "frozenset":
      return { kind: "list", items: value.items.map(inside), at: undefined };
    case "dict":
      return dict(value.entries, inside);
    case "instance": {
      if (nameOf(value.of) === "collections.OrderedDict") return dict(value.entries, inside);
      const instant = instantOf(value);
      if (!instant) return scalar(objectToJs(value) as string);
      if (!isTime(instant.seconds, instant.nanos)) throw new RangeError("an instant that Python's dates are not in");
      return { kind: "time", ...instant, at: undefined };
    }
    case "global":
      throw new TypeError("a class, which is no value");
  }
}

function dict(pairs: readonly [PyValue, PyValue][], inside: (item: PyValue) => Node): Node {
  const entries = new Map<unknown, Entry>();
  for (const [one, item] of pairs) {
    const key = inside(one);
    entries.set(entryName(key), { key, value: inside(item) });
  }
  return { kind: "dict", entries, at: undefined };
}
