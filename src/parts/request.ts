/** One request's session in parts: which of them are loaded, what was asked of all, and how they are saved. */

import { ticks } from "../core/contracts/clock.ts";
import type { SessionError } from "../core/contracts/errors.ts";
import type { Incoming } from "../core/contracts/incoming.ts";
import { logsOut, rehearse, Work } from "../core/save/commit.ts";
import { wouldSave } from "../core/save/facts.ts";
import { type RecordSession, readOnly, sessionEnded } from "../core/save/record-session.ts";
import { headersSent, refused } from "../core/save/refusals.ts";
import { takeBack } from "../core/save/steps.ts";
import type { PartsData } from "./data.ts";
import { begins, exists, HeldPart, type LoadedPart } from "./held.ts";
import type { Part, Parts } from "./options.ts";
import { strays, within } from "./strays.ts";
import { baseOf, contradicts, reportStray } from "./ties.ts";

/** A call that applies to several parts. It runs at once on loaded parts, on each other part when that is loaded. */
export interface Action {
  /** In the words of the application. */
  readonly what: string;
  readonly scope: ReadonlySet<Part>;
  readonly needsCookie: boolean;
  /** It is a logout: final when it is called. */
  readonly ends?: true;
  run(part: LoadedPart): void;
}

/** The parts of one request's session. */
export class PartsRequest implements PartsData {
  readonly parts: Parts;
  readonly home: HeldPart;
  /** In the order given. */
  readonly all: readonly HeldPart[];
  readonly #actions: Action[] = [];
  /** In the order of saving: plain cookies are last, since they have no effect but with the response. */
  readonly #saved: readonly HeldPart[];
  readonly #incoming: Incoming;
  #saving: Promise<unknown> | undefined;

  /** @param read Reads a part's record. */
  constructor(parts: Parts, read: (part: Part) => Promise<Work>, incoming: Incoming) {
    this.parts = parts;
    this.#incoming = incoming;
    this.all = parts.all.map((part) => new HeldPart(part, read));
    this.home = this.all[parts.all.indexOf(parts.home)] as HeldPart;
    this.#saved = [...this.all].sort((a, b) => Number(a.part.plain) - Number(b.part.plain));
  }

  /** Loads parts, at the same time. */
  async load(parts: Iterable<HeldPart>): Promise<void> {
    await Promise.all(Array.from(parts, (part) => part.load()));
    this.#join();
  }

  /** Waits for what is being loaded. */
  async settled(): Promise<void> {
    for (const part of this.all) await part.settled();
  }

  loaded(): LoadedPart[] {
    return this.all.filter((part) => part.isLoaded());
  }

  /** Asks something of parts. */
  ask(action: Action): void {
    const { what, scope, needsCookie } = action;
    if (this.#incoming.readOnly) throw readOnly();
    if (needsCookie && this.#incoming.headersSent) throw this.#tooLate(what);
    const asked = this.#saved.filter(({ part }) => scope.has(part));
    if (asked.every(({ work }) => work?.state.destroyed)) throw sessionEnded();
    // What is wrong is thrown by the first, before any other has heard of it.
    for (const part of asked) if (part.isLoaded() && !part.work.state.destroyed) action.run(part);
    this.#actions.push(action);
  }

  /** A part that must be there; `what` it is needed for. */
  needed(part: HeldPart, what: string): LoadedPart {
    if (part.isLoaded()) return part;
    const how = "sessions.get(request) loads all, sessions.get(request, [fields]) the parts of these fields";
    throw new TypeError(`${what} is in the part "${part.part.name}", which was not loaded: ${how}`);
  }

  reading(key: string): Record<string, unknown> | undefined {
    const at = this.parts.routes.partOf(key);
    return at === undefined ? undefined : this.#dataOf(at, key);
  }

  writing(key: string): Record<string, unknown> {
    return this.#dataOf(this.parts.routes.needed(key), key);
  }

  keys(): string[] {
    return this.all.flatMap((part, at) =>
      Object.keys(part.session?.data ?? {}).filter((key) => this.parts.routes.partOf(key) === at),
    );
  }

  /** The session of the part that takes a key. */
  of(key: string): RecordSession {
    const part = this.all[this.parts.routes.needed(key)] as HeldPart;
    return this.needed(part, `session.data.${key}`).session;
  }

  /** Whether a logout was called for. */
  get logsOut(): boolean {
    return this.#actions.some(({ ends }) => ends);
  }

  /** One save at a time, in the order they were asked for. With `logoutOnly`, changes of the data wait for the next. */
  save(logoutOnly = false): Promise<boolean> {
    const saved = this.#saving ? this.#saving.then(() => this.#save(logoutOnly)) : this.#save(logoutOnly);
    this.#saving = saved.catch(() => {});
    return saved;
  }

  #dataOf(at: number, key: string): Record<string, unknown> {
    return this.needed(this.all[at] as HeldPart, `session.data.${key}`).session.data;
  }

  /** Makes what was read one session: a part of another session counts as absent, also one that joined before. */
  #join(): void {
    const base = baseOf(this.home, this.#saved);
    for (const held of this.all) {
      const work = held.arrived ?? held.work;
      const how = contradicts(held, base);
      if (!work || !(held.arrived || how)) continue;
      if (how) reportStray(held, how);
      const used = how ? new Work(work.core, this.#incoming, null, work.held) : work;
      const part = how === "before" ? held.setAside(used) : held.join(used);
      for (const { scope, run } of this.#actions) if (scope.has(part.part)) run(part);
    }
  }

  #tooLate(what: string): SessionError {
    const error = headersSent(what);
    this.#report(error, this.home);
    return error;
  }

  #report(error: unknown, part: HeldPart): void {
    const { work } = part.isLoaded() ? part : (this.loaded()[0] ?? part);
    work?.report("save_failed", error);
  }

  async #save(logoutOnly: boolean): Promise<boolean> {
    let at: HeldPart = this.home;
    const began = ticks();
    try {
      await this.#loadAsked();
      this.#limit(began);
    } catch (error) {
      this.#report(error, at);
      throw error;
    }
    // A logout is final when it is called, so that it does not wait for what may turn out not to be storable.
    if (this.logsOut) await this.#logOut();
    if (logoutOnly) return true;
    try {
      await this.#complete();
      this.#limit(began);
      for (at of this.#saved) {
        // When the session is over, nothing of the other parts is saved.
        if (!at.isLoaded() || (at !== this.home && this.#isOver())) continue;
        // All of them before the first is saved: a revocation after that is found by the part that is saved later.
        await at.work.epoch;
        await rehearse(at.work);
      }
    } catch (error) {
      this.#report(error, at);
      throw error;
    }
    return this.#saveEach();
  }

  /** One time limit over the store calls of all parts. */
  #limit(began: number): void {
    for (const { work } of this.loaded()) work.until = began + work.core.config.storeTimeout;
  }

  async #loadAsked(): Promise<void> {
    const asked = new Set(this.#actions.flatMap(({ scope }) => [...scope]));
    await this.load(this.all.filter(({ part }) => asked.has(part)));
  }

  /** Loads what has to be known before anything is written, and makes the parts one session. */
  async #complete(): Promise<void> {
    const pending = this.loaded().filter(({ login }) => login);
    if (pending.length === 0 && !this.loaded().some(begins)) return;
    await this.load(this.all);
    const home = this.home as LoadedPart;
    const handle = (this.#anchor() ?? home).session.handle;
    if (home.work.found === null) home.work.state.meta.handle = handle;
    for (const one of this.loaded()) {
      const { login, work, part } = one;
      if (one === home || !(begins(one) || (login && exists(one)))) continue;
      one.login = undefined;
      if (login && !part.plain) one.session.login(login.subject, { merge: login.merge });
      work.state.meta.handle = handle;
      const subject = login?.subject ?? home.session.subject;
      if (subject === undefined || home.work.state.destroyed) continue;
      work.state.meta.subject = subject;
      follow(one, home);
    }
  }

  /** The first part with a record that can be ended: whether the session is there is looked for at it. */
  #anchor(): LoadedPart | undefined {
    const living = this.#saved.filter((part) => part.isLoaded()).filter(exists);
    return living.find((part) => part === this.home) ?? living[0];
  }

  /** The session ended elsewhere, when the part ended that says who is logged in. */
  #isOver(): boolean {
    const { work } = this.home;
    return work?.ended === true && !work.state.destroyed && !(work.late && work.state.marks.loggedIn);
  }

  /** Ends what `destroy` was called for. */
  async #logOut(): Promise<void> {
    const ends = strays(this.home, this.loaded());
    for (const one of this.#saved) {
      if (!one.isLoaded() || !logsOut(one.work)) continue;
      await one.work.saveLogout();
      if (one === this.home) for (const end of ends) await end().catch(() => {});
    }
  }

  async #saveEach(): Promise<boolean> {
    const anchor = this.#anchor();
    const ends = strays(this.home, this.loaded());
    let all = true;
    for (const one of this.#saved) {
      if (!one.isLoaded()) continue;
      const { work, part } = one;
      if (one !== this.home && this.#isOver()) {
        if (wouldSave(work)) {
          all = false;
          refused((this.home as LoadedPart).work);
        }
        continue;
      }
      const isNew = begins(one);
      // A part that logs in may have read a later epoch than the home part, which ended.
      const leader = anchor ?? (work.state.marks.loggedIn ? (this.home as LoadedPart) : undefined);
      const saved = await work.save();
      if (one === this.home && saved) for (const end of ends) await end().catch(() => {});
      if (!saved) all = false;
      else if (isNew && leader && leader !== one && !leader.part.plain && !part.plain) {
        all = (await this.#stands(leader, one)) && all;
      }
    }
    return all;
  }

  /** Takes a new record back when the session that it belongs to has ended in between, or that cannot be known. */
  async #stands({ work: leader }: LoadedPart, { work }: LoadedPart): Promise<boolean> {
    let there = false;
    try {
      const { found } = leader;
      const newest = found && (await within(leader).records.again(found.place));
      there = newest?.content !== undefined && newest.moved !== "login";
      work.ended = !there;
    } finally {
      if (!there) await takeBack(work);
    }
    if (!there) refused(work);
    return there;
  }
}

/** A part that says nothing of its own about lifetimes lives as long as the login says. */
function follow({ part, work }: LoadedPart, { work: home }: LoadedPart): void {
  const { meta } = work.state;
  for (const name of part.follows ? (["idle", "absolute"] as const) : []) {
    const lifetime = home.state.meta[name];
    if (lifetime === undefined) delete meta[name];
    else meta[name] = Math.min(lifetime, work.core.config.longest);
  }
}
