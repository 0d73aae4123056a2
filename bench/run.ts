/** `npm run bench`: what is measured, and how, is in bench/README.md. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = process.argv.includes("--scale") ? "./scale.ts" : "./http/run.ts";
const { status } = spawnSync(
  process.execPath,
  ["--conditions=sojourn-source", fileURLToPath(new URL(program, import.meta.url)), ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
