/** The suites over Redis, and the report of what they ran against. */

import type { Store } from "../../src/core/contracts/store.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import type { ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import type { Address, OpenClient } from "./redis-clients.ts";
import type { ProcessArgs } from "./redis-process.ts";
import { noRedis, redisProgram, redisVersion } from "./redis-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "./report.ts";

/** Reports what the calling test file runs against. True when there is nothing to run against. */
export function redisIsMissing(backend: string, packages: readonly string[]): boolean {
  if (!redisProgram) return reportMissing(backend, noRedis);
  reportBackend({ backend, server: redisVersion, clients: packages.map((name) => clientVersion(name)) });
  return false;
}

/** The suite over one way to connect. `sample` is a client of the same kind; it is never connected. */
export function redisHarness(name: string, sample: RedisClient, connect: () => Promise<OpenClient>): StoreHarness {
  const opened = new Map<Store, OpenClient>();
  return {
    name,
    sample: redisStore({ client: sample }),
    async open({ space, now }) {
      const one = await connect();
      const store = redisStore({ client: one.client, prefix: `${space}:`, now });
      opened.set(store, one);
      return store;
    },
    async close(store) {
      await opened.get(store)?.close();
    },
  };
}

/** The process suite over one client package. `servers` is asked when the cases run. */
export function redisProcesses(
  through: string,
  sample: RedisClient,
  servers: () => readonly Address[],
): ProcessHarness {
  const store = redisStore({ client: sample });
  const args: ProcessArgs = {
    through,
    cluster: !store.capabilities.atomicRename,
    get servers() {
      return servers().map(({ host, port, url }) => ({ host, port, url }));
    },
  };
  return { name: through, sample: store, module: new URL("./redis-process.ts", import.meta.url), args };
}
