/** `sojourn cleanup`: removes ended sessions, what `flask session_cleanup` does. */

import type { Store } from "../core/contracts/store.ts";
import { type Command, numberOption } from "./command.ts";
import { count, jsonLine, Progress, type Terminal } from "./terminal.ts";

export const cleanupCommand: Command = {
  name: "cleanup",
  about: "remove ended sessions, if the store does not do so itself",
  options: { batch: { type: "string", value: "<n>", about: "how many sessions to remove at a time (1000)" } },
  async run(call) {
    const batch = numberOption(call.values, "batch", 1000);
    await cleanup((await call.load()).stores, { batch, json: call.json }, call);
  },
};

/** What a store said, and what had been done by then. */
export class StoreFailure extends Error {}

interface Cleaned {
  readonly store: string;
  readonly removed: number;
  readonly batches: number;
  readonly seconds: number;
  /** Why nothing was done. */
  readonly skipped?: string;
}

/** Cleans one store after the other. */
async function cleanup(
  stores: readonly Store[],
  { batch, json }: { readonly batch: number; readonly json: boolean },
  { stdout, stderr }: Terminal,
): Promise<void> {
  const all: Cleaned[] = [];
  for (const store of stores) {
    const cleaned = await clean(store, batch, json ? undefined : new Progress(stderr, store.name));
    all.push(cleaned);
    if (!json) stdout.write(`${cleaned.store}: ${asText(cleaned)}\n`);
  }
  const removed = all.reduce((sum, one) => sum + one.removed, 0);
  if (json) stdout.write(jsonLine({ removed, stores: all }));
  else if (all.length === 0) stdout.write("there is no store: these sessions are only in their cookies\n");
}

async function clean(store: Store, limit: number, progress: Progress | undefined): Promise<Cleaned> {
  const none = { store: store.name, removed: 0, batches: 0, seconds: 0 };
  if (store.capabilities.nativeExpiry) return { ...none, skipped: "the backend removes ended sessions" };
  if (!store.prune) return { ...none, skipped: "this store cannot remove ended sessions" };
  const start = performance.now();
  let [removed, batches] = [0, 0];
  let cursor: string | undefined;
  try {
    do {
      const result = await store.prune({ limit, cursor });
      removed += result.removed;
      batches += 1;
      cursor = result.cursor;
      progress?.show(`${count(removed)} removed, batch ${count(batches)}`);
      // A database in this process leaves no room for anything else otherwise, Ctrl-C for one.
      await new Promise((resolve) => setTimeout(resolve));
    } while (cursor !== undefined);
  } catch (error) {
    const far = removed === 0 ? "nothing was removed" : `${count(removed)} ended sessions were removed`;
    throw new StoreFailure(`${store.name}: the cleanup failed, ${far}`, { cause: error });
  } finally {
    progress?.end();
  }
  return { ...none, removed, batches, seconds: Math.round(performance.now() - start) / 1000 };
}

function asText({ removed, batches, seconds, skipped }: Cleaned): string {
  if (skipped !== undefined) return `nothing to do, ${skipped}`;
  const sessions = `${count(removed)} ended session${removed === 1 ? "" : "s"}`;
  return `removed ${sessions} in ${count(batches)} batch${batches === 1 ? "" : "es"}, ${seconds.toFixed(1)} s`;
}
