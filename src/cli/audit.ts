/** `sojourn audit`: who was in when, and who ended it. */

import { resolve } from "node:path";
import { readTrail, type SessionTrail } from "../audit/trail.ts";
import { type Call, type Command, instantOption, textOption, UsageError } from "./command.ts";
import { jsonLine, printable } from "./terminal.ts";
import { plural } from "./words.ts";

export const auditCommand: Command = {
  name: "audit",
  about: "show when a user was logged in, and who ended it",
  options: {
    file: { type: "string", value: "<file>", file: true, about: "what auditFile() writes to" },
    subject: { type: "string", value: "<text>", about: "the user to report on" },
    since: { type: "string", value: "<time>", about: "from when: 2026-11-30, an instant, or how long ago: 2h" },
    until: { type: "string", value: "<time>", about: "to when" },
  },
  opens: false,
  run: audit,
};

async function audit({ values, cwd, stdout, json }: Call): Promise<void> {
  const [file, subject] = [textOption(values, "file"), textOption(values, "subject")];
  if (file === undefined) throw new UsageError("audit needs --file, the path that auditFile() writes to");
  if (subject === undefined) throw new UsageError("audit needs --subject, the user to report on");
  const trail = await readTrail(resolve(cwd, file), {
    subject,
    since: instantOption(values, "since"),
    until: instantOption(values, "until"),
  });
  if (json) {
    stdout.write(jsonLine(trail));
    return;
  }
  const { sessions, events, lost, unreadable } = trail;
  const say = (line: string): unknown => stdout.write(`${line}\n`);
  say(sessions.length === 0 ? "no sessions" : plural(sessions.length, "session"));
  for (const session of sessions)
    say(`  ${printable(session.handle ?? "")}  in ${at(session.in)}  out ${at(session.out)}  ${how(session)}`);
  if (events.length > 0) say(plural(events.length, "other event"));
  for (const event of events) {
    const { handle, by, reason } = event;
    const more = [handle && `session ${handle}`, by && `by ${by}`, reason].filter(Boolean).join(", ");
    say(`  ${at(event.at)}  ${printable(event.type)}${more === "" ? "" : `  ${printable(more)}`}`);
  }
  if (lost > 0) say(`${plural(lost, "line")} could not be written in that time`);
  if (unreadable > 0) say(`${plural(unreadable, "line")} of the files cannot be read`);
}

function at(instant: string | undefined): string {
  return instant === undefined ? "–".padEnd(20) : new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");
}

function how({ out, how, by, reason }: SessionTrail): string {
  if (out === undefined) return "no end was recorded: still logged in, or expired unused";
  const words: Record<string, string> = {
    session_logout: "logged out",
    session_revoked: "revoked",
    everybody_revoked: "revoked with all sessions",
    session_expired: "reached its absolute timeout",
  };
  const who = by === undefined ? "" : ` by ${by}`;
  return printable(`${words[how ?? ""]}${who}${reason ? `: ${reason}` : ""}`);
}
