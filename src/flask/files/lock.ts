/** One writer at a time among the processes and threads that use this library: a file that exists while one of them writes. */

import { closeSync, fstatSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";

/**
 * A lock file older than this, in milliseconds, was left by a process that died: a holder keeps it only during one
 * synchronous step, which takes less than a thousandth of this time.
 */
const longestHold = 2000;
/** How long to wait for the lock, in milliseconds, before an error is thrown. */
const longestWait = 20_000;

/** Which file it is: an inode may be reused, but not within one tick of the clock. */
interface Identity {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

/** Runs a synchronous step that no other holder of this lock runs at the same time. `isMine` is false when the lock was taken for left. */
export async function locked<T>(path: string, nonce: () => string, step: (isMine: () => boolean) => T): Promise<T> {
  for (const began = performance.now(); ; ) {
    const mine = take(path);
    if (mine) {
      const isMine = (): boolean => same(look(path), mine);
      try {
        return step(isMine);
      } finally {
        if (isMine()) rmSync(path, { force: true });
      }
    }
    if (performance.now() - began > longestWait) throw new Error("The directory of the sessions stays locked");
    breakIfLeft(path, nonce);
    await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 4));
  }
}

function take(path: string): Identity | undefined {
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  try {
    return fstatSync(file, { bigint: true });
  } finally {
    closeSync(file);
  }
}

function look(path: string): Identity | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function same(a: Identity | undefined, b: Identity | undefined): boolean {
  return a !== undefined && a.ino === b?.ino && a.mtimeNs === b.mtimeNs;
}

function breakIfLeft(path: string, nonce: () => string): void {
  const left = look(path);
  if (!left || Number(left.mtimeNs / 1_000_000n) > Date.now() - longestHold) return;
  const aside = path.replace(/[^/\\]*$/, () => nonce());
  try {
    renameSync(path, aside);
    // Another process was faster, and this is the lock of a living: back with it, unless there is one again.
    if (!same(look(aside), left)) linkSync(aside, path);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
