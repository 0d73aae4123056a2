/** The process suite: two operating system processes at one store at the same time, and one that is killed. It runs on Node only, and loads anywhere. */

import type { ChildProcess, fork } from "node:child_process";
import type { Store, StoreRecord } from "../core/contracts/store.ts";
import { check, collect, gone, live, same, samePayload, sameStrings, won } from "./store/check.ts";
import { newSpace } from "./store/space.ts";
import { type ConformanceCase, type OpenOptions, skipUnless, wait } from "./store/trial.ts";

/** What a module for {@link processConformance} exports. It is imported by this process and by every worker. */
export interface ProcessModule {
  /** As `open` of a {@link StoreHarness}: the same space gives the same records in every process. */
  open(options: OpenOptions, args: unknown): Store | Promise<Store>;
  /** Lets go of the store and of the connection below it, so that the process can end. Default: the store's own `close()`. */
  close?(store: Store): void | Promise<void>;
}

/** How `processConformance` reaches a store from several processes. */
export interface ProcessHarness {
  /** What is tested, for titles. */
  readonly name: string;
  /** A store to look at only, as in {@link StoreHarness}. */
  readonly sample: Store;
  /** URL of the {@link ProcessModule}, such as `new URL("./open-redis.js", import.meta.url)`. */
  readonly module: URL | string;
  /** Passed to the module's `open` in every process: a port, a directory. Must survive `structuredClone`. */
  readonly args?: unknown;
  /** Options for the Node of the workers. Default none. */
  readonly execArgv?: readonly string[];
}

/** The names of what a worker can do. */
export type Task = "count" | "merge" | "create" | "rename" | "destroy" | "prune" | "crash";

/** The first message to a worker. */
export interface Job {
  readonly module: string;
  readonly args: unknown;
  readonly space: string;
  readonly task: Task;
  readonly self: number;
}

interface ProcessCase {
  readonly name: string;
  skip?(sample: Store): string | undefined;
  run(store: Store, race: (task: Task) => Promise<unknown[]>, crash: (round: number) => Promise<void>): Promise<void>;
}

const record = (payload: string, subject?: string, lasts = 3_600_000): StoreRecord => ({
  payload,
  expiresAt: Date.now() + lasts,
  subject,
});

/** Fails unless each of `count` tries was won by one process only, and gives the winner of each. */
function oneWinnerEach(answers: unknown[], count: number): number[] {
  const [first, second] = answers as [number[], number[]];
  sameStrings(
    [...first, ...second].map(String),
    Array.from({ length: count }, (_, index) => `${index}`),
    "tries won, of both processes together",
  );
  return Array.from({ length: count }, (_, index) => (first.includes(index) ? 0 : 1));
}

async function* nothing(): AsyncGenerator<never> {}

const cases: readonly ProcessCase[] = [
  {
    name: "two processes that each add 1 to a counter fifty times add 100",
    async run(store, race) {
      await store.create("k", record("0", "ada"));
      await race("count");
      samePayload((await live(store, "k", "k")).payload, "100", "the counter");
    },
  },
  {
    name: "two processes that write different keys of one session keep all of them",
    async run(store, race) {
      await store.create("k", record("{}", "ada"));
      await race("merge");
      const data = JSON.parse((await live(store, "k", "k")).payload as string) as Record<string, number>;
      const expected = [0, 1].flatMap((self) => Array.from({ length: 50 }, (_, step) => `process${self}.key${step}`));
      sameStrings(Object.keys(data), expected, "keys in the session");
    },
  },
  {
    name: "of two processes that create the same 200 keys exactly one wins each key",
    async run(store, race) {
      const winner = oneWinnerEach(await race("create"), 200);
      for (const [index, self] of winner.entries()) {
        samePayload((await live(store, `k${index}`, `k${index}`)).payload, `process ${self}`, `payload of k${index}`);
      }
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 200, "rows of the subject");
    },
  },
  {
    name: "of two processes that rename the same 50 records exactly one wins each record",
    async run(store, race) {
      for (let index = 0; index < 50; index++) await store.create(`from${index}`, record("start", "ada"));
      const winner = oneWinnerEach(await race("rename"), 50);
      for (const [index, self] of winner.entries()) {
        await gone(store, `from${index}`, "an old key");
        await gone(store, `to${index}.${1 - self}`, "the new key of the loser");
        samePayload(
          (await live(store, `to${index}.${self}`, "to")).payload,
          `process ${self}`,
          "payload of the winner",
        );
      }
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 50, "rows of the subject");
    },
  },
  {
    name: "a session that one process destroys while another updates it stays destroyed",
    async run(store, race) {
      for (let index = 0; index < 10; index++) await store.create(`k${index}`, record("0", "ada"));
      await race("destroy");
      for (let index = 0; index < 10; index++) await gone(store, `k${index}`, "a destroyed session");
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 0, "rows of the subject");
    },
  },
  {
    name: "a prune in one process keeps every record that another creates on expired records' keys",
    skip: skipUnless.prune,
    async run(store, race) {
      for (let index = 0; index < 200; index++) await store.create(`k${index}`, record("ended", "ada", -5000));
      const [, created] = await race("prune");
      same((created as number[]).length, 200, "records created again");
      for (let index = 0; index < 200; index++) samePayload((await live(store, `k${index}`, "k")).payload, "anew", "k");
    },
  },
  {
    name: "a process killed in the middle of writing leaves whole records and no lock",
    async run(store, _race, crash) {
      await store.create("k", record("0;", "ada"));
      for (const round of [0, 1, 2]) {
        await store.create(`r${round}.0`, record("moved", `bob ${round}`));
        await crash(round);
        const found = await live(store, "k", "the record that was being updated");
        const [step] = String(found.payload).split(";");
        samePayload(found.payload, `${step};`.repeat(2000), "the whole of the payload");
        const version = won(await store.update("k", record("after"), found.version), "update after the crash");
        won(await store.rename("k", "k2", record("after that"), version), "rename after the crash");
        await store.delete("k2");
        won(await store.create("k", record("anew")), "create after the crash");
        const rows = await collect(store.listBySubject?.(`bob ${round}`) ?? nothing());
        const most = store.capabilities.atomicRename ? 1 : 2;
        const least = store.listBySubject ? 1 : 0;
        check(
          rows.length >= least && rows.length <= most,
          `the record that was being renamed is there ${rows.length} times`,
        );
      }
    },
  },
];

/**
 * The cases that need several operating system processes, for any test runner on Node: exact counters, no lost key,
 * one winner, no resurrection, no harm from a process that is killed.
 *
 * Every worker also has to end by itself once the store is closed. Cases are skipped if the store is not shared between
 * processes or has no compare-and-swap. They take about a second each.
 *
 * @param harness What the workers import to open the store.
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { fileStore } from "sojourn/stores/file";
 * import { processConformance } from "sojourn/testing";
 *
 * // open-store.js: export const open = ({ space, now }, args) => fileStore({ directory: `${args.directory}/${space}`, now });
 * const cases = processConformance({
 *   name: "file",
 *   sample: fileStore({ directory: "unused" }),
 *   module: new URL("./open-store.js", import.meta.url),
 *   args: { directory: "/tmp/sessions" },
 * });
 * for (const { name, skip, run } of cases) test(name, { skip: skip ?? false }, run);
 * ```
 */
export function processConformance(harness: ProcessHarness): ConformanceCase[] {
  return cases.map((one) => ({
    name: one.name,
    group: "processes",
    skip: skipUnless.shared(harness.sample) ?? skipUnless.compareAndSwap(harness.sample) ?? one.skip?.(harness.sample),
    run: () => runCase(harness, one),
  }));
}

async function runCase(harness: ProcessHarness, one: ProcessCase): Promise<void> {
  const space = newSpace();
  const { open, close } = (await import(String(harness.module))) as ProcessModule;
  const store = await open({ space, now: Date.now }, harness.args);
  const workers: Worker[] = [];
  const { fork } = await import("node:child_process");
  const start = async (task: Task, selves: readonly number[]): Promise<Worker[]> => {
    const started = selves.map((self) => new Worker(fork, harness, space, task, self));
    workers.push(...started);
    for (const worker of started) await worker.said("ready");
    for (const worker of started) worker.go();
    return started;
  };
  try {
    await one.run(
      store,
      async (task) => {
        const racing = await start(task, [0, 1]);
        const answers = await Promise.all(racing.map((worker) => worker.said("answer")));
        await Promise.all(racing.map((worker) => worker.ended()));
        return answers;
      },
      async (round) => {
        const [worker] = await start("crash", [round]);
        await worker!.said("progress");
        await wait(Math.random() * 20);
        await worker!.kill();
      },
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
    await (close ? close(store) : store.close?.());
  }
}

/** A forked process and what it has said so far. */
class Worker {
  readonly #process: ChildProcess;
  readonly #exit: Promise<void>;
  #said: Record<string, unknown> = {};
  #complaint = "";
  #heard: () => void = () => {};

  constructor(start: typeof fork, harness: ProcessHarness, space: string, task: Task, self: number) {
    const path = import.meta.url.replace(/store-processes(\.\w+)$/, "store-processes-worker$1");
    this.#process = start(new URL(path), {
      execArgv: [...(harness.execArgv ?? [])],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process.on("message", (words: object) => {
      Object.assign(this.#said, words);
      this.#heard();
    });
    this.#process.stderr?.on("data", (text) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-2000);
    });
    this.#exit = new Promise((resolve) => {
      this.#process.once("exit", () => {
        resolve();
        this.#heard();
      });
    });
    const job: Job = { module: String(harness.module), args: harness.args, space, task, self };
    this.#process.send(job);
  }

  go(): void {
    this.#process.send("go");
  }

  /** What the worker says under `word`, within 30 seconds. */
  async said(word: string): Promise<unknown> {
    const deadline = Date.now() + 30_000;
    while (!(word in this.#said)) {
      check(this.#process.exitCode === null && this.#process.signalCode === null, `a process died: ${this.#complaint}`);
      check(Date.now() < deadline, `a process has not said "${word}" in 30 seconds. ${this.#complaint}`);
      await Promise.race([new Promise<void>((resolve) => (this.#heard = resolve)), wait(1000)]);
    }
    return this.#said[word];
  }

  /** Fails unless the process ends by itself. */
  async ended(): Promise<void> {
    const ended = await Promise.race([this.#exit.then(() => true), wait(5000).then(() => false)]);
    check(ended, "a process still runs 5 seconds after the store was closed: something keeps it alive");
    same(this.#process.exitCode, 0, `the exit code of a process that said "${this.#complaint}"`);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#exit;
  }
}
