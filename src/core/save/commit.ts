/** The commit: what one request's session is from loading to the last save, and what a save begins with. */

import type { MaybePromise } from "../bytes/bytes.ts";
import type { Binder } from "../contracts/device-bound.ts";
import { isSessionError, SessionError } from "../contracts/errors.ts";
import type { SessionEventType } from "../contracts/events.ts";
import type { Everybody } from "../contracts/everybody.ts";
import type { Content, Meta, Payload } from "../contracts/format.ts";
import type { Incoming } from "../contracts/incoming.ts";
import type { Found, Late, Records } from "../contracts/records.ts";
import type { LoginOptions } from "../contracts/session.ts";
import { saves } from "../contracts/traces.ts";
import type { Config } from "../options/options.ts";
import type { Cleanup } from "../record/cleanup.ts";
import { endOf, expiryOf } from "../record/expiry.ts";
import type { SubjectSessions } from "../record/subjects.ts";
import { handBack, save } from "./attempts.ts";
import { Marks } from "./changes.ts";
import { decide, hasChanges, isEmpty, payloadIfNeeded } from "./facts.ts";
import type { Admission } from "./limit.ts";
import { type LoginNotes, needsRoom, notesOf } from "./login.ts";
import { cannotMerge } from "./login-merge.ts";
import { goOn, keptOf } from "./newest.ts";
import { type Facts, type Plan, plan } from "./plan.ts";
import { headersSent, refused, refuseImpossible } from "./refusals.ts";
import { type SaveTrace, tracedSave } from "./save-trace.ts";
import { type SessionOwner, State } from "./state.ts";
import { draftOf, lose } from "./steps.ts";
import type { Turns } from "./turns.ts";

/** What is shared by all requests of one application. */
export interface SessionsCore {
  readonly config: Config;
  readonly records: Records;
  readonly subjects: SubjectSessions;
  /** The same two, with one time limit over all their store calls: when it is over, in ticks. */
  within?(until: number): Pick<SessionsCore, "records" | "subjects">;
  /** Which sessions are over because everybody was revoked, with the option `everybody`. */
  readonly everybody?: Everybody | undefined;
  readonly turns: Turns;
  readonly cleanup: Cleanup | undefined;
  /** Binds sessions to browsers, with the option `deviceBound`. */
  readonly binder?: Binder | undefined;
  /** What another library's cookie in a `Cookie` header leads to, where there are adopters. */
  readonly adopt?: ((header: string) => Promise<Found | Late | null>) | undefined;
}

/** Everything a commit works on: one request's session, from loading to the last save. */
export class Work implements SessionOwner {
  readonly core: SessionsCore;
  readonly state: State;
  /** The record as this request knows it; `null` while there is none. */
  found: Found | null;
  /** How many cookies of ours the client holds. */
  readonly held: number;
  /** The request, and what it may not do. */
  incoming: Incoming;
  /** What the option `describe` says of the request; absent without it. */
  describe: (() => unknown) | undefined;
  /** The session ended: nothing more is saved. */
  ended: boolean;
  /** Its id had just been replaced or ended when the request came. */
  late: Late | undefined;
  /** Since the request came it got another id. */
  moved = false;
  /** That nothing was saved has been said. */
  refused = false;
  /** Whose record it is, and what it is called, as the store has it. */
  kept: { readonly handle: string | undefined; readonly subject: string | undefined };
  /** When all store calls of the save at hand are to be answered, in ticks. Default: `storeTimeout` after it began. */
  until: number | undefined;
  /** What the save at hand goes to, where it takes several store calls. */
  limited: Pick<SessionsCore, "records" | "subjects"> | undefined;
  /** What the data of this request was made from, when that is not what the store has: others are in that, too. */
  base: Payload | undefined;
  /** What the save at hand was asked for. */
  marks: Marks;
  /** The subject's epoch as it was when `login` was called. */
  epoch: Promise<string | undefined> | undefined;
  /** The same, once it is known. */
  epochMark: string | undefined;
  /** The `Set-Cookie` values to send with the response. */
  setCookie: readonly string[] | undefined;
  /** A login or a logout was saved; of a login, what was noted to bind it. */
  rebound: { readonly bound: Meta["bound"] } | undefined;
  /** The save at hand, where something listens to `sojourn:save`. */
  trace: SaveTrace | undefined;
  /** An earlier save was traced. */
  wasTraced = false;
  /** The session as it is to be kept, from {@link isClean} to the save that begins at once. */
  encoded: Payload | undefined;
  /** The mark of everybody that a session which begins or logs in carries. */
  era: MaybePromise<number> | undefined;
  /** What a login under `limit` was admitted with. */
  admission: Admission | undefined;
  /** The session that was logged out in this request and has not ended yet. It ends before this one is saved. */
  before: Work | undefined;
  readonly #leaves: readonly string[] | undefined;
  #next: Work | undefined;
  #saving: Promise<unknown> | undefined;

  /** @param content What handlers get to see of the session. Default: what was found. */
  constructor(core: SessionsCore, incoming: Incoming, found: Found | Late | null, held: number, content?: Content) {
    this.core = core;
    this.incoming = incoming;
    this.late = found && "late" in found ? found : undefined;
    this.ended = this.late !== undefined;
    this.found = found && "late" in found ? null : found;
    this.state = new State(core.config.format, content ?? this.found?.content, this.found?.expiresAt, this);
    this.marks = this.state.marks;
    this.kept = keptOf(this.state.meta);
    this.held = held;
    this.#leaves = this.found?.leaves;
  }

  /** The `Set-Cookie` values of the response. Another library's cookie goes when ours comes. */
  get cookies(): readonly string[] | undefined {
    return this.setCookie && this.#leaves ? [...this.setCookie, ...this.#leaves] : this.setCookie;
  }

  /** What the session is in after a logout that leaves one: a new one. */
  get newest(): Work {
    return this.#next?.newest ?? this;
  }

  /** Ends this session, whatever the request does with the one that it goes on with. */
  logOut(): Work {
    const next = new Work(this.core, this.incoming, null, this.held);
    next.describe = this.describe;
    next.before = this;
    this.state.destroyed = true;
    this.#next = next;
    return next;
  }

  /** Carries out a logout that was called for, and saves nothing else. */
  async saveLogout(): Promise<void> {
    const { before } = this;
    if (before) {
      await before.save();
      this.before = undefined;
      this.setCookie = before.cookies;
      this.rebound = before.rebound;
    } else if (logsOut(this)) await this.save();
  }

  /** One save at a time, in the order they were asked for. */
  save(): Promise<boolean> {
    if (this.before) return this.saveLogout().then(() => this.save());
    const saved = this.#saving ? this.#saving.then(() => start(this)) : start(this);
    this.#saving = saved.catch((error) => this.report("save_failed", error));
    return saved;
  }

  /** Whether a save was begun. */
  get saves(): boolean {
    return this.#saving !== undefined;
  }

  /** What to do with the session. Another library's rules go here. */
  plan(facts: Facts): Plan {
    return plan(facts);
  }

  /** When the session ends if it is used now. */
  expiresAt(now: number, meta: Meta): number {
    return expiryOf(now, meta, this.core.config.timeouts);
  }

  /** The id that a new record gets; `undefined`: any. */
  newId(): string | undefined {
    return undefined;
  }

  get readOnly(): boolean {
    return this.incoming.readOnly;
  }

  needsCookie(what: string): void {
    if (!this.incoming.headersSent) return;
    const error = headersSent(what);
    this.report("save_failed", error);
    throw error;
  }

  onLogin(subject: string, options: LoginOptions<never>): LoginNotes {
    const { config, subjects, binder } = this.core;
    const { store } = config;
    if (options.merge && !store.capabilities.bySubject) throw cannotMerge(store.name);
    const notes = notesOf(config, options, this.describe);
    this.epoch = subjects.epoch(subject);
    this.epoch.catch(() => {});
    const era = this.core.everybody?.fresh();
    era?.catch(() => {});
    this.era = era;
    return binder && options.deviceBound !== false ? { ...notes, bound: binder.begin() } : notes;
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

  report(type: SessionEventType, error?: unknown): void {
    const { handle, subject } = this.state.meta;
    const reason = isSessionError(error) ? error.code : undefined;
    this.core.config.events.emit(type, { handle, subject, ...(error !== undefined && { reason, error }) });
  }
}

function start(work: Work): Promise<boolean> {
  return saves.hasSubscribers ? tracedSave(work, () => begin(work)) : begin(work);
}

/**
 * Takes what was asked for so far and saves it; what is asked for meanwhile is for the next save. False when the
 * session ended elsewhere, so that nothing was saved. Throws `SessionError` when it could not be saved.
 */
async function begin(work: Work): Promise<boolean> {
  const { state } = work;
  if (work.ended && !(work.late && (await revive(work, work.late)))) return false;
  const taken = state.marks;
  work.marks = taken;
  state.marks = new Marks();
  try {
    return await save(work);
  } catch (error) {
    // Once it has been saved, nothing is left to ask for again: then the marks were renewed.
    if (work.marks === taken) handBack(work);
    throw error;
  }
}

/**
 * A request that came with an id which has just been replaced was under way then: what it writes would make a new
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
  const payload = payloadIfNeeded(work);
  const decided = decide(work, payload, false);
  refuseImpossible(work, decided);
  const { step } = decided;
  if (step !== "none" && step !== "touch" && step !== "delete")
    await work.core.records.fits(draftOf(work, step, payload).draft);
}

/** Whether a logout was called for and is not carried out yet. It is final when it is called: also when the handler fails. */
export function logsOut({ state, ended, late, before }: Work): boolean {
  return before !== undefined || (state.destroyed && (!ended || late !== undefined));
}

/** Whether there is anything of the application's to save. */
export function wouldSave(work: Work): boolean {
  work.marks = work.state.marks;
  return work.found ? hasChanges(work, payloadIfNeeded(work)) : !isEmpty(work.state.data);
}

/** The error for a login that would take away the client's cookie of another program. */
function cannotRead(): SessionError {
  const message =
    "another program's record of this session cannot be read here, so the login was not saved and its cookie stays; " +
    "the event record_refused says why. Log in there, or end the session with destroy() first";
  return new SessionError("ERR_SESSION_UNREADABLE", message);
}
