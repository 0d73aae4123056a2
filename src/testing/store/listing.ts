/** Listing: every live record, of the whole store and of one subject. */

import type { ListedRecord, Store } from "../../core/contracts/store.ts";
import { check, collect, live, same, samePayload, sameStrings, won } from "./check.ts";
import { type StoreCase, skipUnless, type Trial } from "./trial.ts";

/** `list` and `listBySubject` of stores that have them: the cases are skipped for others. */
const list = (store: Store): AsyncIterable<ListedRecord> => store.list!();
const listOf = (store: Store, subject: string): AsyncIterable<ListedRecord> => store.listBySubject!(subject);

async function keys(rows: AsyncIterable<ListedRecord>): Promise<string[]> {
  return (await collect(rows)).map((row) => row.key);
}

/** Fails unless each row says what `read` says, down to a version that updates. */
async function sameAsRead(trial: Trial, rows: readonly ListedRecord[]): Promise<void> {
  for (const row of rows) {
    const found = await live(trial.store, row.key, "a listed key");
    samePayload(row.payload, found.payload, "listed payload");
    same(row.subject, found.subject, "listed subject");
    trial.sameInstant(row.expiresAt, found.expiresAt, "listed expiry");
    won(await trial.store.update(row.key, trial.record("next"), row.version), "update with the listed version");
  }
}

/** Creates records in parallel, a bounded number at a time. */
export async function createMany(trial: Trial, all: readonly string[], subject?: string): Promise<void> {
  for (let at = 0; at < all.length; at += trial.parallel) {
    const some = all.slice(at, at + trial.parallel);
    await Promise.all(some.map((key) => trial.store.create(key, trial.record(key, subject))));
  }
}

const many: readonly string[] = Array.from({ length: 250 }, (_, index) => `k${index}`);

const subjects: readonly string[] = [
  ...["ada", "Ada", "ad", "ada2", "0", "a:b", "a/b", "../a", "a%2Fb", "a*b", "a_b", "a?b", "ada@example.com"],
  ...["auth0|5f7c8ec7c33c6c004bbafe82", "quote ' and \" and `", "Ada Lovelace", "a{b}", "__proto__", "constructor"],
  ...["line\nend", "nul\u0000nul", "Ådä 漢字 🍪", "e\u0301", "\u00e9", "漢".repeat(300)],
  ...["x".repeat(300), `${"x".repeat(299)}y`],
];

export const listingCases: readonly StoreCase[] = [
  {
    group: "list",
    name: "finds nothing in an empty store",
    skip: skipUnless.list,
    run: async ({ store }) => sameStrings(await keys(list(store)), [], "listed keys"),
  },
  {
    group: "list",
    name: "finds every live record once, with and without subject, and none that was deleted or renamed away",
    skip: skipUnless.list,
    async run(trial) {
      const { store } = trial;
      for (const key of ["a", "b", "c"]) await store.create(key, trial.record(key));
      await store.create("d", trial.record("d", "ada"));
      await store.delete("b");
      won(await store.rename("c", "e", trial.record("e"), (await live(store, "c", "c")).version), "rename");
      sameStrings(await keys(list(store)), ["a", "d", "e"], "listed keys");
    },
  },
  {
    group: "list",
    name: "gives each record as read gives it, with a version that updates it",
    skip: skipUnless.list,
    async run(trial) {
      await trial.store.create("text", trial.record("text", "ada", 7_200_000));
      await trial.store.create("bytes", trial.record(Uint8Array.of(0, 1, 255)));
      const rows = await collect(list(trial.store));
      same(rows.length, 2, "rows");
      await sameAsRead(trial, rows);
    },
  },
  {
    group: "list",
    name: "finds all of 250",
    skip: skipUnless.list,
    async run(trial) {
      await createMany(trial, many);
      sameStrings(await keys(list(trial.store)), many, "listed keys");
    },
  },
  {
    group: "list",
    name: "can be left early, run inside another, and be used to delete what it finds",
    skip: skipUnless.list,
    async run(trial) {
      const { store } = trial;
      const all = ["a", "b", "c", "d"];
      await createMany(trial, all);
      for await (const _ of list(store)) break;
      const outer: string[] = [];
      for await (const row of list(store)) {
        outer.push(row.key);
        sameStrings(await keys(list(store)), all, "keys listed inside");
      }
      sameStrings(outer, all, "keys listed outside");
      for await (const row of list(store)) await store.delete(row.key);
      sameStrings(await keys(list(store)), [], "keys after deleting what was listed");
    },
  },
  {
    group: "list",
    name: "ends although each listed record is updated",
    skip: skipUnless.list,
    async run(trial) {
      await createMany(trial, ["a", "b", "c"]);
      let rows = 0;
      for await (const row of list(trial.store)) {
        rows += 1;
        check(rows <= 100, "100 rows for 3 records");
        await trial.store.update(row.key, trial.record(`${rows}`), row.version);
      }
    },
  },
  {
    group: "listBySubject",
    name: "finds nothing for a subject without sessions",
    skip: skipUnless.bySubject,
    async run(trial) {
      await trial.store.create("k", trial.record("anonymous"));
      await trial.store.create("b", trial.record("of bob", "bob"));
      sameStrings(await keys(listOf(trial.store, "ada")), [], "keys of ada");
    },
  },
  {
    group: "listBySubject",
    name: "finds the subject's live records as read gives them, and no deleted ones",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      await createMany(trial, ["a1", "a2", "a3", "a4"], "ada");
      await createMany(trial, ["b1"], "bob");
      await store.delete("a2", "ada");
      await store.delete("a3");
      const rows = await collect(listOf(store, "ada"));
      sameStrings(
        rows.map((row) => row.key),
        ["a1", "a4"],
        "keys of ada",
      );
      sameStrings(await keys(listOf(store, "bob")), ["b1"], "keys of bob");
      await sameAsRead(trial, rows);
    },
  },
  {
    group: "listBySubject",
    name: "finds all of 250",
    skip: skipUnless.bySubject,
    async run(trial) {
      await createMany(trial, many, "ada");
      sameStrings(await keys(listOf(trial.store, "ada")), many, "keys of ada");
    },
  },
  {
    group: "listBySubject",
    name: "follows an update that changes, removes and adds the subject",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      const shows = async (ada: string[], bob: string[], when: string): Promise<void> => {
        sameStrings(await keys(listOf(store, "ada")), ada, `keys of ada ${when}`);
        sameStrings(await keys(listOf(store, "bob")), bob, `keys of bob ${when}`);
      };
      let version = won(await store.create("k", trial.record("0", "ada")), "create");
      version = won(await store.update("k", trial.record("1", "bob"), version), "update to bob");
      await shows([], ["k"], "after the change");
      version = won(await store.update("k", trial.record("2"), version), "update to nobody");
      await shows([], [], "after the removal");
      version = won(await store.update("k", trial.record("3", "ada"), version), "update to ada");
      await shows(["k"], [], "after the addition");
    },
  },
  {
    group: "listBySubject",
    name: "is not changed by a refused write",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      const stale = won(await store.create("k", trial.record("0", "ada")), "create");
      const version = won(await store.update("k", trial.record("1", "ada"), stale), "update");
      await store.create("k", trial.record("2", "bob"));
      await store.update("k", trial.record("3", "bob"), stale);
      await store.update("missing", trial.record("4", "bob"), version);
      await store.rename("k", "to", trial.record("5", "bob"), stale);
      await store.touch("missing", trial.now() + 7_200_000, "bob");
      sameStrings(await keys(listOf(store, "bob")), [], "keys of bob");
      sameStrings(await keys(listOf(store, "ada")), ["k"], "keys of ada");
    },
  },
  {
    group: "listBySubject",
    name: "distinguishes nearly equal subjects, and accepts every character and 300 of them",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      for (const [at, subject] of subjects.entries()) await store.create(`k${at}`, trial.record(`${at}`, subject));
      for (const [at, subject] of subjects.entries()) {
        const rows = await collect(listOf(store, subject));
        sameStrings(
          rows.map((row) => row.key),
          [`k${at}`],
          `keys of subject ${at}, ${JSON.stringify(subject.slice(0, 40))}`,
        );
        same(rows[0]?.subject, subject, "listed subject");
        await store.delete(`k${at}`, subject);
        sameStrings(await keys(listOf(store, subject)), [], `keys of subject ${at} after delete`);
      }
    },
  },
];
