/** Sessions through unstorage: the suite over its memory and its files, and what it cannot promise, shown. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, prefixStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import lruCacheDriver from "unstorage/drivers/lru-cache";
import memoryDriver from "unstorage/drivers/memory";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createSessions } from "../../src/index.ts";
import { type UnstorageClient, type UnstorageStoreOptions, unstorageStore } from "../../src/stores/unstorage.ts";
import { describePlainStore, Gate, showsLostUpdate, showsResurrection } from "../support/plain-stores.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";

const root = mkdtempSync(join(tmpdir(), "sojourn-unstorage-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const directory = (): string => mkdtempSync(join(root, "d"));
reportBackend({
  backend: "unstorage",
  server: "none (memory, lru-cache and fs drivers)",
  clients: [clientVersion("unstorage")],
});

const files = (base: string) => createStorage({ driver: fsDriver({ base }) });

describePlainStore({
  name: "unstorage, memory",
  sample: unstorageStore({ storage: createStorage({ driver: memoryDriver() }) }),
  open: ({ now }) => unstorageStore({ storage: createStorage({ driver: memoryDriver() }), now }),
});

describePlainStore({
  name: "unstorage, lru-cache, under a prefix",
  sample: unstorageStore({ storage: createStorage({ driver: lruCacheDriver({}) }) }),
  open: ({ now }) => {
    const storage = prefixStorage(createStorage({ driver: lruCacheDriver({}) }), "app");
    return unstorageStore({ storage, prefix: "web:sessions", now });
  },
});

describePlainStore({
  name: "unstorage, fs",
  sample: unstorageStore({ storage: files(directory()), shared: true }),
  open: ({ now, space }) => unstorageStore({ storage: files(join(root, space)), now, shared: true }),
});

/** A storage of real files whose writing stops at the gate. */
function stopping(base: string, gate: Gate): UnstorageClient {
  const storage = files(base);
  return {
    getItem: (key) => storage.getItem(key),
    setItem: async (...values) => {
      await gate.pass();
      await storage.setItem(...values);
    },
    removeItem: (key) => storage.removeItem(key),
    getKeys: (base) => storage.getKeys(base),
  };
}

describe("what two processes can lose, as capabilities say", () => {
  test("the capability is declared", () => {
    const { capabilities } = unstorageStore({ storage: files(directory()) });
    expect(capabilities).toMatchObject({
      compareAndSwap: "none",
      atomicRename: false,
      bySubject: false,
      shared: false,
    });
  });

  test.each([
    ["an update", showsLostUpdate],
    ["a logout", showsResurrection],
  ] as const)("%s is lost when the other writes at the same instant", async (_, shows) => {
    const base = directory();
    const gate = new Gate();
    await shows(unstorageStore({ storage: stopping(base, gate) }), gate, unstorageStore({ storage: files(base) }));
  });

  test("two stores over one storage lose nothing: they take turns", async () => {
    const storage = files(directory());
    const [one, two] = [unstorageStore({ storage }), unstorageStore({ storage })];
    const version = await one.create("k", { payload: "0", expiresAt: Date.now() + 60_000 });
    const record = { payload: "1", expiresAt: Date.now() + 60_000 };
    const answers = await Promise.all([one, two, one, two].map((store) => store.update("k", record, version!)));
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
  });
});

describe("files", () => {
  const record = { payload: "hello", expiresAt: Date.now() + 60_000, subject: "ada" };

  test("contain a record as JSON under a name made from its key", async () => {
    const base = directory();
    await unstorageStore({ storage: files(base) }).create("session:aB_9", record);
    expect(readdirSync(join(base, "sojourn"))).toEqual(["session_3aaB_5f9"]);
    expect(JSON.parse(readFileSync(join(base, "sojourn", "session_3aaB_5f9"), "utf8"))).toMatchObject({
      sojourn: 1,
      key: "session:aB_9",
      subject: "ada",
      text: "hello",
    });
  });

  test("that are truncated, or contain something else, are no session", async () => {
    const base = directory();
    const store = unstorageStore({ storage: files(base) });
    await store.create("k", record);
    const path = join(base, "sojourn", "k");
    const whole = readFileSync(path, "utf8");
    for (const text of ["", whole.slice(0, 40), "[1]", "null", "7", '{"sojourn":1,"key":"k"}']) {
      writeFileSync(path, text);
      // Of "null" the storage says that nothing is there.
      expect((await store.read("k"))?.payload).toBe(text === "null" ? undefined : "");
      expect(await store.update("k", record, "")).toBeNull();
      expect(await store.touch("k", record.expiresAt)).toBe(false);
      for await (const row of store.list!()) expect.unreachable(row.key);
    }
    writeFileSync(path, whole);
    expect(await store.read("k")).toMatchObject({ payload: "hello" });
  });

  test("that are damaged are no session and an event, and the next session is stored", async () => {
    const base = directory();
    const sessions = createSessions({
      name: "shop",
      store: unstorageStore({ storage: files(base) }),
      idleTimeout: "1h",
    });
    const events: string[] = [];
    sessions.on(({ type }) => events.push(type));
    const first = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    for (const name of readdirSync(base, { recursive: true, encoding: "utf8" })) {
      const path = join(base, name);
      if (statSync(path).isFile()) writeFileSync(path, readFileSync(path, "utf8").slice(0, 40));
    }
    const next = await request(sessions, first.cookie, ({ data, isNew }) => {
      const seen = [isNew, { ...data }];
      Object.assign(data, { k: 2 });
      return seen;
    });
    expect(next).toMatchObject({ value: [true, {}], error: undefined });
    expect(events).toContain("record_refused");
    expect((await request(sessions, next.cookie, ({ data }) => data["k"])).value).toBe(2);
  });

  // Two processes that write one session at once leave the end of the longer text behind the shorter one.
  test("that stay damaged are removed by prune, after a minute, and those of others are not", async () => {
    const base = directory();
    const store = unstorageStore({ storage: files(base) });
    const names = (): string[] => readdirSync(join(base, "sojourn")).sort();
    await store.create("whole", record);
    const text = readFileSync(join(base, "sojourn", "whole"), "utf8");
    const broken = {
      behind: `${text}9000}`,
      cut: text.slice(0, 40),
      empty: "",
      half: '{"sojourn":1,"key":"k"}',
      zeros: "\0\0",
    };
    const others = { notes: "not ours", number: "7", object: '{"a":1}' };
    for (const [name, content] of Object.entries({ ...broken, ...others })) {
      writeFileSync(join(base, "sojourn", name), content);
    }
    expect(await store.prune!()).toEqual({ removed: 0, cursor: undefined });
    for (const name of names()) utimesSync(join(base, "sojourn", name), 0, Date.now() / 1000 - 61);
    expect(await store.prune!()).toEqual({ removed: 5, cursor: undefined });
    expect(names()).toEqual(["notes", "number", "object", "whole"]);
    expect(await store.read("whole")).toMatchObject({ payload: "hello" });
  });

  test("shared by processes cause a warning that recommends the file store", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    for (const storage of [files(directory()), prefixStorage(files(directory()), "app")]) {
      unstorageStore({ storage });
      expect(warn).not.toHaveBeenCalled();
      unstorageStore({ storage, shared: true });
      expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("Take fileStore({ directory })"));
      warn.mockClear();
    }
    unstorageStore({ storage: createStorage(), shared: true });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test("that cannot be read are a failure, never a logout", async () => {
    const base = directory();
    const storage = files(base);
    // As the fs driver does: it gives the error as the value.
    const broken: UnstorageClient = {
      ...storage,
      getItem: async () => Object.assign(new Error("EACCES"), { code: "EACCES" }),
    };
    await expect(unstorageStore({ storage: broken }).read("k")).rejects.toThrow("EACCES");
  });

  test("that cannot be removed are a failure, never a false logout", async () => {
    const storage = files(directory());
    const store = unstorageStore({ storage: { ...storage, removeItem: async () => {} } });
    await store.create("k", record);
    await expect(store.delete("k")).rejects.toThrow("did not remove");
  });
});

test("a lifetime is passed to drivers that accept one, longer than the record lasts", async () => {
  const lifetimes: unknown[] = [];
  const memory = createStorage();
  const storage: UnstorageClient = {
    ...memory,
    setItem: async (key, value, options) => {
      lifetimes.push(options);
      await memory.setItem(key, value);
    },
  };
  const store = unstorageStore({ storage, now: () => 1000 });
  await store.create("k", { payload: "x", expiresAt: 11_500 });
  expect(lifetimes).toEqual([{ ttl: 71 }]);
});

describe("unstorageStore options", () => {
  const storage = createStorage();

  test.for([
    [{}, "storage must be a storage of unstorage, such as createStorage() makes; received undefined"],
    [
      { storage: new Map() },
      "storage must be a storage of unstorage, such as createStorage() makes; received an instance of Map",
    ],
    [
      { storage, prefix: "a/b" },
      "prefix must be at most 50 letters, digits and -, in parts with : between; received a string of 3 characters",
    ],
    [
      { storage, prefix: "" },
      "prefix must be at most 50 letters, digits and -, in parts with : between; received a string of 0 characters",
    ],
    [{ storage, shared: 1 }, "shared must be true or false; received 1"],
    [{ storage, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ] as const)("%#: a TypeError that names the option", ([options, message]) => {
    expect(() => unstorageStore(options as unknown as UnstorageStoreOptions)).toThrow(new TypeError(message));
  });
});
