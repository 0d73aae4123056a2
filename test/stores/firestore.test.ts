/** The Firestore store on Google's emulator: the whole suite, and from two processes at once. */

import { afterAll, beforeAll, describe } from "vitest";
import { googleHarness, googleProcesses } from "../support/google-clients.ts";
import { firestoreEmulator, type RunningEmulator, startEmulator, whyNot } from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

const why = whyNot(firestoreEmulator);

describe.skipIf(why && reportMissing("firestore", why, "cannot be had"))("Firestore", () => {
  let emulator: RunningEmulator;
  beforeAll(async () => {
    emulator = await startEmulator(firestoreEmulator);
    reportBackend({
      backend: "firestore",
      server: emulator.version,
      clients: [clientVersion("@google-cloud/firestore")],
    });
  });
  afterAll(() => emulator?.stop());

  describeStore(googleHarness("firestore", () => emulator.address));
  describeProcesses(googleProcesses("firestore", () => emulator.address));
});
