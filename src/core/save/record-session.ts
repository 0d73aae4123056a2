/** The session of one record: what handlers do to it is collected here, and saved by the commit. */

import { newHandle } from "../client/id.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import { checkKnown } from "../contracts/known.ts";
import type { Session } from "../contracts/session.ts";
import type {
  ConfirmOptions,
  FreshnessOptions,
  ImpersonateOptions,
  LoginOptions,
  LogoutOptions,
} from "../contracts/session-options.ts";
import { endLogin, labelOf } from "../record/meta.ts";
import { own } from "../record/own-keys.ts";
import { encoded, type Merge, put, same } from "./changes.ts";
import { actedFor, notFresh, staleness } from "./freshness.ts";
import { guardSessions } from "./guarded.ts";
import { isActedFor } from "./impersonation.ts";
import { checkKeep, checkLabel, checkLogin, checkSubject, timesOf } from "./login.ts";
import type { NextOwner, SessionOwner, State } from "./state.ts";
import { applyUpdate, noteUpdate } from "./updates.ts";

const nothing: Record<string, never> = Object.freeze({});

/** Hands out what the client of a session is to hold: see `handOut` of `sojourn/bearer`. */
export let handOutBy: (session: unknown) => Promise<string | undefined>;

/** The session of one record. */
export class RecordSession<Data extends object = Record<string, unknown>> implements Session<Data> {
  #state: State;
  #owner: SessionOwner;

  static {
    // What `console.log` shows.
    Object.defineProperty(RecordSession.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: show });
    guardSessions(RecordSession, ["update"]);
    handOutBy = (session) => {
      if (typeof session === "object" && session !== null && #owner in session) return session.#owner.handOut();
      const takes = "a session that sessions.get() gave, of sessions with transport: bearer()";
      return Promise.reject(wrongArgument("the argument of handOut()", takes, session));
    };
  }

  constructor(state: State, owner: SessionOwner) {
    this.#state = state;
    this.#owner = owner;
    Object.preventExtensions(this);
  }

  get data(): Partial<Data> {
    this.#owner.noteUse();
    return (this.#state.destroyed ? nothing : this.#state.data) as Partial<Data>;
  }

  get handle(): string {
    this.#state.meta.handle ??= newHandle();
    return this.#state.meta.handle;
  }

  get isNew(): boolean {
    return this.#state.expiresAt === undefined;
  }

  get subject(): string | undefined {
    return this.#state.meta.subject;
  }

  get actor(): string | undefined {
    return this.#state.meta.actor?.subject;
  }

  get createdAt(): number | undefined {
    return this.#state.meta.created;
  }

  get authenticatedAt(): number | undefined {
    return this.#state.meta.authenticated;
  }

  get expiresAt(): number | undefined {
    return this.#state.expiresAt;
  }

  get bound(): boolean {
    return this.#state.meta.bound?.key !== undefined;
  }

  get endsAt(): number | undefined {
    const end = this.#owner.endsAt(this.#state.meta);
    return this.isNew || end === Number.POSITIVE_INFINITY ? undefined : end;
  }

  get persistent(): boolean {
    return this.#state.meta.persistent === true;
  }

  set persistent(persistent: boolean) {
    if (typeof persistent !== "boolean") throw wrongArgument("session.persistent", "true or false", persistent);
    if (persistent === this.persistent) {
      // Of a new session, or one that another user takes over, nothing was said yet, and the option `persistent` would decide.
      if (this.isNew || this.#state.marks.takenOver) this.#state.meta.persistent = persistent;
      return;
    }
    this.#alive();
    this.#owner.needsCookie("session.persistent");
    this.#state.meta.persistent = persistent;
    this.#state.marks.persistence = true;
  }

  get label(): string | undefined {
    return labelOf(this.#state.meta);
  }

  set label(label: string) {
    const state = this.#alive();
    checkLabel(label);
    this.#owner.needsRoom("session.label");
    state.meta.label = label;
  }

  update<K extends keyof Data & string>(
    key: K,
    change: (value: Data[K] | undefined) => Data[K] | undefined,
  ): Data[K] | undefined {
    const state = this.#alive();
    if (typeof change !== "function")
      throw wrongArgument("the second argument of session.update", "a function", change);
    const what = "the function given to session.update";
    return applyUpdate(state, state.marks, key, change as (value: unknown) => unknown, what) as Data[K] | undefined;
  }

  flash<K extends keyof Data & string>(key: K, value: Data[K]): void {
    put(this.#alive().data, key, value);
  }

  take<K extends keyof Data & string>(key: K): Data[K] | undefined {
    const { data, format, marks } = this.#alive();
    const before = encoded(format, data, key);
    if (before === undefined) return undefined;
    const value = own(data, key) as Data[K];
    delete data[key];
    const unlessNewer = (newest: unknown): unknown =>
      same(encoded(format, { [key]: newest }, key), before) ? undefined : newest;
    noteUpdate({ data, format }, marks, key, unlessNewer, before);
    return value;
  }

  clear(): void {
    this.#alive().clear();
  }

  regenerate(): void {
    const state = this.#alive();
    this.#owner.needsCookie("session.regenerate()");
    state.marks.regenerated = true;
  }

  login(subject: string, options: LoginOptions<Data> = {}): void {
    const state = this.#alive();
    checkLogin(subject, options as LoginOptions<never>);
    this.#owner.needsCookie("session.login()");
    if (state.meta.actor) this.#refuse(isActedFor("session.login()"));
    // What is damaged is not taken along: the login begins a new session.
    void state.data;
    const notes = this.#owner.onLogin(subject, options as LoginOptions<never>);
    if (state.meta.subject !== undefined && state.meta.subject !== subject) state.takeOver();
    // What the record of another program says of its lifetime is not of a login.
    if (!state.format.foreign) endLogin(state.meta);
    Object.assign(state.meta, notes);
    if (options.merge) state.marks.merge = options.merge as Merge;
    if (options.persistent !== undefined) this.persistent = options.persistent;
    state.meta.subject = subject;
    state.marks.regenerated = true;
    state.marks.loggedIn = true;
  }

  requireFresh(options: FreshnessOptions): void {
    if (this.#state.destroyed) throw sessionEnded();
    this.#owner.needsRoom("session.requireFresh()");
    const stale = staleness(this.#state.meta, this.#owner.now(), options);
    if (stale) this.#refuse(stale);
  }

  confirm(options: ConfirmOptions = {}): void {
    const { meta, marks } = this.#alive();
    checkKnown("session.confirm", options, ["methods"]);
    this.#owner.needsRoom("session.confirm()");
    if (meta.subject === undefined) this.#refuse(notFresh("no user is logged in"));
    if (meta.actor) this.#refuse(notFresh(actedFor));
    const now = this.#owner.now();
    const shown = options.methods && timesOf("session.confirm", options.methods, now);
    this.#owner.needsCookie("session.confirm()");
    marks.regenerated = true;
    meta.authenticated = now;
    if (shown) meta.methods = { ...meta.methods, ...shown };
  }

  logout(options: LogoutOptions<keyof Data & string> = {}): void {
    const { data } = this.#alive();
    const keep = checkKeep(options);
    this.#owner.needsCookie("session.logout()");
    const next = this.#owner.logOut();
    for (const key of keep) if (Object.hasOwn(data, key)) put(next.state.data, key, own(data, key));
    this.#goOn(next);
  }

  impersonate(subject: string, options: ImpersonateOptions = {}): void {
    const { meta } = this.#alive();
    checkSubject("session.impersonate", subject);
    this.#owner.needsCookie("session.impersonate()");
    if (meta.subject === undefined) this.#refuse(notFresh("no user is logged in"));
    if (meta.actor) this.#refuse(isActedFor("session.impersonate()"));
    this.#goOn(this.#owner.impersonate(subject, options));
  }

  endImpersonation(): void {
    const { meta } = this.#alive();
    if (meta.actor) this.#owner.needsCookie("session.endImpersonation()");
    if (meta.actor) this.#goOn(this.#owner.endImpersonation());
  }

  #goOn(next: NextOwner): void {
    [this.#state, this.#owner] = [next.state, next];
  }

  destroy(): void {
    if (this.#state.destroyed) return;
    this.#changeable();
    this.#owner.noteUse();
    this.#owner.needsCookie("session.destroy()");
    this.#state.destroyed = true;
  }

  save(): Promise<boolean> {
    return this.#owner.save();
  }

  /** Throws what is to be answered to the client, when the adapter has given it the shape that its framework answers. */
  #refuse(error: SessionError): never {
    this.#owner.answers(error);
    throw error;
  }

  #alive(): State {
    if (this.#state.destroyed) throw sessionEnded();
    this.#changeable();
    this.#owner.noteUse();
    return this.#state;
  }

  #changeable(): void {
    if (this.#owner.readOnly) throw readOnly();
  }
}

/** The error for what is done to a session after its end. */
export function sessionEnded(): SessionError {
  return new SessionError("ERR_SESSION_ENDED", "the session was destroyed in this request");
}

/** The error for a change where only reading was asked for. */
export function readOnly(): SessionError {
  const message = 'this route has the access "read": it must not change its session; nothing was saved';
  return new SessionError("ERR_SESSION_READ_ONLY", message);
}

function show(this: Session): object {
  return { [`Session ${this.handle}`]: { subject: this.subject, data: { ...this.data } } };
}
