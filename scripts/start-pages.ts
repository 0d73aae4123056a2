/** `npm run test:start`: follows the home page, every start page, and the guides that begin in an empty folder, each in an empty folder of its own, with the packed package. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { followPage } from "./follow-page.ts";
import { filesBelow, projectRoot, seconds } from "./lib.ts";
import { packInto } from "./pack.ts";

const asked = process.argv.slice(2);
const guides = ["login", "login-next", "login-sveltekit", "login-react-router", "testing", "passport", "oidc"].map(
  (name) => `docs/guides/${name}.md`,
);
const start = filesBelow(projectRoot, "docs/start", ".md").filter((page) => page !== "docs/start/README.md");
/** `README` is the home page. */
const pages = ["docs/README.md", ...start, ...guides].filter(
  (page) => asked.length === 0 || asked.includes(basename(page, ".md")),
);
const root = mkdtempSync(join(tmpdir(), "sojourn-start-"));
let failed = pages.length === 0 ? 1 : 0;
try {
  const { tarball } = await packInto(root);
  for (const page of pages) {
    const directory = join(root, basename(page, ".md"), "app");
    mkdirSync(directory, { recursive: true });
    const begin = performance.now();
    const said = await followPage(page, { directory, tarball, limit: 240_000 }).then(
      () => "",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (said) failed += 1;
    console.log(`${said ? "FAIL" : "ok  "}  ${page} (${seconds(performance.now() - begin)})${said && `\n${said}`}`);
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
console.log(`${pages.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
