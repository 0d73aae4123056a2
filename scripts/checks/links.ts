/** Every link of the documentation leads to a file and a heading that exist, and the site's navigation shows every page. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { linksOf, resolveLink } from "../docs/links.ts";
import { strayPages } from "../docs/pages.ts";
import { type Check, filesBelow } from "../lib.ts";

export const links: Check = {
  name: "links",
  about: "every link of the documentation leads to a file and heading that exist; the site shows every page",
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
    return [...dead, ...stray];
  },
};
