/** Tasks on one key one after the other, in this process. */

/** Waits for whoever was first on a key, but not for ever: a call that never answers must not block the key. */
const longestWait = 5000;

/** The queues of one backend. */
export class Queue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `task` when all tasks given earlier for any of the keys have ended. */
  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const waiting = keys.flatMap((key) => this.#tails.get(key) ?? []);
    const mine = waiting.length === 0 ? task() : ended(waiting).then(task);
    const tail = mine.then(nothing, nothing);
    for (const key of keys) this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
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

function nothing(): void {}

function ended(tails: readonly Promise<unknown>[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, longestWait);
    Promise.all(tails).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
