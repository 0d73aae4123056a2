/** `npm run build`: compiles src to dist, one file per source file. The old dist stays until the new one is complete. */

import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, projectRoot, run, seconds } from "./lib.ts";

/** Compiles `src` into `directory`. Answers what the compiler said, empty when all is well. */
export async function compileTo(directory: string): Promise<string> {
  const { code, output } = await run("tsc", ["-p", "tsconfig.build.json", "--outDir", directory, "--pretty", "false"]);
  return code === 0 ? "" : output || `tsc ended with ${code}`;
}

/** Builds `dist`. Answers what the compiler said, empty when all is well: then `dist` is as new as `src`. */
export async function build(): Promise<string> {
  const scratch = join(projectRoot, ".cache", `build-${process.pid}`);
  const dist = join(projectRoot, "dist");
  mkdirSync(scratch, { recursive: true });
  try {
    const said = await compileTo(join(scratch, "new"));
    if (said) return said;
    if (existsSync(dist)) renameSync(dist, join(scratch, "old"));
    renameSync(join(scratch, "new"), dist);
    return "";
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether `dist` is there and newer than everything it is made of. */
export function isBuilt(): boolean {
  const built = join(projectRoot, "dist", "index.js");
  if (!existsSync(built)) return false;
  const sources = [...filesBelow(projectRoot, "src", ".ts"), "tsconfig.json", "tsconfig.build.json"];
  return sources.every((file) => statSync(join(projectRoot, file)).mtimeMs < statSync(built).mtimeMs);
}

if (import.meta.main) {
  const start = performance.now();
  const said = await build();
  console.log(said || `built dist in ${seconds(performance.now() - start)}`);
  process.exitCode = said ? 1 : 0;
}
