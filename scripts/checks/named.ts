/** Whether users can name what adapters are declared with: the types of their options, requests and results. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "../lib.ts";
import { type Declared, exportsOf, statementsOf } from "./api.ts";
import { compiled } from "./package.ts";
import { publicEntries } from "./surface.ts";

export const named: Check = {
  name: "named",
  about: "what the declarations of adapters use is exported by their entry, or by sojourn",
  async run(root) {
    const dist = join(await compiled(root), "dist");
    const modules = new Map<string, Map<string, Declared>>();
    const core = exportsOf(join(dist, "index.d.ts"), modules);
    return publicEntries(root).flatMap(({ specifier, source }) => {
      if (!specifier.startsWith("sojourn/frameworks/")) return [];
      const exported = exportsOf(join(dist, source.replace(/^src\/(.*)\.ts$/, "$1.d.ts")), modules);
      const used = new Set([...exported.values()].flatMap(namesIn));
      const missing = [...used].filter((name) => !exported.has(name) && !core.has(name));
      return missing.map((name) => `${source}:1: uses ${name} in what it exports, and does not export it`);
    });
  },
};

/** The names a declaration uses that its file imports, or has for itself. */
function namesIn({ file, text }: Declared): string[] {
  const known = statementsOf(readFileSync(file, "utf8")).flatMap((statement) => {
    const [, imported] = /^import (?:type )?\{(.*)\} from "\./.exec(statement) ?? [];
    if (imported !== undefined) return imported.split(",").map((one) => one.replace("type ", "").trim());
    return /^(?:declare )?(?:interface|type|class) (\w+)/.exec(statement)?.slice(1, 2) ?? [];
  });
  return known.filter((name) => new RegExp(`\\b${name}\\b`).test(text));
}
