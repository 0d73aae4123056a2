/** Rename: a record moves to a new key, or nothing happens. */

import { collect, gone, live, refused, same, samePayload, sameStrings, won } from "./check.ts";
import { type StoreCase, skipUnless } from "./trial.ts";

export const renameCases: readonly StoreCase[] = [
  {
    group: "rename",
    name: "moves the record to the new key with its new contents",
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("one", "ada")), "create");
      const next = trial.record("two", "bob", 7_200_000);
      won(await trial.store.rename("from", "to", next, version), "rename");
      const found = await live(trial.store, "to", "the new key");
      samePayload(found.payload, "two", "payload");
      same(found.subject, "bob", "subject");
      trial.sameInstant(found.expiresAt, next.expiresAt, "expiry");
    },
  },
  {
    group: "rename",
    name: "frees the old key: no read, update or touch finds it, and it can be created again",
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("one")), "create");
      won(await trial.store.rename("from", "to", trial.record("two"), version), "rename");
      await gone(trial.store, "from", "the old key");
      refused(await trial.store.update("from", trial.record("three"), version), "update of the old key");
      same(await trial.store.touch("from", trial.now() + 7_200_000), false, "touch of the old key");
      won(await trial.store.create("from", trial.record("anew")), "create of the old key");
      samePayload((await live(trial.store, "to", "the new key")).payload, "two", "payload under the new key");
    },
  },
  {
    group: "rename",
    name: "to a taken key returns null and changes neither record",
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("mine", "ada")), "create");
      const theirs = won(await trial.store.create("to", trial.record("theirs", "bob")), "create");
      refused(await trial.store.rename("from", "to", trial.record("moved", "ada"), version), "rename to a taken key");
      samePayload((await live(trial.store, "from", "from")).payload, "mine", "payload of from");
      const taken = await live(trial.store, "to", "to");
      samePayload(taken.payload, "theirs", "payload of to");
      same(taken.subject, "bob", "subject of to");
      won(await trial.store.update("from", trial.record("mine still"), version), "update of from afterwards");
      won(await trial.store.update("to", trial.record("theirs still"), theirs), "update of to afterwards");
    },
  },
  {
    group: "rename",
    name: "with a stale version returns null, keeps the record, leaves nothing under the new key",
    async run(trial) {
      const stale = won(await trial.store.create("from", trial.record("one")), "create");
      won(await trial.store.update("from", trial.record("two"), stale), "update");
      refused(await trial.store.rename("from", "to", trial.record("three"), stale), "rename with a stale version");
      samePayload((await live(trial.store, "from", "from")).payload, "two", "payload");
      await gone(trial.store, "to", "the new key");
    },
  },
  {
    group: "rename",
    name: "of a key without a record returns null and leaves nothing under the new key",
    async run(trial) {
      const version = won(await trial.store.create("other", trial.record("one")), "create");
      refused(await trial.store.rename("from", "to", trial.record("two"), version), "rename of a missing key");
      await gone(trial.store, "from", "the old key");
      await gone(trial.store, "to", "the new key");
    },
  },
  {
    group: "rename",
    name: "after a delete returns null and does not bring the record back",
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("one", "ada")), "create");
      await trial.store.delete("from", "ada");
      refused(await trial.store.rename("from", "to", trial.record("two", "ada"), version), "rename of a deleted key");
      await gone(trial.store, "to", "the new key");
    },
  },
  {
    group: "rename",
    name: "onto itself returns null, since the key is taken, and changes nothing",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one")), "create");
      refused(await trial.store.rename("k", "k", trial.record("two"), version), "rename onto itself");
      samePayload((await live(trial.store, "k", "k")).payload, "one", "payload");
      won(await trial.store.update("k", trial.record("three"), version), "update afterwards");
    },
  },
  {
    group: "rename",
    name: "works repeatedly, and back to a key used before",
    async run(trial) {
      let version = won(await trial.store.create("a", trial.record("0")), "create");
      const path = ["a", "b", "c", "a", "b"];
      for (let step = 1; step < path.length; step++) {
        const [from, to] = [path[step - 1]!, path[step]!];
        version = won(await trial.store.rename(from, to, trial.record(`${step}`), version), `rename ${from} to ${to}`);
      }
      samePayload((await live(trial.store, "b", "b")).payload, "4", "payload");
      for (const key of ["a", "c"]) await gone(trial.store, key, key);
    },
  },
  {
    group: "rename",
    name: "moves the record in the index: from one subject to another, from none to one",
    skip: skipUnless.bySubject,
    async run(trial) {
      const list = trial.store.listBySubject!.bind(trial.store);
      const keys = async (subject: string) => (await collect(list(subject))).map((row) => row.key);
      let version = won(await trial.store.create("a", trial.record("0")), "create");
      version = won(
        await trial.store.rename("a", "b", trial.record("1", "ada"), version),
        "rename that adds a subject",
      );
      sameStrings(await keys("ada"), ["b"], "keys of ada after the first rename");
      version = won(await trial.store.rename("b", "c", trial.record("2", "ada"), version), "rename, same subject");
      sameStrings(await keys("ada"), ["c"], "keys of ada after the second rename");
      version = won(await trial.store.rename("c", "d", trial.record("3", "bob"), version), "rename, other subject");
      sameStrings(await keys("ada"), [], "keys of ada after the third rename");
      sameStrings(await keys("bob"), ["d"], "keys of bob after the third rename");
      won(await trial.store.rename("d", "e", trial.record("4"), version), "rename that removes the subject");
      sameStrings(await keys("bob"), [], "keys of bob after the last rename");
    },
  },
];
