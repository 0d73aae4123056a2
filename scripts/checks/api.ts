/** What users can name: the exports of every entry and how they are declared, compared with the committed report. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Check } from "../lib.ts";
import { compiled } from "./package.ts";
import { type PublicEntry, publicEntries } from "./surface.ts";

/** Where the report is. `npm run api -- --write` writes it. */
export const apiFile = "scripts/checks/api.txt";

export const api: Check = {
  name: "api",
  about: `the exports are those in ${apiFile} (npm run api -- --write after a change of what users can name)`,
  async run(root) {
    const should = await apiReport(root);
    const is = existsSync(join(root, apiFile)) ? readFileSync(join(root, apiFile), "utf8") : "";
    if (is === should) return [];
    const [before, after] = [new Set(is.split("\n")), new Set(should.split("\n"))];
    const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
    const added = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
    return [
      `${apiFile}:1: what users can name has changed. Meant? Then npm run api -- --write, and commit it`,
      ...[...gone, ...added].slice(0, 20),
    ];
  },
};

/** The report on the package as it is in `src`. */
export async function apiReport(root: string): Promise<string> {
  return reportOn(join(await compiled(root), "dist"), publicEntries(root));
}

/** The names of each entry, then each declaration once, all in the order of the alphabet. `dist` has the compiled declarations. */
export function reportOn(dist: string, publicOnes: readonly Pick<PublicEntry, "specifier" | "source">[]): string {
  const modules = new Map<string, Map<string, Declared>>();
  const entries = publicOnes.map(({ specifier, source }) => {
    const exported = exportsOf(join(dist, source.replace(/^src\/(.*)\.ts$/, "$1.d.ts")), modules);
    return { specifier, exported };
  });
  const sections = new Map<string, Set<string>>();
  const lists = entries.map(({ specifier, exported }) => {
    for (const { file, text } of exported.values()) {
      const name = relative(dist, file).replace(/\.d\.ts$/, "");
      sections.set(name, (sections.get(name) ?? new Set()).add(text));
    }
    return [`# ${specifier}`, ...[...exported.keys()].sort(), ""].join("\n");
  });
  const declared = [...sections]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, texts]) => [`## ${name}`, ...[...texts].sort(), ""].join("\n"));
  return [...lists.sort(), ...declared].join("\n");
}

/** Where and how a name is declared. */
export interface Declared {
  readonly file: string;
  readonly text: string;
}

/** The exports of a compiled declaration file, with those it passes on. */
export function exportsOf(file: string, modules: Map<string, Map<string, Declared>>): Map<string, Declared> {
  const known = modules.get(file);
  if (known) return known;
  const exported = new Map<string, Declared>();
  modules.set(file, exported);
  const own = new Map<string, string>();
  for (const text of statementsOf(readFileSync(file, "utf8"))) {
    const [, names, from] = /^export (?:type )?\{(.*)\}(?: from "(.*)")?;$/.exec(text) ?? [];
    if (names === undefined) {
      const [, name] = /^(?:export )?(?:default )?(?:declare )?(?:abstract )?\w+ ([\w$]+)/.exec(text) ?? [];
      const shown = text.startsWith("export default ")
        ? "default"
        : text.startsWith("declare global")
          ? "global"
          : name;
      if (!shown || text.startsWith("import ")) continue;
      own.set(shown, text);
      if (/^(export|declare global) ?/.test(text)) exported.set(shown, { file, text });
      continue;
    }
    for (const one of names
      .split(",")
      .map((part) => part.trim().replace(/^type /, ""))
      .filter(Boolean)) {
      const [name = "", as = name] = one.split(" as ");
      const source = from && join(dirname(file), from.replace(/\.[jt]s$/, ".d.ts"));
      const found = source ? exportsOf(source, modules).get(name) : { file, text: own.get(name) ?? name };
      if (!found) throw new Error(`${file} passes on ${name}, which ${source} does not export`);
      exported.set(as, found);
    }
  }
  return exported;
}

/** The statements of a declaration file as the compiler writes it, without comments: each begins in the first column. */
export function statementsOf(text: string): string[] {
  const plain = text.replace(/^[ \t]*\/\*\*?[\s\S]*?\*\/[ \t]*\n/gm, "").replace(/^[ \t]*\/\/.*\n/gm, "");
  return plain
    .split(/^(?=(?:export|declare|import|interface|type|abstract|class|const|function)\b)/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "" && statement !== "export {};");
}
