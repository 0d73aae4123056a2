/** What a store claims, and its limits: size, set-up and close. */

import { isSessionError } from "../../core/contracts/errors.ts";
import type { Store } from "../../core/contracts/store.ts";
import { check, gone, live, refused, rejection, same, samePayload, won } from "./check.ts";
import { type StoreCase, skipUnless, skipUnlessAll } from "./trial.ts";

/** The size limit of stores that have one: the cases are skipped for others. */
const limitOf = (store: Store): number => store.capabilities.maxPayloadBytes ?? 0;

const limited = (sample: Store): string | undefined =>
  sample.capabilities.maxPayloadBytes === undefined ? "payloads have no limit" : undefined;

const oneOf = (value: unknown, allowed: readonly unknown[], what: string): void =>
  check(allowed.includes(value), `${what} is ${String(value)}, expected one of ${allowed.join(", ")}`);

export const limitCases: readonly StoreCase[] = [
  {
    group: "capabilities",
    name: "are complete, and the same for every store made this way",
    async run({ store, sample }) {
      const { capabilities: claims } = store;
      check(/^[a-z][a-z0-9-]*$/.test(store.name), "name is not a lower-case word");
      oneOf(claims.compareAndSwap, ["atomic", "none"], "compareAndSwap");
      oneOf(claims.clock, ["ours", "server"], "clock");
      for (const flag of ["nativeExpiry", "atomicRename", "list", "bySubject", "shared"] as const) {
        oneOf(claims[flag], [true, false], flag);
      }
      check(Number.isSafeInteger(claims.expiryGranularity) && claims.expiryGranularity > 0, "expiryGranularity");
      const limit = claims.maxPayloadBytes;
      check(limit === undefined || (Number.isSafeInteger(limit) && limit > 0), "maxPayloadBytes");
      for (const name of Object.keys(claims) as (keyof typeof claims)[]) {
        same(claims[name], sample.capabilities[name], `${name}, compared with the sample`);
      }
    },
  },
  {
    group: "capabilities",
    name: "agree with the store's methods",
    async run({ store }) {
      same(store.capabilities.list, store.list !== undefined, "the claim to list");
      same(store.capabilities.bySubject, store.listBySubject !== undefined, "the claim to list by subject");
      check(
        store.capabilities.nativeExpiry || store.prune !== undefined,
        "nothing removes expired records: nativeExpiry is false and there is no prune()",
      );
    },
  },
  {
    group: "capabilities",
    name: "shared: what one handle writes, updates, renames and deletes, another sees at once",
    skip: skipUnless.shared,
    async run(trial) {
      const { store } = trial;
      const other = await trial.other();
      const bothRead = async (payload: string, when: string): Promise<void> => {
        for (const handle of [store, other]) samePayload((await live(handle, "k", when)).payload, payload, when);
      };
      const created = won(await store.create("k", trial.record("one", "ada")), "create");
      await bothRead("one", "after create");
      refused(await other.create("k", trial.record("two")), "create through the other handle");
      const updated = won(await other.update("k", trial.record("two", "ada"), created), "update through the other");
      await bothRead("two", "after the other's update");
      refused(await store.update("k", trial.record("three"), created), "update with the version from before");
      same(await other.touch("k", trial.now() + 7_200_000, "ada"), true, "touch through the other handle");
      trial.sameInstant((await live(store, "k", "k")).expiresAt, trial.now() + 7_200_000, "after the other's touch");
      const moved = won(await store.rename("k", "to", trial.record("three"), updated), "rename");
      for (const handle of [other, store]) await gone(handle, "k", "the old key");
      won(await other.rename("to", "k", trial.record("four"), moved), "rename back through the other handle");
      await bothRead("four", "after the other's rename");
      await other.delete("k");
      for (const handle of [store, other]) await gone(handle, "k", "after delete");
    },
  },
  {
    group: "limit",
    name: "a payload of exactly maxPayloadBytes is stored, text and bytes",
    skip: limited,
    async run(trial) {
      const text = "x".repeat(limitOf(trial.store));
      won(await trial.store.create("text", trial.record(text)), "create");
      samePayload((await live(trial.store, "text", "text")).payload, text, "payload");
      const bytes = new Uint8Array(limitOf(trial.store)).fill(200);
      won(await trial.store.create("bytes", trial.record(bytes)), "create");
      samePayload((await live(trial.store, "bytes", "bytes")).payload, bytes, "payload");
    },
  },
  {
    group: "limit",
    name: "a payload one byte larger rejects with ERR_SESSION_TOO_LARGE and changes nothing; bytes count, not characters",
    skip: limited,
    async run(trial) {
      const { store } = trial;
      const limit = limitOf(store);
      const version = won(await store.create("k", trial.record("small", "ada")), "create");
      for (const payload of ["x".repeat(limit + 1), "ä".repeat(limit / 2 + 1), new Uint8Array(limit + 1)]) {
        for (const [what, call] of Object.entries({
          create: () => store.create("new", trial.record(payload, "bob")),
          update: () => store.update("k", trial.record(payload, "bob"), version),
          rename: () => store.rename("k", "new", trial.record(payload, "bob"), version),
        })) {
          const error = await rejection(call, `${what} of a payload over the limit`);
          check(isSessionError(error), `${what} rejected with ${String(error)}, expected a SessionError`);
          same(error.code, "ERR_SESSION_TOO_LARGE", `the code of ${what}`);
        }
      }
      await gone(store, "new", "the key of the refused create and rename");
      samePayload((await live(store, "k", "k")).payload, "small", "payload");
      won(await store.update("k", trial.record("next"), version), "update with the version from before");
    },
  },
  {
    group: "life",
    name: "setup() can be called again, also by two at once, and keeps the records",
    skip: (sample) => (sample.setup ? undefined : "the store has no setup()"),
    async run(trial) {
      const { store } = trial;
      await store.create("k", trial.record("one"));
      await store.setup?.();
      await Promise.all([store.setup?.(), store.setup?.()]);
      samePayload((await live(store, "k", "k")).payload, "one", "payload");
    },
  },
  {
    group: "life",
    name: "close() of one handle leaves another working",
    skip: skipUnlessAll(skipUnless.shared, (sample) => (sample.close ? undefined : "the store has no close()")),
    async run(trial) {
      const other = await trial.other();
      await other.create("k", trial.record("one"));
      await other.close?.();
      samePayload((await live(trial.store, "k", "k")).payload, "one", "payload");
      won(await trial.store.create("new", trial.record("two")), "create");
    },
  },
];
