/** The MongoDB store: the whole suite and two processes at once through the driver of today, the cases of a client through version 6, and fields of other names. */

import { afterAll, beforeAll, describe } from "vitest";
import { storeConformance } from "../../src/testing/index.ts";
import { type ClientPackage, foreignLayout, mongodbHarness, mongodbProcesses } from "../support/mongodb-clients.ts";
import { type MongodbServer, noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { describeCases, describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

const packages: readonly ClientPackage[] = ["mongodb", "mongodb6"];

describe.skipIf(noMongodb && reportMissing("mongodb", noMongodb))("MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
    reportBackend({ backend: "mongodb", server: server.version, clients: packages.map(clientVersion) });
  });
  afterAll(() => server?.stop());

  describeStore(mongodbHarness("mongodb", () => server));
  describeProcesses(mongodbProcesses("mongodb", () => server));
  describeClient(mongodbHarness("mongodb6", () => server));

  const others = storeConformance(mongodbHarness("mongodb", () => server, foreignLayout));
  const groups = ["read", "create", "update", "touch", "rename", "version", "payload", "prune", "list", "limit"];
  describeCases(
    "with fields of other names and no version",
    others.filter(({ group }) => groups.includes(group) || group.startsWith("race")),
  );
});
