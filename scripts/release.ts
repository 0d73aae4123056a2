/**
 * `npm run release`: prepares a release. Without options it checks that everything is ready and prints the notes;
 * `--tag` also makes the tag. In the workflow, `--verify v1.2.3 --notes FILE` checks the tag and writes the notes.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot, run } from "./lib.ts";

const { values: options } = parseArgs({
  options: { verify: { type: "string" }, notes: { type: "string" }, tag: { type: "boolean", default: false } },
});

const { version, name } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as Record<string, string>;
const tag = `v${version}`;
const problems: string[] = [];

const notes = notesOf(readFileSync(join(projectRoot, "CHANGELOG.md"), "utf8"), String(version));
if (notes === undefined)
  problems.push(`CHANGELOG.md has no section "## ${version}"; rename "## Unreleased" and add the date`);
if (options.verify !== undefined && options.verify !== tag) {
  problems.push(`the tag is ${options.verify}, and package.json has version ${version}: the tag must be ${tag}`);
}
if ((await git("status", "--porcelain")) !== "") problems.push("there are changes that are not committed");
if (options.verify === undefined && (await git("tag", "--list", tag)) !== "")
  problems.push(`the tag ${tag} exists: raise the version in package.json`);

const packed = await run("npm", ["pack", "--dry-run", "--json", "--loglevel=error"]);
if (packed.code !== 0) problems.push(`npm pack: ${packed.output}`);
else {
  const [report] = JSON.parse(packed.output.slice(packed.output.indexOf("[\n"))) as {
    size: number;
    files: { path: string }[];
  }[];
  console.log(`${name} ${version}: ${report?.files.length} files, ${Math.round((report?.size ?? 0) / 1024)} KB packed`);
  for (const wanted of ["dist/index.js", "dist/index.d.ts", "README.md", "LICENSE"]) {
    if (!report?.files.some(({ path }) => path === wanted)) problems.push(`the package lacks ${wanted}`);
  }
}
if (!existsSync(join(projectRoot, ".github/workflows/release.yml")))
  problems.push("there is no .github/workflows/release.yml to publish the tag");

if (problems.length > 0) {
  console.error(`Not ready:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  process.exit(1);
}
if (options.notes !== undefined) writeFileSync(options.notes, `${notes}\n`);
else console.log(`\n${notes}\n`);
if (options.tag) {
  await git("tag", "--annotate", tag, "--message", `${name} ${version}`);
  console.log(`Made the tag ${tag}. Push it, and the workflow publishes: git push origin ${tag}`);
} else if (options.verify === undefined) {
  console.log(`Ready. npm run release -- --tag makes the tag ${tag}.`);
}

/** The changelog's section for a version, without its heading. */
function notesOf(changelog: string, wanted: string): string | undefined {
  const section = changelog
    .split(/^## /m)
    .find((part) => part.startsWith(wanted) && !/^[\w.-]/.test(part.slice(wanted.length)));
  return section?.slice(section.indexOf("\n")).trim();
}

async function git(...args: string[]): Promise<string> {
  const { code, output } = await run("git", args);
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${output}`);
  return output.trim();
}
