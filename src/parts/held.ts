/** One part of one request's session. */

import type { Work } from "../core/save/commit.ts";
import { isEmpty } from "../core/save/facts.ts";
import { type Merge, RecordSession } from "../core/save/record-session.ts";
import type { Part } from "./options.ts";

/** A login that the part has yet to hear of, when it is known whether there is anything in it. */
export interface PendingLogin {
  readonly subject: string;
  readonly merge: Merge | undefined;
}

/** A part that was loaded. */
export type LoadedPart = HeldPart & { readonly work: Work; readonly session: RecordSession };

/** A part, from the request's cookies on. It costs nothing until it is loaded. */
export class HeldPart {
  readonly part: Part;
  readonly #read: (part: Part) => Promise<Work>;
  #loading: Promise<void> | undefined;
  work: Work | undefined;
  session: RecordSession | undefined;
  login: PendingLogin | undefined;

  /** @param read Reads the part's record, and does to it what was asked of it before. */
  constructor(part: Part, read: (part: Part) => Promise<Work>) {
    this.part = part;
    this.#read = read;
  }

  /** Loads it, once. `then` is called as soon as it is there. */
  load(then: (part: LoadedPart) => void): Promise<void> {
    this.#loading ??= this.#load(then);
    return this.#loading;
  }

  /** Waits for it if it is being loaded. */
  settled(): Promise<unknown> | undefined {
    return this.#loading?.catch(() => {});
  }

  isLoaded(): this is LoadedPart {
    return this.work !== undefined;
  }

  async #load(then: (part: LoadedPart) => void): Promise<void> {
    const work = await this.#read(this.part);
    this.session = new RecordSession(work.state, work);
    this.work = work;
    then(this as LoadedPart);
  }
}

/** It has a record. */
export function exists({ work }: LoadedPart): boolean {
  return work.found !== null && !work.state.destroyed;
}

/** It has none, and there is something to be kept in one. */
export function begins({ work, login }: LoadedPart): boolean {
  if (work.found !== null || work.state.destroyed) return false;
  return work.state.marks.loggedIn || login?.merge !== undefined || !isEmpty(work.state.data);
}
