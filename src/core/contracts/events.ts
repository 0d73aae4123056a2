/** Events: one per transition of a session, in OWASP's words, with a public handle instead of the id. */

import { isError, isSessionError, toldOf } from "./errors.ts";
import { type Notices, noticesOf } from "./notices.ts";
import { type EventMessage, eventChannel } from "./traces.ts";

/**
 * What happened. Names of the OWASP logging vocabulary where it has one.
 *
 * - `session_created`: a record was stored and a cookie sent. `session_renewed`: a session got a new id.
 * - `session_login`: a saved `login()`. `session_logout`: `destroy()` or `logout()`. `session_revoked`: ended from outside.
 * - `impersonation_begun`: a saved `impersonate()`. `impersonation_ended`: its end by `endImpersonation()` or a logout. All
 *   events of that session name the user as their subject, and the administrator as `actor`.
 * - `excess_sessions_exceeded`: a login went beyond `limit`: it was refused, or ended the oldest sessions.
 * - `everybody_revoked`: `sessions.revokeEverybody()` was called in this process.
 * - `session_expired`: a session was used past its absolute timeout.
 * - `session_use_after_expire`: a well-formed id that names no session: ended, expired, or never ours.
 * - `id_reused`: the old id of a renewal came back after the new one had long been seen: a copied cookie.
 * - `save_refused`: the session had ended elsewhere, so this request's changes were not saved.
 * - `save_failed`: a save was an error, also after the headers were sent.
 * - `token_refused`: a cookie of ours held something that is not a token of ours, or two different values.
 * - `record_refused`: a stored record could not be decoded, or the schema refused it; it counts as no session.
 *   Of sessions in parts also: a part that belongs to another session; it counts as absent.
 * - `store_unavailable`: a store call rejected or took too long.
 * - `session_bound`: a browser bound its session to a key, with the option `deviceBound`. `binding_refreshed`: it proved
 *   that it has the key, where `reportRefresh` asks for that.
 * - `binding_violated`: a request of a bound session without the proof of its browser, or with a wrong one: a copied cookie.
 * - `cookie_dropped`: a Secure cookie was sent over plain http, where browsers drop it.
 */
export type SessionEventType =
  | "session_created"
  | "session_renewed"
  | "session_login"
  | "session_logout"
  | "session_revoked"
  | "impersonation_begun"
  | "impersonation_ended"
  | "excess_sessions_exceeded"
  | "everybody_revoked"
  | "session_expired"
  | "session_use_after_expire"
  | "id_reused"
  | "save_refused"
  | "save_failed"
  | "token_refused"
  | "record_refused"
  | "store_unavailable"
  | "session_bound"
  | "binding_refreshed"
  | "binding_violated"
  | "cookie_dropped";

/** One event. Holds nothing that would let anybody in. */
export interface SessionEvent {
  readonly type: SessionEventType;
  /** When, in epoch milliseconds. */
  readonly at: number;
  /** The session's public handle, where the session is known. */
  readonly handle?: string | undefined;
  /** The session's subject, where there is one. */
  readonly subject?: string | undefined;
  /** Of an impersonation: the administrator who acts as the subject. */
  readonly actor?: string | undefined;
  /** Of a session in parts: the name of the part that it happened to. */
  readonly part?: string | undefined;
  /** A few words: why. */
  readonly reason?: string | undefined;
  /** For `save_failed`, `store_unavailable` and `record_refused`: a `SessionError`, or name, code and message of what was thrown. */
  readonly error?: unknown;
}

/** Receives events. What it throws or rejects with is reported as a warning and goes no further. */
export type SessionListener = (event: SessionEvent) => void;

/** Hands events to listeners. Without one, what an operator must know is a line on stderr, once a minute of each kind. */
export class Events {
  readonly #listeners = new Set<SessionListener>();
  readonly #observers = new Set<SessionListener>();
  readonly #now: () => number;
  readonly #warn: (message: string) => void;
  readonly #notices: Notices;

  /** @param say Prints a line each time it is called. */
  constructor(now: () => number, warn: (message: string) => void, say: (message: string) => void = warn) {
    this.#now = now;
    this.#warn = warn;
    this.#notices = noticesOf(say);
  }

  /** @param observes It takes note only: what an operator must know still goes to stderr. */
  add(listener: SessionListener, observes = false): () => void {
    const all = observes ? this.#observers : this.#listeners;
    all.add(listener);
    return () => all.delete(listener);
  }

  /** @param advice For operators: what to do about it. */
  emit(type: SessionEventType, details?: Omit<SessionEvent, "type" | "at">, advice?: string): void {
    if (eventChannel.hasSubscribers) eventChannel.publish(messageOf(type, this.#now(), details));
    if (this.#listeners.size === 0) {
      this.#notices.tell(type, this.#now, details, advice);
      if (this.#observers.size === 0) return;
    }
    const event = { type, at: this.#now(), ...details };
    if (details && "error" in details && !isSessionError(details.error)) event.error = toldOf(details.error);
    for (const listener of [...this.#observers, ...this.#listeners]) {
      try {
        const answer: unknown = listener(event);
        if (answer) Promise.resolve(answer).catch((error) => this.#report(error, type));
      } catch (error) {
        this.#report(error, type);
      }
    }
  }

  #report(error: unknown, type: SessionEventType): void {
    this.#warn(`a session event listener threw ${isError(error) ? error.name : typeof error} on ${type}`);
  }
}

/** What subscribers of the channel `sojourn:event` get to see of an event. */
function messageOf(type: SessionEventType, at: number, details: Omit<SessionEvent, "type" | "at"> = {}): EventMessage {
  const { handle, reason, error } = details;
  return { type, at, handle, reason, code: isSessionError(error) ? error.code : undefined };
}
