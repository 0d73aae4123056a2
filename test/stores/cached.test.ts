/** Memory in front of a store: passes the store suite, and is never out of date by more than it says. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { type CachedStoreOptions, cachedStore } from "../../src/stores/cached.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { countedStore } from "../core/request/counted.ts";
import { reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { describeClient, describeStore } from "../support/store-tests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-cached-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
reportBackend({ backend: "cached", server: "none (over memory and files)" });

/** A cached store that says it is alone: another handle would be behind by the bound, which is what it is for. */
function alone(store: Store): Store {
  return { ...store, capabilities: { ...store.capabilities, shared: false } };
}

for (const staleness of [0, "10s"] as const) {
  const over = (store: Store, now?: () => number): Store => cachedStore(store, { staleness, ...(now && { now }) });
  describeStore({
    name: `cached memory, staleness ${staleness}`,
    sample: over(memoryStore()),
    open: ({ now }) => over(memoryStore({ now }), now),
  });
  const files = (space: string, now: () => number): Store => {
    const store = over(fileStore({ directory: join(directory, `${staleness}${space}`), now }), now);
    return staleness === 0 ? store : alone(store);
  };
  // Over files with a memory of its own: what it reads from files it need not show twice.
  const describeFiles = staleness === 0 ? describeStore : describeClient;
  describeFiles({
    name: `cached files, staleness ${staleness}`,
    sample: files("sample", Date.now),
    open: ({ now, space }) => files(space, now),
  });
}

const minute = 60_000;
const record = (payload: string | Uint8Array, subject?: string) => ({ payload, expiresAt: 10 * minute, subject });

/** A clock to move, and `skew` by which the machine's is set wrong, which those who measure spans do not see. */
class Clock {
  #elapsed = 0;
  skew = 0;
  get now(): number {
    return this.#elapsed + this.skew;
  }
  set now(time: number) {
    this.#elapsed = time - this.skew;
  }
  readonly ticks = (): number => this.#elapsed;
}

function newClock(): Clock {
  const clock = new Clock();
  vi.spyOn(performance, "now").mockImplementation(clock.ticks);
  return clock;
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** One backend, and two processes with a memory each. */
function setUp(options: CachedStoreOptions = { staleness: 1 }) {
  const clock = newClock();
  const now = () => clock.now;
  const { store: backend, calls } = countedStore(memoryStore({ now }));
  const [here, there] = [cachedStore(backend, { now, ...options }), cachedStore(backend, { now, ...options })];
  return { clock, backend, calls, here, there };
}

describe("reads that are saved", () => {
  test("by default none: every read goes to the store", async () => {
    const { here, calls } = setUp({});
    await here.create("k", record("one"));
    for (let round = 0; round < 3; round++) await here.read("k");
    expect(calls).toEqual(["create", "read", "read", "read"]);
  });

  test("within the bound, reads are answered from memory, and no later", async () => {
    const { here, calls, clock } = setUp();
    await here.create("k", record("one"));
    for (let step = 0; step < 30; step++) {
      expect(await here.read("k")).toMatchObject({ payload: "one" });
      clock.now += 100;
    }
    expect(calls).toEqual(["create", "read", "read", "read"]);
  });

  test("a missing record is not remembered: a session that another process just began is found", async () => {
    const { here, there } = setUp();
    expect(await here.read("k")).toBeNull();
    await there.create("k", record("one"));
    expect(await here.read("k")).not.toBeNull();
  });

  test("memory is bounded: the oldest read makes room", async () => {
    const { here, calls } = setUp({ staleness: 1, maxRecords: 2 });
    for (const key of ["a", "b", "c"]) {
      await here.create(key, record(key));
      await here.read(key);
    }
    calls.length = 0;
    await here.read("b");
    await here.read("c");
    expect(calls).toEqual([]);
    await here.read("a");
    expect(calls).toEqual(["read"]);
  });

  test("bytes are returned as a copy", async () => {
    const { here } = setUp();
    await here.create("k", record(Uint8Array.of(1, 2)));
    for (let round = 0; round < 3; round++) {
      const { payload } = (await here.read("k")) as { payload: Uint8Array };
      expect(payload).toEqual(Uint8Array.of(1, 2));
      payload.fill(0);
    }
  });
});

describe("the bound, with two processes", () => {
  const ends: [string, (store: Store) => Promise<unknown>][] = [
    ["a deletion", (store) => store.delete("k", "ada")],
    ["a rename", async (store) => store.rename("k", "l", record("two"), (await store.read("k"))!.version)],
  ];
  test.each(ends)("%s by the other is seen after the bound, to the millisecond", async (_, end) => {
    const { here, there, clock } = setUp({ staleness: "750ms" });
    await here.create("k", record("one", "ada"));
    clock.now = 5;
    await here.read("k");
    await end(there);
    clock.now = 754;
    expect(await here.read("k")).not.toBeNull();
    clock.now = 755;
    expect(await here.read("k")).toBeNull();
  });

  test("counts from the start of the read, however long it took", async () => {
    const clock = newClock();
    const backend = memoryStore({ now: () => clock.now });
    await backend.create("k", record("one"));
    let answer: () => void = () => {};
    const slow: Store = {
      ...backend,
      read: async (key) => {
        const found = await backend.read(key);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return found;
      },
    };
    const here = cachedStore(slow, { staleness: 1, now: () => clock.now });
    const reading = here.read("k");
    await Promise.resolve();
    await Promise.resolve();
    await backend.delete("k");
    clock.now = 900;
    answer();
    expect(await reading).not.toBeNull();
    clock.now = 999;
    expect(await here.read("k")).not.toBeNull();
    clock.now = 1000;
    const late = here.read("k");
    await Promise.resolve();
    await Promise.resolve();
    answer();
    expect(await late).toBeNull();
  });

  test("does not extend a session past its expiry", async () => {
    const { here, clock } = setUp({ staleness: "1m" });
    await here.create("k", { payload: "one", expiresAt: 500 });
    await here.read("k");
    clock.now = 499;
    expect(await here.read("k")).not.toBeNull();
    clock.now = 500;
    expect(await here.read("k")).toBeNull();
  });

  test("holds when the clock of the machine is set, back or ahead", async () => {
    const { here, there, clock } = setUp();
    clock.now = 100_000;
    await here.create("k", record("one"));
    await here.read("k");
    await there.delete("k");
    clock.skew = -50_000;
    clock.now += 999;
    expect(await here.read("k")).not.toBeNull();
    clock.skew = 50_000;
    expect(await here.read("k")).not.toBeNull();
    clock.skew = -50_000;
    clock.now += 1;
    expect(await here.read("k")).toBeNull();
  });

  test("an update on a stale read is refused, and the next read is fresh", async () => {
    const { here, there } = setUp();
    await here.create("k", record("one"));
    const old = (await here.read("k"))!;
    await there.update("k", record("two"), old.version);
    expect((await here.read("k"))?.payload).toBe("one");
    expect(await here.update("k", record("three"), old.version)).toBeNull();
    const found = (await here.read("k"))!;
    expect(found.payload).toBe("two");
    expect(await here.update("k", record("three"), found.version)).not.toBeNull();
  });

  test("a touch that finds nothing forgets the record", async () => {
    const { here, there } = setUp();
    await here.create("k", record("one"));
    await here.read("k");
    await there.delete("k");
    expect(await here.touch("k", 11 * minute)).toBe(false);
    expect(await here.read("k")).toBeNull();
  });
});

describe("this process", () => {
  test("sees at once what it wrote, ended and renamed", async () => {
    const { here } = setUp({ staleness: "1m" });
    await here.create("k", record("one"));
    const { version } = (await here.read("k"))!;
    const next = await here.update("k", record("two"), version);
    expect((await here.read("k"))?.payload).toBe("two");
    await here.touch("k", 11 * minute);
    expect((await here.read("k"))?.expiresAt).toBe(11 * minute);
    await here.rename("k", "l", record("three"), next!);
    expect(await here.read("k")).toBeNull();
    expect((await here.read("l"))?.payload).toBe("three");
    await here.delete("l");
    expect(await here.read("l")).toBeNull();
  });

  test("ignores a read overtaken by a deletion", async () => {
    const backend = memoryStore({ now: () => 0 });
    await backend.create("k", record("one"));
    let answer: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let slow = true;
    const here = cachedStore(
      {
        ...backend,
        read: async (key) => {
          const found = await backend.read(key);
          if (slow) await held;
          return found;
        },
      },
      { staleness: "1m", now: () => 0 },
    );
    const reading = here.read("k");
    await here.delete("k");
    slow = false;
    answer();
    await reading;
    expect(await here.read("k")).toBeNull();
  });

  test("does not remember a failed write, for it may have taken effect", async () => {
    const backend = memoryStore({ now: () => 0 });
    const lossy: Store = {
      ...backend,
      update: async (...values) => {
        await backend.update(...values);
        throw new Error("the answer was lost");
      },
    };
    const here = cachedStore(lossy, { staleness: "1m", now: () => 0 });
    await here.create("k", record("one"));
    const { version } = (await here.read("k"))!;
    await expect(here.update("k", record("two"), version)).rejects.toThrow("lost");
    expect((await here.read("k"))?.payload).toBe("two");
  });
});

describe("sessions in two processes", () => {
  function twoProcesses() {
    const { clock, here, there } = setUp({ staleness: "1s" });
    const now = () => clock.now;
    const make = (store: Store) => new Sessions<{ n: number; m: number }>({ store, now });
    return { clock, here: make(here), there: make(there) };
  }

  test("lose no update, however stale the reads behind it", async () => {
    const { here, there } = twoProcesses();
    const { cookie } = await request(here, undefined, (session) => session.update("n", () => 0));
    for (let round = 0; round < 10; round++) {
      await request(round % 2 ? here : there, cookie, (session) => session.update("n", (n = 0) => n + 1));
      await request(round % 3 ? here : there, cookie, (session) => session.update("m", (m = 0) => m + 1));
    }
    const { value } = await request(here, cookie, ({ data }) => ({ ...data }));
    const { value: other } = await request(there, cookie, (session) => session.update("n", (n = 0) => n));
    expect([value?.m, other]).toEqual([10, 10]);
  });

  test("end everywhere within the bound, and at once where they were ended; no write brings one back", async () => {
    const { clock, here, there } = twoProcesses();
    const { cookie } = await request(here, undefined, (session) => session.login("ada"));
    await request(there, cookie, ({ data }) => data.n);
    await here.revoke("ada");
    expect((await request(here, cookie, (session) => session.subject)).value).toBeUndefined();
    const late = await request(there, cookie, ({ data }) => Object.assign(data, { n: 1 }));
    expect(late.setCookie).toBeUndefined();
    clock.now += 1000;
    for (const sessions of [here, there])
      expect((await request(sessions, cookie, (session) => session.subject)).value).toBeUndefined();
  });

  test("end when revoked during a login in the other process, although the epoch was just read", async () => {
    const { here, there } = twoProcesses();
    await here.revoke("ada");
    const { cookie } = await request(here, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const during = await request(here, cookie, async (session) => {
      session.login("ada");
      await new Promise((resolve) => setImmediate(resolve));
      await there.revoke("ada");
    });
    expect((await request(there, during.cookie, (session) => session.subject)).value).toBeUndefined();
  });
});

describe("options", () => {
  test.each<[unknown, unknown, string]>([
    [
      undefined,
      {},
      "the first argument of cachedStore must be a store such as redisStore({ client }); received undefined",
    ],
    [memoryStore(), { staleness: "2m" }, "staleness must be a duration from 0ms to 1m"],
    [memoryStore(), { staleness: -1 }, "staleness must be a duration"],
    [memoryStore(), { maxRecords: 0 }, "maxRecords must be a whole number of at least 1; received 0"],
    [memoryStore(), { now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ])("%#: a TypeError that names what is wrong", (store, options, message) => {
    const make = () => cachedStore(store as Store, options as CachedStoreOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  test("capabilities and methods are those of the store", () => {
    const store = memoryStore();
    const cached = cachedStore(store);
    expect(cached.capabilities).toBe(store.capabilities);
    expect(Object.keys(cached).sort()).toEqual(Object.keys(store).sort());
  });
});
