/** One part of one request's session. */

import type { Meta } from "../core/contracts/format.ts";
import type { Merge } from "../core/save/changes.ts";
import type { Work } from "../core/save/commit.ts";
import { isEmpty } from "../core/save/facts.ts";
import { RecordSession } from "../core/save/record-session.ts";
import type { Part } from "./options.ts";

/** A login that the part has yet to hear of, when it is known whether there is anything in it. */
export interface PendingLogin {
  readonly subject: string;
  readonly merge: Merge | undefined;
}

/** Whose record a part was read from. */
export interface Origin {
  readonly handle: Meta["handle"] | undefined;
  readonly subject: Meta["subject"] | undefined;
}

/** A part that was loaded. */
export type LoadedPart = HeldPart & { readonly work: Work; readonly session: RecordSession };

/** A part, from the request's cookies on. It costs nothing until it is loaded. */
export class HeldPart {
  readonly part: Part;
  readonly #read: (part: Part) => Promise<Work>;
  #loading: Promise<void> | undefined;
  #arrived: Work | undefined;
  #origin: Origin | undefined;
  #aside: Work | undefined;
  #work: Work | undefined;
  session: RecordSession | undefined;
  login: PendingLogin | undefined;

  /** @param read Reads the part's record. */
  constructor(part: Part, read: (part: Part) => Promise<Work>) {
    this.part = part;
    this.#read = read;
  }

  /** What the request does with it. */
  get work(): Work | undefined {
    return this.#work?.newest;
  }

  /** Reads its record, once. Only {@link join} makes it a part of the session. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Its record, from when it was read until the part joins the session. */
  get arrived(): Work | undefined {
    return this.work ? undefined : this.#arrived;
  }

  /** Whose record was read, whatever the request did to it since; `undefined`: there was none. */
  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** Goes on with a record: what was read, or none in its place. */
  join(work: Work): LoadedPart {
    if (!work.found) this.#origin = undefined;
    this.session = new RecordSession(work.state, work);
    this.#work = work;
    this.login = undefined;
    return this as LoadedPart;
  }

  /** Goes on without its record, which only a {@link recall} brings back. */
  setAside(none: Work): LoadedPart {
    this.#aside = this.work ?? this.#arrived;
    return this.join(none);
  }

  /** At a login: what was begun before it comes along, unless the part has begun again. */
  recall(): void {
    if (this.#aside && this.work?.found === null && isEmpty(this.work.state.data)) this.join(this.#aside);
    this.#aside = undefined;
  }

  /** Waits for it if it is being loaded. */
  settled(): Promise<unknown> | undefined {
    return this.#loading?.catch(() => {});
  }

  isLoaded(): this is LoadedPart {
    return this.work !== undefined;
  }

  async #load(): Promise<void> {
    const work = await this.#read(this.part);
    const meta = work.found?.content?.meta;
    this.#origin = meta && { handle: meta.handle, subject: meta.subject };
    this.#arrived = work;
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
