/** One session as one request has it, from loading to its last save. Data: the other files of this folder have the verbs. */

import type { MaybePromise } from "../bytes/bytes.ts";
import type { Binder } from "../contracts/device-bound.ts";
import { isSessionError } from "../contracts/errors.ts";
import type { Everybody } from "../contracts/everybody.ts";
import type { Content, Meta, Payload } from "../contracts/format.ts";
import type { Incoming } from "../contracts/incoming.ts";
import type { Found, Late, Place, Records } from "../contracts/records.ts";
import type { SessionEventType } from "../contracts/session-event.ts";
import type { ExternalLogin } from "../contracts/session-options.ts";
import type { Config } from "../options/options.ts";
import type { Cleanup } from "../record/cleanup.ts";
import { expiryOf } from "../record/expiry.ts";
import type { ExternalLinks } from "../record/external.ts";
import type { SubjectSessions } from "../record/subjects.ts";
import type { Marks } from "./changes.ts";
import { type Facts, type Plan, plan } from "./plan.ts";
import { State } from "./state.ts";
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
  /** Links sessions to what identity providers call them. */
  readonly external: ExternalLinks;
  readonly turns: Turns;
  readonly cleanup: Cleanup | undefined;
  /** Binds sessions to browsers, with the option `deviceBound`. */
  readonly binder?: Binder | undefined;
  /** What another library's cookie in a `Cookie` header leads to, where there are adopters. */
  readonly adopt?: ((header: string) => Promise<Found | Late | null>) | undefined;
  /** Of the part that says who is logged in: ends the other parts of a session, which nothing else would end with it. */
  readonly endParts?: ((subject: string, handle: string) => Promise<unknown>) | undefined;
  /** Ends what that leads to, after a logout. Gives the `Set-Cookie` values that remove the cookie. */
  readonly endOld?: ((header: string) => Promise<readonly string[] | undefined>) | undefined;
}

/** A login that may go ahead. */
export interface Admission {
  readonly subject: string;
  /** When the newest of the subject's other sessions logged in, in epoch milliseconds. */
  readonly after: number;
  /** A record that counts as the session until that is written. */
  readonly seat: Place | undefined;
}

/** A plan, and the session as it was encoded for it. */
export interface Prepared {
  readonly payload: Payload | undefined;
  readonly plan: Plan;
}

/** A save in flight, as a watcher of it sees it. */
export interface Watched {
  planned(plan: Plan, attempt: number): void;
  conflicted(): void;
}

/** One session as one request has it. */
export abstract class RequestRecord {
  readonly core: SessionsCore;
  readonly state: State;
  /** The record as this request knows it; `null` while there is none. */
  found: Found | null;
  /** How many session cookies the client holds. */
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
  identity: { readonly handle: string | undefined; readonly subject: string | undefined };
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
  /** Of an impersonation: the administrator's own session. It ends with this one, unless the request goes back to it. */
  own: Found | undefined;
  /** The `Set-Cookie` values to send with the response. */
  setCookie: readonly string[] | undefined;
  /** A login or a logout was saved; of a login, what was noted to bind it. */
  rebound: { readonly bound: Meta["bound"] } | undefined;
  /** The save at hand, where something listens to `sojourn:save`. */
  trace: Watched | undefined;
  /** An earlier save was traced. */
  wasTraced = false;
  /** What `isClean` has found out, until the save that begins at once. */
  prepared: Prepared | undefined;
  /** The mark of everybody that a session which begins or logs in carries. */
  era: MaybePromise<number> | undefined;
  /** What a login under `limit` was admitted with. */
  admission: Admission | undefined;
  /** What the identity provider calls the login, and the mark of that when it was called. */
  external: { readonly login: ExternalLogin; readonly mark: Promise<string | null> } | undefined;
  /** This request got a new id. */
  gaveId = false;
  /** The handler asks for the client's token just now. */
  handsOut = false;
  /** The handler was given one. */
  handedOut = false;
  /** How many saves are on their way. */
  inFlight = 0;
  /** The session that this request was in before a logout or an impersonation, while that is not saved. It is saved before this one. */
  before: RequestRecord | undefined;
  /** The `Set-Cookie` values that remove another library's cookie, sent together with the session's. */
  leaves: readonly string[] | undefined;

  /** @param content What handlers get to see of the session. Default: what was found. */
  constructor(core: SessionsCore, incoming: Incoming, found: Found | Late | null, held: number, content?: Content) {
    this.core = core;
    this.incoming = incoming;
    this.late = found && "late" in found ? found : undefined;
    this.ended = this.late !== undefined;
    this.found = found && "late" in found ? null : found;
    this.state = new State(core.config.format, content ?? this.found?.content, this.found?.expiresAt, this);
    this.marks = this.state.marks;
    this.identity = identityOf(this.state.meta);
    this.held = held;
    this.leaves = this.found?.leaves;
    this.own = this.found?.own;
  }

  /** Whether a save was begun. */
  abstract get saves(): boolean;
  /** The data that were found turn out to be damaged: from here on there is no session. */
  abstract damaged(error: unknown): void;

  /** The `Set-Cookie` values of the response. They remove another library's cookie when they set the session's. */
  get cookies(): readonly string[] | undefined {
    return this.setCookie && this.leaves ? [...this.setCookie, ...this.leaves] : this.setCookie;
  }

  /** Whether nothing can be handed to the client: the headers are gone, or it is handed over on request only. */
  get isMute(): boolean {
    return this.core.config.carrier.explicit ? !this.handsOut : this.incoming.headersSent;
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

  report(type: SessionEventType, error?: unknown): void {
    const { handle, subject, actor } = this.state.meta;
    const reason = isSessionError(error) ? error.code : undefined;
    this.core.config.events.emit(type, {
      handle,
      subject,
      ...(actor && { actor: actor.subject }),
      ...(error !== undefined && { reason, error }),
    });
  }
}

/** The handle and subject with which a session's record is ended. */
export function identityOf({ handle, subject }: Meta): RequestRecord["identity"] {
  return { handle, subject };
}
