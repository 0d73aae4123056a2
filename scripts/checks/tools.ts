/** Checks that another program makes: the compiler, biome, knip. What they say is passed on. */

import { type Check, lines, type Problems, run } from "../lib.ts";

/** Everything that is TypeScript here compiles. */
export const types: Check = {
  name: "types",
  about: "src, test, scripts, bench and examples compile",
  run: (root) => complaints(root, "tsc", ["-p", "tsconfig.json", "--pretty", "false"]),
};

/** The core runs where there is no Node, so it must not need Node's types either. */
export const coreTypes: Check = {
  name: "core-types",
  about: "the core, and all that must load on every runtime, compiles without Node's types",
  run: (root) => complaints(root, "tsc", ["-p", "tsconfig.core.json", "--pretty", "false"]),
};

export const lint: Check = {
  name: "lint",
  about: "biome has nothing to say about rules or format",
  run: (root) =>
    complaints(root, "biome", ["check", "--colors=off", "--max-diagnostics=50", "--error-on-warnings", "."]),
};

export const unused: Check = {
  name: "unused",
  about: "knip finds no unused file, export or dependency",
  run: (root) => complaints(root, "knip", ["--no-progress"]),
};

async function complaints(root: string, command: string, args: readonly string[]): Promise<Problems> {
  const { code, output } = await run(command, args, { cwd: root });
  if (code === 0) return [];
  return lines(output).length > 0 ? lines(output) : [`${command} ended with ${code} and said nothing`];
}
