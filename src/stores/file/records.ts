/** Records in directories of their own: every step that reads, makes, moves or removes one. */

import { mkdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ListedRecord, StoredRecord } from "../../core/contracts/store.ts";
import { clear, clearOlder, landingPath, look, type Mark, markPath, newVersion } from "./mark.ts";
import { decodeRecord, type RecordFile } from "./record-file.ts";
import {
  attempt,
  codeOf,
  contentOf,
  discard,
  gone,
  grace,
  nameOf,
  namesIn,
  nonce,
  occupied,
  pathOf,
  settle,
  type Tree,
  tidy,
  writeNew,
} from "./steps.ts";
import { makeDirectory } from "./trust.ts";

const draftName = /^[0-9a-f]{64}\.[0-9a-f]{16}$/;

/** What to write: the bytes of the record file, and when the record ends. */
export interface Content {
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
}

/** A live record. */
export interface FoundRecord extends RecordFile {
  readonly version: string;
  readonly life: string;
  readonly expiresAt: number;
}

/** The records in one tree, by name. */
export class Records {
  readonly #tree: Tree;
  readonly #now: () => number;

  constructor(tree: Tree, now: () => number) {
    this.#tree = tree;
    this.#now = now;
  }

  /** The live record of that name. */
  async find(name: string): Promise<FoundRecord | undefined> {
    const directory = pathOf(this.#tree, name);
    let seen: string | undefined;
    for (;;) {
      const mark = await look(directory);
      if (!mark || !this.#isLive(mark)) return undefined;
      const content = await contentOf(join(directory, mark.version));
      const record = content && decodeRecord(content);
      if (record && nameOf(record.key) === name) {
        return { ...record, version: mark.version, life: mark.life, expiresAt: mark.expiresAt };
      }
      // Replaced while we looked, or, if the mark is still the same, damaged: then there is no record.
      if (mark.path === seen) return undefined;
      seen = mark.path;
    }
  }

  /** Stores a new record. `null` when there is a live one. */
  create(name: string, content: Content, life: string): Promise<string | null> {
    return this.#install(name, content, life, true);
  }

  /** Replaces the record if `version` is current. */
  async update(name: string, { bytes, expiresAt }: Content, version: unknown): Promise<string | null> {
    const directory = pathOf(this.#tree, name);
    let mark = await look(directory);
    if (!this.#allows(mark, version)) return null;
    const next = newVersion(mark.life);
    const path = join(directory, next);
    if (!(await attempt(writeNew(path, bytes, this.#tree.durable), gone))) return null;
    const target = markPath(directory, next, expiresAt);
    while (!(await attempt(rename(mark.path, target), gone))) {
      mark = await look(directory);
      if (this.#allows(mark, version)) continue; // Only touched.
      await tidy(unlink(path));
      return null;
    }
    await settle(directory, this.#tree.durable);
    await clearOlder(directory, mark.names, next);
    return next;
  }

  /** Moves the expiry of a live record to a later instant. */
  async touch(name: string, expiresAt: number): Promise<boolean> {
    const directory = pathOf(this.#tree, name);
    for (let mark = await look(directory); mark && this.#isLive(mark); mark = await look(directory)) {
      if (expiresAt <= mark.expiresAt) return true;
      if (await attempt(rename(mark.path, markPath(directory, mark.version, expiresAt)), gone)) {
        await settle(directory, this.#tree.durable);
        return true;
      }
    }
    return false;
  }

  /** Moves a record to another name, with new content, if `version` is current and the name is free. */
  async rename(from: string, to: string, content: Content, life: string, version: unknown): Promise<string | null> {
    const directory = pathOf(this.#tree, from);
    const destination = pathOf(this.#tree, to);
    let mark = await look(directory);
    while (this.#allows(mark, version)) {
      const next = await this.#install(to, content, life, false);
      if (next === null) return null;
      const landing = landingPath(destination, life);
      for (let tried: string | undefined; this.#allows(mark, version) && mark.path !== tried; ) {
        // The one step: until here the old name has the record, from here on the new one.
        if (await attempt(rename(mark.path, markPath(landing, next, content.expiresAt)), gone)) {
          await settle(landing, this.#tree.durable);
          await settle(directory, this.#tree.durable);
          await clear(directory);
          return next;
        }
        tried = mark.path;
        mark = await look(directory);
      }
      await clear(destination); // Not ours any more, or of no use: the record was changed in between.
    }
    return null;
  }

  /** Removes the record, whatever its version, and answers the life that ended. */
  async delete(name: string): Promise<string | undefined> {
    const directory = pathOf(this.#tree, name);
    for (let mark = await look(directory); mark; mark = await look(directory)) {
      if (await attempt(unlink(mark.path), gone)) {
        await settle(directory, this.#tree.durable);
        await clear(directory);
        return mark.life;
      }
    }
    return undefined;
  }

  /**
   * Removes what is under that name if it cannot be needed: an ended record, the remains of a dead one, the draft
   * of a process that died. True if it was a record.
   */
  async prune(name: string): Promise<boolean> {
    const directory = pathOf(this.#tree, name);
    if (draftName.test(name)) {
      const { mtimeMs } = await stat(directory).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (mtimeMs < Date.now() - grace) await discard(directory);
      return false;
    }
    const mark = await look(directory);
    if (mark && this.#isLive(mark)) return false;
    // By its exact name: if the record was touched in between, the mark is not found.
    const ended = mark !== undefined && (await attempt(unlink(mark.path), gone));
    await clear(directory);
    return ended;
  }

  /** Every name there is, of records and of drafts, in order, from the one after `after`. */
  names(after: string): AsyncIterable<string> {
    return namesIn(this.#tree, after);
  }

  /**
   * Makes the directory of a record aside and renames it into place, which succeeds only where there is none. It
   * holds a mark, or an empty landing for the mark of the record that is to be renamed.
   */
  async #install(name: string, { bytes, expiresAt }: Content, life: string, marked: boolean): Promise<string | null> {
    const directory = pathOf(this.#tree, name);
    const version = newVersion(life);
    for (let turn = 1; ; turn += 1) {
      const draft = `${directory}.${nonce()}`;
      try {
        await this.#make(draft);
        await writeNew(join(draft, version), bytes, this.#tree.durable);
        if (marked) await writeNew(markPath(draft, version, expiresAt), undefined, this.#tree.durable);
        else await mkdir(landingPath(draft, life), { mode: 0o700 });
        await settle(draft, this.#tree.durable);
        await rename(draft, directory);
        await settle(dirname(directory), this.#tree.durable);
        return version;
      } catch (error) {
        await tidy(rm(draft, { recursive: true, force: true }));
        // Gone: the draft was taken for that of a dead process. Occupied 100 times: it does not want to be cleared.
        if (turn === 100 || ![...gone, ...occupied].includes(codeOf(error))) throw error;
      }
      if (await this.#isTaken(name)) return null;
    }
  }

  /** Whether a live record is there. If it is dead, it is cleared away. */
  async #isTaken(name: string): Promise<boolean> {
    const directory = pathOf(this.#tree, name);
    const mark = await look(directory);
    if (mark && (await this.find(name))) return true;
    if (mark) await attempt(unlink(mark.path), gone);
    await clear(directory);
    return false;
  }

  async #make(draft: string): Promise<void> {
    if (await attempt(mkdir(draft, { mode: 0o700 }), ["ENOENT"])) return;
    await makeDirectory(dirname(draft), this.#tree);
    await mkdir(draft, { mode: 0o700 });
  }

  #isLive(mark: Mark): boolean {
    return mark.expiresAt > this.#now();
  }

  #allows(mark: Mark | undefined, version: unknown): mark is Mark {
    return mark !== undefined && mark.version === version && this.#isLive(mark);
  }
}

/** A live record as the contract has it. */
export function stored({ payload, expiresAt, subject, version }: FoundRecord): StoredRecord {
  return subject === undefined ? { payload, expiresAt, version } : { payload, expiresAt, subject, version };
}

/** The same with its key. */
export function listed(found: FoundRecord): ListedRecord {
  return { key: found.key, ...stored(found) };
}
