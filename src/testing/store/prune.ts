/** Prune: removes what has ended, a bounded batch per call, and nothing else. */

import type { PruneOptions, Store } from "../../core/contracts/store.ts";
import { check, live, same, samePayload, won } from "./check.ts";
import { type StoreCase, skipUnless, type Trial } from "./trial.ts";

const ended = 25;
const lasting = 10;

/** Ended and lasting records, mixed. */
async function mixed(trial: Trial): Promise<void> {
  for (let index = 0; index < ended; index++) {
    await trial.store.create(`ended${index}`, trial.brief("ended", "ada"));
    if (index < lasting) await trial.store.create(`k${index}`, trial.record(`lasting ${index}`, "ada"));
  }
}

async function lastingAreThere({ store }: Trial): Promise<void> {
  for (let index = 0; index < lasting; index++) {
    samePayload((await live(store, `k${index}`, "a live record after prune")).payload, `lasting ${index}`, "payload");
  }
}

/** Prunes to the end and gives how many were removed. */
async function pruneAll(store: Store, limit?: number): Promise<number> {
  let total = 0;
  let cursor: string | undefined;
  for (let calls = 0; calls < 1000; calls++) {
    const options: PruneOptions = { ...(limit !== undefined && { limit }), ...(cursor !== undefined && { cursor }) };
    const result = await store.prune!(options);
    check(result.removed <= (limit ?? 1000), `one call removed ${result.removed}, over its limit`);
    total += result.removed;
    if (result.cursor === undefined) return total;
    cursor = result.cursor;
  }
  throw new Error("prune has not come to an end in 1000 calls");
}

/** Fails unless all that ended were removed; a backend that removes by itself may have been faster. */
function sameRemoved(store: Store, removed: number, expected: number): void {
  if (store.capabilities.nativeExpiry) check(removed <= expected, `removed ${removed} of ${expected} ended records`);
  else same(removed, expected, "removed");
}

export const pruneCases: readonly StoreCase[] = [
  {
    group: "prune",
    name: "of an empty store removes nothing and is done",
    skip: skipUnless.prune,
    run: async ({ store }) => same(await pruneAll(store), 0, "removed"),
  },
  {
    group: "prune",
    name: "removes all expired records and no live one",
    skip: skipUnless.prune,
    before: mixed,
    async run(trial) {
      sameRemoved(trial.store, await pruneAll(trial.store), ended);
      await lastingAreThere(trial);
      same(await pruneAll(trial.store), 0, "removed the second time");
    },
  },
  {
    group: "prune",
    name: "removes no more than its limit per call and finishes with its cursor",
    skip: skipUnless.prune,
    before: mixed,
    async run(trial) {
      sameRemoved(trial.store, await pruneAll(trial.store, 4), ended);
      await lastingAreThere(trial);
      same(await pruneAll(trial.store), 0, "removed the second time");
    },
  },
  {
    group: "prune",
    name: "finishes with a limit of 1, even if nothing has expired",
    skip: skipUnless.prune,
    async run(trial) {
      for (let index = 0; index < lasting; index++) {
        await trial.store.create(`k${index}`, trial.record(`lasting ${index}`));
      }
      same(await pruneAll(trial.store, 1), 0, "removed");
      await lastingAreThere(trial);
    },
  },
  {
    group: "prune",
    name: "can be resumed with a cursor although records were created, renamed and deleted since",
    skip: skipUnless.prune,
    before: mixed,
    async run(trial) {
      const { store } = trial;
      const first = await store.prune!({ limit: 3 });
      await store.create("later", trial.record("later"));
      const { version } = await live(store, "k9", "k9");
      won(await store.rename("k9", "a9", trial.record("renamed"), version), "rename");
      await store.delete("k8", "ada");
      let { removed, cursor } = first;
      for (let calls = 0; cursor !== undefined && calls < 1000; calls++) {
        const next = await store.prune!({ limit: 3, cursor });
        removed += next.removed;
        cursor = next.cursor;
      }
      same(cursor, undefined, "cursor at the end");
      sameRemoved(store, removed, ended);
      for (const key of ["k0", "later", "a9"]) await live(store, key, key);
    },
  },
  {
    group: "prune",
    name: "two in parallel both finish",
    skip: skipUnless.prune,
    before: mixed,
    async run(trial) {
      const { shared, compareAndSwap } = trial.store.capabilities;
      const second = shared && compareAndSwap === "atomic" ? await trial.other() : trial.store;
      const [one, two] = await Promise.all([pruneAll(trial.store, 3), pruneAll(second, 3)]);
      check(one + two >= (trial.store.capabilities.nativeExpiry ? 0 : ended), `removed ${one} and ${two} of ${ended}`);
      same(await pruneAll(trial.store), 0, "removed afterwards");
      await lastingAreThere(trial);
    },
  },
  {
    group: "prune",
    name: "keeps records touched, updated or created again in time",
    skip: skipUnless.prune,
    async before(trial) {
      const { store } = trial;
      await store.create("touched", trial.brief("touched"));
      await store.touch("touched", trial.now() + 3_600_000);
      const version = won(await store.create("updated", trial.brief("one")), "create");
      won(await store.update("updated", trial.record("updated"), version), "update");
      await store.create("anew", trial.brief("one"));
      await store.delete("anew");
      await store.create("anew", trial.record("anew"));
    },
    async run({ store }) {
      same(await pruneAll(store), 0, "removed");
      for (const key of ["touched", "updated", "anew"]) samePayload((await live(store, key, key)).payload, key, key);
    },
  },
  {
    group: "prune",
    name: "never removes a record created on an expired one's key at the same moment",
    skip: skipUnless.prune,
    before: mixed,
    async run(trial) {
      const { store } = trial;
      const { shared, compareAndSwap } = store.capabilities;
      const second = shared && compareAndSwap === "atomic" ? await trial.other() : store;
      const creates = Array.from({ length: ended }, async (_, index) => {
        const version = won(await second.create(`ended${index}`, trial.record("anew")), "create on an ended key");
        await live(second, `ended${index}`, "right after its create");
        won(await second.update(`ended${index}`, trial.record("anew, updated"), version), "update");
      });
      await Promise.all([pruneAll(store, 5), ...creates, pruneAll(store, 1)]);
      for (let index = 0; index < ended; index++) {
        samePayload((await live(store, `ended${index}`, "a new record")).payload, "anew, updated", "payload");
      }
    },
  },
];
