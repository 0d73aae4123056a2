/** Versions: which state of a record a write may replace. */

import { check, gone, live, refused, same, samePayload, won } from "./check.ts";
import type { StoreCase } from "./trial.ts";

export const versionCases: readonly StoreCase[] = [
  {
    group: "version",
    name: "from create, from update and from read is the same state to update",
    async run(trial) {
      const created = won(await trial.store.create("k", trial.record("one")), "create");
      const updated = won(await trial.store.update("k", trial.record("two"), created), "update with create's version");
      won(await trial.store.update("k", trial.record("three"), updated), "update with update's version");
      const { version } = await live(trial.store, "k", "after two updates");
      won(await trial.store.update("k", trial.record("four"), version), "update with read's version");
    },
  },
  {
    group: "version",
    name: "from before an update is refused, and the newer record stays",
    async run(trial) {
      const stale = won(await trial.store.create("k", trial.record("one")), "create");
      await trial.store.update("k", trial.record("two", "ada"), stale);
      refused(await trial.store.update("k", trial.record("three", "bob"), stale), "update with a stale version");
      const found = await live(trial.store, "k", "after the refused update");
      samePayload(found.payload, "two", "payload");
      same(found.subject, "ada", "subject");
    },
  },
  {
    group: "version",
    name: "of another record is refused",
    async run(trial) {
      await trial.store.create("a", trial.record("this one"));
      const theirs = won(await trial.store.create("b", trial.record("another")), "create");
      await trial.store.update("a", trial.record("this one, changed"), (await live(trial.store, "a", "a")).version);
      refused(
        await trial.store.update("a", trial.record("wrong"), theirs),
        "update with the version of another record",
      );
      samePayload((await live(trial.store, "a", "a")).payload, "this one, changed", "payload");
    },
  },
  {
    group: "version",
    name: "survives a touch: a version read before it still updates",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one", "ada")), "create");
      same(await trial.store.touch("k", trial.now() + 7_200_000, "ada"), true, "touch");
      won(await trial.store.update("k", trial.record("two", "ada"), version), "update with the version from before");
      samePayload((await live(trial.store, "k", "after update")).payload, "two", "payload");
    },
  },
  {
    group: "version",
    name: "of a record that was deleted and created again is refused",
    async run(trial) {
      const stale = won(await trial.store.create("k", trial.record("first life")), "create");
      await trial.store.delete("k");
      await trial.store.create("k", trial.record("second life"));
      refused(await trial.store.update("k", trial.record("ghost"), stale), "update with a version of the first life");
      refused(await trial.store.rename("k", "to", trial.record("ghost"), stale), "rename with it");
      samePayload((await live(trial.store, "k", "k")).payload, "second life", "payload");
      await gone(trial.store, "to", "the target of the refused rename");
    },
  },
  {
    group: "version",
    name: "from before a rename is refused under the new key and the old",
    async run(trial) {
      const stale = won(await trial.store.create("from", trial.record("one")), "create");
      won(await trial.store.rename("from", "to", trial.record("two"), stale), "rename");
      refused(await trial.store.update("from", trial.record("ghost"), stale), "update of the old key");
      refused(await trial.store.update("to", trial.record("ghost"), stale), "update of the new key");
      samePayload((await live(trial.store, "to", "to")).payload, "two", "payload");
      await gone(trial.store, "from", "the old key");
    },
  },
  {
    group: "version",
    name: "from rename updates the record under its new key",
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("one")), "create");
      const renamed = won(await trial.store.rename("from", "to", trial.record("two"), version), "rename");
      won(await trial.store.update("to", trial.record("three"), renamed), "update with rename's version");
      samePayload((await live(trial.store, "to", "to")).payload, "three", "payload");
    },
  },
  {
    group: "version",
    name: "differs after every update of a long chain",
    async run(trial) {
      const seen = [won(await trial.store.create("k", trial.record("0")), "create")];
      for (let step = 1; step <= 10; step++) {
        seen.push(won(await trial.store.update("k", trial.record(`${step}`), seen[step - 1]!), `update ${step}`));
      }
      const newest = seen.pop();
      for (const stale of seen) refused(await trial.store.update("k", trial.record("ghost"), stale), "a stale update");
      check(newest !== undefined, "no newest version");
      won(await trial.store.update("k", trial.record("last"), newest), "update with the newest version");
    },
  },
];
