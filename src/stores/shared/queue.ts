/** Tasks on one key one after the other, in this process. */

import { limitOfCall } from "../../core/contracts/call-limit.ts";
import { ticks } from "../../core/contracts/clock.ts";

/** How long a task holds up others, in milliseconds, when its caller has set no limit. */
const longest = 5000;
/** How often a wait looks whether the tasks ahead still count: a Worker's request may have ended, and then it tells nothing. */
const lookEvery = 20;

/** A task in line. */
interface Entry {
  ended: boolean;
  /** When it holds up others no more. */
  holdsUntil: number;
  /** When its caller waits no more. */
  readonly wantedUntil: number;
  readonly done: Promise<void>;
}

/** What a task asks before it writes: whether its caller still waits for it. */
export type IsWanted = () => boolean;

/** The queues of one backend. */
export class Queue {
  readonly #lines = new Map<string, Set<Entry>>();

  /**
   * Runs `task` when all tasks given earlier for any of the keys have ended, or have been given up.
   *
   * A task whose caller waits no more (its limit is over, or its request has ended) is dropped while it is in line. If it runs already, it holds up the others
   * for half the limit more, since what it writes late would go over what they write.
   *
   * @param limit How long the caller waits, in milliseconds. Default: the limit of the store call that begins.
   */
  run<T>(
    keys: readonly string[],
    task: (isWanted: IsWanted) => Promise<T>,
    limit: number | undefined = limitOfCall(),
  ): Promise<T> {
    const began = ticks();
    let tell = (): void => {};
    const done = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const wantedUntil = began + (limit ?? Number.POSITIVE_INFINITY);
    const entry: Entry = { ended: false, holdsUntil: began + (limit ?? longest), wantedUntil, done };
    const ahead = this.#lineUp(keys, entry);
    const isWanted = (): boolean => ticks() < wantedUntil;
    const begin = (): Promise<T> => {
      if (!isWanted()) throw new Error("the change waited for others of the same session until its request had ended");
      entry.holdsUntil = limit === undefined ? ticks() + longest : wantedUntil + limit / 2;
      return task(isWanted);
    };
    const run = async (): Promise<T> => {
      try {
        if (ahead.length > 0) await turn(ahead, entry);
        return await begin();
      } finally {
        entry.ended = true;
        tell();
        this.#leave(keys, entry);
      }
    };
    return run();
  }

  /** Puts an entry in line, and gives those ahead of it. */
  #lineUp(keys: readonly string[], entry: Entry): Entry[] {
    const ahead = new Set<Entry>();
    for (const key of keys) {
      const line = this.#lines.get(key) ?? new Set();
      for (const one of line) {
        if (one.holdsUntil > ticks()) ahead.add(one);
        else line.delete(one);
      }
      this.#lines.set(key, line.add(entry));
    }
    ahead.delete(entry);
    return [...ahead];
  }

  #leave(keys: readonly string[], entry: Entry): void {
    for (const key of keys) {
      const line = this.#lines.get(key);
      line?.delete(entry);
      if (line?.size === 0) this.#lines.delete(key);
    }
  }
}

const queues = new WeakMap<object, Queue>();

/** The queue of a client: stores that share one share it too. */
export function queueOf(client: object): Queue {
  const queue = queues.get(client) ?? new Queue();
  queues.set(client, queue);
  return queue;
}

/** Waits until nothing ahead counts any more, but not longer than the caller does. */
async function turn(ahead: readonly Entry[], { wantedUntil }: Entry): Promise<void> {
  for (const one of ahead) {
    while (!one.ended) {
      const left = Math.min(one.holdsUntil, wantedUntil) - ticks();
      if (left <= 0) break;
      await sooner(one.done, Math.min(left, lookEvery));
    }
  }
}

function sooner(done: Promise<void>, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
