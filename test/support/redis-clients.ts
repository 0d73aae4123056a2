/** Every Redis client the store works with, opened against a server of the tests. Each is loaded when it is asked for. */

import type { RedisClient } from "../../src/stores/redis.ts";

/** Where a server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** Where the servers of a cluster are. */
export interface Addresses {
  readonly servers: readonly Address[];
}

/** Where Sentinels are, and what they call the master. */
export interface Watched {
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
}

/** A client that is connected, and how to be rid of it. */
export interface OpenClient {
  readonly client: RedisClient;
  close(): void | Promise<void>;
}

/** How one client package reaches what. */
export interface ClientPackage {
  single(server: Address): Promise<OpenClient>;
  cluster?(cluster: Addresses): Promise<OpenClient>;
  sentinel?(sentinels: Watched): Promise<OpenClient>;
}

const addresses = (cluster: Addresses): { host: string; port: number }[] =>
  cluster.servers.map(({ host, port }) => ({ host, port }));
const nodes = (cluster: Addresses): { url: string }[] => cluster.servers.map(({ url }) => ({ url }));

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
    async single({ url }) {
      const { createClient } = await import("redis");
      const client = await connected(createClient({ url }));
      return { client, close: () => client.destroy() };
    },
    async cluster(cluster) {
      const { createCluster } = await import("redis");
      const client = await connected(createCluster({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.destroy() };
    },
    async sentinel({ name, sentinels }) {
      const { createSentinel } = await import("redis");
      const client = await connected(createSentinel({ name, sentinelRootNodes: [...sentinels] }));
      return { client, close: () => client.destroy() };
    },
  },
  redis5: {
    async single({ url }) {
      const { createClient } = await import("redis5");
      const client = await connected(createClient({ url }));
      return { client, close: () => client.destroy() };
    },
    async cluster(cluster) {
      const { createCluster } = await import("redis5");
      const client = await connected(createCluster({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.destroy() };
    },
    async sentinel({ name, sentinels }) {
      const { createSentinel } = await import("redis5");
      const client = await connected(createSentinel({ name, sentinelRootNodes: [...sentinels] }));
      return { client, close: () => client.destroy() };
    },
  },
  redis4: {
    async single({ url }) {
      const { createClient } = await import("redis4");
      const client = await connected(createClient({ url }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const { createCluster } = await import("redis4");
      const client = await connected(createCluster({ rootNodes: nodes(cluster) }));
      return { client, close: () => client.disconnect() };
    },
  },
  ioredis: {
    async single({ host, port }) {
      const { Redis } = await import("ioredis");
      const client = await connected(new Redis({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const { Cluster } = await import("ioredis");
      const client = await connected(new Cluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async sentinel({ name, sentinels }) {
      const { Redis } = await import("ioredis");
      const client = await connected(new Redis({ name, sentinels: [...sentinels], lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
  ioredis5: {
    async single({ host, port }) {
      const { Redis } = await import("ioredis5");
      const client = await connected(new Redis({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const { Cluster } = await import("ioredis5");
      const client = await connected(new Cluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
  iovalkey: {
    async single({ host, port }) {
      const { Redis } = await import("iovalkey");
      const client = await connected(new Redis({ host, port, lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
    async cluster(cluster) {
      const { Cluster } = await import("iovalkey");
      const client = await connected(new Cluster(addresses(cluster), { lazyConnect: true }));
      return { client, close: () => client.disconnect() };
    },
  },
};

/** A pool of node-redis. */
export async function openPool({ url }: Address): Promise<OpenClient> {
  const { createClientPool } = await import("redis");
  const client = await connected(createClientPool({ url }));
  return { client, close: () => client.destroy() };
}
