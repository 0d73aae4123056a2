/** The Redis store on one server: the whole suite through two clients, what a client can get wrong through all others. */

import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe } from "vitest";
import { clientPackages, openPool } from "../support/redis-clients.ts";
import { redisHarness, redisIsMissing, redisProcesses } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

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

  for (const name of ["redis5", "redis4", "ioredis5", "iovalkey"]) {
    describeClient(redisHarness(name, createClient(), () => clientPackages[name]!.single(server)));
  }
  describeClient(redisHarness("a pool of node-redis 6", createClient(), () => openPool(server)));
});
