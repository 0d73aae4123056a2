/** What an auditor asks of an audit: who was in when, and who ended it. */

import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { AuditEntry } from "./entry.ts";
import { rotatedFiles } from "./file.ts";

/** Which lines are asked for. */
export interface TrailQuery {
  readonly subject: string;
  /** Epoch milliseconds; inclusive. Default: the first line. */
  readonly since?: number | undefined;
  /** Epoch milliseconds; exclusive. Default: the last line. */
  readonly until?: number | undefined;
}

/** One session of a subject. Instants as in the audit. */
export interface SessionTrail {
  readonly handle: string | undefined;
  /** When the subject logged in; `undefined`: before the first line. */
  readonly in: string | undefined;
  /** `undefined`: no end is in the audit. The session is still there, or ended unused, which no event tells. */
  out: string | undefined;
  /** The type of the event that ended it. */
  how: string | undefined;
  /** Who ended it; the subject itself with a logout. */
  by: string | undefined;
  reason: string | undefined;
}

/** What the audit knows of a subject. */
export interface Trail {
  readonly subject: string;
  readonly sessions: readonly SessionTrail[];
  /** All else, in the order of time: what administrators did, ids that were reused. */
  readonly events: readonly AuditEntry[];
  /** Lines that are missing in the time asked for, since they could not be written. */
  readonly lost: number;
  /** Lines that are no entries. */
  readonly unreadable: number;
}

/** Of no subject: it ends the sessions of all. */
const ofEverybody = "everybody_revoked";
const ends: readonly string[] = ["session_logout", "session_revoked", "session_expired", ofEverybody];

/** Reads all files of an audit, rotated ones first; memory holds the lines of the subject only. Rejects when there is no file. */
export async function readTrail(path: string, { subject, since, until }: TrailQuery): Promise<Trail> {
  const entries: AuditEntry[] = [];
  let [lost, unreadable] = [0, 0];
  const files = [...rotatedFiles(path), ...(existsSync(path) ? [path] : [])];
  if (files.length === 0) throw new Error(`there is no audit at ${path}`);
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() === "") continue;
      const entry = parsed(line);
      if (!entry) {
        unreadable += 1;
        continue;
      }
      const at = Date.parse(entry.at);
      if ((since !== undefined && at < since) || (until !== undefined && at >= until)) continue;
      if (entry.type === "audit_gap") lost += Number(entry["lost"]);
      else if (entry.subject === subject || entry.type === ofEverybody) entries.push(entry);
    }
  }
  // Of two processes that rotate at once, one may name its file a moment too early.
  entries.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return { subject, ...sessionsAndEvents(entries, subject), lost, unreadable };
}

function parsed(line: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(line) as Partial<AuditEntry> | null;
    const isEntry =
      typeof entry?.at === "string" && typeof entry.type === "string" && !Number.isNaN(Date.parse(entry.at));
    return isEntry ? (entry as AuditEntry) : undefined;
  } catch {
    return undefined;
  }
}

function sessionsAndEvents(entries: readonly AuditEntry[], subject: string): Pick<Trail, "sessions" | "events"> {
  const sessions: SessionTrail[] = [];
  const events: AuditEntry[] = [];
  const open = new Map<string, SessionTrail>();
  const begin = (handle: string, at: string | undefined): SessionTrail => {
    const session = { handle, in: at, out: undefined, how: undefined, by: undefined, reason: undefined };
    open.set(handle, session);
    sessions.push(session);
    return session;
  };
  for (const entry of entries) {
    const { type, handle, at, reason } = entry;
    if (type === "session_login" && handle !== undefined) {
      if (!open.has(handle)) begin(handle, at);
    } else if (ends.includes(type)) {
      const ended = handle === undefined ? [...open.values()] : [open.get(handle) ?? begin(handle, undefined)];
      const by = entry.by ?? (type === "session_logout" ? subject : undefined);
      for (const session of ended) {
        Object.assign(session, { out: at, how: type, by, reason });
        open.delete(session.handle as string);
      }
      if (handle === undefined) events.push(entry);
    } else if (type !== "session_renewed") events.push(entry);
  }
  return { sessions, events };
}
