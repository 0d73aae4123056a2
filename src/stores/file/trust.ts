/** Refuses a directory that another user of the machine could replace, who could then make sessions. */

import { chmodSync, lstatSync, readlinkSync, type Stats, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, parse, sep } from "node:path";
import { codeOf, settle, type Tree } from "./steps.ts";

/** A directory that another program writes in as well, which keeps its mode. */
export interface Shared {
  /** The function that refuses it: `"flaskFiles"`. */
  readonly by: string;
  /** The number of the user that program runs as, where it is another one than this process's. */
  readonly owner: number | undefined;
}

/**
 * Says whether the directory is there, at every call, and throws where it cannot be trusted. The way to it is walked at
 * the first call, and again whenever another directory is in its place. One that is not shared is for this user alone.
 */
export function guardOf(directory: string, shared?: Shared): () => boolean {
  let known: Stats | undefined;
  return () => {
    const found = shared ? statSync(directory, { throwIfNoEntry: false }) : entry(directory);
    if (!found) return false;
    if (known && found.ino === known.ino && found.dev === known.dev && found.uid === known.uid) return true;
    known = undefined;
    if (!shared) checkOwn(directory, found);
    if (!checkWay(directory, shared)) return false;
    if (!shared && (found.mode & 0o077) !== 0 && process.platform !== "win32") chmodSync(directory, 0o700);
    known = found;
    return true;
  };
}

function checkOwn(directory: string, found: Stats): void {
  if (!found.isDirectory()) refuse(directory, "it is not a directory", "Remove it, or name another directory.");
  if ((found.mode & 0o022) === 0 || process.platform === "win32") return;
  refuse(directory, "other users could write in it", "Remove it, and the store makes it again.");
}

/** Makes what is missing of `path`: for this user alone from `base` down, above it so that others can pass. */
export async function makeDirectory(path: string, { base, durable }: Omit<Tree, "root">): Promise<void> {
  const above = dirname(base);
  do {
    await mkdir(above, { recursive: true, mode: 0o755 });
    await mkdir(path, { recursive: true, mode: 0o700 });
    // What was there already may be another user's, and what is gone again may be made by one.
  } while (!checkWay(path));
  if (!durable) return;
  for (let each = path; each !== above; each = dirname(each)) await settle(dirname(each), true);
}

/**
 * Throws if anyone but this user, root and the user who shares the directory can replace it. Every directory above it
 * must belong to one of them, and let no others create entries unless it is sticky, as `/tmp` is. Once this is true, it
 * stays true. Returns false if the directory does not exist.
 */
export function checkWay(directory: string, shared?: Shared): boolean {
  const user = process.geteuid?.();
  if (user === undefined || process.platform === "win32") return true; // Windows has no such numbers.
  const { root } = parse(directory);
  const parts = directory.slice(root.length).split(sep);
  let at = root;
  check(at, lstatSync(at), user, true, shared);
  for (let links = 0; parts.length > 0; ) {
    const next = join(at, parts.shift() as string);
    const found = entry(next);
    if (!found) return false;
    if (found.isSymbolicLink() && links < 40) {
      links += 1;
      check(next, found, user, true, shared);
      const target = readlinkSync(next);
      const { root: top } = parse(target);
      if (top !== "") at = top;
      parts.unshift(...target.slice(top.length).split(sep));
    } else {
      check(next, found, user, parts.length > 0, shared);
      at = next;
    }
  }
  return true;
}

function check(path: string, { uid, gid, mode }: Stats, user: number, isAbove: boolean, shared?: Shared): void {
  const link = (mode & 0o170000) === 0o120000;
  if (uid !== user && uid !== 0 && uid !== shared?.owner) {
    const share = `or pass owner: ${uid} if that is the user Flask runs as (fileOwner of sessionsFromConfig).`;
    const other = `or name a directory that only user ${user} and root can replace.`;
    const why = `it belongs to user ${uid}, and this process runs as user ${user}`;
    refuse(path, why, `Run the process as that user, ${shared ? share : other}`, shared);
  }
  // A group with the number of the owner is theirs alone. Two users can share by a group only.
  const byGroup = !isAbove && shared?.owner !== undefined && shared.owner !== user && isMember(gid);
  const others = 0o002 | (gid === uid || byGroup ? 0 : 0o020);
  if (link || (mode & others) === 0 || (isAbove && (mode & 0o1000) !== 0)) return;
  const octal = (mode & 0o7777).toString(8);
  const remedy = "Run chmod go-w on it, or name another directory.";
  refuse(path, `other users can write in it (mode ${octal})`, remedy, shared);
}

/** Whether this process is in a group. */
function isMember(group: number): boolean {
  return process.getegid?.() === group || process.getgroups?.().includes(group) === true;
}

function entry(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function refuse(path: string, why: string, remedy: string, { by }: { readonly by: string } = fileStore): never {
  throw new Error(`${by} refuses ${path}: ${why}, so other users could forge sessions. ${remedy}`);
}

const fileStore = { by: "The file store" };
