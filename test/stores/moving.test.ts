/** A store over two while records move: passes the store suite wherever records are, and every order of two and three processes. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import { afterAll, describe, expect, test } from "vitest";
import type { Store, StoredRecord } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type MovingStore, movingStore } from "../../src/stores/moving.ts";
import { unstorageStore } from "../../src/stores/unstorage.ts";
import { explore } from "../../src/testing/explore.ts";
import { type Fault, faultyStore } from "../../src/testing/faults.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { describeCases, describeStore } from "../support/store-tests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-moving-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
reportBackend({ backend: "moving", server: "none (over memory and files)" });

/** Records begin in the old store, and are moved when they are read. */
function fromOld(stores: { from: Store; to: Store; now: () => number }): Store {
  const old = movingStore({ ...stores, phase: "prepare" });
  const store = movingStore(stores);
  const create: Store["create"] = async (key, record) => {
    const made = await old.create(key, record);
    return made && ((await store.read(key))?.version ?? made);
  };
  return { ...store, create };
}

type Make = (stores: { from: Store; to: Store; now: () => number }) => Store;
const over =
  (make: Make) =>
  (now: () => number): Store =>
    make({ from: memoryStore({ now }), to: memoryStore({ now }), now });
const [fresh, old] = [over(movingStore), over(fromOld)];
describeStore({ name: "records that begin in the new store", sample: fresh(Date.now), open: ({ now }) => fresh(now) });
describeStore({ name: "records that begin in the old one", sample: old(Date.now), open: ({ now }) => old(now) });

const prepared = over((stores) => movingStore({ ...stores, phase: "prepare" }));
/** There a touch is a write, so that no process moves the record without it: a save of before meets a conflict. */
const ofTouches = /touch|different records/;
const cases = storeConformance({ name: "prepare", sample: prepared(Date.now), open: ({ now }) => prepared(now) });
describeCases(
  "in the phase prepare",
  cases.filter(({ name }) => !ofTouches.test(name)),
);

const files = (space: string, now: () => number): Store =>
  fromOld({
    from: fileStore({ directory: join(directory, `${space}-a`), now }),
    to: fileStore({ directory: join(directory, `${space}-b`), now }),
    now,
  });
const onFiles = storeConformance({
  name: "files to files",
  sample: files("sample", Date.now),
  open: ({ now, space }) => files(space, now),
});
const quick = "read create update touch delete rename version payload".split(" ");
describeCases(
  "files to files",
  onFiles.filter(({ group }) => quick.includes(group)),
);

const now = () => 1000;
const record = (payload: string, subject: string | undefined = "ada") => ({ payload, expiresAt: 10_000, subject });

interface Scene {
  readonly from: Store;
  readonly to: Store;
  /** What a process sees when all of it has ended; and that it is in one place. */
  look(): Promise<StoredRecord | null>;
}

type Task = (stores: { mover: MovingStore; prepared: MovingStore }) => Promise<unknown>;

/** One record in the old store, and processes in every order of their calls. */
async function together(
  tasks: Task[],
  check: (scene: Scene, answers: unknown[]) => Promise<void>,
  sample?: number,
): Promise<number> {
  const { orders, complete } = await explore(
    async (gate) => {
      const from = memoryStore({ now });
      const to = memoryStore({ now });
      await from.create("k", record("0"));
      const gated = { from: gate.store(from), to: gate.store(to), now };
      const make = () => ({ mover: movingStore(gated), prepared: movingStore({ ...gated, phase: "prepare" }) });
      const answers: unknown[] = [];
      return {
        tasks: tasks.map((task, at) => async () => {
          answers[at] = await task(make());
        }),
        check: () =>
          check(
            {
              from,
              to,
              async look() {
                const plain = movingStore({ from, to, now });
                const seen = await movingStore({ from, to, now, phase: "prepare" }).read("k");
                const alive = await plain.read("k");
                expect(alive?.payload).toBe(seen?.payload);
                const listed: string[] = [];
                for await (const row of plain.listBySubject!("ada")) listed.push(row.key);
                expect(listed).toEqual(alive ? ["k"] : []);
                await plain.move("k");
                for await (const row of from.list!()) expect(row.expiresAt).toBeLessThan(1002);
                return alive;
              },
            },
            answers,
          ),
      };
    },
    sample === undefined ? {} : { sample },
  );
  expect(complete).toBe(sample === undefined);
  return orders;
}

/** Adds to the record until it is saved; `false` when there is none. */
async function add(store: Store, text: string): Promise<boolean> {
  for (;;) {
    const found = await store.read("k");
    if (!found) return false;
    if (await store.update("k", record(found.payload + text), found.version)) return true;
  }
}

/** All orders are tens of thousands, and take a minute: `EXPLORE=all` runs them. */
const most = process.env.EXPLORE === "all" ? undefined : 800;

const letters = (payload: unknown): string => [...String(payload)].sort().join("");

describe("in every order", { timeout: 120_000 }, () => {
  test("two processes that use a record move it once and lose no update", async () => {
    const orders = await together(
      [({ mover }) => add(mover, "a"), ({ mover }) => add(mover, "b")],
      async ({ look, to }) => {
        expect(letters((await look())?.payload)).toBe("0ab");
        expect((await to.read("k"))?.subject).toBe("ada");
      },
      most,
    );
    expect(orders).toBeGreaterThan(100);
  });

  test("a process in phase one, a process in phase two and sojourn move work together", async () => {
    await together([({ prepared }) => add(prepared, "a"), ({ mover }) => mover.move("k")], async ({ look }) => {
      expect(letters((await look())?.payload)).toBe("0a");
    });
    await together([({ prepared }) => add(prepared, "a"), ({ mover }) => add(mover, "b")], async ({ look }) => {
      expect(letters((await look())?.payload)).toBe("0ab");
    });
  });

  test.each(["mover", "prepared"] as const)("a deletion by a process that is %s is final", async (phase) => {
    const remove: Task = (stores) => stores[phase].delete("k", "ada");
    await together([remove, ({ mover }) => add(mover, "a")], async ({ look }) => expect(await look()).toBeNull());
    await together([remove, ({ prepared }) => add(prepared, "a")], async ({ look }) => expect(await look()).toBeNull());
    const move: Task = ({ mover }) => mover.move("k");
    await together([remove, move, move], async ({ look }) => expect(await look()).toBeNull(), 800);
  });

  test("a later expiry is kept", async () => {
    for (const phase of ["mover", "prepared"] as const) {
      await together(
        [(stores) => stores[phase].touch("k", 20_000), ({ mover }) => mover.move("k")],
        async ({ look }, [touched]) => {
          expect(touched).toBe(true);
          expect((await look())?.expiresAt).toBe(20_000);
        },
        most,
      );
    }
  });

  test("a list by subject finds the record once at every moment, in either phase", async () => {
    for (const phase of ["mover", "prepared"] as const) {
      await together(
        [
          async (stores) => {
            const rows: string[] = [];
            for await (const { key } of stores[phase].listBySubject!("ada")) rows.push(key);
            return rows;
          },
          ({ mover }) => mover.move("k"),
        ],
        async (_, [rows]) => expect(rows).toEqual(["k"]),
      );
    }
  });

  test("a new record under its key is refused while it is live", async () => {
    for (const phase of ["mover", "prepared"] as const) {
      await together(
        [(stores) => stores[phase].create("k", record("new")), ({ mover }) => mover.move("k")],
        async ({ look }, [made]) => {
          expect(made).toBeNull();
          expect((await look())?.payload).toBe("0");
        },
        most,
      );
    }
  });

  test("a process that dies at any call leaves the record live in one of both, and the next one finishes", async () => {
    for (let nth = 0; nth < 5; nth++) {
      for (const fault of ["throw-before", "throw-after"] as Fault[]) {
        for (const last of ["read", "delete"] as const) {
          const [from, to] = [memoryStore({ now }), memoryStore({ now })];
          await from.create("k", record("0"));
          let calls = 0;
          const dying = (store: Store): Store =>
            faultyStore(store, () => (calls++ === nth ? fault : calls > nth ? "throw-before" : "pass"));
          await movingStore({ from: dying(from), to: dying(to), now })
            .move("k")
            .catch(() => {});
          const other = movingStore({ from, to, now });
          const prepared = movingStore({ from, to, now, phase: "prepare" });
          expect((await prepared.read("k"))?.payload).toBe("0");
          if (last === "delete") await other.delete("k");
          expect((await other.read("k"))?.payload).toBe(last === "delete" ? undefined : "0");
          expect((await prepared.read("k"))?.payload).toBe(last === "delete" ? undefined : "0");
          await other.move("k");
          for await (const row of from.list!()) expect(row.expiresAt).toBe(1001);
        }
      }
    }
  });
});

test("sessions: logins, logouts, renewals and revocations continue while they move", async () => {
  const clock = { now: 1_800_000_000_000 };
  const at = () => clock.now;
  const [from, to] = [memoryStore({ now: at }), memoryStore({ now: at })];
  type Data = Record<string, unknown>;
  const make = (store: Store) => new Sessions<Data>({ store, now: at, renewAfter: "10m", absoluteTimeout: "7d" });
  const before = make(from);
  const after = make(movingStore({ from, to, now: at }));
  const ada = await request(before, undefined, (session) => session.login("ada"));
  const bob = await request(before, undefined, (session) => session.login("bob"));
  const other = await request(before, undefined, (session) => session.login("ada"));
  clock.now += 11 * 60_000;
  const renewed = await request(after, ada.cookie, (session) => session.subject);
  expect(renewed).toMatchObject({ value: "ada" });
  expect(renewed.cookie).not.toBe(ada.cookie);
  expect((await request(after, ada.cookie, (session) => session.subject)).value).toBe("ada");
  expect(await after.list("ada")).toHaveLength(2);
  await after.revoke("ada");
  for (const { cookie } of [ada, other, renewed])
    expect((await request(after, cookie, (session) => session.subject)).value).toBeUndefined();
  await request(after, bob.cookie, (session) => session.destroy());
  expect((await request(after, bob.cookie, (session) => session.subject)).value).toBeUndefined();
  expect(await after.list("bob")).toEqual([]);
});

test("files that move leave nothing in the old folder, the list of their subject included", async () => {
  const [a, b] = ["left", "right"].map((name) => join(directory, name)) as [string, string];
  const [from, to] = [fileStore({ directory: a }), fileStore({ directory: b })];
  await from.create("k", { payload: "0", expiresAt: Date.now() + 60_000, subject: "ada" });
  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && one.name !== ".gitignore")
      .map(({ name }) => name);
  const before = filesIn(a);
  await movingStore({ from, to }).move("k");
  expect([before.length, filesIn(a).length, filesIn(b).length]).toEqual([3, 0, 3]);
});

test("a used session moves, and costs one call from then on", async () => {
  const calls: string[] = [];
  const counted = (name: string, store: Store): Store =>
    faultyStore(store, ({ method }) => {
      calls.push(`${name}.${method}`);
      return "pass";
    });
  const [from, to] = [memoryStore({ now }), memoryStore({ now })];
  await from.create("k", record("0"));
  const store = movingStore({ from: counted("from", from), to: counted("to", to), now });
  const first = (await store.read("k"))!;
  expect(calls).toEqual([
    "to.read",
    "from.read",
    "to.create",
    "from.update",
    "to.read",
    "from.read",
    "to.update",
    "from.delete",
  ]);
  calls.length = 0;
  await store.update("k", record("1"), first.version);
  await store.read("k");
  expect(calls).toEqual(["to.update", "to.read"]);
});

test.each<[string, () => unknown, string]>([
  [
    "one store twice",
    () => {
      const store = memoryStore();
      return movingStore({ from: store, to: store });
    },
    "two stores",
  ],
  ["no store", () => movingStore({ from: memoryStore() } as never), "movingStore: to must be a store"],
  [
    "one without compare-and-swap",
    () => movingStore({ from: memoryStore(), to: unstorageStore({ storage: createStorage() }) }),
    "compare-and-swap",
  ],
  [
    "another phase",
    () => movingStore({ from: memoryStore(), to: memoryStore(), phase: "done" as never }),
    '"prepare" or "move"',
  ],
])("%s is a TypeError", (_, make, message) => {
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
