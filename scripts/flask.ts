/** The real Flask with Flask-Session for the interop tests: a virtual environment of Python below `.cache`, brought by pip. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { lines, projectRoot, run } from "./lib.ts";

const requirements = join(projectRoot, "scripts", "flask", "requirements.txt");
const cache = join(projectRoot, ".cache", "flask");

/** `"Flask-Session 0.8.0 with Flask 3.1.3"` */
export const flaskTitle = `Flask-Session ${pinned("Flask-Session")} with Flask ${pinned("Flask")}`;

/** The version of a Python package that the tests run, as `requirements.txt` pins it. */
export function pinned(name: string): string {
  const line = readFileSync(requirements, "utf8")
    .split("\n")
    .find((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}==`));
  return line?.split("==")[1] ?? "";
}

let python: string | undefined;

/** A Python that can make virtual environments, or `undefined`. Debian keeps a part of that in `python3-venv`. */
export function findPython(): string | undefined {
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const candidates = directories.map((directory) => join(directory, "python3")).filter((path) => existsSync(path));
  const test = ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"];
  python ??= candidates.find((path) => spawnSync(path, test, { timeout: 60_000 }).status === 0);
  return python;
}

/** The Python of the environment, or why there is none. */
export function readyFlask(): { readonly python: string } | string {
  const path = environment();
  if (path === undefined) return "no python3 with venv; apt-get install python3-venv";
  const program = join(path, "bin", "python");
  return existsSync(program) ? { python: program } : `${flaskTitle} is not here; \`npm run servers\` brings it`;
}

/** Makes the environment, if it is not there, with pip as this machine has it configured. Answers why not, or nothing when all is well. */
export async function prepareFlask(): Promise<string | undefined> {
  const path = environment();
  if (path === undefined) return "no python3 with venv; apt-get install python3-venv";
  if (existsSync(path)) return undefined;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, "making-"));
  try {
    const made = await run(findPython()!, ["-m", "venv", join(scratch, "venv")]);
    if (made.code !== 0) return `python3 -m venv failed: ${lines(made.output).at(-1)}`;
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    const python = join(scratch, "venv", "bin", "python");
    const installed = await run(python, [...pip, "--requirement", requirements]);
    if (installed.code !== 0) return `pip failed: ${lines(installed.output).at(-1)}`;
    await rename(join(scratch, "venv"), path).catch(() => {}); // Somebody else may have been faster.
    return existsSync(path) ? undefined : `nothing was made at ${path}`;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Where the environment is, or will be: another one for other versions, and for another Python. */
function environment(): string | undefined {
  const program = findPython();
  if (program === undefined) return undefined;
  const version = spawnSync(program, ["-VV"], { encoding: "utf8", timeout: 60_000 }).stdout;
  const digest = createHash("sha256").update(readFileSync(requirements)).update(version).digest("hex");
  return join(cache, digest.slice(0, 16));
}
