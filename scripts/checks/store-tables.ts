/** The tables of stores say what the stores declare. */

import type { Check } from "../lib.ts";
import { run } from "../lib.ts";

export const storeTables: Check = {
  name: "store-tables",
  about: "the tables of stores in docs/stores say what the stores declare",
  async run() {
    // In a process of its own: it loads every client there is.
    const { code, output } = await run("node", ["--conditions=sojourn-source", "scripts/store-table.ts"]);
    return code === 0 ? output.split("\n").filter((line) => /^\S+\.md: /.test(line)) : [output];
  },
};
