/** `sojourn audit`: who was in when, and who ended it. */

import { resolve } from "node:path";
import { readTrail, type SessionTrail } from "../audit/trail.ts";
import { count, type Output } from "./terminal.ts";

/** The options of `sojourn audit`, as they are given. */
export interface AuditArguments {
  readonly file: string | undefined;
  readonly subject: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly json: boolean;
}

/** Throws a `TypeError` when an option is missing or no instant. */
export async function audit(
  { file, subject, since, until, json }: AuditArguments,
  cwd: string,
  stdout: Output,
): Promise<void> {
  if (file === undefined) throw new TypeError("audit needs --file, the path that auditFile() writes to");
  if (subject === undefined || subject === "") throw new TypeError("audit needs --subject: whose sessions to tell of");
  const trail = await readTrail(resolve(cwd, file), {
    subject,
    since: instant("--since", since),
    until: instant("--until", until),
  });
  if (json) {
    stdout.write(`${JSON.stringify(trail)}\n`);
    return;
  }
  const { sessions, events, lost, unreadable } = trail;
  const say = (line: string): unknown => stdout.write(`${line}\n`);
  say(sessions.length === 0 ? "no sessions" : plural(sessions.length, "session"));
  for (const session of sessions)
    say(`  ${printable(session.handle)}  in ${at(session.in)}  out ${at(session.out)}  ${how(session)}`);
  if (events.length > 0) say(plural(events.length, "other event"));
  for (const event of events) {
    const { handle, by, reason } = event;
    const more = [handle && `session ${handle}`, by && `by ${by}`, reason].filter(Boolean).join(", ");
    say(`  ${at(event.at)}  ${printable(event.type)}${more === "" ? "" : `  ${printable(more)}`}`);
  }
  if (lost > 0) say(`${plural(lost, "line")} could not be written in that time`);
  if (unreadable > 0) say(`${plural(unreadable, "line")} of the files cannot be read`);
}

function instant(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new TypeError(`${option} must be an instant such as 2026-11-30 or 2026-11-30T08:00Z`);
  return at;
}

function at(instant: string | undefined): string {
  return instant === undefined ? "–".padEnd(20) : new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");
}

function how({ out, how, by, reason }: SessionTrail): string {
  if (out === undefined) return "no end was seen: still in, or unused until it ended";
  const words: Record<string, string> = {
    session_logout: "logged out",
    session_revoked: "revoked",
    session_expired: "reached its absolute timeout",
  };
  const who = by === undefined ? "" : ` by ${by}`;
  return printable(`${words[how ?? ""]}${who}${reason ? `: ${reason}` : ""}`);
}

/** What comes from outside must not steer the terminal. */
function printable(text = ""): string {
  return text.replace(/[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "?");
}

function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}
