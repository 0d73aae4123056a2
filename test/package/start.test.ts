/** The home page, the start pages of light frameworks and the guide of a whole login, followed line by line with the packed package. `npm run test:start` does all, each with its own install. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { followPage, packagesOf, shell } from "../../scripts/follow-page.ts";
import { packInto } from "../../scripts/pack.ts";

const pages = [
  "docs/README.md",
  ...["express", "fastify", "koa", "hono", "node", "bun", "deno"].map((name) => `docs/start/${name}.md`),
  "docs/guides/login.md",
];
const root = mkdtempSync(join(tmpdir(), "sojourn-start-"));
let tarball: string;

beforeAll(async () => {
  ({ tarball } = await packInto(root));
  const packages = packagesOf(pages);
  const { code, output } = await shell(`npm install ${tarball} ${packages.join(" ")}`, root);
  expect(code, output).toBe(0);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.concurrent.each(pages)("%s does what it says", async (page) => {
  const directory = join(root, "pages", basename(page, ".md"));
  mkdirSync(directory, { recursive: true });
  await followPage(page, { directory, tarball, installed: true });
});
