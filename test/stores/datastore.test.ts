/** The Datastore store on Google's emulators, the Datastore's own and Firestore in Datastore mode, and from two processes at once. */

import { afterAll, beforeAll, describe } from "vitest";
import { storeConformance } from "../../src/testing/index.ts";
import { googleHarness, googleProcesses } from "../support/google-clients.ts";
import {
  datastoreEmulator,
  datastoreModeEmulator,
  type Emulator,
  type RunningEmulator,
  startEmulator,
  whyNot,
} from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
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
});

// Two transactions that read one record and then write it wait two seconds for each other here, whoever is to win. They
// get along in the end; but races of processes, hundreds of such pairs, are for the other emulator.
on(datastoreModeEmulator, (address) => {
  const cases = storeConformance(googleHarness("datastore", address));
  describeCases(
    "datastore",
    cases.filter((one) => one.group !== "race over two handles"),
  );
});
