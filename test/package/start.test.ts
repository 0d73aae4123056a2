/** The start pages of light frameworks, followed line by line with the packed package. `npm run test:start` does all, each with its own install. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { followPage, packagesOf, shell } from "../../scripts/follow-page.ts";
import { packInto } from "../../scripts/pack.ts";

const names = ["express", "fastify", "koa", "hono", "node", "bun", "deno"];
const root = mkdtempSync(join(tmpdir(), "sojourn-start-"));
let tarball: string;

beforeAll(async () => {
  ({ tarball } = await packInto(root));
  const packages = packagesOf(names.map((name) => `docs/start/${name}.md`));
  const { code, output } = await shell(`npm install ${tarball} ${packages.join(" ")}`, root);
  expect(code, output).toBe(0);
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.concurrent.each(names)("the start page of %s does what it says", async (name) => {
  const directory = join(root, "pages", name);
  mkdirSync(directory, { recursive: true });
  await followPage(`docs/start/${name}.md`, { directory, tarball, installed: true });
});
