/** The Datastore store on Google's emulators, Datastore mode of Firestore and the older one: the whole suite, and from two processes at once. */

import { afterAll, beforeAll, describe } from "vitest";
import { googleHarness, googleProcesses } from "../support/google-clients.ts";
import {
  datastoreEmulator,
  datastoreModeEmulator,
  type RunningEmulator,
  startEmulator,
  whyNot,
} from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

for (const kind of [datastoreModeEmulator, datastoreEmulator]) {
  const why = whyNot(kind);
  describe.skipIf(why && reportMissing("datastore", why, "cannot be had"))(kind.name, () => {
    let emulator: RunningEmulator;
    beforeAll(async () => {
      emulator = await startEmulator(kind);
      reportBackend({
        backend: "datastore",
        server: emulator.version,
        clients: [clientVersion("@google-cloud/datastore")],
        within: kind.name,
      });
    });
    afterAll(() => emulator?.stop());

    describeStore(googleHarness("datastore", () => emulator.address));
    describeProcesses(googleProcesses("datastore", () => emulator.address));
  });
}
