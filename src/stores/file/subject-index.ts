/**
 * The by-subject index: an empty file for every life of a record of a subject.
 *
 * An entry is there before its record is. A reader that finds one without its record cannot know whether it is left
 * over or early, so it is doubted first, by a rename that adds the time, and goes if it is still wrong when no call
 * from before can be in flight. A doubted entry counts like any other; a writer who comes after makes a new one. Only
 * the process that ended a life removes its entry at once: that life does not come back.
 */

import { rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { attempt, codeOf, grace, listing, namesIn, pathOf, settle, type Tree, tidy, writeNew } from "./steps.ts";
import { makeDirectory } from "./trust.ts";

const entryName = /^([0-9a-f]{64})\.([0-9a-f]{16})(?:\.(\d{1,16}))?$/;
const linkName = /^([0-9a-f]{64})\.([0-9a-f]{64})\.(\d{1,16})$/;

/** One entry: a life of a record of the subject. */
export interface Entry {
  readonly life: string;
  readonly doubted: number | undefined;
  readonly path: string;
}

/** One rename: who finds `from` gone finds the record under `to`. */
export interface Link {
  readonly from: string;
  readonly to: string;
}

/** The entries in one tree. Subjects and records go by `nameOf`. */
export class SubjectIndex {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Makes sure that there is an undoubted entry. */
  add(subject: string, record: string, life: string): Promise<void> {
    return this.#make(join(pathOf(this.#tree, subject), `${record}.${life}`));
  }

  /** Says that a record is about to be renamed. */
  link(subject: string, from: string, to: string): Promise<void> {
    return this.#make(join(pathOf(this.#tree, subject), `${from}.${to}.${Date.now()}`));
  }

  /** Removes the entry of a life that ended. */
  async remove(subject: string, record: string, life: string): Promise<void> {
    await tidy(unlink(join(pathOf(this.#tree, subject), `${record}.${life}`)));
  }

  /** The names of the records that have entries, in order, from the one after `after`. */
  async *names(subject: string, after: string): AsyncIterable<string> {
    for (const name of [...(await this.read(subject)).entries.keys()].sort()) if (name > after) yield name;
  }

  /** All there is of a subject: entries by the record they name, and links. */
  async read(subject: string): Promise<{ entries: Map<string, Entry[]>; links: Link[] }> {
    const directory = pathOf(this.#tree, subject);
    const entries = new Map<string, Entry[]>();
    const links: Link[] = [];
    for (const name of (await listing(directory)) ?? []) {
      const path = join(directory, name);
      const [, record, life, doubted] = entryName.exec(name) ?? [];
      const [, from, to, since] = linkName.exec(name) ?? [];
      if (record && life) {
        const entry = { life, doubted: doubted ? Number(doubted) : undefined, path };
        entries.set(record, [...(entries.get(record) ?? []), entry]);
      } else if (from && to) {
        if (Number(since) > Date.now() - grace) links.push({ from, to });
        else await tidy(unlink(path));
      }
    }
    return { entries, links };
  }

  /** Puts an entry in order, now that it is known whether it is right. */
  async judge(subject: string, record: string, { life, doubted, path }: Entry, right: boolean): Promise<void> {
    if (doubted === undefined) {
      if (!right) await tidy(rename(path, `${path}.${Date.now()}`));
    } else if (doubted < Date.now() - grace) {
      // On a disk that is full or read-only it stays as it is, and counts.
      if (right && !(await attempt(this.add(subject, record, life), ["ENOSPC", "EROFS"]))) return;
      await tidy(unlink(path));
    }
  }

  /** Forgets a subject without entries. */
  async prune(subject: string): Promise<void> {
    await tidy(rmdir(pathOf(this.#tree, subject)));
  }

  /** Every subject there is, in order, from the one after `after`. */
  subjects(after: string): AsyncIterable<string> {
    return namesIn(this.#tree, after);
  }

  async #make(path: string): Promise<void> {
    for (;;) {
      try {
        await writeNew(path, undefined, this.#tree.durable);
        break;
      } catch (error) {
        if (codeOf(error) === "EEXIST") break;
        if (codeOf(error) !== "ENOENT") throw error;
        await makeDirectory(dirname(path), this.#tree); // And again: an empty one may be removed at any moment.
      }
    }
    await settle(dirname(path), this.#tree.durable);
  }
}
