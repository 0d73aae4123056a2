/** The store contract, method by method, without time and without races. */

import { check, gone, live, refused, same, samePayload, won } from "./check.ts";
import type { StoreCase } from "./trial.ts";

export const contractCases: readonly StoreCase[] = [
  {
    group: "read",
    name: "returns null for a key that was never written",
    async run({ store }) {
      await gone(store, "nobody", "an unknown key");
    },
  },
  {
    group: "read",
    name: "returns payload, expiry, subject and a version",
    async run(trial) {
      const record = trial.record("hello", "ada");
      await trial.store.create("k", record);
      const found = await live(trial.store, "k", "after create");
      samePayload(found.payload, "hello", "payload");
      same(found.subject, "ada", "subject");
      check(found.version !== null && found.version !== undefined, `version is ${found.version}`);
      trial.sameInstant(found.expiresAt, record.expiresAt, "expiry");
    },
  },
  {
    group: "read",
    name: "returns no subject where none was stored",
    async run(trial) {
      await trial.store.create("k", trial.record("hello"));
      same((await live(trial.store, "k", "after create")).subject, undefined, "subject");
    },
  },
  {
    group: "read",
    name: "changes nothing: however often, it returns the same record and a version that updates",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one")), "create");
      for (let round = 0; round < 3; round++)
        samePayload((await live(trial.store, "k", "read")).payload, "one", "read");
      won(await trial.store.update("k", trial.record("two"), version), "update after three reads");
    },
  },
  {
    group: "create",
    name: "returns a version and stores the record",
    async run(trial) {
      won(await trial.store.create("k", trial.record("hello")), "create");
      samePayload((await live(trial.store, "k", "after create")).payload, "hello", "payload");
    },
  },
  {
    group: "create",
    name: "returns null for a taken key and leaves its record unchanged",
    async run(trial) {
      const first = trial.record("first", "ada");
      const version = won(await trial.store.create("k", first), "the first create");
      refused(await trial.store.create("k", trial.record("second", "bob", 7_200_000)), "create on a taken key");
      const found = await live(trial.store, "k", "after the refused create");
      samePayload(found.payload, "first", "payload");
      same(found.subject, "ada", "subject");
      trial.sameInstant(found.expiresAt, first.expiresAt, "expiry");
      won(await trial.store.update("k", trial.record("third"), version), "update with the first version");
    },
  },
  {
    group: "create",
    name: "works again after a delete",
    async run(trial) {
      await trial.store.create("k", trial.record("first", "ada"));
      await trial.store.delete("k", "ada");
      won(await trial.store.create("k", trial.record("second")), "create after delete");
      const found = await live(trial.store, "k", "after the second create");
      samePayload(found.payload, "second", "payload");
      same(found.subject, undefined, "subject of the deleted record");
    },
  },
  {
    group: "update",
    name: "replaces payload, expiry and subject when the version is current",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one", "ada")), "create");
      const next = trial.record("two", "bob", 7_200_000);
      won(await trial.store.update("k", next, version), "update");
      const found = await live(trial.store, "k", "after update");
      samePayload(found.payload, "two", "payload");
      same(found.subject, "bob", "subject");
      trial.sameInstant(found.expiresAt, next.expiresAt, "expiry");
    },
  },
  {
    group: "update",
    name: "can shorten the expiry",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one", "ada", 7_200_000)), "create");
      const next = trial.record("two", "ada", 600_000);
      won(await trial.store.update("k", next, version), "update");
      const found = await live(trial.store, "k", "after update");
      trial.sameInstant(found.expiresAt, next.expiresAt, "expiry");
    },
  },
  {
    group: "update",
    name: "can remove the subject, and add one",
    async run(trial) {
      let version = won(await trial.store.create("k", trial.record("one", "ada")), "create");
      version = won(await trial.store.update("k", trial.record("two"), version), "update that removes the subject");
      same((await live(trial.store, "k", "after the first update")).subject, undefined, "removed subject");
      won(await trial.store.update("k", trial.record("three", "bob"), version), "update that adds a subject");
      same((await live(trial.store, "k", "after the second update")).subject, "bob", "added subject");
    },
  },
  {
    group: "update",
    name: "returns null for a key without a record, and creates none",
    async run(trial) {
      const version = won(await trial.store.create("other", trial.record("one")), "create");
      refused(await trial.store.update("k", trial.record("two"), version), "update of a missing key");
      await gone(trial.store, "k", "after the refused update");
    },
  },
  {
    group: "update",
    name: "returns null after a delete, and does not bring the record back",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one")), "create");
      await trial.store.delete("k");
      refused(await trial.store.update("k", trial.record("two"), version), "update of a deleted key");
      await gone(trial.store, "k", "after the refused update");
    },
  },
  {
    group: "touch",
    name: "moves the expiry of a live record to a later instant and returns true",
    async run(trial) {
      const { expiresAt } = trial.record("", undefined, 7_200_000);
      await trial.store.create("k", trial.record("one", "ada"));
      same(await trial.store.touch("k", expiresAt, "ada"), true, "touch");
      const found = await live(trial.store, "k", "after touch");
      trial.sameInstant(found.expiresAt, expiresAt, "expiry");
    },
  },
  {
    group: "touch",
    name: "keeps payload and subject, whether or not the subject is passed",
    async run(trial) {
      await trial.store.create("k", trial.record("one", "ada"));
      await trial.store.touch("k", trial.now() + 7_200_000);
      await trial.store.touch("k", trial.now() + 7_300_000, "ada");
      const found = await live(trial.store, "k", "after touch");
      samePayload(found.payload, "one", "payload");
      same(found.subject, "ada", "subject");
    },
  },
  {
    group: "touch",
    name: "never shortens: an earlier instant returns true and changes nothing",
    async run(trial) {
      const record = trial.record("one", "ada", 7_200_000);
      await trial.store.create("k", record);
      same(await trial.store.touch("k", trial.now() + 600_000, "ada"), true, "touch with an earlier instant");
      same(await trial.store.touch("k", trial.now() - 600_000, "ada"), true, "touch with an instant in the past");
      const found = await live(trial.store, "k", "after touch");
      trial.sameInstant(found.expiresAt, record.expiresAt, "expiry");
    },
  },
  {
    group: "touch",
    name: "returns false for a key without a record, and creates none",
    async run(trial) {
      same(await trial.store.touch("k", trial.now() + 600_000), false, "touch of a missing key");
      await gone(trial.store, "k", "after the touch");
      await trial.store.create("k", trial.record("one", "ada"));
      await trial.store.delete("k", "ada");
      same(await trial.store.touch("k", trial.now() + 600_000, "ada"), false, "touch of a deleted key");
      await gone(trial.store, "k", "after the touch of a deleted key");
    },
  },
  {
    group: "delete",
    name: "removes the record, whatever its version",
    async run(trial) {
      const version = won(await trial.store.create("k", trial.record("one")), "create");
      await trial.store.update("k", trial.record("two"), version);
      await trial.store.delete("k");
      await gone(trial.store, "k", "after delete");
    },
  },
  {
    group: "delete",
    name: "works with the right subject, without one, and with a wrong one",
    async run(trial) {
      for (const [key, subject] of [
        ["a", "ada"],
        ["b", undefined],
        ["c", "bob"],
      ] as const) {
        await trial.store.create(key, trial.record("one", "ada"));
        await trial.store.delete(key, subject);
        await gone(trial.store, key, `after delete with subject ${subject}`);
      }
    },
  },
  {
    group: "delete",
    name: "of a missing record succeeds, twice",
    async run({ store }) {
      same(await store.delete("k"), undefined, "delete");
      same(await store.delete("k", "ada"), undefined, "delete again");
    },
  },
  {
    group: "delete",
    name: "keeps other records",
    async run(trial) {
      for (const key of ["k", "k1", "k2"]) await trial.store.create(key, trial.record(key, "ada"));
      await trial.store.delete("k", "ada");
      for (const key of ["k1", "k2"]) samePayload((await live(trial.store, key, key)).payload, key, key);
    },
  },
];
