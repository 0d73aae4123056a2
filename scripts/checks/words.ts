/** Plain English: words that make a reader go back to the start of the sentence must not return to pages, comments and titles of tests. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, filesBelow } from "../lib.ts";

/** Each with what to write instead. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\b(?:nobody|whoever|somebody)\b/i, "name the actor: the client, the handler, the user, an attacker"],
  [/\bmeanwhile\b/i, 'say when: "in between", "during the request"'],
  [/\banew\b/i, '"again"'],
  [/\b(?<!ahead )of yours\b/i, '"your …"'],
  [/\b(?:is|are) told\b/i, "say who learns it, and how: an event, a return value, an error"],
  [/\b(?:he|his|him)\b/, 'users are "they"'],
];

export const plainWords: Check = {
  name: "words",
  about: "pages, comments and test titles keep to plain English: subjects that act, one word per thing",
  run(root) {
    const pages = ["README.md", "CHANGELOG.md", ...filesBelow(root, "docs", ".md")].filter(
      (file) => !file.startsWith("docs/decisions/"),
    );
    const sources = filesBelow(root, "src", ".ts");
    const read = [...pages, ...sources].flatMap((file) =>
      textOf(root, file)
        .split("\n")
        .flatMap((line, index) => complaints(`${file}:${index + 1}`, proseOf(file, line))),
    );
    const tests = [...filesBelow(root, "test", ".ts"), ...sources.filter((file) => file.startsWith("src/testing/"))];
    return [...read, ...tests.flatMap((file) => titlesOf(file, textOf(root, file)))];
  },
};

/** A title of a test stands behind `test(`, `describe.skipIf(…)(`, or is the name of a case in a suite. */
const title =
  /(?:\b(?:test|describe|it)(?:\.\w+(?:\((?:[^()]|\([^()]*\))*\))?)*\(\s*|\bname: )(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;

function titlesOf(file: string, text: string): string[] {
  return [...text.matchAll(title)].flatMap((found) => {
    const line = text.slice(0, found.index).split("\n").length;
    return complaints(`${file}:${line}`, found[2] ?? "");
  });
}

function complaints(where: string, prose: string): string[] {
  return words
    .filter(([word]) => word.test(prose))
    .map(([word, instead]) => `${where}: "${word.exec(prose)?.[0]}": ${instead}`);
}

/** What a person reads of a line: of a page all but code and names of tests, of a program its comment. */
function proseOf(file: string, line: string): string {
  const prose = file.endsWith(".md")
    ? line.replace(/`test\/[^|]*/g, "")
    : /(?:^\s*(?:\/\*\*|\*|\/\/)|\s\/\/\s)(.*)/.exec(line)?.[1];
  return (prose ?? "").replace(/`[^`]*`|"[^"]*"/g, "");
}

function textOf(root: string, file: string): string {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return "";
  }
}
