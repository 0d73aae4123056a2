/** `sojourn list`: sessions, page by page. */

import { isError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { allSessions, type ManagedSession, pageSessions } from "../manage.ts";
import { type Call, type Command, instantOption, numberOption, textOption, UsageError } from "./command.ts";
import { asJson, deviceOf, sessionsOf } from "./managed.ts";
import { count, jsonLine, Progress } from "./terminal.ts";
import { ago, cell, columnsOf, painter, plural, span } from "./words.ts";

export const listCommand: Command = {
  name: "list",
  about: "list sessions: who, on what device, since when",
  options: {
    subject: { type: "string", value: "<text>", about: "only sessions of this subject" },
    device: { type: "string", value: "<text>", about: "only devices whose label or fields contain this text" },
    since: {
      type: "string",
      value: "<time>",
      about: "only sessions used since then: 2026-11-30, an instant, or 2h ago: 2h",
    },
    until: { type: "string", value: "<time>", about: "only sessions last used before then" },
    limit: { type: "string", value: "<n>", about: "how many sessions (50), at most 10000" },
    cursor: { type: "string", value: "<text>", about: "continue where the previous list ended" },
    data: { type: "boolean", about: "with --json: also the session data" },
  },
  run: list,
};

type Managed = Sessions<Record<string, unknown>>;

type Wanted = (session: ManagedSession) => boolean;

/** What one listing found. */
interface Listed {
  readonly sessions: readonly ManagedSession[];
  readonly cursor: string | undefined;
  /** Whether there may be others. */
  readonly more: boolean;
}

async function list(call: Call): Promise<void> {
  const { values, json, stdout, stderr, env } = call;
  const limit = numberOption(values, "limit", 50, 10_000);
  if (values["data"] === true && !json)
    throw new UsageError("--data needs --json; for one session use sojourn show <handle> --data");
  const sessions = await sessionsOf(call, "list");
  const { sessions: found, cursor, more } = await collect(call, sessions, limit);
  const next = cursor !== undefined && isPortable(sessions) ? cursor : undefined;
  if (json) {
    stdout.write(jsonLine({ sessions: found.map(asJson), cursor: next, more }));
    return;
  }
  const paint = painter(stdout, env);
  if (found.length > 0) {
    const [head = "", ...rows] = tableOf(found, Date.now());
    stdout.write(`${paint("bold", head)}\n${rows.map((row) => `${row}\n`).join("")}`);
  }
  const hint = painter(stderr, env);
  if (next !== undefined)
    stderr.write(`${hint("dim", `${plural(found.length, "session")}, and there may be more: --cursor ${next}`)}\n`);
  else if (more)
    stderr.write(`${hint("dim", `${plural(found.length, "session")}, and there may be more: raise --limit`)}\n`);
  else stderr.write(`${hint("dim", found.length === 0 ? "no sessions" : plural(found.length, "session"))}\n`);
}

/** Where keys are ids, cursors are good in one process only. */
function isPortable({ kept }: Managed): boolean {
  const { ids, format } = kept.kinds[0]?.config ?? {};
  return ids?.secretKeys !== true && format?.foreign !== true;
}

async function collect(call: Call, sessions: Managed, limit: number): Promise<Listed> {
  if (sessions.stores[0]?.page === undefined && sessions.stores[0]?.list) return inOneGo(call, sessions, limit);
  const { values, stderr, json } = call;
  const [subject, data] = [textOption(values, "subject"), values["data"] === true];
  const { wanted, isFiltered } = wantedOf(call);
  const progress = json ? undefined : new Progress(stderr, "list");
  const found: ManagedSession[] = [];
  let cursor = textOption(values, "cursor");
  let looked = 0;
  try {
    do {
      // A page whose rest would be thrown away could not be gone on from.
      const room = limit - found.length;
      const page = await pageSessions(sessions, {
        subject,
        data,
        cursor,
        limit: Math.min(isFiltered ? 500 : room, 1000),
      });
      looked += page.sessions.length;
      found.push(...page.sessions.filter(wanted));
      cursor = page.cursor;
      progress?.show(`${count(looked)} looked at, ${count(found.length)} found`);
    } while (cursor !== undefined && found.length < limit);
  } catch (error) {
    // The only text of the person's that a page can refuse.
    if (isError(error, "TypeError") && error.message.startsWith("cursor must"))
      throw new UsageError("--cursor must be the cursor that a previous list printed");
    throw error;
  } finally {
    progress?.end();
  }
  return { sessions: found, cursor, more: cursor !== undefined };
}

/** Of stores without pages, which cannot go on from a cursor. */
async function inOneGo(call: Call, sessions: Managed, limit: number): Promise<Listed> {
  const { values, stderr, json } = call;
  if (values["cursor"] !== undefined) throw new UsageError("this store cannot go on from a cursor; raise --limit");
  const { wanted } = wantedOf(call);
  const progress = json ? undefined : new Progress(stderr, "list");
  const found: ManagedSession[] = [];
  let looked = 0;
  try {
    for await (const one of allSessions(sessions, {
      subject: textOption(values, "subject"),
      data: values["data"] === true,
    })) {
      looked += 1;
      if (looked % 100 === 0) progress?.show(`${count(looked)} looked at, ${count(found.length)} found`);
      if (!wanted(one)) continue;
      if (found.length === limit) return { sessions: found, cursor: undefined, more: true };
      found.push(one);
    }
  } finally {
    progress?.end();
  }
  return { sessions: found, cursor: undefined, more: false };
}

function wantedOf({ values }: Call): { wanted: Wanted; isFiltered: boolean } {
  const device = textOption(values, "device")?.toLowerCase();
  const [since, until] = [instantOption(values, "since"), instantOption(values, "until")];
  const isFiltered = device !== undefined || since !== undefined || until !== undefined;
  const wanted: Wanted = (session) => {
    const used = session.lastSeenAt ?? session.authenticatedAt ?? session.createdAt;
    const facts = [session.label, ...Object.values(session.device ?? {})].join("\n").toLowerCase();
    return (
      (device === undefined || facts.includes(device)) &&
      (since === undefined || (used !== undefined && used >= since)) &&
      (until === undefined || (used !== undefined && used <= until))
    );
  };
  return { wanted, isFiltered };
}

function tableOf(found: readonly ManagedSession[], now: number): string[] {
  const rows = found.map((session) => [
    session.handle,
    cell(`${session.subject ?? "(no subject)"}${session.actor === undefined ? "" : ` (by ${session.actor})`}`, 32),
    cell(session.readable ? deviceOf(session) : "(cannot be decoded)", 32),
    ago(session.authenticatedAt ?? session.createdAt, now),
    ago(session.lastSeenAt, now),
    `in ${span(session.expiresAt - now)}`,
  ]);
  return columnsOf([["HANDLE", "SUBJECT", "DEVICE", "LOGIN", "LAST SEEN", "ENDS"], ...rows]);
}
