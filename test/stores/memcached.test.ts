/** The Memcached store: the whole suite through both clients, and from two processes at once. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientTitles, memcachedHarness, memcachedProcesses, packages } from "../support/memcached-clients.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../support/memcached-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: clientTitles });
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
