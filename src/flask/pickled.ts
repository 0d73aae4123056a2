/** Older records: what a pickle says, as nodes, so that a float stays one when the record is rewritten. */

import { Budget } from "./budget.ts";
import { Lowering } from "./lower.ts";
import { costOf } from "./pickle/cost.ts";
import { readTree } from "./pickle/machine.ts";
import { instantOf, objectToJs } from "./pickle/objects.ts";
import { nameOf as classOf, type PyInstance, type PyValue } from "./pickle/values.ts";
import { isTime } from "./storable.ts";
import { type Entry, isKey, type Node, nameOf, scalar } from "./tree.ts";

function instance(object: PyInstance): Node {
  const instant = instantOf(object);
  if (instant && isTime(instant.seconds, instant.nanos)) return { kind: "time", ...instant, at: undefined };
  return new Lowering().lower(objectToJs(object));
}

/** The value of a pickle, read through a whitelist. Throws for whatever is not on it; executes nothing. */
export function readPickled(payload: Uint8Array): Node {
  const budget = new Budget(payload.length);

  function nodeOf(value: PyValue, depth: number): Node {
    budget.visit(depth);
    budget.spend(costOf(value));
    switch (value.kind) {
      case "atom":
      case "int":
        return scalar(value.value);
      case "float":
        return { kind: "float", value: value.value, at: undefined };
      case "list":
      case "tuple":
      case "set":
      case "frozenset":
        return { kind: "list", items: value.items.map((item) => nodeOf(item, depth + 1)), at: undefined };
      case "dict":
        return dictOf(value.entries, depth);
      case "instance":
        if (classOf(value.of) === "collections.OrderedDict") return dictOf(value.entries, depth);
        return instance(value);
      case "str":
      case "bytes":
      case "bytearray":
        return new Lowering().lower(value.value);
      case "global":
      case "foreign":
        throw new TypeError("not a session: an object that neither MessagePack nor JSON can represent");
    }
  }

  function dictOf(pairs: readonly (readonly [PyValue, PyValue])[], depth: number): Node {
    const entries = new Map<unknown, Entry>();
    for (const [name, item] of pairs) {
      const key = nodeOf(name, depth + 1);
      if (!isKey(key)) throw new TypeError("not a session: a key that Python does not accept");
      entries.set(nameOf(key), [key, nodeOf(item, depth + 1)]);
    }
    return { kind: "dict", entries, at: undefined };
  }

  return nodeOf(readTree(payload), 0);
}
