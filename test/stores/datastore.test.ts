/** The Datastore store on Google's emulators, the Datastore's own and Firestore in Datastore mode, and from two processes at once. */

import type { Datastore } from "@google-cloud/datastore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flask2Datastore, flaskSession, pickleFormat } from "../../src/flask.ts";
import { datastoreStore } from "../../src/stores/datastore.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { datastoreAt, googleHarness, googleProcesses } from "../support/google-clients.ts";
import {
  datastoreEmulator,
  datastoreModeEmulator,
  type Emulator,
  type RunningEmulator,
  startEmulator,
  whyNot,
} from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

/** Runs `suites` on an emulator of its own. */
function on(emulator: Emulator, suites: (address: () => string) => void): void {
  const { name } = emulator;
  const why = whyNot(emulator);
  describe.skipIf(why && reportMissing("datastore", why, "cannot be had"))(name, () => {
    let running: RunningEmulator;
    beforeAll(async () => {
      running = await startEmulator(emulator);
      const clients = [clientVersion("@google-cloud/datastore")];
      reportBackend({ backend: "datastore", server: running.version, clients, within: name });
    });
    afterAll(() => running?.stop());
    suites(() => running.address);
  });
}

on(datastoreEmulator, (address) => {
  describeStore(googleHarness("datastore", address));
  describeProcesses(googleProcesses("datastore", address));
  describeFlask(address);
});

/** The kind of Flask-Session2: the suite as far as it goes, and an entity of it. */
function describeFlask(address: () => string): void {
  const { kind, properties } = flask2Datastore();
  const clients = new Map<unknown, Datastore>();
  const harness: StoreHarness = {
    name: "the properties of Flask-Session2",
    sample: withFormat(datastoreStore({ client: datastoreAt("127.0.0.1:1"), properties })),
    open({ space, now }) {
      const client = datastoreAt(address());
      const store = withFormat(datastoreStore({ client, kind: space, properties, now }));
      clients.set(store, client);
      return store;
    },
    async close(store) {
      for (const one of clients.get(store)?.clients_.values() ?? []) await one.close();
    },
  };
  const groups = "read create update touch rename version payload prune list race capabilities".split(" ");
  const cases = storeConformance(harness).filter(({ group }) => groups.includes(group));
  describeCases(harness.name, cases);

  test("a session of Flask-Session2, in pickle under a UUID, continues in its entity", async () => {
    const client = datastoreAt(address());
    const uuid = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const key = client.key([kind, `session:${uuid}`]);
    const pickled = "8004951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e";
    const expiry = new Date(Date.now() + 3_600_000);
    const data = { data: Buffer.from(pickled, "hex"), expiry };
    await client.save({ key, data, excludeFromIndexes: ["data"] });
    const options = { ...flaskSession({ ids: "uuid" }), format: pickleFormat() };
    const store = datastoreStore({ client, ...flask2Datastore() });
    const sessions = new Sessions<Record<string, unknown>>({ ...options, store, storeTimeout: "30s" });
    const { value } = await request(sessions, `session=${uuid}`, ({ data: seen }) => {
      const { user_id } = seen;
      seen.k = "v";
      return user_id;
    });
    expect(value).toBe(42);
    const [entity] = await client.get(key);
    expect(Object.keys(entity).sort()).toEqual(["data", "expiry"]);
    expect(entity.data.subarray(0, 2).toString("hex")).toBe("8004");
    expect(entity.data.includes("user_id")).toBe(true);
    expect(entity.expiry.getTime()).toBeGreaterThan(Date.now() + 30 * 86_400_000);
    for (const one of client.clients_.values()) await one.close();
  });
}

// Two transactions that read one record and then write it wait two seconds for each other here, whoever is to win. They
// get along in the end; but races of processes, hundreds of such pairs, are for the other emulator.
on(datastoreModeEmulator, (address) => {
  const cases = storeConformance(googleHarness("datastore", address));
  describeCases(
    "datastore",
    cases.filter((one) => one.group !== "race over two handles"),
  );
});
