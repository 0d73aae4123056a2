/** The package as users get it: packed by npm and installed into an empty project. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, isBuilt } from "./build.ts";
import { run } from "./lib.ts";

/** A project outside this one, with the package as its only dependency. Remove `directory` when done. */
export interface Installed {
  readonly directory: string;
  readonly tarball: string;
  /** Paths inside the tarball. */
  readonly files: readonly string[];
}

/** Builds if needed, packs, and installs the tarball offline. */
export async function installPacked(): Promise<Installed> {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-packed-"));
  const { tarball, files } = await packInto(directory);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const installed = await run("npm", ["install", "--offline", "--no-audit", "--no-fund", tarball], { cwd: directory });
  if (installed.code !== 0) throw new Error(`npm install --offline: ${installed.output}`);
  return { directory, tarball, files };
}

/** Builds if needed, and packs. */
export async function packInto(directory: string): Promise<Omit<Installed, "directory">> {
  const said = isBuilt() ? "" : await build();
  if (said) throw new Error(said);
  const packed = await run("npm", [
    "pack",
    "--ignore-scripts",
    "--json",
    "--loglevel=error",
    "--pack-destination",
    directory,
  ]);
  if (packed.code !== 0) throw new Error(`npm pack: ${packed.output}`);
  const [report] = JSON.parse(packed.output.slice(packed.output.indexOf("["))) as {
    filename: string;
    files: { path: string }[];
  }[];
  if (!report) throw new Error(`npm pack: ${packed.output}`);
  return { tarball: join(directory, report.filename), files: report.files.map((file) => file.path) };
}

/** Loads every entry by `import` and by `require` under the Node at `node`. Answers what failed. (`attached` and what is below it are types alone.) */
export async function loadEntries(node: string, directory: string, specifiers: readonly string[]): Promise<string> {
  const { code, output } = await run(node, ["--input-type=module", "-e", program, ...specifiers], { cwd: directory });
  return code === 0 ? "" : output || `node ended with ${code}`;
}

const program = `
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/x.js");
for (const name of process.argv.slice(1)) {
  try {
    const imported = await import(name);
    if (Object.keys(imported).length === 0 && !name.startsWith("sojourn/attached")) throw new Error("it exports nothing");
    const required = require(name);
    // The drop-in is by require what its package is: a function, with all exports on it.
    const { "module.exports": whole = imported, ...named } = imported;
    if (required !== whole) throw new Error("require gives another module than import");
    for (const key of Object.keys(named)) if (required[key] !== named[key]) throw new Error("require gives another " + key);
  } catch (error) {
    console.log(name + " does not load: " + error.message);
    process.exitCode = 1;
  }
}`;
