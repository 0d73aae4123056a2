/** What a revocation ends: its options, which sessions they name, and how it says what it could not do. */

import { isSessionError, SessionError, wrongArgument } from "../contracts/errors.ts";
import { checkKnown } from "../contracts/known.ts";
import type { Version } from "../contracts/store.ts";

/**
 * One session of a subject, for a list of devices. Its contents cannot be used to log in.
 *
 * @typeParam Device What the option `describe` returns.
 */
export interface SessionInfo<Device extends object = object> {
  /** The public name of the session, the same as `session.handle`. */
  readonly handle: string;
  readonly subject: string;
  /** Whether this is the session that you passed to `list` as `current`. */
  readonly current: boolean;
  /** The user's name for the device (`session.label`), or else the field `label` of `describe`. */
  readonly label: string | undefined;
  /** The result of the option `describe` at login; `undefined` for a login without it. The texts come from the network: escape them. */
  readonly device: Device | undefined;
  /** The administrator who acts as the subject in this session, by `session.impersonate()`; `undefined` in a session of the subject. */
  readonly actor: string | undefined;
  /** When the session began, in epoch milliseconds; `undefined` if another program's format does not store that. */
  readonly createdAt: number | undefined;
  /** When the user last logged in or confirmed their identity, in epoch milliseconds. */
  readonly authenticatedAt: number | undefined;
  /**
   * When the session was last used, in epoch milliseconds, to within `touchInterval`. It is computed from `expiresAt`,
   * so in the last `idleTimeout` before the absolute end the session may have been used later. `undefined` without an
   * idle timeout.
   */
  readonly lastSeenAt: number | undefined;
  /** Whether the session's cookie outlives the browser. */
  readonly persistent: boolean;
  /** When the session ends if it is not used again, in epoch milliseconds. */
  readonly expiresAt: number;
}

/** Options of `sessions.list`. */
export interface ListOptions {
  /** The session of this request, to mark it in the list. Default: none is marked. */
  readonly current?: { readonly handle: string } | undefined;
}

/** Throws a `TypeError` for what `list` does not take. */
export function checkList(options: ListOptions): ListOptions {
  checkKnown("list", options, ["current"]);
  const { current } = options;
  if (current === undefined || typeof current.handle === "string") return options;
  throw wrongArgument("current of list()", "a session", current);
}

/** Which of a subject's sessions `revoke` ends. Without a key: all. A key with the value `undefined` is an error. */
export interface RevokeOptions {
  /** Only the session with this handle. Default: every one. */
  readonly handle?: string;
  /** All except the session with this handle: "log out my other devices". Default: no exception. */
  readonly except?: string;
}

/**
 * Throws a `TypeError` unless the options say clearly which sessions to end: an unknown key, or one whose value got
 * lost, would end all of them.
 */
export function checkRevoke(options: RevokeOptions): RevokeOptions {
  const given: unknown = options;
  checkKnown("revoke", given, ["handle", "except"]);
  for (const [name, value] of Object.entries(given as object)) {
    if (typeof value === "string" && value !== "") continue;
    throw wrongArgument(`${name} of revoke()`, "the handle of a session; leave the key out to end all sessions", value);
  }
  return options;
}

/** One session of a subject. */
export interface Entry {
  readonly key: string;
  /** As it was listed. */
  readonly version: Version;
  readonly info: SessionInfo;
  /** Absent when this process cannot decode it: it does not have the secret, or a newer version wrote it. */
  readonly data: Record<string, unknown> | undefined;
  /** The epoch it logged in in. */
  readonly epoch: string | undefined;
  /** The mark of everybody that it carries. */
  readonly era: number | undefined;
  /** Its place among the logins of its subject where that is later than its time; else 0. */
  readonly order: number;
}

/** What to end, and how many of the sessions that cannot be decoded may or may not be the one that was named. */
export function chosen(
  entries: readonly Entry[],
  { handle, except }: RevokeOptions,
  ended: ReadonlySet<string>,
): { targets: Entry[]; doubtful: number } {
  const named = handle ?? except;
  const isKnown = named === undefined || ended.has(named) || entries.some(({ info }) => info.handle === named);
  const isTarget = ({ data, info }: Entry): boolean => {
    if (handle !== undefined) return info.handle === handle && handle !== except;
    return info.handle !== except && (data !== undefined || isKnown);
  };
  return {
    targets: entries.filter(isTarget),
    doubtful: isKnown ? 0 : entries.filter(({ data }) => !data).length,
  };
}

export function unreadable(doubtful: number, ended: number): SessionError {
  const message =
    `${ended} sessions were ended; ${doubtful} more cannot be decoded by this process, and the handle that was named may be that of ` +
    "one of them. Give this process the secrets of all others, or revoke without a handle";
  return new SessionError("ERR_SESSION_UNREADABLE", message);
}

export function notNoted(error: unknown, ended: number): SessionError {
  const { code, cause } = error as SessionError;
  const message = `${ended} sessions were ended, but the store did not take the note that ends a login in flight. Revoke again when it takes writes`;
  return new SessionError(isSessionError(error) ? code : "ERR_SESSION_STORE_UNAVAILABLE", message, cause ?? error);
}
