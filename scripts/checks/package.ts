/** The package as it is published loads: a quick look; `npm run test:package` packs, installs and type-checks it. */

import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compileTo } from "../build.ts";
import { type Check, lines } from "../lib.ts";
import { loadEntries } from "../pack.ts";
import { publicEntries } from "./surface.ts";

export const packageLoads: Check = {
  name: "package",
  about: "src compiles to a package whose every export loads by import and require, and depends on nothing",
  async run(root) {
    const problems: string[] = [];
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
    for (const field of ["peerDependencies", "optionalDependencies", "bundledDependencies"]) {
      if (field in manifest)
        problems.push(`package.json: ${field} is not used: clients and frameworks are the user's choice`);
    }
    const specifiers = publicEntries(root).map((entry) => entry.specifier);
    // Inside the package its own name means itself, so nothing needs to be installed.
    return [...problems, ...lines(await loadEntries("node", await compiled(root), specifiers))];
  },
};

let compiling: Promise<string> | undefined;

/** A directory with the package as it is compiled from `src`, until this process ends. Rejects with what the compiler said. */
export function compiled(root: string): Promise<string> {
  const directory = join(root, ".cache", `package-${process.pid}`);
  const compile = async (): Promise<string> => {
    process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(root, "package.json"), join(directory, "package.json"));
    const said = await compileTo(join(directory, "dist"));
    if (said) throw new Error(said);
    return directory;
  };
  compiling ??= compile();
  return compiling;
}
