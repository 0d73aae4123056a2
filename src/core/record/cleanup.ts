/** Sampled cleanup: now and then a request sets off the removal of ended records, beside it and not within it. */

import type { PruneResult, Store } from "../contracts/store.ts";
import type { Config } from "../options/options.ts";
import { operation } from "./call-trace.ts";
import { storeBehind } from "./cookie-store.ts";
import { withTimeLimit } from "./time-limit.ts";

/** Stores that this process is cleaning now, whichever manager began it. */
const busy = new WeakSet<Store>();

/** Cleans stores, on average once in `every` requests. */
export class Cleanup {
  readonly #stores: readonly (readonly [Store, Config])[];
  readonly #every: number;
  readonly #random: () => number;

  /** @param configs Of each store; those that need no cleaning are left out. */
  constructor(configs: readonly Config[], every: number, random: () => number) {
    const stores = new Map<Store, Config>();
    for (const config of configs) {
      const store = storeBehind(config.store);
      if (store?.prune && !store.capabilities.nativeExpiry && !stores.has(store)) stores.set(store, config);
    }
    this.#stores = [...stores];
    this.#every = every;
    this.#random = random;
  }

  /** To be called once for each request that counts. Answers at once, and never throws. */
  request(): void {
    if (this.#stores.length === 0 || this.#random() * this.#every >= 1) return;
    // Not before what this request has to do by itself.
    setTimeout(() => {
      for (const [store, config] of this.#stores) void clean(store, config);
    });
  }
}

/** Cleans the stores of all these, if that is wanted. The option is the same in all. */
export function cleanupOf(configs: readonly Config[]): Cleanup | undefined {
  const { cleanupEvery, random } = configs[0] as Config;
  return cleanupEvery === undefined ? undefined : new Cleanup(configs, cleanupEvery, random);
}

/** Removes all that has ended, batch by batch. A failure is an event, and the next time another try. */
async function clean(store: Store, { events, storeTimeout, ids }: Config): Promise<void> {
  const limits = { storeTimeout: Math.max(storeTimeout, patience) };
  if (busy.has(store)) return;
  busy.add(store);
  try {
    let cursor: string | undefined;
    do {
      const batch = (): Promise<PruneResult> =>
        operation("prune", () => (store as Required<Store>).prune({ limit: 1000, cursor }));
      ({ cursor } = await withTimeLimit(batch, store, limits, events, ids));
      // Requests come first, also where the store answers without waiting for anything.
      await new Promise((resolve) => setTimeout(resolve));
    } while (cursor !== undefined);
  } catch {
    // The event has been sent.
  } finally {
    busy.delete(store);
  }
}

/** How long one batch may take, in milliseconds: no request waits for it. */
const patience = 60_000;
