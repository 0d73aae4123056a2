/** When a record ends: from its expiry on it is absent, to every method. */

import type { Store } from "../../core/contracts/store.ts";
import { check, collect, gone, live, refused, same, samePayload, sameStrings, won } from "./check.ts";
import { stillGone } from "./gone.ts";
import { type StoreCase, skipUnless, skipUnlessAll, type Trial, wait } from "./trial.ts";

/** Leaves a record at "k" that ends, and its version. */
async function briefly(trial: Trial): Promise<void> {
  trial.version = won(await trial.store.create("k", trial.brief("short-lived", "ada")), "create");
}

export const expiryCases: readonly StoreCase[] = [
  {
    group: "expiry",
    name: "an expired record is not read",
    before: briefly,
    run: ({ store }) => gone(store, "k", "an ended record"),
  },
  {
    group: "expiry",
    name: "an expired record cannot be updated",
    before: briefly,
    async run(trial) {
      refused(await trial.store.update("k", trial.record("ghost", "ada"), trial.version), "update of an ended record");
      await stillGone(trial);
    },
  },
  {
    group: "expiry",
    name: "an expired record cannot be touched back to life",
    before: briefly,
    async run(trial) {
      same(await trial.store.touch("k", trial.now() + 600_000, "ada"), false, "touch of an ended record");
      await stillGone(trial);
    },
  },
  {
    group: "expiry",
    name: "an expired record cannot be renamed",
    before: briefly,
    async run(trial) {
      const { store, version } = trial;
      refused(await store.rename("k", "to", trial.record("ghost", "ada"), version), "rename of an ended record");
      await gone(store, "to", "the new key");
      await stillGone(trial);
    },
  },
  {
    group: "expiry",
    name: "deleting an expired record succeeds",
    before: briefly,
    async run(trial) {
      await trial.store.delete("k", "ada");
      await stillGone(trial);
    },
  },
  {
    group: "expiry",
    name: "the key of an expired record is free: create works and nothing of the old record is left",
    before: briefly,
    async run(trial) {
      const { store, version } = trial;
      won(await store.create("k", trial.record("new")), "create on the key of an ended record");
      const found = await live(store, "k", "the new record");
      samePayload(found.payload, "new", "payload");
      same(found.subject, undefined, "subject");
      refused(await store.update("k", trial.record("ghost"), version), "update with a version of the ended record");
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 0, "rows of the old subject");
    },
  },
  {
    group: "expiry",
    name: "the key of an expired record is free: another record can be renamed to it",
    before: briefly,
    async run(trial) {
      const version = won(await trial.store.create("from", trial.record("one")), "create");
      won(await trial.store.rename("from", "k", trial.record("two"), version), "rename to the key of an ended record");
      samePayload((await live(trial.store, "k", "the renamed record")).payload, "two", "payload");
      await gone(trial.store, "from", "the old key");
    },
  },
  {
    group: "expiry",
    name: "of many parallel creates on the key of an expired record, one wins and stays, while others read or prune",
    skip: skipUnless.compareAndSwap,
    before: briefly,
    async run(trial) {
      const { store } = trial;
      const creates = Array.from({ length: trial.parallel }, async (_, index) => {
        if (index % 10 === 0) await Promise.all([store.read("k"), store.prune?.(), store.touch("k", trial.now() + 1)]);
        return (await store.create("k", trial.record(`${index}`))) === null ? [] : [`${index}`];
      });
      const winners = (await Promise.all(creates)).flat();
      same(winners.length, 1, "winners");
      samePayload((await live(store, "k", "the winner's record")).payload, winners[0] ?? "", "payload");
    },
  },
  {
    group: "expiry",
    name: "a touch in time keeps the record past its first expiry, in the index too",
    async before(trial) {
      await briefly(trial);
      same(await trial.store.touch("k", trial.now() + 3_600_000, "ada"), true, "touch");
    },
    async run(trial) {
      samePayload((await live(trial.store, "k", "the touched record")).payload, "short-lived", "payload");
      if (trial.store.listBySubject) same((await collect(trial.store.listBySubject("ada"))).length, 1, "rows of ada");
      won(await trial.store.update("k", trial.record("next", "ada"), trial.version), "update with the first version");
    },
  },
  {
    group: "expiry",
    name: "a touch with an earlier instant shortens nothing",
    async before(trial) {
      await trial.store.create("k", trial.record("long-lived", "ada"));
      same(await trial.store.touch("k", trial.brief("").expiresAt, "ada"), true, "touch with an earlier instant");
      same(await trial.store.touch("k", trial.now() - 1000, "ada"), true, "touch with an instant in the past");
    },
    async run(trial) {
      samePayload((await live(trial.store, "k", "the touched record")).payload, "long-lived", "payload");
      if (trial.store.listBySubject) same((await collect(trial.store.listBySubject("ada"))).length, 1, "rows of ada");
    },
  },
  {
    group: "expiry",
    name: "an update in time sets a new expiry, later or earlier",
    async before(trial) {
      const { store } = trial;
      await briefly(trial);
      won(await store.update("k", trial.record("kept", "ada"), trial.version), "update to a later expiry");
      const version = won(await store.create("shortened", trial.record("long-lived", "bob")), "create");
      won(await store.update("shortened", trial.brief("cut", "bob"), version), "update to an earlier expiry");
    },
    async run({ store }) {
      samePayload((await live(store, "k", "the prolonged record")).payload, "kept", "payload");
      await gone(store, "shortened", "the shortened record");
      if (!store.listBySubject) return;
      same((await collect(store.listBySubject("ada"))).length, 1, "rows of the prolonged record's subject");
      same((await collect(store.listBySubject("bob"))).length, 0, "rows of the shortened record's subject");
    },
  },
  {
    group: "expiry",
    name: "a rename in time sets a new expiry, later or earlier",
    async before(trial) {
      const { store } = trial;
      await briefly(trial);
      won(await store.rename("k", "kept", trial.record("kept", "ada"), trial.version), "rename to a later expiry");
      const version = won(await store.create("long", trial.record("long-lived")), "create");
      won(await store.rename("long", "shortened", trial.brief("cut"), version), "rename to an earlier expiry");
    },
    async run({ store }) {
      samePayload((await live(store, "kept", "the prolonged record")).payload, "kept", "payload");
      await gone(store, "shortened", "the shortened record");
      for (const key of ["k", "long"]) await gone(store, key, "an old key");
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 1, "rows of ada");
    },
  },
  {
    group: "expiry",
    name: "a record already expired when it is written is accepted and not found",
    async before(trial) {
      await trial.store.create("k", { payload: "late", expiresAt: trial.now() - 5000, subject: "ada" });
      await trial.store.create("old", { payload: "from 1970", expiresAt: 1 });
      trial.brief("");
    },
    async run(trial) {
      await gone(trial.store, "k", "a record created after its end");
      await gone(trial.store, "old", "a record created long after its end");
      if (trial.store.listBySubject) same((await collect(trial.store.listBySubject("ada"))).length, 0, "rows of ada");
      won(await trial.store.create("k", trial.record("new")), "create on that key");
    },
  },
  {
    group: "expiry",
    name: "an update or rename with an instant in the past expires the record",
    async before(trial) {
      const { store } = trial;
      const past = { payload: "late", expiresAt: trial.now() - 5000 };
      await store.update("k", past, won(await store.create("k", trial.record("one")), "create"));
      await store.rename("from", "to", past, won(await store.create("from", trial.record("two")), "create"));
      trial.brief("");
    },
    async run({ store }) {
      await gone(store, "k", "a record updated to have ended");
      await gone(store, "from", "the old key of a record renamed to have ended");
      await gone(store, "to", "the new key of a record renamed to have ended");
    },
  },
  {
    group: "expiry",
    name: "expired records are in no listing, and live ones of the same subject stay in it",
    skip: (sample: Store) => skipUnless.list(sample) && skipUnless.bySubject(sample),
    async before(trial) {
      await trial.store.create("long", trial.record("long-lived", "ada"));
      await briefly(trial);
      await trial.store.create("longer", trial.record("long-lived", "ada", 7_200_000));
    },
    async run({ store }) {
      for (const rows of [store.list?.(), store.listBySubject?.("ada")]) {
        if (rows)
          sameStrings(
            (await collect(rows)).map((row) => row.key),
            ["long", "longer"],
            "listed keys",
          );
      }
    },
  },
  {
    group: "expiry",
    name: "an instant 400 days ahead is kept",
    async run(trial) {
      const record = trial.record("long-lived", undefined, 400 * 86_400_000);
      won(await trial.store.create("k", record), "create");
      trial.sameInstant((await live(trial.store, "k", "k")).expiresAt, record.expiresAt, "after create");
      const later = record.expiresAt + 86_400_000;
      same(await trial.store.touch("k", later), true, "touch");
      trial.sameInstant((await live(trial.store, "k", "k")).expiresAt, later, "after touch");
    },
  },
  {
    group: "expiry",
    name: "a record is live until just before its expiry and expired at it, to the millisecond or the whole step",
    skip: skipUnless.ownClock,
    async run(trial) {
      const { store } = trial;
      const step = store.capabilities.expiryGranularity;
      const version = won(await store.create("k", trial.record("one", "ada", 10 * step)), "create");
      trial.pass(10 * step - 1);
      await live(store, "k", "one millisecond before the end");
      same(await store.touch("k", trial.now()), true, "touch before the end");
      if (store.listBySubject) same((await collect(store.listBySubject("ada"))).length, 1, "rows before the end");
      trial.pass(1);
      await gone(store, "k", "at the very end");
      refused(await store.update("k", trial.record("ghost"), version), "update at the very end");
      same(await store.touch("k", trial.now() + 1000), false, "touch at the very end");
      refused(await store.rename("k", "to", trial.record("ghost"), version), "rename at the very end");
      if (store.list) same((await collect(store.list())).length, 0, "rows at the very end");
      won(await store.create("k", trial.record("new")), "create at the very end");
    },
  },
  {
    group: "expiry",
    name: "an expiry between two steps is rounded up, never down",
    skip: skipUnlessAll(skipUnless.ownClock, (sample) =>
      sample.capabilities.expiryGranularity > 1 ? undefined : "every millisecond is a step",
    ),
    async run(trial) {
      const { store } = trial;
      const step = store.capabilities.expiryGranularity;
      await store.create("k", trial.record("one", undefined, 10 * step + 1));
      trial.pass(10 * step);
      await live(store, "k", "one millisecond before the end");
      trial.pass(step);
      await gone(store, "k", "one step later");
    },
  },
  {
    group: "expiry",
    name: "a record touched repeatedly stays live; left alone, it expires",
    skip: skipUnless.ownClock,
    async run(trial) {
      await trial.store.create("k", trial.record("one", "ada", 60_000));
      for (let minute = 0; minute < 20; minute++) {
        trial.pass(50_000);
        same(await trial.store.touch("k", trial.now() + 60_000, "ada"), true, `touch ${minute}`);
      }
      await live(trial.store, "k", "after twenty touches");
      trial.pass(60_000);
      await gone(trial.store, "k", "a minute after the last touch");
    },
  },
  {
    group: "expiry",
    name: "the server removes a record at its expiry: not before, and soon after",
    skip: (sample: Store) => (sample.capabilities.clock === "server" ? undefined : "the clock is ours, and was moved"),
    before: async () => {}, // Lets it start together with the others that wait.
    async run(trial) {
      const { expiryGranularity: step } = trial.store.capabilities;
      const record = trial.brief("short-lived");
      const lasts = record.expiresAt - Date.now();
      won(await trial.store.create("k", record), "create");
      const latest = Date.now() + lasts + 2 * step + 500;
      for (;;) {
        const asked = Date.now();
        const found = await trial.store.read("k");
        const early = record.expiresAt - Date.now();
        if (found === null) {
          check(early < 20, `the record ended ${early} ms early`);
          return;
        }
        check(asked < latest, `the record is still there ${asked - record.expiresAt} ms after its expiry`);
        await wait(25);
      }
    },
  },
];
