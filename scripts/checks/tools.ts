/** Checks that another program makes: the compiler, biome, knip. What they say is passed on. */

import { relative } from "node:path";
import { type Check, lines, type Problems, run } from "../lib.ts";

/** Everything that is TypeScript here compiles. */
export const types: Check = {
  name: "types",
  about: "src, test, scripts, bench and examples compile",
  run: (root) => complaints(root, "tsc", ["-p", "tsconfig.json", "--pretty", "false", ...remembering("types")]),
};

/** The core runs where there is no Node, so it must not need Node's types either. */
export const coreTypes: Check = {
  name: "core-types",
  about: "the core, and all that must load on every runtime, compiles without Node's types",
  run: (root) => complaints(root, "tsc", ["-p", "tsconfig.core.json", "--pretty", "false", ...remembering("core")]),
};

export const lint: Check = {
  name: "lint",
  about: "biome has nothing to say about rules or format (npm run format repairs most)",
  async run(root) {
    const args = ["check", "--reporter=github", "--max-diagnostics=200", "--error-on-warnings", "."];
    const said = await complaints(root, "biome", args);
    const diagnostics = said.flatMap((line) => {
      const [, rule, file, at, text] =
        line.match(/^::(?:error|warning) title=([^,]+),file=([^,]+),line=(\d+),[^:]*::(.*)$/) ?? [];
      if (!file) return [];
      return [`${relative(root, file)}:${at}: ${rule === "format" ? "is not formatted" : `${rule}: ${text}`}`];
    });
    return diagnostics.length > 0 ? diagnostics : said;
  },
};

export const unused: Check = {
  name: "unused",
  about: "knip finds no unused file, export or dependency",
  run: (root) => complaints(root, "knip", ["--no-progress"]),
};

/** The second run looks only at what changed. */
function remembering(name: string): string[] {
  return ["--incremental", "--tsBuildInfoFile", `.cache/${name}.tsbuildinfo`];
}

async function complaints(root: string, command: string, args: readonly string[]): Promise<Problems> {
  const { code, output } = await run(command, args, { cwd: root });
  if (code === 0) return [];
  return lines(output).length > 0 ? lines(output) : [`${command} ended with ${code} and said nothing`];
}
