/** One Redis endpoint over many shards, as ElastiCache Serverless is: a plain client, and a server that keeps slots apart. */

import { Redis } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flaskRedis } from "../../src/flask/layouts/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { clientPackages } from "../support/redis-clients.ts";
import { redisHarness, redisIsMissing } from "../support/redis-harness.ts";
import { type RedisGroup, startCluster } from "../support/redis-servers.ts";
import { describeCases } from "../support/store-tests.ts";

const missing = redisIsMissing("redis", ["redis", "ioredis"]);

describe.skipIf(missing)("one endpoint over shards", () => {
  let group: RedisGroup;
  beforeAll(async () => {
    // One node with every slot: it serves them all, and refuses a command with keys of two.
    group = await startCluster(1);
  });
  afterAll(() => group?.stop());

  // What is known in the end: a rename takes two steps. Before, the store says what holds for one server.
  const sample = createCluster({ rootNodes: [] });
  const groups = ["read", "create", "update", "touch", "delete", "rename", "version", "list", "by subject", "race"];
  for (const name of ["redis", "ioredis"]) {
    const harness = redisHarness(name, sample, () => clientPackages[name]!.single(group.servers[0]!));
    describeCases(
      name,
      storeConformance(harness).filter((one) => groups.includes(one.group)),
    );
  }

  test("is detected by the first command with two keys, and shown by capabilities", async () => {
    const { client, close } = await clientPackages.redis!.single(group.servers[0]!);
    const store = redisStore({ client });
    expect(store.capabilities.atomicRename).toBe(true);
    const record = { payload: "x", subject: "ada", expiresAt: Date.now() + 60_000 };
    const version = await store.create("one", record);
    expect(store.capabilities.atomicRename).toBe(false);
    expect(await store.rename("one", "two", record, version!)).not.toBeNull();
    expect(await store.read("one")).toBeNull();
    await close();
  });

  test("keeps a rename in one step where the prefix has a hash tag", async () => {
    const { client, close } = await clientPackages.redis!.single(group.servers[0]!);
    const store = redisStore({ client, prefix: "{sojourn}:" });
    const record = { payload: "x", subject: "ada", expiresAt: Date.now() + 60_000 };
    const version = await store.create("one", record);
    expect(await store.rename("one", "two", record, version!)).not.toBeNull();
    expect(store.capabilities.atomicRename).toBe(true);
    await close();
  });

  test("renames the values of another program in two steps, and only if unchanged", async () => {
    const { client, close } = await clientPackages.redis!.single(group.servers[0]!);
    const store = withFormat(redisStore({ client, layout: flaskRedis() }));
    const record = { payload: "x", expiresAt: Date.now() + 60_000 };
    const first = await store.create("session:one", record);
    const second = await store.update("session:one", { ...record, payload: "y" }, first!);
    expect(await store.rename("session:one", "session:two", record, first!)).toBeNull();
    expect(await store.read("session:two")).toBeNull();
    expect(await store.rename("session:one", "session:two", record, second!)).not.toBeNull();
    expect(await store.read("session:one")).toBeNull();
    expect(await store.read("session:two")).toMatchObject({ payload: "x" });
    await close();
  });
});

describe.skipIf(missing)("a client of one server connected to a cluster of three", () => {
  test("gets an error that names the cluster client", async () => {
    const group = await startCluster(3);
    const { host, port } = group.servers[0]!;
    const client = new Redis({ host, port });
    const store = redisStore({ client });
    const record = { payload: "x", expiresAt: Date.now() + 60_000 };
    const all = await Promise.allSettled(["a", "b", "c", "d", "e", "f"].map((key) => store.create(key, record)));
    const refused = all.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
    expect(refused.length).toBeGreaterThan(0);
    for (const message of refused) expect(message).toMatch(/^Error: Redis answered MOVED: .* Pass a cluster client\.$/);
    await expect(Promise.all(["a", "b", "c", "d", "e", "f"].map((key) => store.read(key)))).rejects.toThrow(
      "Pass a cluster client",
    );
    client.disconnect();
    await group.stop();
  });
});
