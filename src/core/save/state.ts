/** What a session is to the rest of the library: its data and notes, and what handlers asked for. */

import type { Content, Format, LazyContent, Meta, Payload } from "../contracts/format.ts";
import type { ImpersonateOptions, LoginOptions } from "../contracts/session-options.ts";
import { notStorable } from "../record/values.ts";
import { Marks } from "./changes.ts";
import { Noted } from "./draft.ts";
import type { LoginNotes } from "./login.ts";

/** The same, of the session with which a request goes on. */
export type NextOwner = SessionOwner & { readonly state: State };

/** What a session needs of the request it belongs to. */
export interface SessionOwner {
  /** The route may only read. */
  readonly readOnly: boolean;
  /** Told whenever a handler uses the session. */
  noteUse(): void;
  /** Saves now. */
  save(): Promise<boolean>;
  /** Told of an error that is meant for the client, before it is thrown. */
  answers(error: unknown): void;
  /** Saves, and gives the token that the client is to hold from now on; for transports that send none by themselves. */
  handOut(): Promise<string | undefined>;
  /** Throws when a change that needs a cookie comes too late. */
  needsCookie(what: string): void;
  /** Ends the session, and gives the one with which the request goes on. */
  logOut(): NextOwner;
  /** Begins an impersonation, and gives the session with which the request goes on. */
  impersonate(subject: string, options: ImpersonateOptions): NextOwner;
  /** Ends it, and gives the administrator's own session. */
  endImpersonation(): NextOwner;
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

/** One session: the facts that handlers change through its methods. */
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
    const content = meta === this.meta ? this : new Noted(this, meta);
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

  /** Removes all that belongs to the user so far, because another user logs in: the data, and what the library noted. */
  takeOver(): void {
    this.clear();
    this.meta = {};
    this.marks.takenOver = true;
  }
}

const prototypeChanged =
  'its prototype was changed, as an assignment to the key "__proto__" does, and a session keeps an object\'s own keys ' +
  "only; use another key, or session.update";
