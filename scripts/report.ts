/**
 * `npm run api` and `npm run bundle`: what users can name, and what it weighs. `--write` makes either the committed one.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiFile, apiReport } from "./checks/api.ts";
import { bundleSizes, limitsFile } from "./checks/bundle.ts";
import { projectRoot } from "./lib.ts";

const [what] = process.argv.slice(2);
const write = process.argv.includes("--write");

if (what === "api") {
  const report = await apiReport(projectRoot);
  if (write) writeFileSync(join(projectRoot, apiFile), report);
  else process.stdout.write(report);
} else {
  const sizes = await bundleSizes(projectRoot);
  console.table(sizes.map(({ entry, bytes, gzipped }) => ({ entry, "minified bytes": bytes, gzipped })));
  if (write) {
    const limits = JSON.parse(readFileSync(join(projectRoot, limitsFile), "utf8")) as Record<string, number>;
    const next = sizes.map(({ entry, bytes }) => [entry, Math.max(limits[entry] ?? 0, roomFor(bytes))] as const);
    writeFileSync(join(projectRoot, limitsFile), `${JSON.stringify(Object.fromEntries(next), null, 2)}\n`);
  }
}

/** A limit lets small changes pass: half a kilobyte, and up to the next. */
function roomFor(bytes: number): number {
  return Math.ceil((bytes + 512) / 1024) * 1024;
}
