/** One of the processes of `processConformance`: opens the store, waits for the start, does one task, lets go and ends. */

import type { Store, StoreRecord } from "../core/contracts/store.ts";
import { change } from "./store/change.ts";
import { wait } from "./store/trial.ts";
import type { Job, ProcessModule, Task } from "./store-processes.ts";

const hour = 3_600_000;

function record(payload: string, subject?: string): StoreRecord {
  return { payload, expiresAt: Date.now() + hour, subject };
}

/** Numbers of the tries that were not refused. */
async function winners(count: number, tries: (index: number) => Promise<unknown>): Promise<number[]> {
  const won: number[] = [];
  for (let index = 0; index < count; index++) if ((await tries(index)) !== null) won.push(index);
  return won;
}

/** What a process can be told to do. `self` is its number, 0 or 1. */
const tasks: Record<Task, (store: Store, self: number, report: () => Promise<void>) => Promise<unknown>> = {
  async count(store) {
    for (let step = 0; step < 50; step++) {
      await change(store, "k", (found) => record(`${Number(found.payload) + 1}`, found.subject));
    }
  },

  async merge(store, self) {
    for (let step = 0; step < 50; step++) {
      await change(store, "k", (found) => {
        const data = JSON.parse(found.payload as string) as Record<string, number>;
        return record(JSON.stringify({ ...data, [`process${self}.key${step}`]: step }), found.subject);
      });
    }
  },

  create: (store, self) => winners(200, (index) => store.create(`k${index}`, record(`process ${self}`, "ada"))),

  rename: (store, self) =>
    winners(50, async (index) => {
      const found = await store.read(`from${index}`);
      if (found === null) return null;
      return store.rename(`from${index}`, `to${index}.${self}`, record(`process ${self}`, "ada"), found.version);
    }),

  /** Process 0 updates ten records, each as long as it is there; process 1 deletes each when it has changed five times. */
  async destroy(store, self) {
    const deadline = Date.now() + 5000;
    for (let index = 0; index < 10; index++) {
      const key = `k${index}`;
      const more = (found: StoreRecord): StoreRecord => record(`${Number(found.payload) + 1}`, "ada");
      if (self === 0) while (Date.now() < deadline && (await change(store, key, more))) {}
      else {
        while (Date.now() < deadline && Number((await store.read(key))?.payload ?? 5) < 5) {}
        await store.delete(key, "ada");
      }
    }
  },

  /** Process 0 prunes; process 1, once that has begun, creates again on the ended records' keys, the last one first. */
  async prune(store, self) {
    if (self === 1) {
      const deadline = Date.now() + 5000;
      while (Date.now() < deadline && (await store.read("begun")) === null) {}
      return winners(200, (index) => store.create(`k${199 - index}`, record("anew", "ada")));
    }
    let result = await store.prune?.({ limit: 7 });
    await store.create("begun", record("begun"));
    while (result?.cursor !== undefined) result = await store.prune?.({ limit: 7, cursor: result.cursor });
    return [];
  },

  /** Writes until it is killed. */
  async crash(store, self, report) {
    for (let step = 1; ; step++) {
      await change(store, "k", () => record(`${step};`.repeat(2000), "ada"));
      const [from, to] = [`r${self}.${step - 1}`, `r${self}.${step}`];
      const moving = await store.read(from);
      if (moving === null) throw new Error("the record to rename has disappeared");
      if (!(await store.rename(from, to, record("moved", `bob ${self}`), moving.version))) throw new Error("refused");
      await store.create(`c${self}.${step}`, record("created", "ada"));
      await store.delete(`c${self}.${step - 3}`, "ada");
      if (step === 5) await report();
    }
  },
};

/** Tells that the task is well under way, and gives the message time to leave. */
async function report(): Promise<void> {
  process.send?.({ progress: true });
  await wait(0);
}

process.once("message", async (job: Job) => {
  const { open, close } = (await import(job.module)) as ProcessModule;
  const store = await open({ space: job.space, now: Date.now }, job.args);
  await store.read("warm");
  process.once("message", async () => {
    const answer = await tasks[job.task](store, job.self, report);
    await (close ? close(store) : store.close?.());
    process.send?.({ answer });
    process.disconnect(); // Whatever still keeps this process alive now, the store left behind.
  });
  process.send?.({ ready: true });
});
