/** The Redis store on one server: the whole suite through two clients, a part of it through every other. */

import { afterAll, beforeAll, describe, test } from "vitest";
import { redisStore } from "../../src/stores/redis.ts";
import type { Store } from "../../src/core/store.ts";
import { clientPackages, type OpenClient } from "../support/redis-clients.ts";
import { noRedis, redisProgram, redisVersion, startRedis, type RedisServer } from "../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import { describeStore } from "../support/store-tests.ts";

const missing = redisProgram ? false : reportMissing("redis", noRedis);
if (!missing) reportBackend({ backend: "redis", server: redisVersion, clients: Object.values(clientPackages).map((one) => one.version) });
let server: RedisServer;
beforeAll(async () => { if (!missing) server = await startRedis(); });
afterAll(async () => { await server?.stop(); });

describe.skipIf(missing)("redis", () => {
  for (const name of Object.keys(clientPackages)) {
    const clients = new Map<Store, OpenClient>();
    describeStore({
      name,
      sample: redisStore({ client: { command: async () => null } }),
      async open({ space, now }) {
        const opened = await clientPackages[name]!.single(server);
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
