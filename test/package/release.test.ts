/** A release from a clean checkout, up to what the workflow does with the tag: nothing is published. */

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Finished, projectRoot, run } from "../../scripts/lib.ts";

const checkout = mkdtempSync(join(tmpdir(), "sojourn-release-"));
const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string };
const tag = `v${version}`;
const changelog = join(checkout, "CHANGELOG.md");

const release = (...args: string[]): Promise<Finished> =>
  run("node", [join(checkout, "scripts", "release.ts"), ...args], { cwd: checkout });

async function git(...args: string[]): Promise<string> {
  const { code, output } = await run("git", args, { cwd: checkout });
  expect(code, output).toBe(0);
  return output.trim();
}

beforeAll(async () => {
  const { code, output } = await run("sh", ["-c", 'git archive HEAD | tar -x -C "$0"', checkout]);
  expect(code, output).toBe(0);
  symlinkSync(join(projectRoot, "node_modules"), join(checkout, "node_modules"));
  await git("init", "--quiet");
  // A bare machine has no identity for git, and the script makes a tag.
  for (const setting of [
    "user.name Test",
    "user.email test@sojourn.test",
    "commit.gpgsign false",
    "tag.gpgsign false",
  ]) {
    await git("config", ...setting.split(" "));
  }
  writeFileSync(join(checkout, ".git", "info", "exclude"), "node_modules\n");
  // As it is before a release is prepared.
  writeFileSync(changelog, readFileSync(changelog, "utf8").replace(`\n## ${version}`, "\n## Unreleased"));
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "A checkout");
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

test("a release without notes, with another tag, or with uncommitted changes is refused", async () => {
  writeFileSync(join(checkout, "left-over"), "");
  const { code, output } = await release("--verify", "v0.0.0");
  rmSync(join(checkout, "left-over"));
  expect(code).toBe(1);
  expect(output).toContain(`CHANGELOG.md has no section "## ${version}"`);
  expect(output).toContain(`the tag must be ${tag}`);
  expect(output).toContain("there are changes that are not committed");
});

test("a prepared release is packed and tagged, and gives the workflow the notes of its version alone", async () => {
  const before = readFileSync(changelog, "utf8");
  writeFileSync(changelog, before.replace("## Unreleased", `## Unreleased\n\n## ${version} (2026-12-01)`));
  await git("commit", "--quiet", "--all", "--message", "Release");
  const tagged = await release("--tag");
  expect(tagged.code, tagged.output).toBe(0);
  expect(tagged.output).toMatch(new RegExp(`^sojourn ${version}: \\d+ files, \\d+ KB packed`, "m"));
  expect(await git("cat-file", "-t", tag)).toBe("tag");

  const notes = join(checkout, ".git", "notes.md");
  const verified = await release("--verify", tag, "--notes", notes);
  expect(verified.code, verified.output).toBe(0);
  expect(readFileSync(notes, "utf8")).toMatch(/^[A-Z-].*\n/);
  expect(readFileSync(notes, "utf8")).not.toMatch(/^## /m);
  expect(await git("status", "--porcelain")).toBe("");
});
