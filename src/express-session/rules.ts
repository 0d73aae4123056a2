/** When a session under the drop-in is written, and when its cookie is sent: the rules of express-session. */

import type { Resolved } from "./options.ts";
import { fingerprint, type Session } from "./session.ts";
import type { ExpressWork } from "./work.ts";

/** What a request's session is compared with. */
export class Rules {
  readonly #options: Resolved;
  /** The id the client came with. */
  readonly cookieId: string | undefined;
  #id: string | undefined;
  #hash: string | undefined;
  #saved: string | undefined;

  constructor(options: Resolved, cookieId: string | undefined) {
    this.#options = options;
    this.cookieId = cookieId;
  }

  /** The request begins with this session; `isSaved`: the store has it just so. */
  begin(session: Session, id: string | undefined, isSaved: boolean): void {
    this.#id = id;
    this.#hash = fingerprint(session);
    if (isSaved) this.#saved = this.#hash;
  }

  /** It is being written. */
  saves(session: Session): void {
    this.#saved = fingerprint(session);
  }

  shouldSave(session: Session, work: ExpressWork, id: string): boolean {
    const { regenerated, persistence } = work.state.marks;
    if (regenerated || persistence) return true;
    if (work.saved !== undefined && work.saved === work.whole()) return false;
    const hash = fingerprint(session);
    if (!this.#options.saveUninitialized && !this.#saved && this.cookieId !== id) return this.#isModified(session);
    return !(this.#id === session.id && this.#saved === hash);
  }

  shouldSetCookie(session: Session, id: string): boolean {
    const { saveUninitialized, rolling } = this.#options;
    if (this.cookieId !== id) return saveUninitialized || this.#isModified(session);
    const { expires } = session.cookie;
    return rolling || (expires !== null && expires !== undefined && this.#isModified(session));
  }

  #isModified(session: Session): boolean {
    return this.#id !== session.id || this.#hash !== fingerprint(session);
  }
}
