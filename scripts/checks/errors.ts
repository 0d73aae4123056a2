/** Every error code is on the page docs/errors.md, with the status it has, and the page has no other. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Check } from "../lib.ts";

export const errors: Check = {
  name: "errors",
  about: "docs/errors.md explains every code of core/contracts/errors.ts, with its status, and no other",
  run(root) {
    const source = readFileSync(join(root, "src/core/contracts/errors.ts"), "utf8");
    const page = readFileSync(join(root, "docs/errors.md"), "utf8");
    const codes = new Map(
      [...source.matchAll(/^ {2}(ERR_[A-Z_]+): (\d{3}),/gm)].map((match) => [match[1]!, match[2]!]),
    );
    const sections = new Map(
      page
        .split(/^## /m)
        .slice(1)
        .map((section) => [section.split("\n")[0]!.trim(), section] as const),
    );
    const problems: string[] = codes.size === 0 ? ["src/core/contracts/errors.ts:1: no error codes found"] : [];
    for (const [code, status] of codes) {
      const section = sections.get(code);
      if (!section) problems.push(`docs/errors.md: has no section "## ${code}"`);
      else if (!new RegExp(`^Status ${status}\\b`, "m").test(section))
        problems.push(`docs/errors.md: ${code} must say "Status ${status}"`);
    }
    for (const [code] of new Map([...page.matchAll(/\bERR_[A-Z_]+\b/g)].map((match) => [match[0], true]))) {
      if (!codes.has(code))
        problems.push(`docs/errors.md: explains ${code}, which src/core/contracts/errors.ts does not have`);
    }
    return problems;
  },
};
