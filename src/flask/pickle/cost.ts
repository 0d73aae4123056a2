/** What the values of a pickle take in memory. */

import { cost } from "../budget.ts";
import type { PyValue } from "./values.ts";

/** What a value of a pickle takes each time it is referred to, without the values in it. */
export function costOf(value: PyValue): number {
  switch (value.kind) {
    case "atom":
    case "global":
      return cost.slot;
    case "int":
      return value.value >= -32 && value.value <= 127 ? cost.slot : cost.scalar;
    case "float":
      return cost.scalar;
    case "str":
      return cost.scalar + value.value.length * 2;
    case "bytes":
    case "bytearray":
      return cost.bytes + value.value.length * 2;
    case "dict":
      return cost.dict + value.entries.length * cost.entry;
    case "instance": {
      // A decimal or a Markup is as long as its text.
      const [first] = value.args.items;
      return cost.instance + value.entries.length * cost.entry + (first ? costOf(first) : 0);
    }
    case "foreign":
      return cost.instance;
    default:
      return cost.list + value.items.length * cost.slot;
  }
}
