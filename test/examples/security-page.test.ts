/** Every test that docs/security.md names is there, under that name, in that file. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../scripts/lib.ts";

const page = readFileSync(join(projectRoot, "docs/security.md"), "utf8");
const rows = page.split("\n").filter((line) => /^\| \d+\.\d+\.\d+ \|/.test(line));
const cellsOf = (row: string): string[] =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

test("all 19 requirements of V7, all 5 of V3.3 and all 4 of V4.4 are answered", () => {
  const ids = rows.map((row) => cellsOf(row)[0] ?? "");
  const of = (chapter: string, counts: number[]): string[] =>
    counts.flatMap((count, at) => Array.from({ length: count }, (_, one) => `${chapter}.${at + 1}.${one + 1}`));
  const section = (name: string, count: number): string[] =>
    Array.from({ length: count }, (_, one) => `${name}.${one + 1}`);
  expect(ids).toEqual([...of("7", [3, 4, 2, 5, 3, 2]), ...section("3.3", 5), ...section("4.4", 4)]);
});

for (const row of rows) {
  const [id = "", asks = "", sojourn = "", you = "", shown = ""] = cellsOf(row);
  test(`${id} ${asks}: by sojourn with a test, or by you`, () => {
    if (shown === "") {
      expect(you).not.toBe("");
      expect(sojourn).toBe("");
      return;
    }
    const [, file = "", name = ""] = /^`([^`]+)`: (.+)$/.exec(shown) ?? [];
    expect([file, existsSync(join(projectRoot, file))]).toEqual([file, true]);
    expect(readFileSync(join(projectRoot, file), "utf8")).toMatch(
      new RegExp(`(test\\(|name: )"${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"`),
    );
  });
}
