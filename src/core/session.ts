/** The session that handlers read and write. It does no I/O of its own; what it collects is saved by the commit. */

import { encoded, put, same, type Update } from "./changes.ts";
import { SessionError, wrongArgument } from "./errors.ts";
import type { Content, Format, Meta } from "./format.ts";
import { newHandle } from "./id.ts";
import { withoutPrototype } from "./json-format.ts";

/** Options of {@link Session.login}. */
export interface LoginOptions {
  /** Whether the cookie outlives the browser ("remember me"). Default: as it was, for a new session as configured. */
  readonly persistent?: boolean | undefined;
}

/** What a session needs of the request it belongs to. */
export interface SessionOwner {
  /** Saves now. */
  save(): Promise<boolean>;
  /** Throws when a change that needs a cookie comes too late. */
  needsCookie(what: string): void;
  /** Starts what has to be known before a login is saved. */
  onLogin(subject: string): void;
}

/** What a session's methods asked for, beside what they did to the data. */
export class Marks {
  cleared = false;
  regenerated = false;
  loggedIn = false;
  /** `persistent` was set: the client's cookie is to be sent anew. */
  persistence = false;
  updates: Map<string, Update> | undefined;

  /** Adds what was asked for later, after a save that took these has failed. */
  join(later: Marks): void {
    if (later.cleared) this.updates = undefined;
    this.cleared ||= later.cleared;
    this.regenerated ||= later.regenerated;
    this.loggedIn ||= later.loggedIn;
    this.persistence ||= later.persistence;
    for (const [key, update] of later.updates ?? []) {
      const earlier = this.updates?.get(key);
      if (!earlier) {
        this.updates ??= new Map();
        this.updates.set(key, update);
        continue;
      }
      earlier.mixed ||= update.mixed || !same(earlier.after, update.before);
      earlier.changes.push(...update.changes);
      earlier.after = update.after;
    }
  }
}

/** What a session is to the rest of the library: the facts that handlers change through its methods. */
export class State implements Content {
  readonly format: Format;
  readonly data: Record<string, unknown>;
  meta: Meta;
  /** Epoch milliseconds; `undefined` while there is no record. */
  expiresAt: number | undefined;
  destroyed = false;
  /** The route may only read. */
  readOnly = false;
  /** What the methods asked for since the last save began. */
  marks: Marks = new Marks();

  constructor(format: Format, content: Content | undefined, expiresAt: number | undefined) {
    this.format = format;
    this.data = content?.data ?? withoutPrototype({});
    this.meta = content?.meta ?? {};
    this.expiresAt = expiresAt;
  }
}

const nothing: Record<string, never> = Object.freeze(Object.create(null));

/**
 * One client's session in one request.
 *
 * `data` is a plain object: read it, change it, as deep as you like. What changed is found out when the response
 * is about to leave, and saved key by key: parallel requests that change different keys keep all changes.
 * The methods below are about the session itself. None of them waits; all take effect with the save.
 *
 * @typeParam Data The shape of `data`. Every key is optional, since a session begins empty.
 * @example
 * ```ts
 * import type { Session } from "sojourn";
 *
 * interface Data { cart: string[]; notice: string }
 *
 * function add(session: Session<Data>, article: string): void {
 *   session.update("cart", (cart) => [...(cart ?? []), article]);
 *   session.flash("notice", "Added.");
 * }
 * ```
 */
export class Session<Data extends object = Record<string, unknown>> {
  readonly #state: State;
  readonly #owner: SessionOwner;

  static {
    // What `console.log` shows.
    Object.defineProperty(Session.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: show });
  }

  /** @internal Sessions come from `sessions.get()`. */
  constructor(state: State, owner: SessionOwner) {
    this.#state = state;
    this.#owner = owner;
  }

  /** The application's data. No prototype, no reserved keys. After `destroy()` it is empty and frozen. */
  get data(): Partial<Data> {
    return (this.#state.destroyed ? nothing : this.#state.data) as Partial<Data>;
  }

  /** A public name for this session, the same for all its life: for logs and lists of devices. Lets nobody in. */
  get handle(): string {
    this.#state.meta.handle ??= newHandle();
    return this.#state.meta.handle;
  }

  /** Whether no record of it exists yet. It stays that way, and no cookie is sent, until there is something to keep. */
  get isNew(): boolean {
    return this.#state.expiresAt === undefined;
  }

  /** Who is logged in: what was given to {@link login}. `undefined` for an anonymous session. */
  get subject(): string | undefined {
    return this.#state.meta.subject;
  }

  /** When the session began, in epoch milliseconds; `undefined` while it is new. */
  get createdAt(): number | undefined {
    return this.#state.meta.created;
  }

  /** When somebody last logged in to it, in epoch milliseconds: compare it before something sensitive is done. */
  get authenticatedAt(): number | undefined {
    return this.#state.meta.authenticated;
  }

  /** When it ends if it is not used again, in epoch milliseconds; `undefined` while it is new. */
  get expiresAt(): number | undefined {
    return this.#state.expiresAt;
  }

  /** Whether its cookie outlives the browser. Settable. */
  get persistent(): boolean {
    return this.#state.meta.persistent === true;
  }

  set persistent(persistent: boolean) {
    if (typeof persistent !== "boolean") throw wrongArgument("session.persistent", "true or false", persistent);
    if (persistent === this.persistent) return;
    this.#alive();
    this.#owner.needsCookie("session.persistent");
    this.#state.meta.persistent = persistent;
    this.#state.marks.persistence = true;
  }

  /**
   * Changes one key with a function of its present value. When another request changed the key meanwhile, the
   * function is applied again to the newest value, so that counters and lists lose nothing.
   *
   * @param change Gets the value (`undefined` when absent), returns the new one; `undefined` removes the key.
   * Synchronous, and free of other effects, since it may run more than once.
   * @returns The new value as far as this request knows it.
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * const countVisit = (session: Session<{ visits: number }>) => session.update("visits", (n = 0) => n + 1);
   * ```
   */
  update<K extends keyof Data & string>(
    key: K,
    change: (value: Data[K] | undefined) => Data[K] | undefined,
  ): Data[K] | undefined {
    const { data, format } = this.#alive();
    if (typeof change !== "function")
      throw wrongArgument("the second argument of session.update", "a function", change);
    const before = encoded(format, data, key);
    const value = change(data[key] as Data[K] | undefined);
    if (value instanceof Promise)
      throw new TypeError("the function given to session.update must be synchronous; it returned a promise");
    put(data, key, value);
    this.#record(key, change as (value: unknown) => unknown, before);
    return value;
  }

  /** Leaves a value for whoever calls {@link take} next, usually after a redirect. The same as setting `data[key]`. */
  flash<K extends keyof Data & string>(key: K, value: Data[K]): void {
    put(this.#alive().data, key, value);
  }

  /**
   * Reads a value and removes it. A newer value that another request left under the key meanwhile stays for the next.
   */
  take<K extends keyof Data & string>(key: K): Data[K] | undefined {
    const { data, format } = this.#alive();
    const before = encoded(format, data, key);
    if (before === undefined) return undefined;
    const value = data[key] as Data[K];
    delete data[key];
    const unlessNewer = (newest: unknown): unknown =>
      same(encoded(format, { [key]: newest }, key), before) ? undefined : newest;
    this.#record(key, unlessNewer, before);
    return value;
  }

  /** Removes all data, also what parallel requests saved meanwhile. The session, its id and its subject stay. */
  clear(): void {
    const state = this.#alive();
    for (const key of Object.keys(state.data)) delete state.data[key];
    state.marks.cleared = true;
    state.marks.updates = undefined;
  }

  /**
   * Gives the session a new id and ends the old one at once; the data stays. Do it whenever rights change:
   * requests that still carry the old id find no session (OWASP ASVS 7.2.4). {@link login} does it by itself.
   */
  regenerate(): void {
    const state = this.#alive();
    this.#owner.needsCookie("session.regenerate()");
    state.marks.regenerated = true;
  }

  /**
   * Records who this session belongs to from now on, and renews the id: the old one, which somebody may have
   * planted or seen, ends at once. The data stays, a guest's cart for instance; call `clear()` before if it should not.
   *
   * @param subject The user's identifier, 1 to 200 characters. Sessions are listed and revoked by it.
   */
  login(subject: string, options: LoginOptions = {}): void {
    const state = this.#alive();
    if (typeof subject !== "string" || subject.length < 1 || subject.length > 200) {
      throw wrongArgument("the subject given to session.login", "a text of 1 to 200 characters", subject);
    }
    this.#owner.needsCookie("session.login()");
    if (options.persistent !== undefined) this.persistent = options.persistent;
    state.meta.subject = subject;
    state.marks.regenerated = true;
    state.marks.loggedIn = true;
    this.#owner.onLogin(subject);
  }

  /** Ends the session: its record and its cookie are removed. Nothing can be done with it afterwards. */
  destroy(): void {
    this.#changeable();
    this.#owner.needsCookie("session.destroy()");
    this.#state.destroyed = true;
  }

  /**
   * Saves now what would be saved when the response leaves: for streams and sockets, or before something that must see it.
   *
   * @returns False when the session has ended elsewhere meanwhile; then nothing was saved.
   * @throws `SessionError` when the store fails, or when a cookie would be needed and the headers are gone.
   */
  save(): Promise<boolean> {
    return this.#owner.save();
  }

  #alive(): State {
    if (this.#state.destroyed) throw new SessionError("ERR_SESSION_ENDED", "the session was destroyed in this request");
    this.#changeable();
    return this.#state;
  }

  #changeable(): void {
    if (this.#state.readOnly) throw readOnly();
  }

  #record(key: string, change: (value: unknown) => unknown, before: Update["before"]): void {
    const { format, data, marks } = this.#state;
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
}

/** The error for a change where only reading was asked for. */
export function readOnly(): SessionError {
  const message = 'this route has the access "read": it must not change its session; nothing was saved';
  return new SessionError("ERR_SESSION_READ_ONLY", message);
}

function show(this: Session): object {
  return { [`Session ${this.handle}`]: { subject: this.subject, data: { ...this.data } } };
}
