/** The Memcached store: the whole suite through both clients, and from two processes at once. */

import { afterAll, beforeAll, describe } from "vitest";
import { type ClientPackage, memcachedHarness, memcachedProcesses } from "../support/memcached-clients.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../support/memcached-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

const packages: readonly ClientPackage[] = ["memcached", "memcache-client"];
if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: packages.map(clientVersion) });
}

describe.skipIf(!memcachedProgram && reportMissing("memcached", noMemcached))("Memcached", () => {
  let server: MemcachedServer;
  beforeAll(async () => {
    server = await startMemcached(["-c", "4096"]);
  });
  afterAll(() => server?.stop());

  for (const name of packages) {
    describeStore(memcachedHarness(name, () => server.address));
    describeProcesses(memcachedProcesses(name, () => server.address));
  }
});
