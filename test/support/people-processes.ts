/** Two processes over one store, told what to do: for what the sessions of users promise across processes. */

import { type ChildProcess, fork } from "node:child_process";
import type { Store } from "../../src/core/contracts/store.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import type { PeopleAnswer, PeopleCall, PeopleSetup } from "./people-worker.ts";

interface StoreModule {
  open(options: OpenOptions, args: unknown): Store | Promise<Store>;
  close?(store: Store): void | Promise<void>;
}

/** Opens the store of a setup in this process. */
export async function openProcessStore({ module, space, args }: Omit<PeopleSetup, "options">) {
  const { open, close }: StoreModule = await import(module);
  const store = await open({ space, now: Date.now }, args);
  return { store, close: async () => close?.(store) };
}

/** Processes that answer calls. */
export interface People {
  /** Tells all processes the same at the same time. */
  all(call: PeopleCall): Promise<PeopleAnswer[]>;
  /** Tells one. */
  one(at: number, call: PeopleCall): Promise<PeopleAnswer>;
  end(): void;
}

/** Two processes, opened on one store. */
export async function startPeople(setup: PeopleSetup, count = 2): Promise<People> {
  const worker = new URL("./people-worker.ts", import.meta.url);
  const children = Array.from({ length: count }, () => fork(worker, { execArgv: ["--conditions=sojourn-source"] }));
  await Promise.all(children.map((child) => new Promise((resolve) => child.once("message", resolve))));
  const tell = (child: ChildProcess, call: PeopleCall): Promise<PeopleAnswer> =>
    new Promise((resolve, reject) => {
      const gone = (code: number | null): void => reject(new Error(`a process ended with ${code} and no answer`));
      child.once("exit", gone);
      child.once("message", (answer) => {
        child.off("exit", gone);
        resolve(answer as PeopleAnswer);
      });
      child.send(call);
    });
  const people: People = {
    all: (call) => Promise.all(children.map((child) => tell(child, call))),
    one: (at, call) => tell(children[at] as ChildProcess, call),
    end() {
      for (const child of children) child.kill("SIGKILL");
    },
  };
  await people.all({ do: "open", setup });
  return people;
}
