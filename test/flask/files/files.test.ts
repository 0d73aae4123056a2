/** Sessions in cachelib's files: every version's names and headers, its count, other writers, what is left by the dead. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { pinned, readyFlask } from "../../../scripts/flask.ts";
import { type FlaskFiles, type FlaskFilesOptions, flaskFiles } from "../../../src/flask/files.ts";
import { flaskSession, pickleFormat } from "../../../src/flask.ts";
import { createSessions } from "../../../src/index.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";
import { request } from "../../support/requests.ts";

const flask = readyFlask();
const missing = typeof flask === "string" && reportMissing("flask-files", flask);
reportBackend({ backend: "flask-files", server: `cachelib ${pinned("cachelib")}` });

const root = mkdtempSync(join(tmpdir(), "sojourn-flask-files-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const { openSync, renameSync: realRename, statSync: realStat } = fs;
afterEach(() => {
  Object.assign(fs, { openSync, renameSync: realRename, statSync: realStat });
  syncBuiltinESMExports();
});

let directory = "";
let store: FlaskFiles;
let made = 0;
const open = (options: Partial<FlaskFilesOptions> = {}): FlaskFiles => flaskFiles({ directory, ...options });
beforeEach(() => {
  directory = join(root, `${++made}`);
  mkdirSync(directory);
  store = open();
});

const hour = 3_600_000;
const format = pickleFormat();
const pickle = (data: Record<string, unknown>): Uint8Array => format.encode({ data, meta: {} }) as Uint8Array;
const record = (data: Record<string, unknown>, lasts = hour) => ({
  payload: pickle(data),
  expiresAt: Math.ceil((Date.now() + lasts) / 1000) * 1000,
});
const dataOf = (found: { payload: string | Uint8Array } | null): unknown =>
  found && { ...format.decode(found.payload).data };
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const hashed = (hash: "md5" | "sha256", key: string): string =>
  join(directory, createHash(hash).update(key).digest("hex"));
const isDraft = (path: string): boolean => /tmp[0-9a-f]{16}\.__wz_cache$/.test(path);
const names = (): string[] => readdirSync(directory).sort();

const id = "A".repeat(43);
const key = `session:${id}`;
const body = "8005951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e";
const vectors = {
  "0.16": `00b33f71 ${body}`,
  "0.7": `00b33f71 ${body}`,
  "0.5": `80059506000000000000004a00b33f712e ${body}`,
  "0.1": `4a00b33f712e ${body.replace("8005", "8004")}`,
} as const;
const versions = Object.keys(vectors) as (keyof typeof vectors)[];
const fileOf = (version: string, of = key): string => hashed(version === "0.16" ? "sha256" : "md5", of);

describe("every version of cachelib", () => {
  test.each(versions)(
    "a session that %s wrote is read, and keeps its format and name when changed",
    async (version) => {
      const file = fileOf(version);
      writeFileSync(file, bytes(vectors[version]));
      const found = await store.read(key);
      expect(found!.expiresAt).toBe(1_900_000_000_000);
      expect(format.decode(found!.payload)).toMatchObject({ data: { user_id: 42 }, meta: { persistent: true } });
      expect(await store.touch(key, 1_900_000_001_000)).toBe(true);
      const touched = bytes(vectors[version]);
      touched[touched.indexOf(bytes("00b33f71"))] = 1;
      expect(readFileSync(file)).toEqual(touched);
      const next = { payload: found!.payload, expiresAt: 1_900_000_000_000 };
      const again = await store.update(key, next, found!.version);
      expect(again).toBe(found!.version);
      expect(readFileSync(file)).toEqual(bytes(vectors[version]));
      expect(names()).toHaveLength(1);
      await store.delete(key);
      expect(names()).toEqual([]);
    },
  );

  test.each(versions)("for %s new sessions are written in its format", async (version) => {
    const payload = bytes(vectors[version].slice(vectors[version].indexOf(" ")));
    await open({ cachelib: version }).create(key, { payload, expiresAt: 1_900_000_000_000 });
    expect(names()).toHaveLength(1);
    // Every Python that ran with that version reads protocol 4.
    const expected = vectors[version].replace(/^8005(?=9506)/, "8004");
    expect(readFileSync(fileOf(version))).toEqual(bytes(expected));
  });

  test("a session without expiry is accepted, and a touch adds none", async () => {
    for (const header of ["00000000", "80054b002e", "4b002e", "4a000000002e"]) {
      writeFileSync(hashed("md5", key), bytes(header + body));
      expect((await store.read(key))?.expiresAt, header).toBe(Number.MAX_SAFE_INTEGER);
      expect(await store.touch(key, Date.now() + hour)).toBe(true);
      expect(readFileSync(hashed("md5", key))).toEqual(bytes(header + body));
    }
  });

  test("an expiry beyond the header's range is the last in range, and one before 1970 is over", async () => {
    for (const [version, last] of [
      ["0.16", 0xffffffff],
      ["0.5", 0x7fffffff],
    ] as const) {
      const one = open({ cachelib: version });
      await one.create(version, { payload: pickle({}), expiresAt: Number.POSITIVE_INFINITY });
      expect((await one.read(version))?.expiresAt).toBe(last * 1000);
    }
    await store.create("past", { payload: pickle({}), expiresAt: -5 });
    expect(await store.read("past")).toBeNull();
    await expect(store.touch("past", Number.NaN)).rejects.toThrow(TypeError);
  });

  test("of two sessions left by two versions the current one counts; delete and create leave none behind", async () => {
    writeFileSync(hashed("md5", key), bytes(vectors["0.7"]));
    await store.create("other", record({}));
    renameSync(hashed("sha256", "other"), hashed("sha256", key));
    expect(dataOf(await store.read(key))).toEqual({});
    expect(await store.create(key, record({ k: 1 }))).toBeNull();
    await store.delete(key);
    expect(names()).toEqual([]);
    writeFileSync(hashed("md5", key), bytes(`00000001${body}`));
    expect(await store.create(key, record({ k: 1 }))).not.toBeNull();
    expect(names()).toHaveLength(1);
  });
});

describe.skipIf(missing)("beside the real cachelib", () => {
  type Step = readonly [name: string, ...args: unknown[]];
  const cachelib = (hash: string, threshold: number, ...steps: Step[]): unknown[] => {
    const program = fileURLToPath(new URL("cachelib.py", import.meta.url));
    const input = JSON.stringify(steps);
    const { python } = flask as { python: string };
    return JSON.parse(
      execFileSync(python, [program, directory, hash, `${threshold}`], { input, encoding: "utf8", timeout: 60_000 }),
    );
  };

  test.each([
    ["sha256", "0.16"],
    ["md5", "0.7"],
  ] as const)("with %s each reads what the other wrote, and the count is always right", async (hash, version) => {
    store = open({ cachelib: version });
    cachelib(hash, 500, ["set", "a", { k: 1 }, 1000], ["set", "b", { k: 2 }, 1000]);
    const found = await store.read("a");
    expect(dataOf(found)).toEqual({ k: 1 });
    expect(Math.abs(found!.expiresAt - Date.now() - 1_000_000)).toBeLessThan(60_000);
    await store.update("a", record({ k: 11 }), found!.version);
    const version2 = await store.create("c", record({ k: 3 }));
    await store.rename("c", "d", record({ k: 4 }), version2!);
    await store.create("e", record({ k: 5 }));
    await store.delete("b");
    await store.delete("b");
    // The constructor counts anew: this is what was there before.
    const count = readFileSync(hashed(hash, "__wz_cache_count"));
    const gets = ["a", "b", "c", "d", "e"].map((one) => ["get", one] as const);
    expect(cachelib(hash, 500, ["count"], ...gets)).toEqual([3, { k: 11 }, null, null, { k: 4 }, { k: 5 }]);
    expect(readFileSync(hashed(hash, "__wz_cache_count"))).toEqual(count);
  });

  test("with a threshold of 0 there is no count, and none is created", async () => {
    cachelib("sha256", 0, ["set", "a", {}, 1000]);
    await store.create("b", record({}));
    await store.delete("a");
    expect(names()).toEqual([createHash("sha256").update("b").digest("hex")]);
  });

  test("an ended session that is removed or replaced is counted as cachelib counts it", async () => {
    cachelib("sha256", 500, ["set", "a", {}, 1000], ["set", "b", {}, 1000], ["set", "c", {}, 1000]);
    const later = open({ now: () => Date.now() + 2000 * 1000 });
    await later.create("a", record({ k: 1 }, 2 * hour));
    expect((await later.prune()).removed).toBe(2);
    const count = readFileSync(hashed("sha256", "__wz_cache_count"));
    expect(count.subarray(4).toString("hex")).toBe("80054b012e");
    expect(cachelib("sha256", 500, ["get", "a"], ["get", "b"])).toEqual([{ k: 1 }, null]);
  });

  test("drafts, the lock and the count are no sessions for either side, and a file that is no count is left alone", async () => {
    for (const name of ["tmpabcdefgh.__wz_cache", "sojourn.__wz_cache"]) writeFileSync(join(directory, name), "");
    expect(cachelib("sha256", 500, ["count"])).toEqual([0]);
    rmSync(join(directory, "sojourn.__wz_cache"));
    writeFileSync(hashed("sha256", "__wz_cache_count"), bytes("00000000ff"));
    await store.create("a", record({}));
    expect(readFileSync(hashed("sha256", "__wz_cache_count"))).toEqual(bytes("00000000ff"));
  });
});

describe("another writer that ignores the lock", () => {
  /** As cachelib writes: a file of its own, put in the place of ours. */
  const theirs = (data: Record<string, unknown>, lasts = hour): void => {
    const end = Buffer.alloc(4);
    end.writeUInt32LE(Math.floor((Date.now() + lasts) / 1000));
    writeFileSync(join(directory, "theirs"), Buffer.concat([end, pickle(data)]));
    realRename(join(directory, "theirs"), hashed("sha256", "k"));
  };
  /** Lets it write at the call of a function of `node:fs` that fits. */
  const at = (
    name: "openSync" | "renameSync" | "statSync",
    fits: (...paths: string[]) => boolean,
    write: () => void,
  ): void => {
    const real = fs[name] as (...args: unknown[]) => unknown;
    const wrapped = (...args: unknown[]): unknown => {
      if (fits(...args.map(String))) {
        Object.assign(fs, { [name]: real });
        syncBuiltinESMExports();
        write();
      }
      return real(...args);
    };
    Object.assign(fs, { [name]: wrapped });
    syncBuiltinESMExports();
  };
  const isSession = (path: string): boolean => path === hashed("sha256", "k");

  test("its write since the read is a conflict; the same data with another expiry is none", async () => {
    theirs({ k: 1 });
    const found = await store.read("k");
    theirs({ k: 1 }, 2 * hour);
    const next = await store.update("k", record({ k: 2 }), found!.version);
    expect(next).not.toBeNull();
    theirs({ k: 3 });
    expect(await store.update("k", record({ k: 4 }), next!)).toBeNull();
    expect(await store.rename("k", "l", record({ k: 4 }), next!)).toBeNull();
    expect(dataOf(await store.read("k"))).toEqual({ k: 3 });
    expect(await store.read("l")).toBeNull();
  });

  test("its write while an update compares and writes its draft is a conflict, up to the last check", async () => {
    for (const [call, fits] of [
      ["openSync", isSession],
      ["openSync", isDraft],
      ["renameSync", isDraft],
      ["statSync", isSession],
    ] as const) {
      await store.delete("k");
      const version = await store.create("k", record({ k: 1 }));
      at(call, fits, () => theirs({ k: "theirs" }));
      expect(await store.update("k", record({ k: 2 }), version!), call).toBeNull();
      expect(dataOf(await store.read("k"))).toEqual({ k: "theirs" });
    }
    expect(names()).toHaveLength(1);
  });

  // The window that docs/flask/README.md tells of: one system call wide.
  test("its write between the last check and the rename is overwritten", async () => {
    const version = await store.create("k", record({ k: 1 }));
    at(
      "renameSync",
      (_, to) => isSession(to!),
      () => theirs({ k: "theirs" }),
    );
    expect(await store.update("k", record({ k: 2 }), version!)).not.toBeNull();
    expect(dataOf(await store.read("k"))).toEqual({ k: 2 });
  });

  test("its write during a rename of the session stays, and no copy is left", async () => {
    const version = await store.create("k", record({ k: 1 }));
    at("statSync", isSession, () => theirs({ k: "theirs" }));
    expect(await store.rename("k", "l", record({ k: 2 }), version!)).toBeNull();
    expect(await store.read("l")).toBeNull();
    expect(dataOf(await store.read("k"))).toEqual({ k: "theirs" });
    expect(names()).toHaveLength(1);
  });

  test("a session that it ends during an update stays ended", async () => {
    const version = await store.create("k", record({ k: 1 }));
    at("statSync", isSession, () => rmSync(hashed("sha256", "k")));
    expect(await store.update("k", record({ k: 2 }), version!)).toBeNull();
    expect(names()).toEqual([]);
  });

  test("a session it makes at the moment of a create is not overwritten", async () => {
    at("openSync", isDraft, () => theirs({ k: "theirs" }));
    expect(await store.create("k", record({ k: 1 }))).toBeNull();
    expect(dataOf(await store.read("k"))).toEqual({ k: "theirs" });
  });
});

describe("leftovers of killed processes", () => {
  const lock = (): string => join(directory, "sojourn.__wz_cache");
  const age = (path: string, milliseconds: number): void => {
    const then = (Date.now() - milliseconds) / 1000;
    utimesSync(path, then, then);
  };

  test("a lock whose holder died is taken over, and its leftovers are removed", async () => {
    writeFileSync(lock(), "");
    age(lock(), 10_000);
    expect(await store.create("k", record({ k: 1 }))).not.toBeNull();
    expect(names()).toHaveLength(1);
  });

  test("a lock of a live process is waited for", async () => {
    writeFileSync(lock(), "");
    let done = false;
    const creating = store.create("k", record({ k: 1 })).then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).toBe(false);
    rmSync(lock());
    await creating;
    expect(dataOf(await store.read("k"))).toEqual({ k: 1 });
  });

  test("a process that lost its lock during an update does not write", async () => {
    const version = await store.create("k", record({ k: 1 }));
    const wrapped: typeof openSync = (...args) => {
      if (isDraft(String(args[0]))) {
        rmSync(lock());
        writeFileSync(lock(), "somebody else's");
      }
      return openSync(...args);
    };
    Object.assign(fs, { openSync: wrapped });
    syncBuiltinESMExports();
    expect(await store.update("k", record({ k: 2 }), version!)).toBeNull();
    expect(readFileSync(lock(), "utf8")).toBe("somebody else's");
    rmSync(lock());
    expect(dataOf(await store.read("k"))).toEqual({ k: 1 });
  });

  test("prune removes drafts older than an hour, of either side, and no other file that is no session", async () => {
    const [old, young, foreign] = ["tmpaaaaaaaa.__wz_cache", "tmpbbbbbbbb.__wz_cache", "notes.txt"];
    for (const name of [old, young, foreign]) writeFileSync(join(directory, name), "");
    age(join(directory, old), 2 * hour);
    age(join(directory, foreign), 2 * hour);
    await store.prune();
    expect(names()).toEqual([foreign, young].sort());
  });

  test("a truncated file is no session, and its key is free", async () => {
    for (const hex of ["", "00b3"]) {
      writeFileSync(hashed("sha256", key), bytes(hex));
      expect(await store.read(key)).toBeNull();
      expect(await store.touch(key, Date.now() + hour)).toBe(false);
      expect(await store.create(key, record({ k: 1 }))).not.toBeNull();
    }
  });

  test("an invalid or hostile pickle is no session and an event, and nothing is executed", async () => {
    const sessions = createSessions({ ...flaskSession({ format: "pickle" }), store });
    const events: string[] = [];
    sessions.on(({ type }) => events.push(type));
    for (const hex of ["ff00", Buffer.from("cos\nsystem\n(S'touch pwned'\ntR.").toString("hex"), ""]) {
      writeFileSync(hashed("sha256", key), bytes(`00b33f71${hex}`));
      events.length = 0;
      const { value } = await request(sessions, `session=${id}`, ({ isNew }) => isNew);
      expect(value).toBe(true);
      expect(events).toContain("record_refused");
    }
    expect(existsSync("pwned")).toBe(false);
  });
});

describe("files and directory", () => {
  test("have the configured mode, whatever the umask; the directory is for the same users", async () => {
    const own = join(directory, "deep", "down");
    const one = flaskFiles({ directory: own, mode: 0o660 });
    expect(await one.read("k")).toBeNull();
    expect((await one.prune()).removed).toBe(0);
    const version = await one.create("k", record({}));
    await one.update("k", record({ k: 1 }), version!);
    const [name] = readdirSync(own);
    expect(statSync(join(own, name!)).mode & 0o777).toBe(0o660);
    expect(statSync(own).mode & 0o707).toBe(0o700);
  });

  test("errors of the file system are passed on unchanged, and contain no key", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const one = flaskFiles({ directory: file });
    for (const call of [() => one.read(key), () => one.create(key, record({})), () => one.delete(key)]) {
      const error = await call().then(String, (reason) => reason as NodeJS.ErrnoException);
      expect(error).toMatchObject({ code: "ENOTDIR" });
      expect(JSON.stringify(error) + String(error)).not.toContain(id);
    }
  });

  test("a text format is refused before anything is written", async () => {
    const wrong = { payload: "{}", expiresAt: Date.now() + hour };
    await expect(store.create("k", wrong)).rejects.toThrow('flaskSession({ format: "pickle" })');
    expect(names()).toEqual([]);
  });
});

describe("options", () => {
  test.each([undefined, null, 7, "", "a\0b"])("directory %j is refused", (wrong) => {
    expect(() => flaskFiles({ directory: wrong as string })).toThrow(/directory must be the path of a directory/);
  });

  test("others of the wrong type are refused", () => {
    expect(() => open({ cachelib: "0.17" as never })).toThrow(/cachelib must be one of 0.16, 0.7, 0.5, 0.1 as a text/);
    expect(() => open({ cachelib: 0.7 as never })).toThrow(TypeError);
    for (const mode of [384.5, 0, "0600", 0o1600]) expect(() => open({ mode: mode as number })).toThrow(/mode must be/);
    expect(() => open({ now: 5 as never })).toThrow(/now must be a function/);
    expect(() => flaskFiles(undefined as never)).toThrow(TypeError);
  });

  test("prune with a limit of the wrong type is refused", async () => {
    await expect(store.prune({ limit: 0 })).rejects.toThrow(/limit must be a whole number/);
  });
});
