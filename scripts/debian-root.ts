/** Programs and libraries of another Debian release than the machine's, unpacked below `.cache` and run from there. Nothing is installed. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lines, projectRoot, run } from "./lib.ts";

const cache = join(projectRoot, ".cache", "debian");

/** The names that the two architectures Debian's packages are used on have there. */
const architectures: Readonly<Record<string, { readonly library: string; readonly loader: string }>> = {
  x64: { library: "x86_64-linux-gnu", loader: "ld-linux-x86-64.so.2" },
  arm64: { library: "aarch64-linux-gnu", loader: "ld-linux-aarch64.so.1" },
};

/** Packages of one release, and all they depend on, their own C library too. */
export interface DebianRoot {
  /** Of the release: `"trixie"`, `"sid"`. */
  readonly suite: string;
  readonly packages: readonly string[];
}

/** Where it is, or `undefined` when nobody has unpacked it. */
export function findDebianRoot({ suite, packages }: DebianRoot): string | undefined {
  const path = join(cache, [suite, ...packages].join("-"));
  return existsSync(path) ? path : undefined;
}

/**
 * Unpacks it, if it is not there, by the machine's own apt: from the mirror that is configured, signatures checked.
 * Answers why not, or nothing when all is well.
 */
export async function prepareDebianRoot(root: DebianRoot): Promise<string | undefined> {
  const { suite, packages } = root;
  if (findDebianRoot(root)) return undefined;
  if (!existsSync("/usr/bin/apt-get")) return "this is not a Debian machine";
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, "unpacking-"));
  try {
    const apt = await aptAt(join(scratch, "apt"), suite);
    if (typeof apt === "string") return apt;
    await apt("update");
    await apt("install", "--download-only", "--yes", "--no-install-recommends", ...packages);
    const archives = join(scratch, "apt", "archives");
    const unpacked = join(scratch, "root");
    for (const file of await readdir(archives)) {
      if (file.endsWith(".deb")) await must("dpkg-deb", ["--extract", join(archives, file), unpacked]);
    }
    // Somebody else may have been faster.
    await rename(unpacked, join(cache, [suite, ...packages].join("-"))).catch(() => {});
    return findDebianRoot(root) ? undefined : `nothing was unpacked into ${cache}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The command that runs a program, one of the machine's or one of the root's, with the libraries of the root. */
export function commandIn(root: string, program: string): [command: string, ...args: string[]] {
  const { library, loader } = architectures[process.arch]!;
  const libraries = join(root, "usr", "lib", library);
  return [join(libraries, loader), "--library-path", `${libraries}:/usr/lib/${library}`, program];
}

/** An apt with lists, archives and a set of installed packages of its own: an empty one. Or why there is none. */
async function aptAt(directory: string, suite: string): Promise<((...args: string[]) => Promise<string>) | string> {
  const mirror = await mirrorOf();
  if (!mirror) return "apt is not configured with a Debian mirror";
  if (!architectures[process.arch]) return `there is no Debian for ${process.arch} here`;
  for (const part of ["lists/partial", "archives/partial"]) await mkdir(join(directory, part), { recursive: true });
  const [sources, status] = [join(directory, "sources.list"), join(directory, "status")];
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await writeFile(sources, `deb [signed-by=${keys}] ${mirror} ${suite} main\n`);
  await writeFile(status, "");
  const settings = {
    "Dir::State": directory,
    "Dir::State::lists": join(directory, "lists"),
    "Dir::State::status": status,
    "Dir::Cache": directory,
    "Dir::Cache::archives": join(directory, "archives"),
    "Dir::Etc::sourcelist": sources,
    "Dir::Etc::sourceparts": "-",
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Debug::NoLocking": "true",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return (...args) => must("apt-get", [...options, ...args]);
}

/** The mirror the machine itself is configured with. */
async function mirrorOf(): Promise<string | undefined> {
  const filters = ["Created-By: Packages", "Origin: Debian", "Label: Debian"];
  const { output } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", ...filters]);
  return lines(output).find((line) => /^https?:/.test(line));
}

async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(command, args);
  if (code === 0) return output;
  throw new Error(`${command} failed with ${code}: ${lines(output).slice(-5).join(" | ")}`);
}
