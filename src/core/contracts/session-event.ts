/** An event: one per transition of a session, in OWASP's words, with a public handle instead of the id. Types only. */

/**
 * What happened. The names are those of the OWASP logging vocabulary, where it has one.
 *
 * - `session_created`: a record was stored and a cookie sent. `session_renewed`: a session got a new id.
 * - `session_login`: a saved `login()`. `session_logout`: `destroy()` or `logout()`. `session_revoked`: ended from outside.
 * - `impersonation_begun`: a saved `impersonate()`. `impersonation_ended`: its end by `endImpersonation()` or a logout. All
 *   events of that session name the user as their subject, and the administrator as `actor`.
 * - `excess_sessions_exceeded`: a login went beyond `limit`: it was refused, or ended the oldest sessions.
 * - `everybody_revoked`: `sessions.revokeEverybody()` was called in this process.
 * - `session_expired`: a session was used past its absolute timeout.
 * - `session_use_after_expire`: a well-formed id without a session: ended, expired, or never issued.
 * - `id_reused`: the old id of a renewal was used long after the new one: a copied cookie.
 * - `save_refused`: the session had ended elsewhere, so this request's changes were not saved.
 * - `save_failed`: a save was an error, also after the headers were sent.
 * - `token_refused`: the session cookie had a wrong token, or two different values.
 * - `record_refused`: a stored record could not be decoded, or the schema refused it; the request has no session. In
 *   sessions with parts also: a part belongs to another session, and counts as absent.
 * - `store_unavailable`: a store call rejected or took too long.
 * - `session_bound`: a browser bound its session to a key, with the option `deviceBound`. `binding_refreshed`: a
 *   browser proved that it has the key, with `reportRefresh`.
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

/** One event. Its contents cannot be used to log in. */
export interface SessionEvent {
  readonly type: SessionEventType;
  /** When, in epoch milliseconds. */
  readonly at: number;
  /** The session's public handle, where the session is known. */
  readonly handle?: string | undefined;
  /** The session's subject, where there is one. */
  readonly subject?: string | undefined;
  /** In an impersonation, the administrator who acts as the subject. */
  readonly actor?: string | undefined;
  /** In a session with parts, the name of the part that the event is about. */
  readonly part?: string | undefined;
  /** The reason in a few words. */
  readonly reason?: string | undefined;
  /** For `save_failed`, `store_unavailable` and `record_refused`: a `SessionError`, or name, code and message of what was thrown. */
  readonly error?: unknown;
}

/** Receives events. What it throws or rejects with is reported as a warning and goes no further. */
export type SessionListener = (event: SessionEvent) => void;
