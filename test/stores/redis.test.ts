/** The Redis store on one server: the whole suite through two clients, what a client can get wrong through all others. */

import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe } from "vitest";
import { storeConformance } from "../../src/testing/index.ts";
import { clientPackages, openPool } from "../support/redis-clients.ts";
import { redisHarness, redisIsMissing, redisProcesses } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

const missing = redisIsMissing("redis", Object.keys(clientPackages));

describe.skipIf(missing)("Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  describeStore(redisHarness("node-redis 6", createClient(), () => clientPackages.redis!.single(server)));
  const lazy = new Redis({ lazyConnect: true });
  describeStore(redisHarness("ioredis 6", lazy, () => clientPackages.ioredis!.single(server)));

  describeProcesses(redisProcesses("redis", createClient(), () => [server]));

  const groups = ["read", "create", "update", "touch", "delete", "rename", "version", "payload", "list"];
  const others = ["redis5", "redis4", "ioredis5", "iovalkey"];
  for (const name of others) {
    const harness = redisHarness(name, createClient(), () => clientPackages[name]!.single(server));
    describeCases(
      name,
      storeConformance(harness).filter((one) => groups.includes(one.group)),
    );
  }
  const pool = redisHarness("a pool of node-redis 6", createClient(), () => openPool(server));
  describeCases(
    pool.name,
    storeConformance(pool).filter((one) => groups.includes(one.group)),
  );
});
