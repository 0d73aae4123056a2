/** Every link of the documentation, and of the library's messages, leads to a file and a heading that exist, and the site's navigation shows every page. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { linksOf, resolveLink } from "../docs/links.ts";
import { strayPages } from "../docs/pages.ts";
import { type Check, filesBelow } from "../lib.ts";

export const links: Check = {
  name: "links",
  about:
    "every link of the documentation and of messages leads to a file and heading that exist; the site shows every page",
  run(root) {
    const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"].filter((page) =>
      existsSync(join(root, page)),
    );
    const dead = [...pages, ...filesBelow(root, "docs", ".md")].flatMap((file) =>
      linksOf(readFileSync(join(root, file), "utf8")).flatMap(({ href, line }) => {
        const { problem } = resolveLink(root, file, href);
        return problem === undefined ? [] : [`${file}:${line}: ${href} ${problem}`];
      }),
    );
    const stray = strayPages(root).map(
      (file) => `docs/${file}: is in no section of the site; add it to sections in scripts/docs/pages.ts`,
    );
    const told = filesBelow(root, "src", ".ts").flatMap((file) => messageLinks(root, file));
    return [...dead, ...stray, ...told];
  },
};

/** What is wrong with the pages that a source file's messages name. Readers of a message are not in this repository. */
function messageLinks(root: string, file: string): string[] {
  return readFileSync(join(root, file), "utf8")
    .split("\n")
    .flatMap((line, index) => {
      if (/^\s*(\/?\*|\/\/)/.test(line)) return [];
      const at = `${file}:${index + 1}:`;
      const named = Array.from(line.matchAll(/\$\{docs\}([\w/-]+\.md(?:#[\w-]+)?)/g), ([, page]) => page as string);
      const dead = named.flatMap((page) => {
        const { problem } = resolveLink(root, "README.md", `docs/${page}`);
        return problem === undefined ? [] : [`${at} ${page} ${problem}`];
      });
      const bare = line.match(/(?<!main\/)docs\/[\w/-]+\.md/g) ?? [];
      return [
        ...dead,
        ...bare.map((page) => `${at} ${page} is no address: \`docs\` of core/contracts/errors.ts begins one`),
      ];
    });
}
