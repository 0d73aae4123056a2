/** Calls at the same time: of those that contradict each other one wins, and what ended stays ended. */

import type { Store, StoreRecord, Version } from "../../core/contracts/store.ts";
import { change } from "./change.ts";
import { check, collect, gone, live, refused, same, samePayload, sameStrings, won } from "./check.ts";
import { during, type StoreCase, skipUnless, skipUnlessAll, type Trial } from "./trial.ts";

/** A race: `hand(n)` is the handle of the nth racer. */
interface Race {
  readonly name: string;
  /** No two writers change one record: it needs no compare-and-swap. */
  readonly oneWriter?: true;
  run(trial: Trial, hand: (racer: number) => Store): Promise<void>;
}

const rounds = 10;

/** Runs `racers` at once and gives the numbers of those that were not refused. */
async function winners(racers: number, race: (racer: number) => Promise<Version | null>): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: racers }, (_, racer) => race(racer)));
  return answers.flatMap((answer, racer) => (answer === null ? [] : [racer]));
}

async function createdAt(trial: Trial, key: string, subject?: string): Promise<Version> {
  return won(await trial.store.create(key, trial.record("start", subject)), "create");
}

const races: readonly Race[] = [
  {
    name: "of many creates of one key exactly one wins, and its record is stored",
    async run(trial, hand) {
      const winning = await winners(trial.parallel, (racer) => hand(racer).create("k", trial.record(`${racer}`)));
      same(winning.length, 1, "winners");
      samePayload((await live(trial.store, "k", "k")).payload, `${winning[0]}`, "payload");
    },
  },
  {
    name: "of many updates with one version exactly one wins, and its record is stored",
    async run(trial, hand) {
      const version = await createdAt(trial, "k");
      const winning = await winners(trial.parallel, (racer) =>
        hand(racer).update("k", trial.record(`${racer}`), version),
      );
      same(winning.length, 1, "winners");
      samePayload((await live(trial.store, "k", "k")).payload, `${winning[0]}`, "payload");
    },
  },
  {
    name: "counters are exact: 8 writers that each add 1 five times add 40",
    async run(trial, hand) {
      await trial.store.create("k", trial.record("0", "ada"));
      const writer = async (racer: number): Promise<void> => {
        for (let step = 0; step < 5; step++) {
          const more = (found: StoreRecord): StoreRecord => trial.record(`${Number(found.payload) + 1}`, found.subject);
          check(await change(hand(racer), "k", more), "the record disappeared");
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, racer) => writer(racer)));
      samePayload((await live(trial.store, "k", "k")).payload, "40", "the counter");
    },
  },
  {
    name: "a record deleted while others update it stays deleted",
    async run(trial, hand) {
      for (let round = 0; round < rounds; round++) {
        await createdAt(trial, "k", "ada");
        const write = (racer: number) => async (turn: number) => {
          await change(hand(racer), "k", () => trial.record(`${racer}.${turn}`, "ada"));
        };
        const destroy = async (): Promise<void> => {
          for (let pause = 0; pause < round; pause++) await hand(1).read("k");
          await hand(1).delete("k", "ada");
          for (let look = 0; look < 5; look++) await gone(trial.store, "k", "after the delete");
        };
        await during(destroy, [0, 1, 2, 3, 4, 5].map(write));
        await gone(trial.store, "k", "when all writers are done");
        if (trial.store.listBySubject) same((await collect(trial.store.listBySubject("ada"))).length, 0, "rows of ada");
      }
    },
  },
  {
    name: "of a rename and many updates with one version exactly one wins, and the record is in one place",
    async run(trial, hand) {
      for (let round = 0; round < rounds; round++) {
        const [from, to] = [`from${round}`, `to${round}`];
        const version = await createdAt(trial, from);
        const winning = await winners(8, (racer) =>
          racer === round % 8
            ? hand(racer).rename(from, to, trial.record(`${racer}`), version)
            : hand(racer).update(from, trial.record(`${racer}`), version),
        );
        same(winning.length, 1, "winners");
        const moved = winning[0] === round % 8;
        await gone(trial.store, moved ? from : to, moved ? "the old key" : "the new key of the refused rename");
        samePayload((await live(trial.store, moved ? to : from, "the record")).payload, `${winning[0]}`, "payload");
      }
    },
  },
  {
    name: "of many renames of one record exactly one wins, and the other new keys hold nothing",
    async run(trial, hand) {
      const version = await createdAt(trial, "from");
      const racers = Math.min(10, trial.parallel);
      const winning = await winners(racers, (racer) =>
        hand(racer).rename("from", `to${racer}`, trial.record(`${racer}`), version),
      );
      same(winning.length, 1, "winners");
      await gone(trial.store, "from", "the old key");
      for (let racer = 0; racer < racers; racer++) {
        if (racer !== winning[0]) await gone(trial.store, `to${racer}`, "the new key of a refused rename");
      }
      samePayload((await live(trial.store, `to${winning[0]}`, "the record")).payload, `${winning[0]}`, "payload");
    },
  },
  {
    name: "of many records renamed to one key exactly one moves, and the others stay where they are",
    async run(trial, hand) {
      const racers = Math.min(10, trial.parallel);
      const versions: Version[] = [];
      for (let racer = 0; racer < racers; racer++) versions.push(await createdAt(trial, `from${racer}`));
      const winning = await winners(racers, (racer) =>
        hand(racer).rename(`from${racer}`, "to", trial.record(`${racer}`), versions[racer] as Version),
      );
      same(winning.length, 1, "winners");
      samePayload((await live(trial.store, "to", "to")).payload, `${winning[0]}`, "payload");
      for (let racer = 0; racer < racers; racer++) {
        if (racer === winning[0]) await gone(trial.store, `from${racer}`, "the old key of the winner");
        else samePayload((await live(trial.store, `from${racer}`, "a loser")).payload, "start", "payload of a loser");
      }
    },
  },
  {
    name: "a record renamed and deleted in parallel is never under its old key, and under the new one only if the rename succeeded",
    async run(trial, hand) {
      for (let round = 0; round < rounds; round++) {
        const [from, to] = [`from${round}`, `to${round}`];
        const version = await createdAt(trial, from, "ada");
        const [renamed] = await Promise.all([
          hand(0).rename(from, to, trial.record("moved", "ada"), version),
          hand(1).delete(from, "ada"),
        ]);
        await gone(trial.store, from, "the old key");
        if (renamed === null) await gone(trial.store, to, "the new key of a refused rename");
        else samePayload((await live(trial.store, to, "the new key")).payload, "moved", "payload");
      }
    },
  },
  {
    name: "a record renamed and touched in parallel is not left under its old key",
    async run(trial, hand) {
      for (let round = 0; round < rounds; round++) {
        const [from, to] = [`from${round}`, `to${round}`];
        const version = await createdAt(trial, from, "ada");
        const [renamed] = await Promise.all([
          hand(0).rename(from, to, trial.record("moved", "ada"), version),
          ...[1, 2, 3].map((racer) => hand(racer).touch(from, trial.now() + 7_200_000, "ada")),
        ]);
        won(renamed, "rename");
        await gone(trial.store, from, "the old key");
        samePayload((await live(trial.store, to, "the new key")).payload, "moved", "payload");
      }
    },
  },
  {
    name: "a record touched and updated in parallel has the update's contents and an expiry no earlier than the update's",
    async run(trial, hand) {
      let version = await createdAt(trial, "k", "ada");
      for (let round = 0; round < rounds; round++) {
        const record = trial.record(`round ${round}`, "ada", 3_600_000 + round * 60_000);
        const touch = (racer: number): Promise<boolean> => hand(racer).touch("k", record.expiresAt + 30_000, "ada");
        const [, updated] = await Promise.all([touch(1), hand(0).update("k", record, version), touch(2), touch(3)]);
        version = won(updated, "an update raced only by touches");
        const found = await live(trial.store, "k", "k");
        samePayload(found.payload, `round ${round}`, "payload");
        check(
          found.expiresAt >= record.expiresAt - (trial.store.capabilities.clock === "ours" ? 0 : 2000),
          `the expiry is ${record.expiresAt - found.expiresAt} ms earlier than what update set`,
        );
      }
    },
  },
  {
    name: "a record touched and deleted in parallel stays deleted",
    async run(trial, hand) {
      for (let round = 0; round < rounds; round++) {
        await createdAt(trial, "k", "ada");
        const touches = [0, 1, 2, 3].map((racer) => hand(racer).touch("k", trial.now() + 7_200_000, "ada"));
        await Promise.all([...touches, hand(round).delete("k", "ada")]);
        await gone(trial.store, "k", "k");
      }
    },
  },
  {
    name: "a record that is being renamed is always under one of its two keys, and under both only if rename is not atomic",
    oneWriter: true,
    async run(trial, hand) {
      let version = await createdAt(trial, "k0", "ada");
      for (let step = 0; step < rounds; step++) {
        const [from, to] = [`k${step}`, `k${step + 1}`];
        const watch = (store: Store) => async () => {
          if ((await store.read(from)) === null) await live(store, to, "the old key is dead, the new one");
          if (!store.capabilities.atomicRename || (await store.read(to)) === null) return;
          await gone(store, from, "the new key is live, the old one");
        };
        const rename = (): Promise<Version | null> =>
          hand(0).rename(from, to, trial.record(`step ${step}`, "ada"), version);
        version = won(await during(rename, [watch(hand(1)), watch(hand(2))]), "rename");
      }
    },
  },
  {
    name: "a record is read whole: payload and subject always belong together",
    oneWriter: true,
    async run(trial, hand) {
      const size = Math.min(50_000, trial.store.capabilities.maxPayloadBytes ?? 50_000);
      const whole = (letter: string): [string, string] => [letter.repeat(size), letter];
      await trial.store.create("k", trial.record(...whole("a")));
      const read = (store: Store) => async () => {
        const { payload, subject = "" } = await live(store, "k", "k");
        samePayload(payload, subject.repeat(size), `the payload beside subject ${subject}`);
      };
      const write = async (): Promise<void> => {
        for (const letter of "bcdefghijklmnop") {
          const { version } = await live(hand(0), "k", "k");
          won(await hand(0).update("k", trial.record(...whole(letter)), version), "update");
        }
      };
      await during(write, [read(hand(1)), read(hand(2))]);
    },
  },
  {
    name: "changes of different records do not affect each other",
    oneWriter: true,
    async run(trial, hand) {
      const one = async (racer: number): Promise<void> => {
        const store = hand(racer);
        const [key, to, subject] = [`k${racer}`, `to${racer}`, `s${racer % 3}`];
        const created = won(await store.create(key, trial.record("one", subject)), "create");
        same(await store.touch(key, trial.now() + 7_200_000, subject), true, "touch");
        const updated = won(await store.update(key, trial.record("two", subject), created), "update");
        won(await store.rename(key, to, trial.record("three", subject), updated), "rename");
        refused(await store.update(key, trial.record("ghost", subject), updated), "update of the old key");
        if (racer % 2) await store.delete(to, subject);
      };
      await Promise.all(Array.from({ length: trial.parallel }, (_, racer) => one(racer)));
      const left = Array.from({ length: trial.parallel }, (_, racer) => racer).filter((racer) => racer % 2 === 0);
      for (const racer of left) samePayload((await live(trial.store, `to${racer}`, "k")).payload, "three", "payload");
      if (!trial.store.listBySubject) return;
      for (const rest of [0, 1, 2]) {
        const rows = await collect(trial.store.listBySubject(`s${rest}`));
        const expected = left.filter((racer) => racer % 3 === rest).map((racer) => `to${racer}`);
        sameStrings(
          rows.map((row) => row.key),
          expected,
          `keys of s${rest}`,
        );
      }
    },
  },
];

function raceCase(race: Race, handles: "one handle" | "two handles"): StoreCase {
  const two = handles === "two handles";
  return {
    group: `race over ${handles}`,
    name: race.name,
    skip: skipUnlessAll(...(race.oneWriter ? [] : [skipUnless.compareAndSwap]), ...(two ? [skipUnless.shared] : [])),
    async run(trial) {
      const hands = two ? [trial.store, await trial.other()] : [trial.store];
      await race.run(trial, (racer) => hands[racer % hands.length] as Store);
    },
  };
}

export const raceCases: readonly StoreCase[] = [
  ...races.map((race) => raceCase(race, "one handle")),
  ...races.map((race) => raceCase(race, "two handles")),
];
