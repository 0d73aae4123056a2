/** The commit: what a session asks of its request's record, and what a save begins with. */

import { newHandle } from "../client/id.ts";
import { SessionError } from "../contracts/errors.ts";
import type { Meta } from "../contracts/format.ts";
import type { Found, Late } from "../contracts/records.ts";
import type { ExternalLogin, ImpersonateOptions, LoginOptions } from "../contracts/session-options.ts";
import { saves } from "../contracts/traces.ts";
import { endOf } from "../record/expiry.ts";
import { handBack, save } from "./attempts.ts";
import { Marks } from "./changes.ts";
import { isEmpty, prepare } from "./facts.ts";
import { impersonating } from "./impersonation.ts";
import { watchLate } from "./late.ts";
import { type LoginNotes, needsRoom, notesOf } from "./login.ts";
import { cannotMerge } from "./login-merge.ts";
import { goOn } from "./newest.ts";
import { headersSent, refused, refuseImpossible } from "./refusals.ts";
import { RequestRecord } from "./request-record.ts";
import { tracedSave } from "./save-trace.ts";
import type { SessionOwner } from "./state.ts";
import { draftOf, lose } from "./steps.ts";

/** A request's record with what its session asks of the commit. */
export class Work extends RequestRecord implements SessionOwner {
  declare before: Work | undefined;
  #next: Work | undefined;
  #saving: Promise<unknown> | undefined;

  /** What the session is in after a logout that leaves one: a new one. */
  get newest(): Work {
    return this.#next?.newest ?? this;
  }

  /** Ends this session, whatever the request does with the one that it goes on with. */
  logOut(): Work {
    const next = this.#follow(null);
    this.state.destroyed = true;
    return next;
  }

  /**
   * Goes on as another user, in a session of its own. The administrator's gets a new id, which no client learns while that
   * is saved: only the impersonation leads back to it.
   */
  impersonate(subject: string, options: ImpersonateOptions): Work {
    const { meta, marks } = this.state;
    meta.handle ??= newHandle();
    const notes = impersonating(this.core, meta, subject, options);
    const next = this.#follow(null);
    marks.regenerated = true;
    next.state.meta = notes;
    next.state.marks.regenerated = true;
    next.state.marks.loggedIn = true;
    next.#begins(subject);
    return next;
  }

  /** Ends this session, and goes back to that of the administrator, under a new id. */
  endImpersonation(): Work {
    const { own = null, before } = this;
    if (before && !before.state.destroyed) {
      // Of what is not saved nothing is left.
      before.#next = undefined;
      return before;
    }
    const next = this.#follow(own);
    this.own = undefined;
    this.state.destroyed = true;
    next.state.marks.regenerated = true;
    return next;
  }

  #follow(found: Found | null): Work {
    const next = new Work(this.core, this.incoming, found, this.held);
    next.describe = this.describe;
    next.before = this;
    this.#next = next;
    return next;
  }

  /** Carries out a logout that was called for, and saves nothing else. */
  async saveLogout(): Promise<void> {
    const { before } = this;
    if (!before) {
      if (logsOut(this)) await this.save();
    } else if (before.state.destroyed || this.state.destroyed) await this.#afterBefore(before);
    else {
      await before.saveLogout();
      this.#takeCookies(before);
    }
  }

  /** Saves what the request was in before. */
  async #afterBefore(before: Work): Promise<void> {
    const { actor } = this.state.meta;
    // A logout in an impersonation that is not saved yet is one of the administrator.
    if (this.state.destroyed && actor) before.state.destroyed = true;
    const isSaved = await before.save();
    this.before = undefined;
    this.#takeCookies(before);
    if (before.state.destroyed || !actor) return;
    if (isSaved && before.found) {
      this.own = before.found;
      this.state.meta.actor = { ...actor, key: this.core.records.lane(before.found.place) };
    } else this.ended = true;
  }

  #takeCookies({ setCookie, leaves, rebound }: Work): void {
    this.setCookie = setCookie;
    this.leaves = leaves;
    this.rebound = rebound;
  }

  /** The client goes on with the session of before where this one does not come to be. */
  async #saveNext(before: Work): Promise<boolean> {
    await this.#afterBefore(before);
    try {
      return await this.save();
    } finally {
      this.setCookie ??= before.setCookie;
    }
  }

  async handOut(): Promise<string | undefined> {
    if (!this.core.config.carrier.explicit)
      throw new TypeError("handOut() takes a session with transport: bearer(); this one is held by a cookie");
    this.handsOut = true;
    try {
      await this.save();
    } finally {
      this.handsOut = false;
    }
    const [token] = this.setCookie ?? [];
    this.setCookie = undefined;
    if (token !== undefined) this.handedOut = true;
    return token;
  }

  /** One save at a time, in the order they were asked for. */
  save(): Promise<boolean> {
    if (this.before) return this.#saveNext(this.before);
    const saved = this.#saving ? this.#saving.then(() => start(this)) : start(this);
    this.inFlight++;
    const over = (): void => void this.inFlight--;
    this.#saving = saved.then(over, (error) => {
      over();
      this.report("save_failed", error);
    });
    return saved;
  }

  /** Whether a save was begun. */
  get saves(): boolean {
    return this.#saving !== undefined;
  }

  get readOnly(): boolean {
    return this.incoming.readOnly;
  }

  noteUse(): void {
    this.incoming.used = true;
    if (this.incoming.headersSent) watchLate(this);
  }

  answers(error: unknown): void {
    this.incoming.reader.failed?.(error);
  }

  needsCookie(what: string): void {
    if (!this.incoming.headersSent || this.core.config.carrier.explicit) return;
    const error = headersSent(what);
    this.report("save_failed", error);
    throw error;
  }

  onLogin(subject: string, options: LoginOptions<never>): LoginNotes {
    const { config, binder } = this.core;
    const { store } = config;
    if (options.merge && !store.capabilities.bySubject) throw cannotMerge(store.name);
    const notes = notesOf(config, options, this.describe);
    this.external = options.external && this.#linked(options.external, subject);
    this.#begins(subject);
    return binder && options.deviceBound !== false ? { ...notes, bound: binder.begin() } : notes;
  }

  /** What is revoked from here on ends the login as well. */
  #begins(subject: string): void {
    this.epoch = this.core.subjects.epoch(subject);
    this.epoch.catch(() => {});
    const era = this.core.everybody?.fresh();
    era?.catch(() => {});
    this.era = era;
  }

  #linked(login: ExternalLogin, subject: string): RequestRecord["external"] {
    const { external } = this.core;
    external.checkSupported("the option external of session.login");
    const mark = external.mark(login, subject);
    mark.catch(() => {});
    return { login, mark };
  }

  now(): number {
    return this.core.config.now();
  }

  endsAt(meta: Meta): number {
    const { now, timeouts } = this.core.config;
    return endOf(now(), meta, timeouts);
  }

  needsRoom(what: string): void {
    needsRoom(this.core.config, what);
  }

  damaged(error: unknown): void {
    lose(this, error);
  }
}

function start(work: Work): Promise<boolean> {
  return saves.hasSubscribers ? tracedSave(work, () => begin(work)) : begin(work);
}

/**
 * Takes what was asked for so far and saves it; what is asked for during it is for the next save. False when the
 * session ended elsewhere, so that nothing was saved. Throws `SessionError` when it could not be saved.
 */
async function begin(work: Work): Promise<boolean> {
  const { state } = work;
  if (work.ended && !(work.late && (await revive(work, work.late)))) return false;
  const taken = state.marks;
  work.marks = taken;
  state.marks = new Marks();
  let isSaved: boolean;
  try {
    isSaved = await save(work);
  } catch (error) {
    // Once it has been saved, nothing is left to ask for again: then the marks were renewed.
    if (work.marks === taken) handBack(work);
    throw error;
  }
  const { core, incoming, leaves } = work;
  // Another library's cookie would log the client in again at the next request.
  const isLogout = state.destroyed && !work.newest.found;
  if (isLogout && core.endOld && incoming.cookie && !leaves) work.leaves = await core.endOld(incoming.cookie);
  return isSaved;
}

/**
 * A request that came with an id which has just been replaced was in flight then: what it writes would make a new
 * session whose cookie replaces the good one. A logout ends the session all the same, wherever it is now. A login goes
 * on with it when the same user has just logged in there (a double click), or begins a new session.
 */
async function revive(work: Work, { late, unreadable }: Late): Promise<boolean> {
  const { marks, data, destroyed } = work.state;
  if (unreadable && marks.loggedIn && !destroyed) throw cannotRead();
  if (!destroyed && !marks.loggedIn) {
    if (!isEmpty(data)) refused(work, unreadable && "the record of another program cannot be read here");
    return false;
  }
  // Ending it takes no reading.
  if (unreadable)
    work.found = { place: unreadable, payload: "", expiresAt: 0, stale: false, lost: false, current: true };
  if (late) await goOn(work, late);
  work.late = undefined;
  work.ended = false;
  return true;
}

/** Throws what a save would throw before it writes: what cannot be kept, is too large, or comes too late. */
export async function rehearse(work: Work): Promise<void> {
  work.marks = work.state.marks;
  if (work.ended && !(work.late && work.marks.loggedIn)) return;
  const { payload, plan: decided } = prepare(work, false);
  refuseImpossible(work, decided);
  const { step } = decided;
  if (step !== "none" && step !== "touch" && step !== "delete")
    await work.core.records.fits(draftOf(work, step, payload).draft);
}

/** Whether a logout was called and is not carried out yet. A call is final, even if the handler then fails. */
export function logsOut({ state, ended, late, before }: Work): boolean {
  if (before && (before.state.destroyed || logsOut(before))) return true;
  return state.destroyed && (!ended || late !== undefined);
}

/** The error for a login that would take away the client's cookie of another program. */
function cannotRead(): SessionError {
  const message =
    "another program's record of this session cannot be read here, so the login was not saved and its cookie stays; " +
    "the event record_refused says why. Log in there, or end the session with destroy() first";
  return new SessionError("ERR_SESSION_UNREADABLE", message);
}
