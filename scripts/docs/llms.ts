/** `llms.txt` and `llms-full.txt`: the documentation for programs that read it, a list of pages and all of them in one. */

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { siteSections } from "./pages.ts";

/**
 * Writes both into the directory of the built site, and the Markdown of each page beside it, where the list leads. Decisions
 * are left out.
 *
 * @param base The path of the site on its host, `/` at the end.
 */
export function writeForMachines(root: string, directory: string, base: string): void {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const sections = siteSections(root);
  const [, summary = ""] = /^# .*\n\n([\s\S]*?)\n\n/.exec(readme) ?? [];
  const plain = summary.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("\n", " ");
  const list = sections.map(({ text, about, groups }) => {
    const pages = groups.flatMap(({ pages }) => pages).filter(({ file }) => !file.startsWith("decisions/"));
    return [
      `## ${text}`,
      "",
      `${about}.`,
      "",
      ...pages.map(({ title, file }) => `- [${title}](${base}${file})`),
      "",
    ].join("\n");
  });
  writeFileSync(join(directory, "llms.txt"), [`# sojourn`, "", `> ${plain}`, "", ...list].join("\n"));
  const full = sections
    .flatMap(({ groups }) => groups.flatMap(({ pages }) => pages))
    .filter(({ file }) => !file.startsWith("decisions/"))
    .map(({ file }) => `<!-- docs/${file} -->\n\n${readFileSync(join(root, "docs", file), "utf8").trim()}\n`);
  for (const { file } of sections.flatMap(({ groups }) => groups.flatMap(({ pages }) => pages)))
    cpSync(join(root, "docs", file), join(directory, file));
  writeFileSync(join(directory, "llms-full.txt"), [readme, ...full].join("\n---\n\n"));
}
