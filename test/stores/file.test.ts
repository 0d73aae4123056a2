/** The file store passes the store suite and the process suite, and what only it has. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { isMainThread } from "node:worker_threads";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import type { StoreRecord } from "../../src/core/contracts/store.ts";
import { type FileStore, fileStore } from "../../src/stores/file.ts";
import { reportBackend } from "../support/report.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";
import { open } from "./file-process.ts";

reportBackend({ backend: "file", server: "none (files of this machine)" });

const root = fs.mkdtempSync(join(tmpdir(), "sojourn-file-"));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const sample = fileStore({ directory: root });
describeStore({ name: "file", sample, open: (options) => open(options, root) });
// Deno loses the last message of a child process now and then: it ends before the message is through.
if (!("Deno" in globalThis))
  describeProcesses({ name: "file", sample, module: new URL("file-process.ts", import.meta.url), args: root });

// A thread has no working directory and no umask of its own: some tests run in the main one only.
let directories = 0;
function newDirectory(): string {
  directories += 1;
  return join(root, `own${directories}`);
}

function record(payload: string | Uint8Array = "payload", subject?: string): StoreRecord {
  return { payload, subject, expiresAt: Date.now() + 3_600_000 };
}

async function keysOf(rows: AsyncIterable<{ key: string }>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of rows) keys.push(key);
  return keys.sort();
}

/** The paths below a directory, files and directories. */
function paths(directory: string, pattern = "**"): string[] {
  return fs.globSync(join(directory, pattern)).filter((path) => path !== directory);
}

/** The one file that holds a payload. */
function recordFile(directory: string): string {
  const files = paths(directory, "v1/records/*/*/*").filter((path) => fs.statSync(path).size > 0);
  expect(files).toHaveLength(1);
  return files[0]!;
}

/** Lets the time that distinguishes the work of a dead process from that of a slow one go by, and prunes. */
async function pruneLater(store: FileStore): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
  for (let cursor: string | undefined = "r"; cursor !== undefined; ) ({ cursor } = await store.prune({ cursor }));
}

describe("options", () => {
  test.each([undefined, null, 7, "", "a\0b"])("directory %j is refused", (directory) => {
    expect(() => fileStore({ directory: directory as string })).toThrow(/directory must be the path of a directory/);
  });

  test("durable and now of the wrong type are refused", () => {
    expect(() => fileStore({ directory: root, durable: "yes" as never })).toThrow(/durable must be true or false/);
    expect(() => fileStore({ directory: root, now: 5 as never })).toThrow(/now must be a function/);
    expect(() => fileStore(undefined as never)).toThrow(TypeError);
  });

  test.runIf(isMainThread)(
    "a relative directory is resolved against the working directory at construction",
    async () => {
      const directory = newDirectory();
      const before = process.cwd();
      try {
        process.chdir(dirname(directory));
        const store = fileStore({ directory: relative(dirname(directory), directory) });
        process.chdir("/");
        await store.create("k", record());
        expect(recordFile(directory)).toContain(directory);
      } finally {
        process.chdir(before);
      }
    },
  );

  test("durable writes, renames, touches and deletes the same, subjects included", async () => {
    const store = fileStore({ directory: newDirectory(), durable: true });
    const version = await store.create("a", record("one", "ada"));
    const next = await store.update("a", record("two", "ada"), version!);
    expect(await store.touch("a", Date.now() + 7_200_000)).toBe(true);
    expect(await store.rename("a", "b", record("three", "ada"), next!)).not.toBeNull();
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["b"]);
    await store.delete("b", "ada");
    expect(await keysOf(store.list())).toEqual([]);
  });

  test.each([0, 1.5, "5"])("prune with limit %j is refused", async (limit) => {
    await expect(sample.prune({ limit: limit as number })).rejects.toThrow(/limit must be a whole number/);
  });
});

describe("expiry", () => {
  test("is rounded up to a millisecond, and may be infinite", async () => {
    const store = fileStore({ directory: newDirectory() });
    await store.create("a", { payload: "", expiresAt: Date.now() + 1000.25 });
    expect((await store.read("a"))!.expiresAt % 1).toBe(0);
    await store.create("b", { payload: "", expiresAt: Number.POSITIVE_INFINITY });
    expect((await store.read("b"))!.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
    expect(await store.create("c", { payload: "", expiresAt: Number.NEGATIVE_INFINITY })).not.toBeNull();
    expect(await store.read("c")).toBeNull();
  });

  test("that is not a number is refused before anything is written", async () => {
    const store = fileStore({ directory: newDirectory() });
    const version = await store.create("k", record());
    const wrong = { payload: "", expiresAt: Number.NaN };
    await expect(store.create("l", wrong)).rejects.toThrow(TypeError);
    await expect(store.update("k", wrong, version!)).rejects.toThrow(TypeError);
    await expect(store.touch("k", Number.NaN)).rejects.toThrow(TypeError);
    expect((await store.read("k"))?.version).toBe(version);
  });
});

describe("the directory", () => {
  test("is not created before the first write: every other call finds nothing", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    const version = await sample.create("options.k", record());
    expect(await store.read("k")).toBeNull();
    expect(await store.update("k", record(), version!)).toBeNull();
    expect(await store.rename("k", "l", record(), version!)).toBeNull();
    expect(await store.touch("k", Date.now())).toBe(false);
    await store.delete("k", "ada");
    expect(await keysOf(store.list())).toEqual([]);
    expect(await keysOf(store.listBySubject("ada"))).toEqual([]);
    expect(await store.prune()).toEqual({ removed: 0, cursor: undefined });
    expect(fs.existsSync(directory)).toBe(false);
  });

  test.runIf(isMainThread)("and its content are for this user alone: 0700 and 0600, whatever the umask", async () => {
    const directory = join(newDirectory(), "deep", "sessions");
    const umask = process.umask(0);
    try {
      const store = fileStore({ directory });
      const version = await store.create("k", record("one", "ada"));
      await store.update("k", record("two", "bob"), version!);
    } finally {
      process.umask(umask);
    }
    const all = [directory, ...paths(directory)];
    expect(all.length).toBeGreaterThan(12);
    for (const path of all) {
      const stat = fs.statSync(path);
      expect(`${path} ${(stat.mode & 0o777).toString(8)}`).toBe(`${path} ${stat.isDirectory() ? "700" : "600"}`);
    }
    // Above it, others may need to pass, and no more.
    expect(fs.statSync(dirname(directory)).mode & 0o777).toBe(0o755);
  });

  test("readable by others is closed to them, and an existing one keeps its mode", async () => {
    const directory = newDirectory();
    fs.mkdirSync(directory, { mode: 0o755 });
    await fileStore({ directory }).create("k", record());
    fs.chmodSync(join(directory, "v1"), 0o755);
    expect(await fileStore({ directory }).read("k")).not.toBeNull();
    expect(fs.statSync(join(directory, "v1")).mode & 0o777).toBe(0o700);
    expect(fs.statSync(directory).mode & 0o777).toBe(0o755);
  });

  test("that is a link to another place is refused", async () => {
    const directory = newDirectory();
    fs.mkdirSync(directory);
    fs.symlinkSync(root, join(directory, "v1"));
    await expect(fileStore({ directory }).read("k")).rejects.toThrow(/The file store refuses/);
  });

  test("that cannot be one is the file system's error, on reads too", async () => {
    const directory = newDirectory();
    fs.writeFileSync(directory, "a file");
    const store = fileStore({ directory });
    await expect(store.read("k")).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(store.create("k", record())).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("may disappear while the store is open", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    const version = await store.create("k", record("one", "ada"));
    fs.rmSync(directory, { recursive: true });
    expect(await store.read("k")).toBeNull();
    expect(await store.update("k", record("two", "ada"), version!)).toBeNull();
    expect(await store.create("k", record("three", "ada"))).not.toBeNull();
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["k"]);
  });

  test("may contain other users' files: they are not listed, read or removed", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    await store.create("k", record("mine", "ada"));
    const shard = dirname(dirname(recordFile(directory)));
    const [subject = ""] = paths(directory, "v1/subjects/*/*");
    const junk = [
      join(directory, "README"),
      join(directory, "v1", ".DS_Store"),
      join(directory, "v1", "records", "notes.txt"),
      join(directory, "v1", "records", "zz", "file"),
      join(shard, ".DS_Store"),
      join(shard, "backup", "file"),
      join(shard, `${"0".repeat(63)}x`, "file"),
      join(dirname(recordFile(directory)), "Thumbs.db"),
      join(subject, "desktop.ini"),
    ];
    for (const path of junk) {
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, "not ours");
    }
    for (let time = 0; time < 3; time += 1) await pruneLater(store);
    expect(await keysOf(store.list())).toEqual(["k"]);
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["k"]);
    const found = await store.read("k");
    expect(await store.update("k", record("mine"), found!.version)).not.toBeNull();
    for (const path of junk) expect(fs.readFileSync(path, "utf8")).toBe("not ours");
    await store.delete("k");
    expect(await store.create("k", record("in its place"))).not.toBeNull();
  });

  test("contains no key or subject in names", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    const version = await store.create("the-key", record("the-payload", "the-subject"));
    await store.rename("the-key", "the-other-key", record("the-payload", "the-subject"), version!);
    expect(paths(directory).filter((path) => /the-/.test(relative(directory, path)))).toEqual([]);
  });
});

describe("a record file", () => {
  const damages: Record<string, (path: string) => void> = {
    empty: (path) => fs.truncateSync(path, 0),
    "cut in its header": (path) => fs.truncateSync(path, 20),
    "cut in its payload": (path) => fs.truncateSync(path, fs.statSync(path).size - 1),
    "full of zeros": (path) => fs.writeFileSync(path, Buffer.alloc(fs.statSync(path).size)),
    "zero at its end": (path) => {
      const content = fs.readFileSync(path);
      fs.writeFileSync(path, content.fill(0, content.length - 5));
    },
    "of another record": (path) =>
      fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace('"key":"k"', '"key":"l"')),
    missing: (path) => fs.unlinkSync(path),
  };

  test.each(Object.keys(damages))("that is %s is no record, and its key can be used again", async (damage) => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    await store.create("k", record("a payload", "ada"));
    damages[damage]!(recordFile(directory));
    expect(await store.read("k")).toBeNull();
    expect(await keysOf(store.list())).toEqual([]);
    expect(await keysOf(store.listBySubject("ada"))).toEqual([]);
    const version = await store.create("k", record("anew", "ada"));
    expect(await store.update("k", record("newer", "ada"), version!)).not.toBeNull();
    expect((await store.read("k"))?.payload).toBe("newer");
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["k"]);
  });

  test("is read completely at every length around that of one read", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    let version = await store.create("k", record("x".repeat(16_000)));
    const header = fs.statSync(recordFile(directory)).size - 16_000;
    for (const size of [16_383, 16_384, 16_385, 32_768, 100_000]) {
      const payload = new Uint8Array(size - header).map((_, at) => at % 251);
      version = await store.update("k", record(payload), version!);
      expect(Math.abs(fs.statSync(recordFile(directory)).size - size)).toBeLessThan(4);
      expect((await store.read("k"))?.payload).toEqual(payload);
    }
  });
});

describe("the index", () => {
  test("drops a deleted record at once when the subject is given, and after two prunes otherwise", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    const entries = () => paths(directory, "v1/subjects/*/*/*").length;
    for (const key of ["a", "b", "c"]) await store.create(key, record("", "ada"));
    expect(entries()).toBe(3);
    await store.delete("a", "ada");
    expect(entries()).toBe(2);
    await store.delete("b");
    expect(entries()).toBe(2);
    await pruneLater(store); // Doubted.
    expect(entries()).toBe(2);
    await pruneLater(store);
    expect(entries()).toBe(1);
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["c"]);
    await store.delete("c", "ada");
    await pruneLater(store);
    expect(paths(directory, "v1/subjects/*/*")).toEqual([]);
  });

  test("keeps a suspect entry whose record reappears", async () => {
    const directory = newDirectory();
    const store = fileStore({ directory });
    const version = await store.create("k", record("", "bob"));
    const [name = ""] = paths(directory, "v1/subjects/*/*/*").map((path) => path.slice(path.lastIndexOf("/")));
    await store.create("other", record("", "ada"));
    const [ada = ""] = paths(directory, "v1/subjects/*/*/*").filter((path) => !path.endsWith(name));
    fs.writeFileSync(join(dirname(ada), name), ""); // As by a writer that is about to write.
    expect(await keysOf(store.listBySubject("ada"))).toEqual(["other"]);
    expect(paths(directory, `v1/subjects/*/*${name}.*`)).toHaveLength(1);
    await store.update("k", record("", "ada"), version!);
    for (let time = 0; time < 3; time += 1) {
      await pruneLater(store);
      expect(await keysOf(store.listBySubject("ada"))).toEqual(["k", "other"]);
    }
    expect(paths(directory, "v1/subjects/*/*/*").filter((path) => path.endsWith(name))).toHaveLength(1);
  });
});

describe("prune", () => {
  test("removes everything of expired records, of subjects too, and leaves no directory of a record", async () => {
    const directory = newDirectory();
    let now = Date.now();
    const store = fileStore({ directory, now: () => now });
    for (let at = 0; at < 40; at += 1) await store.create(`k${at}`, record("", `s${at % 7}`));
    now += 7_200_000;
    expect((await store.prune()).removed).toBe(40);
    for (let time = 0; time < 3; time += 1) await pruneLater(store);
    expect(paths(directory, "v1/*/*/*")).toEqual([]);
  });

  test("does a bounded amount of work even when nothing has expired", async () => {
    const store = fileStore({ directory: newDirectory() });
    for (let at = 0; at < 25; at += 1) await store.create(`k${at}`, record("", "ada"));
    let calls = 0;
    for (let cursor: string | undefined = "r"; cursor !== undefined; calls += 1) {
      const result = await store.prune({ limit: 1, cursor });
      expect(result.removed).toBe(0);
      ({ cursor } = result);
    }
    expect(calls).toBeGreaterThan(2);
    expect(await keysOf(store.list())).toHaveLength(25);
  });
});

test("100 parallel increments through four stores, each retried until accepted, add 100", async () => {
  const directory = newDirectory();
  const stores = [0, 1, 2, 3].map(() => fileStore({ directory }));
  await stores[0]!.create("k", record("0"));
  let tries = 0;
  const increment = async (store: FileStore): Promise<void> => {
    for (;;) {
      tries += 1;
      const found = await store.read("k");
      if (await store.update("k", record(`${Number(found!.payload) + 1}`), found!.version)) return;
    }
  };
  await Promise.all(Array.from({ length: 100 }, (_, at) => increment(stores[at % 4]!)));
  expect((await stores[0]!.read("k"))?.payload).toBe("100");
  expect(tries).toBeGreaterThan(100);
  expect(fs.readdirSync(dirname(recordFile(directory)))).toHaveLength(2);
});

test.runIf(fs.existsSync("/proc/self/fd"))("no call leaves a file open, whether it succeeds or not", async () => {
  const directory = newDirectory();
  const store = fileStore({ directory, durable: true });
  const openFiles = () => fs.readdirSync("/proc/self/fd").filter((fd) => linkOf(fd).startsWith(directory));
  for (let at = 0; at < 50; at += 1) {
    const version = await store.create("k", record("x".repeat(at * 1000), "ada"));
    await store.create("k", record());
    await store.update("k", record("", "ada"), version!);
    await store.update("k", record("", "ada"), version!);
    await store.rename("k", "l", record(), version!);
    await store.read("k");
    await store.read("nobody");
    await store.touch("k", Date.now() + 9_000_000 + at);
    await keysOf(store.listBySubject("ada"));
    for await (const _ of store.list()) break;
    await store.delete("k");
    await store.prune();
  }
  expect(openFiles()).toEqual([]);
});

/** What an open file is, or nothing for the one that the listing itself had open. */
function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}
