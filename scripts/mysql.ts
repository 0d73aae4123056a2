/** The MySQL server of the tests, which Debian's stable releases do not have: found, or unpacked from the unstable one. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { commandIn, type DebianRoot, findDebianRoot, prepareDebianRoot } from "./debian-root.ts";

const unstable: DebianRoot = { suite: "sid", packages: ["mysql-server-core"] };

/** How to start it: the environment's `MYSQL_SERVER`, else the unpacked one, or `undefined`. */
export function mysqlCommand(): readonly [command: string, ...args: string[]] | undefined {
  const named = process.env.MYSQL_SERVER;
  if (named) return existsSync(named) ? [named] : undefined;
  const root = findDebianRoot(unstable);
  return root === undefined ? undefined : commandIn(root, join(root, "usr", "sbin", "mysqld"));
}

/** Brings it where it is missing and that is possible. Answers why not, or nothing when all is well. */
export async function prepareMysql(): Promise<string | undefined> {
  return mysqlCommand() ? undefined : prepareDebianRoot(unstable);
}

/** `"MySQL 9.7.4"`; empty where there is none. */
export function mysqlVersion(): string {
  const [command, ...args] = mysqlCommand() ?? [];
  if (command === undefined) return "";
  const text = execFileSync(command, [...args, "--no-defaults", "--version"], { encoding: "utf8", timeout: 60_000 });
  return `MySQL ${/Ver (\d+(\.\d+)+)/.exec(text)?.[1] ?? text.trim()}`;
}
