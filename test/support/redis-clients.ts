/** Every Redis client the store works with, opened against a server of the tests. */

import { Redis as IoRedis, Cluster as IoRedisCluster } from "ioredis";
import { Redis as IoRedis5, Cluster as IoRedis5Cluster } from "ioredis5";
import { Redis as IoValkey, Cluster as IoValkeyCluster } from "iovalkey";
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import { createClient as createClient4, createCluster as createCluster4 } from "redis4";
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import type { Store } from "../../src/core/store.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import type { StoreHarness } from "../../src/testing/index.ts";
import {
  noRedis,
  type RedisGroup,
  type RedisSentinels,
  type RedisServer,
  redisProgram,
  redisVersion,
} from "./redis-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "./report.ts";

/** A client that is connected, and how to be rid of it. */
export interface OpenClient {
  readonly client: RedisClient;
  close(): void | Promise<void>;
}

/** How one client package reaches what. */
export interface ClientPackage {
  /** `"ioredis 6.0.0"` */
  readonly version: string;
  single(server: RedisServer): Promise<OpenClient>;
  cluster?(cluster: RedisGroup): Promise<OpenClient>;
  sentinel?(sentinels: RedisSentinels): Promise<OpenClient>;
}

const addresses = (cluster: RedisGroup): { host: string; port: number }[] =>
  cluster.servers.map(({ host, port }) => ({ host, port }));
const nodes = (cluster: RedisGroup): { url: string }[] => cluster.servers.map(({ url }) => ({ url }));

interface Connectable {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
}

/** The tests look at what commands answer; what a client does about a lost connection is its own affair. */
async function connected<C extends Connectable>(client: C): Promise<C> {
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** The packages by the name they are installed under. */
export const clientPackages: Readonly<Record<string, ClientPackage>> = {
  redis: {
    version: clientVersion("redis"),
    async single({ url }) {
      const client = await connected(createClient({ url }));
      return { client, close: () => client.destroy() };
    },
    async cluster(cluster) {
      const client = await connected(createCluster({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.destroy() };
    },
    async sentinel({ name, sentinels }) {
      const client = await connected(createSentinel({ name, sentinelRootNodes: [...sentinels] }));
      return { client, close: () => client.destroy() };
    },
  },
  redis5: {
    version: clientVersion("redis5"),
    async single({ url }) {
      const client = await connected(createClient5({ url }));
      return { client, close: () => client.destroy() };
    },
    async cluster(cluster) {
      const client = await connected(createCluster5({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.destroy() };
    },
    async sentinel({ name, sentinels }) {
      const client = await connected(createSentinel5({ name, sentinelRootNodes: [...sentinels] }));
      return { client, close: () => client.destroy() };
    },
  },
  redis4: {
    version: clientVersion("redis4"),
    async single({ url }) {
      const client = await connected(createClient4({ url }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const client = await connected(createCluster4({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.disconnect() };
    },
  },
  ioredis: {
    version: clientVersion("ioredis"),
    async single({ host, port }) {
      const client = await connected(new IoRedis({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const client = await connected(new IoRedisCluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async sentinel({ name, sentinels }) {
      const client = await connected(new IoRedis({ name, sentinels: [...sentinels], lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
  ioredis5: {
    version: clientVersion("ioredis5"),
    async single({ host, port }) {
      const client = await connected(new IoRedis5({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const client = await connected(new IoRedis5Cluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
  iovalkey: {
    version: clientVersion("iovalkey"),
    async single({ host, port }) {
      const client = await connected(new IoValkey({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const client = await connected(new IoValkeyCluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
};

/** Reports what the calling test file runs against. True when there is nothing to run against. */
export function redisIsMissing(backend: string, packages: readonly string[]): boolean {
  if (!redisProgram) return reportMissing(backend, noRedis);
  reportBackend({ backend, server: redisVersion, clients: packages.map((name) => clientPackages[name]!.version) });
  return false;
}

/** A pool of node-redis. */
export async function openPool({ url }: RedisServer): Promise<OpenClient> {
  const client = await connected(createClientPool({ url }));
  return { client, close: () => client.destroy() };
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
