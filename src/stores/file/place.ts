/** Where a file store keeps its records, and what keeps the tools of a project out of there. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { tidy, writeNew } from "./steps.ts";
import { guardOf, makeDirectory } from "./trust.ts";

/** The layout's name. Another one, one day, gets another name and leaves this one alone. */
const layout = "v1";

/** A directory with the records of a store. */
export class Place {
  /** The directory that was named. */
  readonly base: string;
  readonly records: string;
  readonly subjects: string;
  /** Says whether the records' directory is there, and throws where it cannot be trusted. */
  readonly exists: () => boolean;
  readonly #top: string;
  /** Where a `.gitignore` covers all there is: only what is the store's own. */
  readonly #ignored: string;
  #isIgnored = false;

  /**
   * @param inProject It lies among the files of a project, and belongs to the store. Dev servers watch a directory and
   * two files for each session there, unless they are below a directory called `node_modules`.
   */
  constructor(directory: string, inProject = false) {
    this.base = resolve(directory);
    const [plain, unwatched] = [join(this.base, layout), join(this.base, "node_modules", layout)];
    // A store finds the sessions that are there: those in the place it would choose itself, else those in the other.
    const [own, other] = inProject ? [unwatched, plain] : [plain, unwatched];
    this.#top = !existsSync(own) && existsSync(other) ? other : own;
    this.#ignored = inProject ? this.base : this.#top;
    this.records = join(this.#top, "records");
    this.subjects = join(this.#top, "subjects");
    this.exists = guardOf(this.#top);
  }

  /** Makes what is missing. */
  async make(durable: boolean): Promise<void> {
    if (!this.exists()) {
      await makeDirectory(this.#top, { base: this.base, durable });
      this.#isIgnored = false;
    }
    if (this.#isIgnored) return;
    // Git would commit sessions, and Tailwind looks for classes in all that Git does not ignore.
    const path = join(this.#ignored, ".gitignore");
    if (!existsSync(path)) await tidy(writeNew(path, Buffer.from("*\n"), false));
    this.#isIgnored = true;
  }
}
