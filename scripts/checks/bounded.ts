/** A test or script never waits without a limit for a program: vitest cannot end a test that waits synchronously. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Check, filesBelow } from "../lib.ts";

const call = /\b(?:execFileSync|execSync|spawnSync)\(/g;

export const bounded: Check = {
  name: "bounded",
  about: "a program that tests or scripts wait for synchronously has a time limit",
  run(root) {
    return ["test", "scripts", "src/testing"]
      .flatMap((folder) => filesBelow(root, folder, ".ts"))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8");
        return [...text.matchAll(call)]
          .filter(
            ({ index }) => !/\btimeout\b|\boptions\b/.test(text.slice(index, end(text, text.indexOf("(", index)))),
          )
          .map(({ index }) => {
            const line = text.slice(0, index).split("\n").length;
            return `${file}:${line}: give it a timeout in its options: the test's own limit does not reach it`;
          });
      });
  },
};

/** Where the bracket that opens at `at` closes. */
function end(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0) return i;
  }
  return text.length;
}
