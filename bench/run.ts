/** `npm run bench`: what is measured, and how, is in bench/README.md. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const has = (flag: string): boolean => process.argv.includes(flag);
let programs = ["./in-process.ts", "./hot-session.ts", "./http/run.ts"];
if (has("--scale")) programs = ["./scale.ts"];
else if (has("--in-process")) programs = ["./in-process.ts"];
else if (has("--hot")) programs = ["./hot-session.ts"];

for (const program of programs) {
  const { status } = spawnSync(
    process.execPath,
    ["--conditions=sojourn-source", fileURLToPath(new URL(program, import.meta.url)), ...process.argv.slice(2)],
    { stdio: "inherit" },
  );
  process.exitCode = status ?? 1;
  if (status !== 0) break;
}
