/** `sojourn show <handle>`: one session. */

import type { Sessions } from "../core/request/sessions.ts";
import { allSessions, type ManagedSession } from "../manage.ts";
import { type Call, type Command, textOption } from "./command.ts";
import { asJson, sessionsOf } from "./managed.ts";
import { count, jsonLine, Progress, printable } from "./terminal.ts";
import { columnsOf, instant, span } from "./words.ts";

export const showCommand: Command = {
  name: "show",
  about: "show one session by its handle",
  argument: { name: "handle", needed: true },
  options: {
    subject: { type: "string", value: "<text>", about: "the subject: then only that user's sessions are searched" },
    data: { type: "boolean", about: "also the session data" },
  },
  async run(call) {
    const { values, stdout, stderr, json, argument: handle = "" } = call;
    const sessions = await sessionsOf(call, "show");
    const found = await find(call, sessions, handle, values["data"] === true);
    if (json) stdout.write(jsonLine({ session: found ? asJson(found) : null }));
    else if (found) stdout.write(linesOf(found, Date.now()));
    else stderr.write(`there is no session with the handle ${printable(handle)}\n`);
    return found ? 0 : 1;
  },
};

/** Looks for a session, and shows how far the search is. */
export async function find(
  { values, stderr, json }: Call,
  sessions: Sessions<Record<string, unknown>>,
  handle: string,
  data = false,
): Promise<ManagedSession | undefined> {
  const progress = json ? undefined : new Progress(stderr, "search");
  let looked = 0;
  try {
    for await (const one of allSessions(sessions, { subject: textOption(values, "subject"), data })) {
      if (one.handle === handle) return one;
      looked += 1;
      if (looked % 100 === 0) progress?.show(`${count(looked)} looked at`);
    }
  } finally {
    progress?.end();
  }
  return undefined;
}

function linesOf(session: ManagedSession, now: number): string {
  const { handle, subject, actor, label, device, persistent, readable, data } = session;
  const past = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : `${instant(at)}  (${span(now - at)} ago)`;
  const facts: [string, string | undefined][] = [
    ["handle", handle],
    ["subject", subject ?? "no user is logged in"],
    ["actor", actor === undefined ? undefined : `${actor}, who acts as the subject`],
    ["label", label],
    ...Object.entries(device ?? {}).map(([name, value]): [string, string] => [`device.${name}`, String(value)]),
    ["created", past(session.createdAt)],
    ["login", past(session.authenticatedAt)],
    ["last seen", past(session.lastSeenAt)],
    ["ends", `${instant(session.expiresAt)}  (in ${span(session.expiresAt - now)}, if it is not used)`],
    ["cookie", persistent ? "outlives the browser" : "ends with the browser"],
    ["readable", readable ? undefined : "no: this process does not have the secret, or a newer version wrote it"],
  ];
  const rows = facts.flatMap(([name, text]) => (text === undefined ? [] : [[printable(name), printable(text)]]));
  const held = data === undefined ? "" : `data\n${printable(JSON.stringify(data, null, 2), true)}\n`;
  return `${columnsOf(rows).join("\n")}\n${held}`;
}
