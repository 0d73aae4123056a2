/** Listing by subject while sessions come, go and move to other ids. */

import type { ListedRecord, Store } from "../../core/contracts/store.ts";
import { check, collect, live, same, sameStrings, won } from "./check.ts";
import { createMany } from "./listing.ts";
import { during, type StoreCase, skipUnless, type Trial } from "./trial.ts";

const listOf = (store: Store, subject: string): AsyncIterable<ListedRecord> => store.listBySubject!(subject);

async function keys(rows: AsyncIterable<ListedRecord>): Promise<string[]> {
  return (await collect(rows)).map((row) => row.key);
}

/** Renews an id as the library does: a new record first, then a signpost without a subject in place of the old one. */
async function renew(trial: Trial, from: string, to: string): Promise<void> {
  const { version } = await live(trial.store, from, "a session to renew");
  won(await trial.store.create(to, trial.record(to, "ada")), "create of the renewed record");
  won(await trial.store.update(from, trial.record(`renewed: ${to}`), version), "update to a signpost");
}

/** Lists while every session that is not listed yet renews its id, as soon as the first row is there. */
async function listWhileAllRenew(trial: Trial, count: number): Promise<void> {
  const { store } = trial;
  const renewing = store.capabilities.shared ? await trial.other() : store;
  const all = Array.from({ length: count }, (_, at) => `k${at}`);
  await createMany(trial, all, "ada");
  const found = new Set<string>();
  for await (const row of listOf(renewing, "ada")) {
    same(row.subject, "ada", "listed subject");
    if (found.size === 0) {
      const others = all.filter((key) => key !== row.key);
      for (let at = 0; at < others.length; at += trial.parallel) {
        await Promise.all(others.slice(at, at + trial.parallel).map((key) => renew(trial, key, `${key}.renewed`)));
      }
    }
    found.add(row.key);
  }
  const missed = all.filter((key) => !found.has(key) && !found.has(`${key}.renewed`));
  sameStrings(missed, [], "sessions that were live all the time and not listed");
}

export const listingInMotionCases: readonly StoreCase[] = [
  {
    group: "listBySubject",
    name: "always finds a session that is being renamed, updated and touched",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      const watcher = store.capabilities.shared ? await trial.other() : store;
      await store.create("still", trial.record("still", "ada"));
      let version = won(await store.create("k0", trial.record("0", "ada")), "create");
      const watch = async (): Promise<void> => {
        const found = await keys(listOf(watcher, "ada"));
        check(found.includes("still"), "an unchanged session is missing");
        check(found.length > 1, "the session that is being renamed is missing");
      };
      const rename = async (): Promise<void> => {
        for (let step = 1; step <= 30; step++) {
          const [from, to] = [`k${step - 1}`, `k${step}`];
          await store.touch(from, trial.now() + 7_200_000, "ada");
          version = won(await store.update(from, trial.record(`${step}, updated`, "ada"), version), "update");
          version = won(await store.rename(from, to, trial.record(`${step}`, "ada"), version), "rename");
        }
      };
      await during(rename, [watch]);
    },
  },
  {
    group: "listBySubject",
    name: "finds 3 sessions of which 2 renew their ids after the first was listed",
    skip: skipUnless.bySubject,
    run: (trial) => listWhileAllRenew(trial, 3),
  },
  {
    group: "listBySubject",
    name: "finds 250 sessions of which 249 renew their ids after the first was listed",
    skip: skipUnless.bySubject,
    run: (trial) => listWhileAllRenew(trial, 250),
  },
  {
    group: "listBySubject",
    name: "always finds a session that renews its id, and never a signpost",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      const watcher = store.capabilities.shared ? await trial.other() : store;
      await store.create("still", trial.record("still", "ada"));
      await store.create("k0", trial.record("0", "ada"));
      const watch = async (): Promise<void> => {
        const rows = await collect(listOf(watcher, "ada"));
        check(rows.length > 1, "the session that renews its id is missing");
        for (const row of rows) same(row.subject, "ada", "listed subject");
      };
      const renewals = async (): Promise<void> => {
        for (let step = 1; step <= 30; step++) await renew(trial, `k${step - 1}`, `k${step}`);
      };
      await during(renewals, [watch]);
    },
  },
  {
    group: "listBySubject",
    name: "always finds records created before the call, while others come and go",
    skip: skipUnless.bySubject,
    async run(trial) {
      const { store } = trial;
      const watcher = store.capabilities.shared ? await trial.other() : store;
      const comeAndGo = (racer: number) => async (turn: number) => {
        const key = `r${racer}.${turn}`;
        await store.create(key, trial.record("brief", "ada"));
        await store.delete(key, "ada");
      };
      const look = async (): Promise<void> => {
        for (let index = 0; index < 20; index++) {
          await store.create(`k${index}`, trial.record("lasting", "ada"));
          const found = await keys(listOf(watcher, "ada"));
          for (let at = 0; at <= index; at++)
            check(found.includes(`k${at}`), `k${at} is missing after ${index} creates`);
        }
      };
      await during(look, [0, 1, 2].map(comeAndGo));
    },
  },
];
