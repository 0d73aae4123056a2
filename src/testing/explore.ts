/** The interleaving explorer: runs concurrent tasks in every order of their store calls, and checks each end. */

import { isError } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";

/** One world to explore: what runs at the same time, and what must hold when all of it has ended. */
export interface World {
  /** Started together. Each store call they make through the gate is a point where the others may go first. */
  readonly tasks: readonly (() => Promise<unknown>)[];
  /** Throws when the end is wrong. */
  check(): Promise<void> | void;
}

/** Hands out the points at which an order is chosen. */
export interface Gate {
  /** The same store, each call held back until the explorer lets it go. Open while the world is being built and checked. */
  store(store: Store): Store;
  /** A point of a task's own: "between loading and saving". */
  point(name: string): Promise<void>;
}

/** How many orders to explore. */
export interface ExploreOptions {
  /** The maximum number of orders; if there are more, the result has `complete: false`. Default 200,000. */
  readonly limit?: number;
  /** Run only this many orders, chosen at random, if there are too many to run all. Default: all orders. */
  readonly sample?: number;
  /** Returns the random numbers for `sample`, from 0 to below 1. Default `Math.random`; pass a seeded one to repeat a run. */
  readonly random?: () => number;
}

/** What was explored. */
export interface Explored {
  readonly orders: number;
  /** Every order there is was run. */
  readonly complete: boolean;
}

interface Waiting {
  readonly name: string;
  readonly go: () => void;
}

/**
 * Builds a new world for every order of store calls, and runs the world's tasks in that order. It goes through all
 * orders depth first. Pass a clock to the code under test, since it orders store calls, not timers.
 *
 * @throws What `check` threw, with the order that led there in the message.
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import { explore } from "sojourn/testing";
 *
 * const { orders } = await explore(async (gate) => {
 *   const store = gate.store(memoryStore());
 *   const record = { payload: "", expiresAt: Date.now() + 60_000 };
 *   const create = () => store.create("key", record);
 *   return {
 *     tasks: [create, create],
 *     async check() {
 *       if (!(await store.read("key"))) throw new Error("no request won");
 *     },
 *   };
 * });
 * ```
 */
export async function explore(
  build: (gate: Gate) => Promise<World> | World,
  options: ExploreOptions = {},
): Promise<Explored> {
  const { limit = 200_000, sample, random = Math.random } = options;
  if (sample !== undefined) {
    for (let orders = 0; orders < sample; orders++) await runOnce(build, (_, of) => Math.floor(random() * of));
    return { orders: sample, complete: false };
  }
  let choices: number[] | null = [];
  let orders = 0;
  while (choices && orders < limit) {
    const first: readonly number[] = choices;
    choices = nextChoices(await runOnce(build, (at) => first[at] ?? 0));
    orders++;
  }
  return { orders, complete: choices === null };
}

/** One choice that was made: which of how many. */
interface Choice {
  readonly taken: number;
  readonly of: number;
}

function nextChoices(made: readonly Choice[]): number[] | null {
  for (let at = made.length - 1; at >= 0; at--) {
    const { taken, of } = made[at] as Choice;
    if (taken + 1 < of) return [...made.slice(0, at).map((choice) => choice.taken), taken + 1];
  }
  return null;
}

type Choose = (at: number, of: number) => number;

async function runOnce(build: (gate: Gate) => Promise<World> | World, choose: Choose): Promise<Choice[]> {
  const waiting: Waiting[] = [];
  const order: string[] = [];
  const made: Choice[] = [];
  let open = true;
  const point = (name: string): Promise<void> =>
    open ? Promise.resolve() : new Promise((resolve) => waiting.push({ name, go: resolve }));
  const world = await build({ point, store: (store) => gated(store, point) });

  open = false;
  let running = world.tasks.length;
  const results = world.tasks.map((task) =>
    task().finally(() => {
      running--;
    }),
  );
  const ended = Promise.allSettled(results);
  for (;;) {
    await settled();
    if (waiting.length === 0) break;
    const taken = choose(made.length, waiting.length);
    made.push({ taken, of: waiting.length });
    const [next] = waiting.splice(taken, 1) as [Waiting];
    order.push(next.name);
    next.go();
  }
  if (running > 0) throw new Error(`a task waits for something else than the store, after: ${order.join(", ")}`);
  open = true;
  try {
    for (const result of await ended) if (result.status === "rejected") throw result.reason;
    await world.check();
  } catch (error) {
    const message = isError(error) ? error.message : String(error);
    throw new Error(`${message}\nin this order: ${order.join(", ")}`, { cause: error });
  }
  return made;
}

/**
 * The same store with a rename in two steps, as in Memcached and many layouts: first the new record is created, then
 * the old one is ended by compare-and-swap. Around a {@link Gate.store}, other tasks may also run between the two
 * steps.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import { twoStepStore } from "sojourn/testing";
 *
 * const store = twoStepStore(memoryStore());
 * console.assert(!store.capabilities.atomicRename);
 * ```
 */
export function twoStepStore(store: Store): Store {
  return {
    ...store,
    capabilities: { ...store.capabilities, atomicRename: false },
    async rename(from, to, record, version) {
      const made = await store.create(to, record);
      if (made === null) return null;
      if ((await store.update(from, { payload: "-", expiresAt: 1 }, version)) !== null) return made;
      await store.delete(to, record.subject);
      return null;
    },
  };
}

const calls = ["read", "create", "update", "touch", "rename", "delete", "prune", "setup", "close"] as const;

function gated(store: Store, point: (name: string) => Promise<void>): Store {
  const wrapped: Record<string, unknown> = { name: store.name, capabilities: store.capabilities };
  for (const name of calls) {
    const call = store[name] as ((...args: unknown[]) => Promise<unknown>) | undefined;
    if (call) wrapped[name] = (...args: unknown[]) => point(name).then(() => call.apply(store, args));
  }
  for (const name of ["list", "listBySubject"] as const) {
    const call = store[name] as ((...args: unknown[]) => AsyncIterable<unknown>) | undefined;
    if (!call) continue;
    wrapped[name] = async function* (...args: unknown[]) {
      await point(name);
      yield* call.apply(store, args);
    };
  }
  return wrapped as unknown as Store;
}

/** Waits until nothing moves any more: one turn of the event loop after all microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void };
    if (setImmediate) return setImmediate(resolve);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
