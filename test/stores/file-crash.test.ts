/** `kill -9` in the middle of writing: whole records, the newest that were acknowledged, and nothing stuck. */

import { type ChildProcess, spawn } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { type FileStore, fileStore } from "../../src/stores/file.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-crash-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const child = fileURLToPath(new URL("file-crash-child.ts", import.meta.url));

/** What a process said it did: the value under every key, and what it was doing last. */
interface Said {
  readonly values: Map<string, string>;
  readonly pending: { key: string; value: string; from: string } | undefined;
}

/** Lets a process write until it is killed at some moment after its first words. */
async function writeAndDie(directory: string, prefix: string, life: number, durable: boolean): Promise<Said> {
  const args = ["--conditions=sojourn-source", child, directory, prefix, durable ? "durable" : ""];
  const writer: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [said, complaint] = ["", ""];
  const ended = new Promise((resolve) => writer.once("close", resolve));
  writer.stderr?.on("data", (text) => {
    complaint += text;
  });
  await new Promise<void>((resolve) => {
    writer.stdout?.on("data", (text) => {
      said += text;
      resolve();
    });
    writer.once("close", () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, life));
  writer.kill("SIGKILL");
  await ended;
  expect(complaint).toBe("");

  const values = new Map<string, string>();
  let pending: Said["pending"];
  // A last line without its end was not said: the write it tells of had not begun.
  for (const line of said.split("\n").slice(0, -1)) {
    if (line === "done") {
      values.set(pending!.key, pending!.value);
      values.delete(pending!.from);
      pending = undefined;
    } else {
      const [, key = "", value = "", from = ""] = line.split(" ");
      pending = { key, value, from };
    }
  }
  return { values, pending };
}

/** The value under a key, "-" where there is none. Fails where the record is not whole. */
async function valueAt(store: FileStore, key: string): Promise<string> {
  const found = await store.read(key);
  if (!found) return "-";
  const [first, filler, last] = String(found.payload).split(";");
  expect(last, `the end of ${key}`).toBe(first);
  expect(filler?.length).toBe((Number(first) * 7919) % 200_000);
  return first!;
}

async function checkAfter(store: FileStore, prefix: string, { values, pending }: Said): Promise<boolean> {
  const before = new Map(values);
  const after = new Map(values);
  if (pending) {
    after.set(pending.key, pending.value).delete(pending.from);
    for (const key of [pending.key, pending.from]) if (!before.has(key) && key !== "-") before.set(key, "-");
    if (pending.from !== "-") after.set(pending.from, "-");
  }
  const found = new Map<string, string>();
  for (const key of before.keys()) found.set(key, await valueAt(store, key));
  expect([before, after], `${prefix}, killed during ${JSON.stringify(pending)}`).toContainEqual(found);

  const keys: string[] = [];
  for await (const { key } of store.listBySubject(prefix)) keys.push(key);
  expect(keys.sort()).toEqual([...found].flatMap(([key, value]) => (value === "-" ? [] : [key])).sort());

  for (const [key, value] of found) {
    const record = { payload: "0;;0", expiresAt: Date.now() + 3_600_000, subject: prefix };
    const version = value === "-" ? await store.create(key, record) : (await store.read(key))!.version;
    expect(await store.touch(key, Date.now() + 7_200_000)).toBe(true);
    const next = await store.update(key, record, version!);
    expect(next, `update of ${key}`).not.toBeNull();
    expect(await store.rename(key, `${key}.end`, record, next!), `rename of ${key}`).not.toBeNull();
    await store.delete(`${key}.end`, prefix);
    expect(await store.read(key)).toBeNull();
  }
  return pending !== undefined;
}

test("a process killed at any moment leaves every record whole, old or new, and writable", {
  timeout: 60_000,
}, async () => {
  let interrupted = 0;
  const store = fileStore({ directory: root });
  for (let round = 0; round < 30; round += 2) {
    const prefixes = [`round${round}`, `round${round + 1}`];
    const ends = await Promise.all(
      prefixes.map((prefix, at) => writeAndDie(root, prefix, Math.random() * 120, at === 1 && round % 6 === 0)),
    );
    for (const [at, said] of ends.entries()) if (await checkAfter(store, prefixes[at]!, said)) interrupted += 1;
  }
  expect(interrupted, "processes killed during a write").toBeGreaterThan(10);

  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    for (let time = 0; time < 3; time += 1) {
      vi.setSystemTime(Date.now() + 120_000);
      expect(await store.prune()).toEqual({ removed: 0, cursor: undefined });
    }
  } finally {
    vi.useRealTimers();
  }
  expect(globSync(`${root}/v1/*/*/*`), "what is left of killed processes after prune").toEqual([]);
});
