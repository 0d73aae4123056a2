/** What one line of an audit holds, and which events are lines. */

import { isSessionError } from "../core/contracts/errors.ts";
import type { SessionEvent, SessionEventType } from "../core/contracts/session-event.ts";

/** One line. Fields of events that come with later versions are in it under their own names. */
export interface AuditEntry {
  /** When: ISO 8601, UTC, with milliseconds. */
  readonly at: string;
  /** The type of the event, or what an administrator did. */
  readonly type: string;
  /** Whose session it is. */
  readonly subject?: string | undefined;
  /** The session's public handle. */
  readonly handle?: string | undefined;
  /** Who did it, where that is not the session's own user: see {@link Audit.as}. */
  readonly by?: string | undefined;
  /** A few words: why. */
  readonly reason?: string | undefined;
  readonly [field: string]: string | number | boolean | undefined;
}

/**
 * Events that are not written by default: those by which a client without a session could fill the disk, and those
 * about the system's health. Every other event is written, also those of later versions.
 */
export const unaudited: readonly SessionEventType[] = [
  "session_created",
  "session_use_after_expire",
  "token_refused",
  "record_refused",
  "save_refused",
  "save_failed",
  "store_unavailable",
  "cookie_dropped",
];

/** A text is cut to so many characters. */
const longest = 300;

/** The line of an event or act, as an object. */
export function entryOf(
  { at, type, error, ...rest }: Partial<SessionEvent> & { readonly at: number; readonly type: string },
  by: string | undefined,
  more: object | undefined,
): AuditEntry {
  const entry: Record<string, string | number | boolean> = { at: new Date(at).toISOString(), type };
  if (by !== undefined) put(entry, "by", by);
  for (const [name, value] of Object.entries(rest)) put(entry, name, value);
  // What the application adds takes the place of nothing.
  for (const [name, value] of Object.entries(more ?? {})) if (!Object.hasOwn(entry, name)) put(entry, name, value);
  if (isSessionError(error)) put(entry, "code", error.code);
  return entry as unknown as AuditEntry;
}

function put(entry: Record<string, unknown>, name: string, value: unknown): void {
  if (typeof value === "string") entry[name] = value.length > longest ? `${value.slice(0, longest)}…` : value;
  else if (typeof value === "boolean" || Number.isFinite(value)) entry[name] = value;
}
