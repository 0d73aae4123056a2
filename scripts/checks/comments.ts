/** What the package exports is explained where it is declared, field by field; every source file says what it is. */

import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { type Check, filesBelow } from "../lib.ts";
import { publicEntries } from "./surface.ts";

export const comments: Check = {
  name: "comments",
  about:
    "every file begins with what it is; every exported declaration and every field of its options has a doc comment",
  run(root) {
    const problems: string[] = [];
    for (const folder of ["src", "scripts", "test", "bench", "examples"]) {
      for (const file of filesBelow(root, folder, ".ts")) {
        const first = readFileSync(join(root, file), "utf8").replace(/^#!.*\n/, "");
        if (!first.startsWith("/**") && folder === "src")
          problems.push(`${file}:1: must begin with a doc comment that says what it is`);
      }
    }
    for (const { source } of publicEntries(root)) {
      for (const { file, name } of exportedBy(root, source)) problems.push(...undocumented(root, file, name));
    }
    return [...new Set(problems)];
  },
};

interface Exported {
  readonly file: string;
  readonly name: string;
}

/** Every declaration a public entry exports, and the file that declares it. */
function exportedBy(root: string, file: string): Exported[] {
  const text = readOrEmpty(join(root, file));
  const own = [...text.matchAll(declaration)].map((match) => ({ file, name: match[1]! }));
  const passedOn = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]+)"/gm)].flatMap((match) => {
    const from = target(file, match[2]!);
    return match[1]!
      .split(",")
      .map(
        (name) =>
          name
            .trim()
            .replace(/^type /, "")
            .split(" as ")[0]!,
      )
      .filter((name) => name !== "")
      .flatMap((name) => exportedBy(root, from).filter((exported) => exported.name === name));
  });
  const all = [...text.matchAll(/^export (?:type )?\* from "([^"]+)"/gm)];
  return [...own, ...passedOn, ...all.flatMap((match) => exportedBy(root, target(file, match[1]!)))];
}

const declaration =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type(?!\s*\{)) ([A-Za-z_$][\w$]*)/gm;

function target(file: string, specifier: string): string {
  if (specifier.startsWith("#")) return `src/core/${specifier.slice(1)}.ts`;
  return normalize(join(dirname(file), specifier));
}

/** Formatted by biome, a declaration begins a line and its members are two spaces in. */
function undocumented(root: string, file: string, name: string): string[] {
  const text = readOrEmpty(join(root, file)).split("\n");
  const problems: string[] = [];
  text.forEach((line, index) => {
    const [, kind] =
      line.match(
        new RegExp(
          `^export (?:declare )?(?:abstract )?(?:async )?(function\\*?|class|const|let|interface|type) ${name.replace("$", "\\$")}\\b`,
        ),
      ) ?? [];
    if (kind === undefined) return;
    if (!isDocumented(text, index, line)) problems.push(`${file}:${index + 1}: ${name} has no doc comment`);
    const explained = kind === "class" || (kind === "interface" && /(Options|Capabilities)$/.test(name));
    if (explained && line.endsWith("{")) problems.push(...membersWithout(text, index, file, name));
  });
  return problems;
}

function membersWithout(text: readonly string[], start: number, file: string, owner: string): string[] {
  const problems: string[] = [];
  for (let at = start + 1; at < text.length && text[at] !== "}"; at += 1) {
    const line = text[at]!;
    const [, modifiers = "", member] = line.match(memberLine) ?? [];
    // A setter is explained where its getter is, an override where it was declared first.
    const hidden = member === undefined || member === "constructor" || /\b(private|override|set) /.test(modifiers);
    if (!hidden && !isDocumented(text, at, line))
      problems.push(`${file}:${at + 1}: ${owner}.${member} has no doc comment`);
  }
  return problems;
}

/** Modifiers, then a name that is not `#private`. */
const memberLine =
  /^ {2}((?:(?:readonly|static|override|private|declare|get|set|async|abstract) )*)(?!(?:readonly|static|async) )([A-Za-z_$][\w$]*|\[[^\]]+\])\??[(:<;!= ]/;

/** A comment ends on the line before, or the line before is another overload of the same name. */
function isDocumented(text: readonly string[], index: number, line: string): boolean {
  const before = text[index - 1]?.trim() ?? "";
  if (before.endsWith("*/") || /^\s*\/\*\*.*\*\//.test(line)) return true;
  const nameOf = (one: string): string | undefined =>
    one.trim().match(/^(?:export )?(?:async )?(?:function )?([\w$]+)[<(]/)?.[1];
  return before.endsWith(";") && nameOf(before) !== undefined && nameOf(before) === nameOf(line);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
