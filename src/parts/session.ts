/** The session that handlers read and write when it is kept in parts. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { Session } from "../core/contracts/session.ts";
import type {
  ConfirmOptions,
  FreshnessOptions,
  LoginOptions,
  LogoutOptions,
} from "../core/contracts/session-options.ts";
import type { Merge } from "../core/save/changes.ts";
import { guardSessions } from "../core/save/guarded.ts";
import { notSupported } from "../core/save/impersonation.ts";
import { checkKeep, checkLogin } from "../core/save/login.ts";
import { cannotMerge } from "../core/save/login-merge.ts";
import { sessionEnded } from "../core/save/record-session.ts";
import { dataOf } from "./data.ts";
import { exists, type HeldPart, type LoadedPart } from "./held.ts";
import type { Part } from "./options.ts";
import type { PartsRequest } from "./request.ts";

/** Which parts of a session are meant. */
export interface PartsChoice<Name extends string = string> {
  /** The names of the parts. Default: all. */
  readonly parts?: readonly Name[] | undefined;
}

/** What is known of one part of a session. */
export type PartInfo = Pick<
  Session,
  "handle" | "isNew" | "subject" | "createdAt" | "authenticatedAt" | "expiresAt" | "endsAt" | "persistent"
>;

/**
 * One client's session in one request, kept in several parts: read and write it as if it were one.
 *
 * `subject`, `authenticatedAt` and `persistent` are those of the part that says who is logged in: the first that is not
 * a plain cookie. When it has ended, the user is logged out, even if other parts live on.
 *
 * @typeParam Data The shape of `data`.
 * @typeParam Name The names of the parts, where `defineParts` told them.
 * @example
 * ```ts
 * import type { PartsSession } from "sojourn/parts";
 *
 * function leave(session: PartsSession<{ user: string; theme: string }, "login" | "rest">): void {
 *   session.destroy({ parts: ["login"] }); // the theme stays
 * }
 * ```
 */
export interface PartsSession<Data extends object = Record<string, unknown>, Name extends string = string>
  extends Session<Data> {
  /** What is known of one part. Its `persistent` can be set. Throws a `TypeError` when the part was not loaded. */
  part(name: Name): PartInfo;
  /** Removes the data of all parts, or of those named. The session, its ids and its subject stay. */
  clear(options?: PartsChoice<Name>): void;
  /** Gives new ids to all parts that are not plain cookies, or to those named, and ends the old ones at once. */
  regenerate(options?: PartsChoice<Name>): void;
  /**
   * Records in all parts who they belong to, and renews those that are not plain cookies. Nothing of another user is
   * kept, in no part.
   */
  login(subject: string, options?: LoginOptions<Data>): void;
  /** Ends all parts, or those named. */
  destroy(options?: PartsChoice<Name>): void;
}

/** One session made of the parts of a request. */
export class SessionInParts<Data extends object> implements PartsSession<Data> {
  readonly #data: Partial<Data>;
  readonly #request: PartsRequest;

  static {
    Object.defineProperty(SessionInParts.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: show });
    guardSessions(SessionInParts, ["update"]);
  }

  constructor(request: PartsRequest) {
    this.#request = request;
    this.#data = dataOf(request) as Partial<Data>;
    Object.preventExtensions(this);
  }

  get data(): Partial<Data> {
    return this.#data;
  }

  get handle(): string {
    const home = this.#home("session.handle");
    return (this.#living(home) ?? home).session.handle;
  }

  get isNew(): boolean {
    this.#home("session.isNew");
    return this.#request.loaded().every(({ session }) => session.isNew);
  }

  get subject(): string | undefined {
    const { session, work } = this.#home("session.subject");
    return work.state.destroyed ? undefined : session.subject;
  }

  get createdAt(): number | undefined {
    return this.#living(this.#home("session.createdAt"))?.session.createdAt;
  }

  get authenticatedAt(): number | undefined {
    return this.#home("session.authenticatedAt").session.authenticatedAt;
  }

  get expiresAt(): number | undefined {
    return this.#living(this.#home("session.expiresAt"))?.session.expiresAt;
  }

  get bound(): boolean {
    return this.#home("session.bound").session.bound;
  }

  get endsAt(): number | undefined {
    return this.#living(this.#home("session.endsAt"))?.session.endsAt;
  }

  get persistent(): boolean {
    return this.#home("session.persistent").session.persistent;
  }

  set persistent(persistent: boolean) {
    this.#home("session.persistent").session.persistent = persistent;
  }

  get label(): string | undefined {
    return this.#home("session.label").session.label;
  }

  set label(label: string) {
    this.#home("session.label").session.label = label;
  }

  part(name: string): PartInfo {
    const [part] = this.#scope("session.part", [name]);
    const held = this.#request.all.find((one) => one.part === part) as HeldPart;
    return this.#request.needed(held, `session.part("${name}")`).session;
  }

  update<K extends keyof Data & string>(
    key: K,
    change: (value: Data[K] | undefined) => Data[K] | undefined,
  ): Data[K] | undefined {
    return this.#request.of(key).update(key, change as (value: unknown) => unknown) as Data[K] | undefined;
  }

  flash<K extends keyof Data & string>(key: K, value: Data[K]): void {
    this.#request.of(key).flash(key, value);
  }

  take<K extends keyof Data & string>(key: K): Data[K] | undefined {
    return this.#request.of(key).take(key) as Data[K] | undefined;
  }

  clear(choice: PartsChoice = {}): void {
    const scope = this.#chosen("session.clear", choice);
    this.#request.ask({ what: "session.clear()", scope, needsCookie: false, run: ({ session }) => session.clear() });
  }

  regenerate(choice: PartsChoice = {}): void {
    const scope = this.#chosen("session.regenerate", choice, (part) => !part.plain || part === this.#request.home.part);
    const run = ({ session }: LoadedPart): void => session.regenerate();
    this.#request.ask({ what: "session.regenerate()", scope, needsCookie: true, run });
  }

  login(subject: string, options: LoginOptions<Data> = {}): void {
    const home = this.#home("session.login()");
    checkLogin(subject, options as LoginOptions<never>);
    if (home.work.state.destroyed) throw sessionEnded();
    const merges = this.#mergesByPart(options.merge as Merge | undefined);
    const before = home.session.subject;
    const isTakenOver = before !== undefined && before !== subject;
    const run = (held: LoadedPart): void => {
      if (subject === before) held.recall();
      const { session, part, work } = held;
      const merge = merges.get(part);
      if (held === home) {
        session.login(subject, { ...options, merge } as LoginOptions);
        return;
      }
      const isLeftOver = session.subject !== undefined && session.subject !== subject;
      if (isTakenOver || isLeftOver) work.state.takeOver();
      held.login = { subject, merge };
    };
    const scope = this.#scope("session.login", undefined);
    this.#request.ask({ what: "session.login()", scope, needsCookie: true, run });
  }

  requireFresh(options: FreshnessOptions): void {
    this.#home("session.requireFresh()").session.requireFresh(options);
  }

  confirm(options: ConfirmOptions = {}): void {
    const home = this.#home("session.confirm()");
    const scope = this.#scope("session.confirm", undefined, (part) => !part.plain || part === home.part);
    const run = ({ session, part }: LoadedPart): void =>
      part === home.part ? session.confirm(options) : session.regenerate();
    this.#request.ask({ what: "session.confirm()", scope, needsCookie: true, run });
  }

  logout(options: LogoutOptions<keyof Data & string> = {}): void {
    const { all, routes } = this.#request.parts;
    const keep = checkKeep(options);
    const parts = keep.map((key) => all[routes.needed(key)]);
    const run = (held: LoadedPart): void => {
      held.login = undefined;
      held.session.logout({ keep: keep.filter((_, at) => parts[at] === held.part) });
    };
    const scope = this.#scope("session.logout", undefined);
    this.#request.ask({ what: "session.logout()", scope, needsCookie: true, ends: true, run });
  }

  get actor(): undefined {
    return undefined;
  }

  impersonate(): never {
    throw notSupported("sessions in parts");
  }

  endImpersonation(): void {}

  destroy(choice: PartsChoice = {}): void {
    const scope = this.#chosen("session.destroy", choice);
    const run = ({ session }: LoadedPart): void => session.destroy();
    this.#request.ask({ what: "session.destroy()", scope, needsCookie: true, ends: true, run });
  }

  save(): Promise<boolean> {
    return this.#request.save();
  }

  #home(what: string): LoadedPart {
    return this.#request.needed(this.#request.home, what);
  }

  /** The part that tells when the session began and ends: the one that says who is logged in, or the first there is. */
  #living(home: LoadedPart): LoadedPart | undefined {
    const living = this.#request.loaded().filter(exists);
    return living.find((part) => part === home) ?? living.find(({ part }) => !part.plain) ?? living[0];
  }

  #chosen(what: string, choice: PartsChoice, fits?: (part: Part) => boolean): ReadonlySet<Part> {
    checkKnown(what, choice, ["parts"]);
    return this.#scope(what, choice.parts, fits);
  }

  #scope(what: string, names: unknown, fits: (part: Part) => boolean = () => true): ReadonlySet<Part> {
    const { all } = this.#request.parts;
    if (names === undefined) return new Set(all.filter(fits));
    const known = all.map(({ name }) => name);
    const isList = Array.isArray(names) && names.length > 0 && names.every((name) => known.includes(name));
    if (!isList) throw wrongArgument(`the parts given to ${what}`, `a list of ${known.join(", ")}`, names);
    return new Set(all.filter(({ name }) => names.includes(name)));
  }

  #mergesByPart(merge: Merge | undefined): Map<Part, Merge> {
    const byPart = new Map<Part, Merge>();
    const { all, routes } = this.#request.parts;
    for (const [key, decide] of Object.entries(merge ?? {})) {
      const part = all[routes.needed(key)] as Part;
      const { store } = part.core.config;
      if (!store.capabilities.bySubject) throw cannotMerge(store.name);
      byPart.set(part, { ...byPart.get(part), [key]: decide });
    }
    return byPart;
  }
}

function show(this: PartsSession): object {
  return { Session: { data: { ...this.data } } };
}
