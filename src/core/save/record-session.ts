/** The session of one record: what handlers do to it is collected here, and saved by the commit. */

import { isPromise } from "../bytes/bytes.ts";
import { newHandle } from "../client/id.ts";
import { SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Content, Format, LazyContent, Meta, Payload } from "../contracts/format.ts";
import { checkKnown } from "../contracts/known.ts";
import type { ConfirmOptions, FreshnessOptions, LoginOptions, Session } from "../contracts/session.ts";
import { endLogin, labelOf } from "../record/meta.ts";
import { own } from "../record/own-keys.ts";
import { notStorable } from "../record/values.ts";
import { encoded, Marks, type Merge, put, same, type Update } from "./changes.ts";
import { checkFresh, notFresh } from "./freshness.ts";
import { guardSessions } from "./guarded.ts";
import { checkLabel, checkLogin, type LoginNotes, timesOf } from "./login.ts";

/** What a session needs of the request it belongs to. */
export interface SessionOwner {
  /** The route may only read. */
  readonly readOnly: boolean;
  /** Saves now. */
  save(): Promise<boolean>;
  /** Throws when a change that needs a cookie comes too late. */
  needsCookie(what: string): void;
  /** Starts what has to be known before a login is saved. Throws when an option is wrong, or needs what is not there. */
  onLogin(subject: string, options: LoginOptions<never>): LoginNotes;
  /** Throws where the record has no room for what the library notes. */
  needsRoom(what: string): void;
  /** Epoch milliseconds. */
  now(): number;
  /** When a session ends in any case, in epoch milliseconds; `Infinity`: never. */
  endsAt(meta: Meta): number;
  /** The data that were found turn out to be damaged: from here on there is no session. */
  damaged(error: unknown): void;
}

/** The same data, which are decoded when they are asked for, with other notes of the library. */
export function withMeta(content: Content, meta: Meta): Content {
  return {
    meta,
    get data() {
      return content.data;
    },
  };
}

/** What a session is to the rest of the library: the facts that handlers change through its methods. */
export class State implements Content {
  readonly format: Format;
  meta: Meta;
  /** Epoch milliseconds; `undefined` while there is no record. */
  expiresAt: number | undefined;
  destroyed = false;
  /** What the methods asked for since the last save began. */
  marks: Marks = new Marks();
  readonly #content: Content | undefined;
  readonly #owner: Pick<SessionOwner, "damaged">;
  #data: Record<string, unknown> | undefined;
  #prototype: unknown;

  constructor(
    format: Format,
    content: Content | undefined,
    expiresAt: number | undefined,
    owner: Pick<SessionOwner, "damaged">,
  ) {
    this.format = format;
    this.meta = content?.meta ?? {};
    this.expiresAt = expiresAt;
    this.#content = content;
    this.#owner = owner;
  }

  get data(): Record<string, unknown> {
    return this.#data ?? this.#decoded();
  }

  #decoded(): Record<string, unknown> {
    let damage: { readonly error: unknown } | undefined;
    try {
      this.#data = this.#content?.data ?? {};
    } catch (error) {
      this.#data = {};
      damage = { error };
    }
    this.#prototype = Object.getPrototypeOf(this.#data);
    if (damage) this.#owner.damaged(damage.error);
    return this.#data;
  }

  /** There is none any more: what is asked for from here on begins with nothing. */
  lose(): void {
    this.meta = {};
    this.expiresAt = undefined;
    this.marks = new Marks();
  }

  /** The payload of the session, with other notes of the library if they are given. Throws when its data inherits anything. */
  encode(baseline: Payload | undefined, meta: Meta = this.meta): Payload {
    if (this.#data && Object.getPrototypeOf(this.#data) !== this.#prototype)
      throw notStorable("session.data", this.#data, prototypeChanged);
    const content = meta === this.meta ? this : withMeta(this, meta);
    const found = this.#content;
    if (found && "encode" in found) return (found as LazyContent).encode(content);
    return this.format.encode(content, baseline);
  }

  /** Removes all data, also what parallel requests save. */
  clear(): void {
    for (const key of Object.keys(this.data)) delete this.data[key];
    this.marks.cleared = true;
    this.marks.updates = undefined;
    this.marks.merge = undefined;
  }

  /** Removes all that belongs to the user so far, because somebody else logs in: the data, and what the library noted. */
  takeOver(): void {
    this.clear();
    this.meta = {};
    this.marks.takenOver = true;
  }
}

const prototypeChanged =
  'its prototype was changed, as an assignment to the key "__proto__" does, and a session keeps an object\'s own keys ' +
  "only; use another key, or session.update";

const nothing: Record<string, never> = Object.freeze({});

/** The session of one record. */
export class RecordSession<Data extends object = Record<string, unknown>> implements Session<Data> {
  readonly #state: State;
  readonly #owner: SessionOwner;

  static {
    // What `console.log` shows.
    Object.defineProperty(RecordSession.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: show });
    guardSessions(RecordSession, ["update"]);
  }

  constructor(state: State, owner: SessionOwner) {
    this.#state = state;
    this.#owner = owner;
    Object.preventExtensions(this);
  }

  get data(): Partial<Data> {
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
      // Of a new session, or one that somebody else takes over, nothing was said yet, and the option `persistent` would decide.
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
    checkFresh(this.#state.meta, this.#owner.now(), options);
  }

  confirm(options: ConfirmOptions = {}): void {
    const { meta, marks } = this.#alive();
    checkKnown("session.confirm", options, ["methods"]);
    this.#owner.needsRoom("session.confirm()");
    if (meta.subject === undefined) throw notFresh("nobody is logged in");
    const now = this.#owner.now();
    const shown = options.methods && timesOf("session.confirm", options.methods, now);
    this.#owner.needsCookie("session.confirm()");
    marks.regenerated = true;
    meta.authenticated = now;
    if (shown) meta.methods = { ...meta.methods, ...shown };
  }

  destroy(): void {
    this.#changeable();
    this.#owner.needsCookie("session.destroy()");
    this.#state.destroyed = true;
  }

  save(): Promise<boolean> {
    return this.#owner.save();
  }

  #alive(): State {
    if (this.#state.destroyed) throw sessionEnded();
    this.#changeable();
    return this.#state;
  }

  #changeable(): void {
    if (this.#owner.readOnly) throw readOnly();
  }
}

/** Changes one key with a function, which is applied again when others changed the key meanwhile. */
export function applyUpdate(
  { data, format }: Pick<State, "data" | "format">,
  marks: Marks,
  key: string,
  change: (value: unknown) => unknown,
  what: string,
): unknown {
  const before = encoded(format, data, key);
  const value = change(own(data, key));
  if (isPromise(value)) throw new TypeError(`${what} must be synchronous; it returned a promise`);
  put(data, key, value);
  noteUpdate({ data, format }, marks, key, change, before);
  return value;
}

function noteUpdate(
  { data, format }: Pick<State, "data" | "format">,
  marks: Marks,
  key: string,
  change: (value: unknown) => unknown,
  before: Update["before"],
): void {
  const after = encoded(format, data, key);
  const earlier = marks.updates?.get(key);
  if (!earlier) {
    marks.updates ??= new Map();
    marks.updates.set(key, { changes: [change], before, after, mixed: false });
    return;
  }
  if (!same(earlier.after, before)) earlier.mixed = true;
  earlier.changes.push(change);
  earlier.after = after;
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
