/** The Redis store on a cluster of three masters: the whole suite through ioredis, the cases of a client through all others. */

import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe } from "vitest";
import { clientPackages } from "../support/redis-clients.ts";
import { redisHarness, redisIsMissing, redisProcesses } from "../support/redis-harness.ts";
import { type RedisGroup, startCluster } from "../support/redis-servers.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

const missing = redisIsMissing("redis cluster", Object.keys(clientPackages));

describe.skipIf(missing)("Redis Cluster", () => {
  let cluster: RedisGroup;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  const node = createCluster({ rootNodes: [] });
  const io = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true });
  describeStore(redisHarness("ioredis 6", io, () => clientPackages.ioredis!.cluster!(cluster)));

  describeProcesses(redisProcesses("ioredis", node, () => cluster.servers));

  for (const name of ["redis", "redis5", "redis4", "ioredis5", "iovalkey"]) {
    describeClient(redisHarness(name, node, () => clientPackages[name]!.cluster!(cluster)));
  }
});
