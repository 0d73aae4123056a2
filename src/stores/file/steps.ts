/** File system steps of the file store, whose expected failures are answers and not errors. */

import { createHash, randomBytes } from "node:crypto";
import { open, readdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";

/** What is not there. */
export const gone: readonly string[] = ["ENOENT", "ENOTDIR"];

/** A directory cannot be renamed onto one with something in it; on Windows, onto none at all. */
export const occupied: readonly string[] =
  process.platform === "win32" ? ["EEXIST", "ENOTEMPTY", "EPERM", "EACCES"] : ["EEXIST", "ENOTEMPTY"];

/** How long, in milliseconds, what may be the unfinished work of a call is left alone. A call takes milliseconds. */
export const grace = 60_000;

/** A tree of directories of the store. */
export interface Tree {
  /** The directory at its top. */
  readonly root: string;
  /** The directory the user named: it and all below is for this user alone. */
  readonly base: string;
  /** Whether what is written is on disk before a call resolves. */
  readonly durable: boolean;
}

/** Whether a step succeeded, or failed in one of the expected ways. */
export async function attempt(step: Promise<unknown>, expected: readonly string[]): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    if (expected.includes(codeOf(error))) return false;
    throw error;
  }
}

/** Removes what is not needed. If that fails, the next caller tries again. */
export async function tidy(step: Promise<unknown>): Promise<void> {
  await step.catch(() => {});
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code);
}

/** The names in a directory, or `undefined` when there is none. */
export async function listing(directory: string): Promise<string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (gone.includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** The bytes of a file, or `undefined` when there is none. */
export async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    const file = await open(path, "r");
    try {
      // One read instead of a stat and two, which is what readFile does: most records are small.
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(16_384), 0, 16_384, null);
      const head = buffer.subarray(0, bytesRead);
      if (bytesRead < buffer.length) return head;
      return Buffer.concat([head, await file.readFile()]);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (gone.includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** Writes a file that must not exist, for this user alone; on disk when it resolves, if `durable`. */
export async function writeNew(path: string, content: Uint8Array | undefined, durable: boolean): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    if (content) await file.writeFile(content);
    if (durable) await file.sync();
  } catch (error) {
    await tidy(unlink(path));
    throw error;
  } finally {
    await file.close();
  }
}

/** Brings the entries of a directory to disk, if `durable`. */
export async function settle(directory: string, durable: boolean): Promise<void> {
  if (!durable || process.platform === "win32") return; // Windows cannot: it journals them by itself.
  await attempt(
    open(directory, "r").then((handle) => handle.sync().finally(() => handle.close())),
    gone,
  );
}

/** 16 random hexadecimal digits. */
export function nonce(): string {
  return randomBytes(8).toString("hex");
}

/** The name of a key or a subject on disk: lower-case, for file systems that do not know the difference. */
export function nameOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const shardName = /^[0-9a-f]{2}$/;
const ownName = /^[0-9a-f]{64}(?:\.[0-9a-f]{16})?$/;

/** The path of a name in a tree: in one of 256 directories, by its first two digits. */
export function pathOf({ root }: Tree, name: string): string {
  return join(root, name.slice(0, 2), name);
}

/** Every name of a record or draft in a tree, in order, from the first that follows `after`. */
export async function* namesIn({ root }: Tree, after: string): AsyncIterable<string> {
  for (const shard of ((await listing(root)) ?? []).sort()) {
    if (!shardName.test(shard) || shard < after.slice(0, 2)) continue;
    const names = (await listing(join(root, shard))) ?? [];
    for (const name of names.sort()) if (name > after && ownName.test(name)) yield name;
  }
}

/** Removes a directory that another process may still be filling. Renames it first, so that the other process's work fails. */
export async function discard(directory: string): Promise<void> {
  const aside = `${directory.slice(0, directory.lastIndexOf("."))}.${nonce()}`;
  if (await attempt(rename(directory, aside), gone)) await tidy(rm(aside, { recursive: true, force: true }));
}
