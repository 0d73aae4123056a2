/** `sojourn revoke`: ends sessions, after a question. */

import type { Sessions } from "../core/request/sessions.ts";
import { countSessions, endSession } from "../manage.ts";
import { type Call, type Command, textOption, UsageError } from "./command.ts";
import { deviceOf, sessionsOf } from "./managed.ts";
import { find } from "./show.ts";
import { jsonLine, printable } from "./terminal.ts";
import { plural } from "./words.ts";

export const revokeCommand: Command = {
  name: "revoke",
  about: "end sessions: a subject's, one, or everybody's",
  options: {
    subject: {
      type: "string",
      value: "<text>",
      about: "all sessions of this subject; with --handle, the subject of that session",
    },
    handle: { type: "string", value: "<handle>", about: "only this one" },
    everybody: { type: "boolean", about: "all sessions of the application" },
    yes: { type: "boolean", short: "y", about: "do not ask" },
  },
  async run(call) {
    const { values } = call;
    const [subject, handle] = [textOption(values, "subject"), textOption(values, "handle")];
    const isAll = values["everybody"] === true;
    if (isAll && (subject ?? handle) !== undefined)
      throw new UsageError("--everybody cannot be combined with --subject or --handle");
    if (!isAll && (subject ?? handle) === undefined)
      throw new UsageError("say which sessions to end: --subject <text>, --handle <handle> or --everybody");
    if (values["yes"] !== true && !call.ask)
      throw new UsageError("revoke asks for confirmation, and there is no terminal; add --yes");
    const sessions = await sessionsOf(call, "revoke");
    if (isAll) return everybody(call, sessions);
    if (handle !== undefined) return one(call, sessions, handle);
    return ofSubject(call, sessions, subject ?? "");
  },
};

type Managed = Sessions<Record<string, unknown>>;

async function ofSubject(call: Call, sessions: Managed, subject: string): Promise<number> {
  const found = await sessions.list(subject);
  if (found.length === 0) printEnded(call, 0, `${printable(subject)} has no sessions`);
  // Also without sessions: a login that is in flight right now ends, too.
  if (
    found.length > 0 &&
    !(await isConfirmed(call, `End ${plural(found.length, "session")} of ${printable(subject)}?`))
  )
    return 1;
  const ended = await sessions.revoke(subject);
  if (found.length > 0 || ended > 0)
    printEnded(call, ended, `ended ${plural(ended, "session")} of ${printable(subject)}`);
  return 0;
}

async function one(call: Call, sessions: Managed, handle: string): Promise<number> {
  const found = await find(call, sessions, handle);
  if (!found) {
    printEnded(call, 0, `there is no session with the handle ${printable(handle)}`);
    return 1;
  }
  const { subject } = found;
  const whose = subject === undefined ? "without a subject" : `of ${subject}`;
  const device = deviceOf(found);
  if (!(await isConfirmed(call, printable(`End the session ${handle} ${whose}${device ? `, ${device}` : ""}?`))))
    return 1;
  const ended = await endSession(sessions, handle, { subject });
  printEnded(
    call,
    ended ? 1 : 0,
    ended ? printable(`ended the session ${handle} ${whose}`) : "it ended before the command did",
  );
  return 0;
}

async function everybody(call: Call, sessions: Managed): Promise<number> {
  const counted = await countSessions(sessions).catch(() => undefined);
  const many = counted ? `${counted.estimate ? "about " : ""}${plural(counted.count, "session")}` : "all sessions";
  if (call.values["yes"] !== true) {
    const answer = await call.ask?.(`This ends ${many} and logs everybody out. Type everybody to go on: `);
    if (answer?.trim() !== "everybody") return declined(call);
  }
  await sessions.revokeEverybody();
  printEnded(call, counted?.count ?? 0, `ended ${many}`);
  return 0;
}

async function isConfirmed(call: Call, question: string): Promise<boolean> {
  if (call.values["yes"] === true) return true;
  const answer = await call.ask?.(`${question} [y/N] `);
  if (/^y(es)?$/i.test(answer?.trim() ?? "")) return true;
  declined(call);
  return false;
}

function declined({ stderr }: Call): number {
  stderr.write("nothing was ended\n");
  return 1;
}

function printEnded({ json, stdout }: Call, ended: number, text: string): void {
  stdout.write(json ? jsonLine({ ended }) : `${text}\n`);
}
