/**
 * The file store step by step: every call is cut into its file system steps, and pairs of calls run in many orders of
 * those steps; what comes out must be what one after the other would give. And every call is abandoned after every
 * one of its steps, as by `kill -9`: the record must be the old one or the new one, and nothing stuck.
 *
 * The turn goes from one unfinished call to another at most once. `SOJOURN_SWITCHES=2` lets it go twice and runs calls
 * three at once too: ten minutes instead of ten seconds.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { Store, Version } from "../../src/core/contracts/store.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";

/** One call under way: it stops before each of its steps until it is told to go on. */
class Actor {
  stopped: (() => void) | undefined;
  running = true;
  step(): Promise<void> {
    return new Promise((resolve) => {
      this.stopped = resolve;
    });
  }
  go(): void {
    const { stopped } = this;
    this.stopped = undefined;
    stopped?.();
  }
}

const actor = vi.hoisted(() => ({ current: undefined as AsyncLocalStorage<Actor> | undefined }));
actor.current = new AsyncLocalStorage();

// The steps themselves are the real ones, but synchronous: then one turn of the event loop is enough for a step.
vi.mock("node:fs/promises", () => {
  const stepwise =
    <Args extends unknown[], Result>(step: (...args: Args) => Result) =>
    async (...args: Args): Promise<Result> => {
      await actor.current?.getStore()?.step();
      return step(...args);
    };
  const open = (path: string, flags: string, mode?: number) => {
    const file = fs.openSync(path, flags, mode);
    return {
      read: async (buffer: Buffer, offset: number, length: number, position: number | null) => ({
        bytesRead: fs.readSync(file, buffer, offset, length, position),
        buffer,
      }),
      readFile: async () => fs.readFileSync(file),
      writeFile: stepwise((content: Uint8Array) => fs.writeFileSync(file, content)),
      sync: async () => fs.fsyncSync(file),
      close: async () => fs.closeSync(file),
    };
  };
  return {
    open: stepwise(open),
    chmod: stepwise(fs.chmodSync),
    lstat: stepwise(fs.lstatSync),
    mkdir: stepwise(fs.mkdirSync),
    readdir: stepwise((path: string) => fs.readdirSync(path)),
    rename: stepwise(fs.renameSync),
    rm: stepwise(fs.rmSync),
    rmdir: stepwise((path: string) => fs.rmdirSync(path)),
    stat: stepwise(fs.statSync),
    unlink: stepwise(fs.unlinkSync),
  };
});

const switches = Number(process.env.SOJOURN_SWITCHES ?? 1);
const fast = fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir(); // Thousands of small directories, none to keep.
const root = fs.mkdtempSync(join(fast, "sojourn-steps-"));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const start = 1_800_000_000_000;
const hour = 3_600_000;
let now = start;
let worlds = 0;

/** A store in some state, and the versions that a caller knows. */
interface World {
  readonly store: Store;
  readonly directory: string | undefined;
  readonly versions: Record<string, Version>;
}

const record = (payload: string, subject: string | undefined = "ada", lasts = hour) => ({
  payload,
  subject,
  expiresAt: now + lasts,
});

/** What is there before: "j" is live always, "k" in every way a key can be. */
const states: Record<string, (world: World) => Promise<void>> = {
  "never used": async () => {},
  live: async ({ store, versions }) => {
    versions.k = (await store.create("k", record("k")))!;
  },
  renamed: async ({ store, versions }) => {
    const before = (await store.create("h", record("h")))!;
    versions.k = (await store.rename("h", "k", record("k"), before))!;
  },
  ended: async ({ store, versions }) => {
    versions.k = (await store.create("k", record("k", "ada", 1)))!;
    now += 1;
  },
  "deleted half way": async ({ store, versions, directory }) => {
    versions.k = (await store.create("k", record("k")))!;
    if (directory === undefined) return store.delete("k");
    for (const path of fs.globSync(`${directory}/v1/records/*/*/*.${now + hour}`)) {
      if (path.includes(`${versions.k}`)) fs.unlinkSync(path);
    }
  },
};

async function build(kind: "file" | "memory", state: string): Promise<World> {
  now = start;
  const directory = kind === "file" ? join(root, `${worlds++}`) : undefined;
  const store = directory ? fileStore({ directory, now: () => now }) : memoryStore({ now: () => now });
  const world: World = { store, directory, versions: { k: "none" } };
  world.versions.j = (await store.create("j", record("j")))!;
  await states[state]!(world);
  return world;
}

type Task = (world: World) => Promise<string>;

const written = (version: Version | null): string => (version === null ? "refused" : "written");

const calls: Record<string, Task> = {
  read: async ({ store }) => `${(await store.read("k"))?.payload}`,
  create: async ({ store }) => written(await store.create("k", record("created"))),
  "create on l": async ({ store }) => written(await store.create("l", record("created"))),
  update: async ({ store, versions }) => written(await store.update("k", record("updated", "bob"), versions.k!)),
  touch: async ({ store }) => `${await store.touch("k", start + 2 * hour)}`,
  "rename to l": async ({ store, versions }) => written(await store.rename("k", "l", record("renamed"), versions.k!)),
  "rename j to k": async ({ store, versions }) => written(await store.rename("j", "k", record("moved"), versions.j!)),
  "rename j to l": async ({ store, versions }) => written(await store.rename("j", "l", record("moved"), versions.j!)),
  delete: async ({ store }) => `${await store.delete("k", "ada")}`,
  prune: async ({ store }) => `${typeof (await store.prune!()).removed}`,
};
const names = Object.keys(calls);

async function keysOf(store: Store, subject: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.listBySubject!(subject)) keys.push(key);
  return keys.sort();
}

/** All that can be seen of a store, as text. */
async function seen({ store }: World): Promise<string> {
  const lines: string[] = [];
  for (const key of ["j", "k", "l"]) {
    const found = await store.read(key);
    lines.push(`${key}: ${found && `${found.payload} of ${found.subject} until ${found.expiresAt - start}`}`);
  }
  for (const subject of ["ada", "bob"]) lines.push(`${subject}: ${(await keysOf(store, subject)).join(" ")}`);
  return lines.join("\n");
}

/** What the calls answer and leave when they run one after the other, in each order, in the memory store. */
async function allowed(state: string, together: readonly string[]): Promise<Set<string>> {
  const outcomes = new Set<string>();
  for (const order of permutations(together.map((_, at) => at))) {
    const world = await build("memory", state);
    const answers: string[] = [];
    for (const at of order) answers[at] = await calls[together[at]!]!(world);
    outcomes.add(`${answers.join(", ")}\n${await seen(world)}`);
  }
  return outcomes;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item) => permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]));
}

/** One turn of the event loop: the step that was let go is over. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs calls with the given actors first, then each to its end; answers which actor made each step. */
async function run(
  world: World,
  tasks: readonly Task[],
  first: readonly number[],
): Promise<{ answers: string[]; order: number[]; open: number[][] }> {
  const actors = tasks.map(() => new Actor());
  const answers: string[] = [];
  const done = tasks.map((task, at) =>
    actor.current!.run(actors[at]!, async () => {
      try {
        answers[at] = await task(world);
      } finally {
        actors[at]!.running = false;
      }
    }),
  );
  const outcome = Promise.allSettled(done);
  const [order, open]: [number[], number[][]] = [[], []];
  for (;;) {
    await settled();
    const ready = actors.flatMap((one, at) => (one.stopped ? [at] : []));
    if (ready.length === 0) break;
    const wanted = first[order.length] ?? order.at(-1) ?? 0;
    const next = ready.includes(wanted) ? wanted : ready[0]!;
    order.push(next);
    open.push(ready);
    actors[next]!.go();
    if (order.length > 2000) throw new Error(`no end after 2000 steps: ${order.slice(0, 60).join("")}`);
  }
  if (actors.some((one) => one.running)) throw new Error("a call waits for something else than the file system");
  for (const one of await outcome) if (one.status === "rejected") throw one.reason;
  return { answers, order, open };
}

/**
 * Runs tasks together in every order of their steps that takes the turn from an unfinished one at most `switches`
 * times, each time on a new world, and hands what they answered to `judge`.
 */
async function explore(
  state: string,
  tasks: readonly Task[],
  switches: number,
  judge: (world: World, answers: string[]) => Promise<void>,
): Promise<number> {
  const todo: { first: number[]; left: number }[] = [{ first: [], left: switches }];
  let orders = 0;
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { first, left } = next;
    const world = await build("file", state);
    const { answers, order, open } = await run(world, tasks, first);
    orders += 1;
    try {
      await judge(world, answers);
    } catch (error) {
      throw new Error(`k ${state}, steps of ${order.join("")}: ${(error as Error).message}`, { cause: error });
    }
    fs.rmSync(world.directory!, { recursive: true });
    for (let at = first.length; at < order.length; at += 1) {
      const current = order[at - 1];
      for (const other of open[at]!) {
        if (other === order[at]) continue;
        const costs = current !== undefined && open[at]!.includes(current) ? 1 : 0;
        if (costs <= left) todo.push({ first: [...order.slice(0, at), other], left: left - costs });
      }
    }
  }
  return orders;
}

/** Explores calls, which are to answer and to leave what they do one after the other. */
async function exploreCalls(state: string, together: readonly string[], switches: number): Promise<number> {
  const outcomes = await allowed(state, together);
  const tasks = together.map((name) => calls[name]!);
  return explore(state, tasks, switches, async (world, answers) => {
    const outcome = `${answers.join(", ")}\n${await seen(world)}`;
    if (outcomes.has(outcome)) return;
    const expected = [...outcomes].join("\n or\n");
    throw new Error(`${together.join(" and ")} gave\n${outcome}\nbut one after the other\n${expected}`);
  });
}

const pairs = names.flatMap((one, at) => names.slice(at).map((other) => [one, other]));
const triples = pairs.flatMap(([one, two]) => names.slice(names.indexOf(two!)).map((three) => [one!, two!, three]));

/** Lets a call make so many steps and no more, as when its process is killed. Answers whether that was the end of it. */
async function abandon(world: World, name: string, steps: number): Promise<boolean> {
  const one = new Actor();
  const done = actor.current!.run(one, () => calls[name]!(world));
  for (let step = 0; step < steps; step += 1) {
    await settled();
    if (one.stopped === undefined) return done.then(() => true);
    one.go();
  }
  await settled();
  return false;
}

async function uses(store: Store, key: string): Promise<void> {
  const found = await store.read(key);
  let version = found?.version ?? (await store.create(key, record("anew")));
  expect(version, `create on ${key}`).not.toBeNull();
  expect(await store.touch(key, now + 3 * hour)).toBe(true);
  version = await store.update(key, record("updated"), version!);
  expect(version, `update of ${key}`).not.toBeNull();
  expect(await store.rename(key, `${key}2`, record("renamed"), version!), `rename of ${key}`).not.toBeNull();
  expect(await store.create(key, record("again")), `create on the old key ${key}`).not.toBeNull();
  for (const each of [key, `${key}2`]) await store.delete(each, "ada");
  expect(await store.read(key)).toBeNull();
}

describe.each(Object.keys(states))("k %s:", (state) => {
  test("two parallel calls answer and leave what one after the other would", { timeout: 1_800_000 }, async () => {
    let orders = 0;
    for (const pair of pairs) orders += await exploreCalls(state, pair, switches);
    expect(orders).toBeGreaterThan(pairs.length * 4);
    if (switches > 1) console.log(`${state}: ${orders} orders of two`);
  });

  if (switches > 1) {
    test("three parallel calls do so too", { timeout: 1_800_000 }, async () => {
      let orders = 0;
      for (const triple of triples) orders += await exploreCalls(state, triple, 1);
      console.log(`${state}: ${orders} orders of three`);
    });
  }

  test.each(names)("%s, killed after any of its steps, is done or not done, and blocks nothing", async (name) => {
    const before = await seen(await build("memory", state));
    const model = await build("memory", state);
    await calls[name]!(model);
    const after = await seen(model);
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      for (let [steps, ended] = [0, false]; !ended; steps += 1) {
        const world = await build("file", state);
        ended = await abandon(world, name, steps);
        expect([before, after], `after ${steps} steps`).toContain(await seen(world));
        for (const key of ["j", "k", "l"]) await uses(world.store, key);
        for (let round = 0; round < 3; round += 1) {
          vi.setSystemTime(Date.now() + 120_000);
          await world.store.prune!();
        }
        expect(fs.globSync(`${world.directory}/v1/*/*/*`), `left behind after ${steps} steps`).toEqual([]);
      }
    } finally {
      vi.useRealTimers();
    }
  });
});

/** What happens to the session while the sessions of its subject are listed; it is the subject's all the time. */
const journeys: Record<string, Task> = {
  "is renamed twice": async ({ store, versions }) => {
    const next = (await store.rename("k", "l", record("renamed"), versions.k!))!;
    return written(await store.rename("l", "m", record("renamed again"), next));
  },
  "is updated, touched and renamed": async ({ store, versions }) => {
    const next = (await store.update("k", record("updated"), versions.k!))!;
    await store.touch("k", start + 2 * hour);
    return written(await store.rename("k", "l", record("renamed"), next));
  },
  "is renamed while others prune": async ({ store, versions }) => {
    const next = (await store.rename("k", "l", record("renamed"), versions.k!))!;
    await store.prune!();
    return written(await store.rename("l", "m", record("renamed again"), next));
  },
};

const travelled = switches > 1 ? ["live", "renamed"] : ["live"];
test.each(travelled.flatMap((state) => Object.keys(journeys).map((journey) => ({ state, journey }))))(
  "a session that was $state and $journey is in every listing of its subject",
  { timeout: 600_000 },
  async (one) => {
    const list: Task = async ({ store }) => (await keysOf(store, "ada")).join(" ");
    const orders = await explore(
      one.state,
      [list, journeys[one.journey]!],
      Math.max(2, switches),
      async (world, got) => {
        expect(got[1]).toBe("written");
        expect(got[0]).toMatch(/^j( [klm])+$/);
        expect(await keysOf(world.store, "ada")).toHaveLength(2);
      },
    );
    expect(orders).toBeGreaterThan(100);
  },
);
