/** What the scripts share: where the project is, its files, and running a program. */

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of `package.json`. */
export const projectRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What a check found wrong, one line each: `file:line: what is wrong and what to do`. Empty: all is well. */
export type Problems = readonly string[];

/** One invariant of the project. `root` is the project, or in the checks' own tests a small tree that breaks it. */
export interface Check {
  readonly name: string;
  /** What holds when the check passes. */
  readonly about: string;
  run(root: string): Problems | Promise<Problems>;
}

export interface Finished {
  readonly code: number;
  /** stdout and stderr as they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Show the output while it comes, too. Default false. */
  readonly show?: boolean;
  /** Milliseconds after which it is killed. Default: none. */
  readonly limit?: number;
}

/** Runs a program to its end. The project's own tools (`tsc`, `biome`, its Node) come first on the PATH. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const env = { ...process.env, ...options.env };
  env.PATH = [join(projectRoot, "node_modules", ".bin"), env.PATH].join(delimiter);
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const cwd = options.cwd ?? projectRoot;
    const child = spawn(command, args, { cwd, env, stdio: [...stdio], timeout: options.limit, killSignal: "SIGKILL" });
    let output = "";
    const take = (chunk: string): void => {
      output += chunk;
      if (options.show) process.stdout.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? 1, output: signal ? `${output}${signal}\n` : output }));
  });
}

/** Every file below `directory` (relative to `root`), as paths relative to `root`, sorted. None if it is absent. */
export function filesBelow(root: string, directory: string, extension: string): string[] {
  const start = join(root, directory);
  if (!existsSync(start)) return [];
  return walk(start)
    .filter((path) => path.endsWith(extension))
    .map((path) => path.slice(root.length + 1))
    .sort();
}

/** Every file below a directory. Links are not followed: one in `examples/node_modules` leads back to the project. */
function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}

/** `1.2 s` */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** The lines of a program's output that say something. */
export function lines(output: string): string[] {
  return output.split("\n").filter((line) => line.trim() !== "");
}
