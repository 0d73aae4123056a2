/** A directory of cachelib's `FileSystemCache`, step by synchronous step. */

import { createHash, randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { checkWay, guardOf, type Shared } from "../../stores/file/trust.ts";
import { readTree } from "../pickle/machine.ts";
import { pyInt } from "../pickle/values.ts";
import { writeTree } from "../pickle/write.ts";
import { decodeEntry, type Entry, encodeEntry, endOf, type Header } from "./entry.ts";
import { locked } from "./lock.ts";

/** What cachelib takes for none of its sessions, and leaves alone: its own unfinished files end so. */
const aside = ".__wz_cache";
const countKey = "__wz_cache_count";

/** How a version of cachelib keeps sessions. */
export interface Generation {
  readonly hash: "sha256" | "md5";
  readonly header: Header;
}

/** A file of a session, held open: as long as it is, no other file can be taken for it. */
export interface Held {
  readonly path: string;
  readonly file: number;
  readonly ino: bigint;
  /** `null`: it cannot be read. */
  readonly entry: Entry | null;
}

/** The directory, for one holder of its lock. */
export class Directory {
  readonly #path: string;
  readonly #generation: Generation;
  readonly #mode: number;
  readonly #shared: Shared;
  /** Whether the directory is there. Throws where another user could have put sessions in it. */
  readonly exists: () => boolean;

  constructor(path: string, generation: Generation, mode: number, owner: number | undefined) {
    this.#path = path;
    this.#generation = generation;
    this.#mode = mode;
    this.#shared = { by: "flaskFiles", owner };
    this.exists = guardOf(path, this.#shared);
  }

  /** Where a session may be: first where this version of cachelib looks, then where the others did. */
  pathsOf(key: string): readonly [string, string] {
    const { hash } = this.#generation;
    return [this.#named(key, hash), this.#named(key, hash === "md5" ? "sha256" : "md5")];
  }

  /** Whether it is the name of a session's file. */
  isSession(name: string): boolean {
    return /^([0-9a-f]{32}|[0-9a-f]{64})$/.test(name) && !this.pathsOf(countKey).includes(join(this.#path, name));
  }

  /** Whether it is the name of a file that was never finished. */
  isDraft(name: string): boolean {
    return name.startsWith("tmp") && name.endsWith(aside);
  }

  /** Runs a step that no other process of this library runs at the same time, in a directory that is there. */
  async locked<T>(step: (isMine: () => boolean) => T): Promise<T> {
    const path = join(this.#path, `sojourn${aside}`);
    const attempt = (): Promise<T> => {
      if (!this.exists()) this.#make();
      return locked(path, draftName, step);
    };
    return attempt().catch((error) => {
      if (error?.code !== "ENOENT" || error.path !== path) throw error;
      return attempt();
    });
  }

  /** As much for the group as its files are; for the owner of the directory around it. */
  #make(): void {
    checkWay(this.#path, this.#shared);
    const made = mkdirSync(this.#path, { recursive: true, mode: this.#mode | ((this.#mode & 0o444) >> 2) });
    if (made !== undefined) giveTo(made, statSync(dirname(made)));
    this.exists();
  }

  /** Opens the file at a path. The step must not keep it. */
  hold<T>(path: string, flags: "r" | "r+", step: (held: Held | undefined) => T): T {
    const file = ifThere(() => openSync(path, flags));
    if (file === undefined) return step(undefined);
    try {
      const { ino } = fstatSync(file, { bigint: true });
      return step({ path, file, ino, entry: decodeEntry(readFileSync(file)) });
    } finally {
      closeSync(file);
    }
  }

  /** Whether the file is still the one that was opened. */
  isStill({ path, ino }: Held): boolean {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino === ino;
  }

  /** A new file where there is none; false when there is one. */
  add(path: string, expiresAt: number, payload: Uint8Array): boolean {
    const { header } = this.#generation;
    const draft = this.#draft(encodeEntry({ header }, endOf(header, expiresAt), payload));
    try {
      linkSync(draft, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** Puts another file in the place of this one, with the same header. Between the look and the rename is the only moment in which a writer who does not know the lock can be overlooked. */
  replace(held: Held, entry: Entry, expiresAt: number, payload: Uint8Array, isMine: () => boolean): boolean {
    const draft = this.#draft(encodeEntry(entry, endOf(entry.header, expiresAt), payload), fstatSync(held.file));
    const ready = join(this.#path, draftName());
    try {
      // A change of the directory waits until others that are in flight are over: then the look sees what they did.
      if (!isMine()) return false;
      renameSync(draft, ready);
      if (!this.isStill(held)) return false;
      renameSync(ready, held.path);
      return true;
    } finally {
      rmSync(draft, { force: true });
      rmSync(ready, { force: true });
    }
  }

  /** Gives a file a later end in its place: if it was replaced in between, that changes nothing. */
  prolong({ file, entry }: Held, expiresAt: number): void {
    if (entry?.at !== undefined) writeSync(file, endOf(entry.header, expiresAt), 0, 4, entry.at);
  }

  /** Removes this file, unless there is another in its place. */
  remove(held: Held): boolean {
    return this.isStill(held) && this.removeAny(held.path);
  }

  /** Removes whatever is there. */
  removeAny(path: string): boolean {
    const there = statSync(path, { throwIfNoEntry: false }) !== undefined;
    rmSync(path, { force: true });
    return there;
  }

  /** Keeps the number of files as cachelib does, where it does: it has none when its threshold is 0. */
  count(change: number): void {
    if (change === 0) return;
    const path = this.#named(countKey, this.#generation.hash);
    const known = ifThere(() => decodeEntry(readFileSync(path)));
    const value = known ? numberIn(known.payload) : undefined;
    if (!known || value === undefined) return;
    const bytes = writeTree(pyInt(Math.max(0, value + change)), known.payload[1]);
    const head = encodeEntry(known, new Uint8Array(4), bytes);
    renameSync(this.#draft(head, statSync(path)), path);
  }

  #named(key: string, hash: string): string {
    return join(this.#path, createHash(hash).update(key).digest("hex"));
  }

  /**
   * An unfinished file that Flask can read and write as well: with the owner and mode of the one whose place it takes,
   * or else for the owner of the directory. Flask waits 16 s for each file that it may not open.
   */
  #draft(bytes: Uint8Array, before?: Stats): string {
    const path = join(this.#path, draftName());
    const mode = before ? before.mode & 0o777 : this.#mode;
    const file = openSync(path, "wx", mode);
    try {
      give(file, before ?? statSync(this.#path), mode);
      fchmodSync(file, mode);
      writeFileSync(file, bytes);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
    return path;
  }
}

/** Gives a file to another user, which only root may do. Other processes keep the file, and throw if only they could read it. */
function give(file: number, { uid, gid }: Stats, mode: number): void {
  const now = fstatSync(file);
  if (now.uid === uid && now.gid === gid) return;
  try {
    fchownSync(file, uid, gid);
  } catch (error) {
    if (now.uid === uid || (mode & 0o044) !== 0) return;
    const message = `the sessions in this directory belong to user ${uid}, and this process is user ${now.uid}: Flask could not read what it writes. Run it as the same user, or let the group read: SESSION_FILE_MODE=0640`;
    throw new Error(message, { cause: error });
  }
}

/** The same for a directory; who may not stays its owner. */
function giveTo(path: string, { uid, gid }: Stats): void {
  try {
    chownSync(path, uid, gid);
  } catch {
    // Flask says what it cannot do there.
  }
}

function draftName(): string {
  return `tmp${randomBytes(8).toString("hex")}${aside}`;
}

function numberIn(pickle: Uint8Array): number | undefined {
  try {
    const value = readTree(pickle);
    return value.kind === "int" && typeof value.value === "number" ? value.value : undefined;
  } catch {
    return undefined;
  }
}

function ifThere<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
