/** Plain English: words that make a reader go back to the start of the sentence must not return to pages and comments. */

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
  about: "pages and comments keep to plain English: subjects that act, one word per thing",
  run(root) {
    const pages = ["README.md", "CHANGELOG.md", ...filesBelow(root, "docs", ".md")].filter(
      (file) => !file.startsWith("docs/decisions/"),
    );
    const sources = filesBelow(root, "src", ".ts");
    return [...pages, ...sources].flatMap((file) => {
      const text = read(join(root, file));
      return text.split("\n").flatMap((line, index) => {
        const prose = proseOf(file, line);
        return words
          .filter(([word]) => word.test(prose))
          .map(([word, instead]) => `${file}:${index + 1}: "${word.exec(prose)?.[0]}": ${instead}`);
      });
    });
  },
};

/** What a person reads of a line: of a page all but code and names of tests, of a program its comment. */
function proseOf(file: string, line: string): string {
  const prose = file.endsWith(".md")
    ? line.replace(/`test\/[^|]*/g, "")
    : /(?:^\s*(?:\/\*\*|\*|\/\/)|\s\/\/\s)(.*)/.exec(line)?.[1];
  return (prose ?? "").replace(/`[^`]*`|"[^"]*"/g, "");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
