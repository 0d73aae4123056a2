/** `npm run docs`: builds the documentation site into `site/dist`, after it has installed what the site needs. */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectRoot, run, seconds } from "./lib.ts";

const site = join(projectRoot, "site");

/** What is installed is older than the lock file, or nothing is. */
function mustInstall(): boolean {
  const installed = join(site, "node_modules/.package-lock.json");
  return !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(site, "package-lock.json")).mtimeMs;
}

async function step(command: string, args: readonly string[]): Promise<void> {
  const { code } = await run(command, args, { cwd: site, show: true });
  if (code !== 0) process.exit(code);
}

const start = performance.now();
if (mustInstall()) await step("npm", ["ci"]);
const [mode = "build", ...rest] = process.argv.slice(2);
await step(join(site, "node_modules/.bin/vitepress"), [mode, ".", ...rest]);
console.log(`${mode === "build" ? "site/dist is built" : mode} in ${seconds(performance.now() - start)}`);
