/** `npm run bench`: what is measured, and how, is in bench/README.md. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const { status } = spawnSync(
  process.execPath,
  ["--conditions=sojourn-source", fileURLToPath(new URL("./http/run.ts", import.meta.url)), ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
