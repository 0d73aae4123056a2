/** Reads the imports of TypeScript sources, and follows them. */

import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { filesBelow } from "../lib.ts";

/** One import or re-export. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone after compilation: `import type`, or only `type` names between the braces. */
  readonly typeOnly: boolean;
  /** `export … from`. */
  readonly reexport: boolean;
  /** `import("…")`: loaded when the line runs. */
  readonly dynamic: boolean;
  /** The file of the project it means, relative to the root; `undefined` for packages and `node:`. */
  readonly file: string | undefined;
}

// Formatted by biome, a static import begins at the beginning of a line, and no doc comment does.
const staticImport = /^(import|export)\s+(type\s+)?(?:([^"';]*?)\s*from\s*)?"([^"]+)"/gm;
const dynamicImport = /\bimport\(\s*"([^"]+)"\s*\)/g;

/** The imports of every file below `src`, by path. */
export function importGraph(root: string): Map<string, Import[]> {
  return new Map(filesBelow(root, "src", ".ts").map((file) => [file, importsOf(root, file)]));
}

function importsOf(root: string, file: string): Import[] {
  const text = withoutComments(readFileSync(join(root, file), "utf8"));
  const lineAt = (index: number): number => text.slice(0, index).split("\n").length;
  const found: Import[] = [];
  for (const match of text.matchAll(staticImport)) {
    const [, keyword, type, names, specifier] = match;
    if (keyword === "export" && names === undefined) continue;
    const typeOnly = type !== undefined || onlyTypes(names);
    found.push(edge(specifier!, lineAt(match.index), typeOnly, keyword === "export", false));
  }
  for (const match of text.matchAll(dynamicImport)) {
    const before = text.slice(text.lastIndexOf("\n", match.index) + 1, match.index);
    const typeOnly = /(:|<|typeof|\|)\s*$/.test(before);
    found.push(edge(match[1]!, lineAt(match.index), typeOnly, false, !typeOnly));
  }
  return found;

  function edge(specifier: string, line: number, typeOnly: boolean, reexport: boolean, dynamic: boolean): Import {
    return { specifier, line, typeOnly, reexport, dynamic, file: resolve(root, file, specifier) };
  }
}

function onlyTypes(names: string | undefined): boolean {
  const braces = names?.match(/^\{([^}]*)\}$/)?.[1];
  if (braces === undefined) return false;
  const each = braces.split(",").filter((name) => name.trim() !== "");
  return each.length > 0 && each.every((name) => /^\s*type\s/.test(name));
}

/** `#name` means what package.json says for every runtime: its `default`. */
function resolve(root: string, from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(from), specifier));
  if (!specifier.startsWith("#")) return undefined;
  const { imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
  return imports?.[specifier]?.default?.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts");
}

interface Manifest {
  readonly imports?: Readonly<Record<string, { readonly default?: string }>>;
}

/** Blanks comments, so that lines keep their numbers. Strings stay. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (all, string: string | undefined) => string ?? all.replace(/[^\n]/g, " "),
  );
}
