/** What one case of the store suite works with, and what the author of a store must give to the suite. */

import type { Store, StoreRecord, Version } from "../../core/contracts/store.ts";
import { check } from "./check.ts";

/** What `open` of a {@link StoreHarness} is asked for. */
export interface OpenOptions {
  /**
   * Names a set of records that no other space sees: 1 to 16 lower-case letters and digits, starting with a
   * letter. Use it in a key prefix, a table name, a directory. Every case asks for a space of its own.
   */
  readonly space: string;
  /**
   * The clock to hand to the store's factory, in epoch milliseconds. Cases move it forward, never back, where
   * the store's `capabilities.clock` is `"ours"`; otherwise it is `Date.now`.
   */
  readonly now: () => number;
}

/**
 * How `storeConformance` reaches a store.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn/stores/memory";
 * import type { StoreHarness } from "sojourn/testing";
 *
 * export const harness: StoreHarness = {
 *   name: "memory",
 *   sample: memoryStore(),
 *   open: ({ now }) => memoryStore({ now }),
 * };
 * ```
 */
export interface StoreHarness {
  /** The name for titles of tests: `"redis 7.0 with ioredis 6"`. */
  readonly name: string;
  /**
   * A store made as `open` makes them, to look at only: what it claims in `capabilities` and which optional
   * methods it has decide which cases apply. None of its methods is called, so no server need run yet.
   */
  readonly sample: Store;
  /**
   * A store over the records of one space. A second call with the same space must reach the same records the
   * way another process would: through a connection of its own if that is how processes reach the backend.
   * It is made only where `capabilities.shared` is true.
   */
  open(options: OpenOptions): Store | Promise<Store>;
  /** Lets go of one opened store when its case is over. Default: the store's own `close()`, if it has one. */
  close?(store: Store): void | Promise<void>;
  /** How many calls race in one case, at least 2. Default 50. Lower it for a backend that is slow under contention. */
  readonly parallel?: number;
}

/** One case of a conformance suite, for any test runner. */
export interface ConformanceCase {
  /** A sentence: what the store does when the case passes. */
  readonly name: string;
  /** The part of the contract it belongs to. */
  readonly group: string;
  /** Why the case does not apply to this store. Report it as skipped, with this reason. */
  readonly skip?: string | undefined;
  /** Runs it; rejects with what was expected and what was seen. Cases are independent of each other. */
  run(): Promise<void>;
}

/** A case before it is bound to a harness. */
export interface StoreCase {
  readonly name: string;
  readonly group: string;
  /** Why it does not apply to a store like this one, or `undefined` when it does. */
  skip?(sample: Store): string | undefined;
  /** Runs first. What it stores with `trial.brief()` has ended by the time `run` starts. */
  before?(trial: Trial): Promise<void>;
  run(trial: Trial): Promise<void>;
}

/** The records of one space as a case sees them. */
export class Trial {
  readonly store: Store;
  /** The harness's sample, only to look at. */
  readonly sample: Store;
  readonly parallel: number;
  /** The version that `before` leaves for `run`. */
  version: Version = 0;
  readonly #open: () => Promise<Store>;
  readonly #clock: Clock;
  #lastEnd = 0;

  constructor(store: Store, harness: StoreHarness, clock: Clock, open: () => Promise<Store>) {
    this.store = store;
    this.sample = harness.sample;
    this.parallel = harness.parallel ?? 50;
    this.#clock = clock;
    this.#open = open;
  }

  /** Another handle on the same records, as another process would have one. */
  other(): Promise<Store> {
    return this.#open();
  }

  now(): number {
    return this.#clock.now();
  }

  /** A record that outlives the case: one hour. */
  record(payload: string | Uint8Array, subject?: string, lasts = 3_600_000): StoreRecord {
    const expiresAt = this.now() + lasts;
    return subject === undefined ? { payload, expiresAt } : { payload, expiresAt, subject };
  }

  /** A record that ends between `before` and `run`. */
  brief(payload: string | Uint8Array, subject?: string): StoreRecord {
    const record = this.record(payload, subject, this.#clock.brief);
    this.#lastEnd = Math.max(this.#lastEnd, record.expiresAt);
    return record;
  }

  /** Fails the case unless an expiry is the one that was given, as exactly as clock and granularity allow. */
  sameInstant(actual: number, given: number, what: string): void {
    const { clock, expiryGranularity: step } = this.store.capabilities;
    const off = actual - given;
    const slack = clock === "ours" ? 0 : 2000; // A server tells what is left, and the answer takes its time.
    check(off >= -slack && off < step + slack, `${what}: expiresAt is off by ${off} ms`);
  }

  /** Moves a clock of ours; a server's clock cannot be moved. */
  pass(milliseconds: number): void {
    this.#clock.pass(milliseconds);
  }

  /** Ends what `brief()` made: moves our clock, or waits for the server's. */
  async ended(): Promise<void> {
    await this.#clock.reach(this.#lastEnd);
  }
}

/** The time of one case. */
export interface Clock {
  now(): number;
  /** How long a record lasts that is to end during the case, in milliseconds. */
  readonly brief: number;
  pass(milliseconds: number): void;
  /** Resolves when everything that ends at `instant` has ended. */
  reach(instant: number): Promise<void>;
}

/** A clock for stores like `sample`: one that stands still until it is moved, or the real one. */
export function clockFor(sample: Store): Clock {
  const { clock, expiryGranularity: step } = sample.capabilities;
  if (clock === "server") {
    return {
      now: Date.now,
      brief: Math.max(1500, 2 * step),
      pass: () => {
        throw new Error("this case moves the clock: skip it where the clock is the server's");
      },
      // A duration counts from when the server gets it, and on a busy machine that takes its time.
      reach: (instant) => wait(instant + Math.max(2 * step, 100) + 400 - Date.now()),
    };
  }
  // A whole number of seconds, so that expiries are exact at every granularity up to one second.
  let time = Math.ceil(Date.now() / Math.max(1000, step)) * Math.max(1000, step);
  return {
    now: () => time,
    brief: 10 * Math.max(1000, step),
    pass: (milliseconds) => {
      time += milliseconds;
    },
    reach: async (instant) => {
      time = Math.max(time, instant);
    },
  };
}

/** Resolves after some real time. */
export function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

/** Runs `main` while others act again and again until it is over. Rejects with the first failure, when all have stopped. */
export async function during<Result>(
  main: () => Promise<Result>,
  others: readonly ((turn: number) => Promise<void>)[],
): Promise<Result> {
  let going = true;
  const acting = others.map(async (act) => {
    for (let turn = 0; going; turn++) {
      await act(turn);
      if (turn % 20 === 19) await wait(0); // A store that answers at once would not let `main` get anywhere.
    }
  });
  const result = main().finally(() => {
    going = false;
  });
  const failed = (await Promise.allSettled([...acting, result])).find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  return result;
}

/** Reasons to skip that several cases share. */
export const skipUnless = {
  shared: (sample: Store): string | undefined =>
    sample.capabilities.shared ? undefined : "one process only: there is no second handle",
  compareAndSwap: (sample: Store): string | undefined =>
    sample.capabilities.compareAndSwap === "atomic" ? undefined : "the backend has no compare-and-swap",
  ownClock: (sample: Store): string | undefined =>
    sample.capabilities.clock === "ours" ? undefined : "the server's clock cannot be moved",
  list: (sample: Store): string | undefined => (sample.capabilities.list ? undefined : "the store cannot list"),
  bySubject: (sample: Store): string | undefined =>
    sample.capabilities.bySubject ? undefined : "the store cannot list by subject",
  prune: (sample: Store): string | undefined => (sample.prune ? undefined : "the store has no prune()"),
};

/** The first reason any of several rules gives. */
export function skipUnlessAll(
  ...rules: ((sample: Store) => string | undefined)[]
): (sample: Store) => string | undefined {
  return (sample) => {
    for (const rule of rules) {
      const reason = rule(sample);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}
