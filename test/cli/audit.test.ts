/** `sojourn audit`: who was in when, and who ended it, from a file that real sessions wrote. */

import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions } from "sojourn";
import { sessionAudit } from "sojourn/audit";
import { auditFile } from "sojourn/audit/file";
import { memoryStore } from "sojourn/stores/memory";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Trail } from "../../src/audit/trail.ts";
import { run } from "../../src/cli/run.ts";
import { visitor } from "../observe/visitor.ts";

const cwd = mkdtempSync(join(tmpdir(), "sojourn-trail-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

async function cli(...args: string[]): Promise<{ code: number; out: string; told: string }> {
  let [out, told] = ["", ""];
  const stdout = {
    write(text: string) {
      out += text;
    },
  };
  const stderr = {
    write(text: string) {
      told += text;
    },
  };
  const code = await run(["audit", ...args], { stdout, stderr, env: {}, cwd });
  return { code, out, told };
}

const handles: string[] = [];

beforeAll(async () => {
  const clock = { now: Date.UTC(2026, 10, 30, 5) };
  const store = memoryStore({ now: () => clock.now });
  const sessions = createSessions({ store, now: () => clock.now, warn: false });
  const to = auditFile({ path: join(cwd, "audit.jsonl"), maxBytes: 1000 });
  const audit = sessionAudit(sessions, { to });
  const visit = visitor(sessions);
  const minute = 60_000;
  const login = async (subject: string): Promise<string> => {
    let cookie = "";
    await visit(
      (session) => {
        session.login(subject);
        if (subject === "ada") handles.push(session.handle);
      },
      "",
      (sent) => (cookie = sent),
    );
    clock.now += minute;
    return cookie;
  };
  const first = await login("ada");
  await visit(
    (session) => session.regenerate(),
    first,
    (sent) => handles.push(sent),
  );
  await login("eve");
  await visit((session) => session.destroy(), handles.pop());
  clock.now += minute;
  await login("ada");
  await audit.as("root", () => sessions.revoke("ada"));
  clock.now += minute;
  audit.record({ type: "role_changed", by: "root", subject: "ada", reason: "left the \u001b[31mteam" });
  await login("ada");
  for (let times = 0; times < 5; times++) await login("eve");
  await audit.close();
});

test("shows when the subject was logged in and who ended it, over rotated files", async () => {
  expect(readdirSync(cwd).length).toBeGreaterThan(1);
  const { code, out } = await cli("--file", "audit.jsonl", "--subject", "ada");
  const [one, two, three] = handles;
  expect(out.split("\n")).toEqual([
    "3 sessions",
    `  ${one}  in 2026-11-30T05:00:00Z  out 2026-11-30T05:02:00Z  logged out by ada`,
    `  ${two}  in 2026-11-30T05:03:00Z  out 2026-11-30T05:04:00Z  revoked by root`,
    `  ${three}  in 2026-11-30T05:05:00Z  out –                     no end was recorded: still logged in, or expired unused`,
    "1 other event",
    "  2026-11-30T05:05:00Z  role_changed  by root, left the ?[31mteam",
    "",
  ]);
  expect(code).toBe(0);
});

test("--json prints the same as one object; --since and --until select", async () => {
  const { out } = await cli("--file", "audit.jsonl", "--subject", "ada", "--json", "--since", "2026-11-30T05:02:30Z");
  const trail = JSON.parse(out) as Trail;
  expect(trail).toMatchObject({ subject: "ada", lost: 0, unreadable: 0 });
  expect(trail.sessions.map(({ how, by }) => [how, by])).toEqual([
    ["session_revoked", "root"],
    [undefined, undefined],
  ]);
  const none = await cli("--file", "audit.jsonl", "--subject", "ada", "--until", "2026-11-30");
  expect(none.out).toBe("no sessions\n");
});

test("a session whose login is before the first line still has an end; lost and damaged lines are counted", async () => {
  writeFileSync(
    join(cwd, "other.jsonl"),
    '{"at":"2026-11-30T05:00:00.000Z","type":"session_logout","handle":"h","subject":"ada"}\n',
  );
  appendFileSync(join(cwd, "other.jsonl"), '{"torn\n\n{"at":"2026-11-30T05:00:01.000Z","type":"audit_gap","lost":3}\n');
  const { out } = await cli("--file", "other.jsonl", "--subject", "ada");
  expect(out.split("\n")).toEqual([
    "1 session",
    `  h  in ${"–".padEnd(20)}  out 2026-11-30T05:00:00Z  logged out by ada`,
    "3 lines could not be written in that time",
    "1 line of the files cannot be read",
    "",
  ]);
});

test("revoking everybody ends the subject's sessions", async () => {
  const line = (type: string, more: object): string =>
    JSON.stringify({ at: "2026-11-30T05:00:00.000Z", type, ...more });
  const lines = [
    line("session_login", { handle: "h", subject: "ada" }),
    line("everybody_revoked", { by: "root" }),
    line("session_login", { handle: "i", subject: "ada" }),
  ];
  writeFileSync(join(cwd, "everybody.jsonl"), `${lines.join("\n")}\n`);
  const { out } = await cli("--file", "everybody.jsonl", "--subject", "ada");
  expect(out).toContain("h  in 2026-11-30T05:00:00Z  out 2026-11-30T05:00:00Z  revoked with all sessions by root");
  expect(out).toMatch(/i {2}in .* no end was recorded/);
});

test.each([
  [["--subject", "ada"], "audit needs --file", 2],
  [["--file", "audit.jsonl"], "audit needs --subject", 2],
  [["--file", "audit.jsonl", "--subject", "ada", "--since", "soon"], "--since must be an instant", 2],
  [["--file", "absent.jsonl", "--subject", "ada"], "there is no audit at", 1],
])("%o is refused", async (args, words, code) => {
  const { told, code: ended } = await cli(...args);
  expect(told).toContain(words);
  expect(ended).toBe(code);
});
