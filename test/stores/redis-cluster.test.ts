/** The Redis store on a cluster of three masters. */

import { createCluster } from "redis";
import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/core/store.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { clientPackages, type OpenClient } from "../support/redis-clients.ts";
import { noRedis, type RedisGroup, redisProgram, redisVersion, startCluster } from "../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import { describeStore } from "../support/store-tests.ts";

const missing = redisProgram ? false : reportMissing("redis", noRedis);
let cluster: RedisGroup;
beforeAll(async () => {
  if (!missing) cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

describe.skipIf(missing)("redis", () => {
  for (const name of Object.keys(clientPackages)) {
    const clients = new Map<Store, OpenClient>();
    describeStore({
      name,
      sample: redisStore({ client: createCluster({ rootNodes: [] }) }),
      async open({ space, now }) {
        const opened = await clientPackages[name]!.cluster!(cluster);
        const store = redisStore({ client: opened.client, prefix: `${space}:`, now });
        clients.set(store, opened);
        return store;
      },
      async close(store) {
        await clients.get(store)?.close();
      },
    });
  }
});
