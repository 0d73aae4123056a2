/** `sojourn/audit/file`: appends, rotates, and loses nothing to a kill, to another process, or to a full disk. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AuditEntry } from "sojourn/audit";
import { auditFile } from "sojourn/audit/file";
import { afterAll, expect, test } from "vitest";

const root = mkdtempSync(join(tmpdir(), "sojourn-audit-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const program = fileURLToPath(new URL("writer-program.ts", import.meta.url));

let directories = 0;
function fresh(): { directory: string; path: string } {
  const directory = mkdtempSync(join(root, `${directories++}-`));
  return { directory, path: join(directory, "audit.jsonl") };
}

/** All lines of all files. */
function linesIn(directory: string): string[] {
  const files = readdirSync(directory).sort();
  return files.flatMap((file) => readFileSync(join(directory, file), "utf8").split("\n")).filter((line) => line !== "");
}

function start(path: string, name: string, count: number, maxBytes = 10_000_000) {
  const args = ["--conditions=sojourn-source", program, path, name, String(count), String(maxBytes)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  let rest = "";
  child.stdout.on("data", (text: Buffer) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    said.push(...lines);
  });
  return { child, said, closed: once(child, "close") };
}

test("lines are appended to the file, which only its owner can read", () => {
  const { directory, path } = fresh();
  auditFile({ path })('{"n":1}', {} as never);
  auditFile({ path })('{"n":2}', {} as never);
  expect(linesIn(directory)).toEqual(['{"n":1}', '{"n":2}']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a file that would grow too large is rotated; keep removes the oldest", () => {
  const { directory, path } = fresh();
  const write = auditFile({ path, maxBytes: 1000, keep: 2 });
  const line = (n: number): string => JSON.stringify({ n, text: "x".repeat(400) });
  for (let n = 0; n < 10; n++) write(line(n), {} as never);
  const files = readdirSync(directory).sort();
  expect(files).toHaveLength(3);
  expect(files.filter((file) => /^audit\.\d{8}T\d{9}Z-[0-9a-f]{8}\.jsonl$/.test(file))).toHaveLength(2);
  for (const file of files) expect(statSync(join(directory, file)).size).toBeLessThanOrEqual(1000);
  expect(linesIn(directory).map((text) => (JSON.parse(text) as { n: number }).n)).toEqual([4, 5, 6, 7, 8, 9]);
});

test("when logrotate has moved the file a new one is started, and one that was cut goes on", () => {
  const { directory, path } = fresh();
  const write = auditFile({ path });
  write('{"n":1}', {} as never);
  renameSync(path, join(directory, "audit.jsonl.1"));
  write('{"n":2}', {} as never);
  expect(readFileSync(path, "utf8")).toBe('{"n":2}\n');
  writeFileSync(path, "");
  write('{"n":3}', {} as never);
  expect(readFileSync(path, "utf8")).toBe('{"n":3}\n');
});

test("a line cut short by a loss of power does not damage the next", () => {
  const { path } = fresh();
  writeFileSync(path, '{"n":1}\n{"n":2,"te');
  auditFile({ path })('{"n":3}', {} as never);
  expect(readFileSync(path, "utf8")).toBe('{"n":1}\n{"n":2,"te\n{"n":3}\n');
});

test.skipIf(process.platform !== "linux")("on a full disk the write throws, and the next line is whole", () => {
  const { directory } = fresh();
  const path = join(directory, "audit.jsonl");
  symlinkSync("/dev/full", path);
  const write = auditFile({ path });
  expect(() => write('{"n":1}', {} as never)).toThrow("ENOSPC");
  rmSync(path);
  write('{"n":2}', {} as never);
  expect(readFileSync(path, "utf8")).toBe('{"n":2}\n');
});

test("a killed process has written the line of every event that it emitted", async () => {
  const { directory, path } = fresh();
  const { child, said, closed } = start(path, "one", 1_000_000);
  await once(child.stdout, "data");
  while (said.length < 200) await once(child.stdout, "data");
  child.kill("SIGKILL");
  await closed;
  const entries = linesIn(directory).map((line) => JSON.parse(line) as AuditEntry);
  const logins = entries.filter(({ type }) => type === "session_login");
  expect(logins.length).toBeGreaterThanOrEqual(said.length);
  expect(logins.map(({ subject }) => subject)).toEqual(logins.map((_, at) => `user-${at}`));
});

test("two processes that rotate one file all the time lose no line and mix none", async () => {
  const { directory, path } = fresh();
  const count = 1500;
  const all = ["one", "two"].map((name) => start(path, name, count, 5000));
  for (const { closed } of all) expect(await closed).toEqual([0, null]);
  const entries = linesIn(directory).map((line) => JSON.parse(line) as AuditEntry);
  expect(entries).toHaveLength(4 * count);
  for (const name of ["one", "two"]) {
    const own = entries.filter((entry) => entry["name"] === name && entry.type === "noted");
    expect(new Set(own.map(({ subject }) => subject)).size).toBe(count);
  }
  expect(readdirSync(directory).length).toBeGreaterThan(20);
}, 60_000);

test.skipIf(process.getuid?.() === 0)("in a directory where nothing may be renamed, the file goes on growing", () => {
  const { directory, path } = fresh();
  const write = auditFile({ path, maxBytes: 1000 });
  chmodSync(directory, 0o500);
  for (let n = 0; n < 5; n++) write(JSON.stringify({ text: "x".repeat(400) }), {} as never);
  chmodSync(directory, 0o700);
  expect(linesIn(directory)).toHaveLength(5);
});

test("wrong options are named, and a missing directory is reported by the file system", () => {
  expect(() => auditFile({} as never)).toThrow("path must be");
  expect(() => auditFile({ path: "x", maxBytes: 10 })).toThrow("maxBytes must be");
  expect(() => auditFile({ path: "x", keep: 0 })).toThrow("keep must be");
  expect(() => auditFile({ path: "x", maxSize: 1 } as never)).toThrow("there is no option");
  expect(() => auditFile({ path: join(root, "absent", "audit.jsonl") })).toThrow("ENOENT");
});
