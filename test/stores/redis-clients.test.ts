/** Which clients the Redis store takes, which it refuses, and what their own options do to it. */

import { Cluster, Redis } from "ioredis";
import { createClient, createSentinel, RESP_TYPES } from "redis";
import { createClient as createClient4 } from "redis4";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StoreRecord } from "../../src/core/contracts/store.ts";
import { type RedisClient, redisStore } from "../../src/stores/redis.ts";
import { clientPackages, type OpenClient } from "../support/redis-clients.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisGroup, type RedisServer, startCluster, startRedis } from "../support/redis-servers.ts";

const missing = redisIsMissing("redis", ["redis", "ioredis"]);
const record = (payload: string | Uint8Array, subject?: string): StoreRecord => {
  return { payload, expiresAt: Date.now() + 600_000, subject };
};

describe("a client of the wrong shape", () => {
  const refused: [string, unknown, string][] = [
    ["nothing", undefined, "received undefined"],
    ["null", null, "received null"],
    ["a URL", "redis://user:secret@localhost", "received a string of 29 characters"],
    ["an object without methods", {}, "received an object"],
    ["a Map", new Map(), "received an instance of Map"],
    ["the callback client of node-redis 3", { sendCommand() {}, send_command() {} }, "received an object"],
    ["the legacy face of a client", createClient().legacy(), "received an instance of RedisLegacyClient"],
    ["a client in legacy mode", createClient4({ legacyMode: true }), "received one with legacyMode: true"],
    [
      "a cluster that reads from replicas",
      lazyCluster({ scaleReads: "slave" }),
      'received one with scaleReads: "slave"',
    ],
  ];

  test.each(refused)("is a TypeError at construction: %s", (_title, client, says) => {
    const construct = (): unknown => redisStore({ client: client as RedisClient });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(/^client must be /);
    expect(construct).toThrow(says);
  });

  test("is not quoted in the error", () => {
    expect(() => redisStore({ client: "redis://user:secret@localhost" as unknown as RedisClient })).not.toThrow(
      /secret/,
    );
  });

  test("is a compile error too", () => {
    // @ts-expect-error A URL is no client.
    expect(() => redisStore({ client: "redis://localhost" })).toThrow(TypeError);
    // @ts-expect-error Nor is an object without methods.
    expect(() => redisStore({ client: {} })).toThrow(TypeError);
  });

  test("from a function rejects with the same TypeError when the store is first used, and the next use calls it again", async () => {
    let asked = 0;
    const store = redisStore({
      client: () => {
        asked += 1;
        return {} as RedisClient;
      },
    });
    expect(asked).toBe(0);
    await expect(store.read("k")).rejects.toThrow(/^client must be .* received an object$/);
    await expect(store.read("k")).rejects.toThrow(TypeError);
    expect(asked).toBe(2);
  });

  test.each([
    [{ prefix: 7 }, /^prefix must be a string; received 7$/],
    [{ now: 7 }, /^now must be a function that returns epoch milliseconds; received 7$/],
  ])("another wrong option is a TypeError as well: %o", (options, says) => {
    const construct = (): unknown => redisStore({ client: createClient(), ...(options as object) });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(says);
  });
});

describe("capabilities", () => {
  const claims = (client: Parameters<typeof redisStore>[0]["client"], prefix = "sojourn:"): [boolean, boolean] => {
    const store = redisStore({ client, prefix });
    expect(store.list !== undefined).toBe(store.capabilities.list);
    return [store.capabilities.atomicRename, store.capabilities.list];
  };
  const command = async (): Promise<null> => null;

  test("depend on the client: rename is atomic where one script reaches both keys", () => {
    expect(claims(createClient())).toEqual([true, true]);
    expect(claims(createSentinel({ name: "x", sentinelRootNodes: [] }))).toEqual([true, true]);
    expect(claims({ command })).toEqual([true, true]);
    expect(claims(lazyCluster({}))).toEqual([false, true]);
    expect(claims({ command, cluster: true })).toEqual([false, false]);
  });

  test("of a client not yet known are the least", () => {
    expect(claims(() => createClient())).toEqual([false, true]);
  });

  test("of a cluster client that does not name its servers: listing is an error that says so", async () => {
    const store = redisStore({ client: () => ({ command, cluster: true }) });
    await store.read("k");
    expect(store.capabilities.list).toBe(false);
    await expect(collect(store.list!())).rejects.toMatchObject({ code: "ERR_SESSION_NOT_SUPPORTED" });
  });

  test("on a cluster: rename is atomic where the prefix keeps all keys in one slot", () => {
    expect(claims(lazyCluster({}), "{sessions}:")).toEqual([true, true]);
    expect(claims(lazyCluster({ keyPrefix: "{app}" }))).toEqual([true, true]);
    for (const prefix of ["{}:", "}{:", "{", "a{}b{c}:"])
      expect(claims(lazyCluster({}), prefix)).toEqual([false, true]);
  });
});

describe.skipIf(missing)("the Redis store through", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    await server.ask("FLUSHALL");
  });
  afterAll(() => server?.stop());

  /** Every method once, with replies of every kind. */
  async function works(
    client: RedisClient | (() => RedisClient | Promise<RedisClient>),
    prefix?: string,
  ): Promise<void> {
    const store = redisStore({ client, prefix });
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const created = await store.create("a", record(bytes, "ada"));
    expect(await store.create("a", record("taken"))).toBeNull();
    expect(await store.create("past", { payload: "", expiresAt: Date.now() - 1 })).not.toBeNull();
    const found = await store.read("a");
    expect(found).toMatchObject({ payload: bytes, subject: "ada", version: created });
    const updated = await store.update("a", record("grüße 🎈", "ada"), created!);
    expect(await store.update("a", record("lost"), created!)).toBeNull();
    expect(await store.touch("a", Date.now() + 700_000, "ada")).toBe(true);
    expect(await store.touch("b", Date.now() + 700_000)).toBe(false);
    expect(await store.rename("a", "b", record("moved", "ada"), updated!)).not.toBeNull();
    expect(await store.create("c", record("other"))).not.toBeNull();
    expect((await collect(store.listBySubject!("ada"))).map((row) => [row.key, row.payload])).toEqual([["b", "moved"]]);
    expect((await collect(store.list!())).map((row) => row.key).sort()).toEqual(["b", "c"]);
    await store.delete("b", "ada");
    await store.delete("c");
    expect(await collect(store.list!())).toEqual([]);
    expect(await server.ask("DBSIZE")).toBe(0);
  }

  async function during(opened: OpenClient, work: (client: RedisClient) => Promise<void>): Promise<void> {
    try {
      await work(opened.client);
    } finally {
      await opened.close();
    }
  }

  test("a function that returns a client, or a promise of one, called once", async () => {
    await during(await clientPackages.redis!.single(server), async (client) => {
      let asked = 0;
      const ask = (): RedisClient => {
        asked += 1;
        return client;
      };
      const store = redisStore({ client: async () => ask() });
      await Promise.all([store.read("a"), store.read("b"), store.read("c")]);
      expect(asked).toBe(1);
      expect(store.capabilities.atomicRename).toBe(true);
      await works(ask);
      await works(async () => ask());
    });
  });

  test("any object with a command method, here over node-redis with replies as bytes", async () => {
    await during(await clientPackages.redis!.single(server), async (client) => {
      const node = client as ReturnType<typeof createClient>;
      await works({
        command: (_key, args) =>
          node.sendCommand(args.map((arg) => (typeof arg === "string" ? arg : Buffer.from(arg)))),
      });
    });
  });

  test("node-redis configured to give bytes for strings and text for numbers", async () => {
    await during(await clientPackages.redis!.single(server), async (client) => {
      const types = {
        [RESP_TYPES.BLOB_STRING]: Buffer,
        [RESP_TYPES.NUMBER]: String,
        [RESP_TYPES.SIMPLE_STRING]: Buffer,
      };
      await works((client as ReturnType<typeof createClient>).withTypeMapping(types) as RedisClient);
    });
  });

  test("node-redis over RESP2", async () => {
    const client = await createClient({ url: server.url, RESP: 2 }).connect();
    await during({ client, close: () => client.destroy() }, works);
  });

  test.each([
    ["stringNumbers", { stringNumbers: true }],
    ["enableAutoPipelining", { enableAutoPipelining: true }],
    ["keyPrefix", { keyPrefix: "app:" }],
    ["showFriendlyErrorStack", { showFriendlyErrorStack: true }],
  ])("ioredis with %s", async (_title, options) => {
    const client = new Redis({ host: server.host, port: server.port, ...options });
    await during({ client, close: () => client.disconnect() }, works);
  });

  test("ioredis with a keyPrefix keeps everything under it", async () => {
    const client = new Redis({ host: server.host, port: server.port, keyPrefix: "app[1]:" });
    await during({ client, close: () => client.disconnect() }, async () => {
      const store = redisStore({ client });
      await store.create("k", record("1", "ada"));
      const names = (await server.ask("KEYS", "*")) as string[];
      expect(names.sort()).toEqual(["app[1]:sojourn:k", "app[1]:sojourn:subject ada"]);
      const value = String(await server.ask("GET", "app[1]:sojourn:k"));
      for (const other of ["app1:sojourn:k2", "sojourn:k3"]) await server.ask("SET", other, value);
      expect((await collect(store.list!())).map((row) => row.key)).toEqual(["k"]);
    });
  });

  describe("a cluster", () => {
    let cluster: RedisGroup;
    beforeAll(async () => {
      cluster = await startCluster();
    });
    afterAll(() => cluster?.stop());

    test.each([
      ["ioredis with enableAutoPipelining", { enableAutoPipelining: true }, "a:"],
      ["ioredis with keyPrefix", { keyPrefix: "app:" }, "b:"],
      ["ioredis that connects when first used", { lazyConnect: true }, "c:"],
      ["ioredis and a prefix with a hash tag", {}, "{d}:"],
    ])("%s", async (_title, options, prefix) => {
      const nodes = cluster.servers.map(({ host, port }) => ({ host, port }));
      const client = new Cluster(nodes, { ...options, redisOptions: {} });
      await during({ client, close: () => client.disconnect() }, () => works(client, prefix));
    });

    test("node-redis and a prefix with a hash tag", async () => {
      await during(await clientPackages.redis!.cluster!(cluster), (client) => works(client, "{e}:"));
    });

    test("lists records although the client has never been used", async () => {
      await during(await clientPackages.redis!.cluster!(cluster), async (client) => {
        const store = redisStore({ client, prefix: "f:" });
        for (let n = 0; n < 50; n++) await store.create(`k${n}`, record("1"));
      });
      const nodes = cluster.servers.map(({ host, port }) => ({ host, port }));
      const client = new Cluster(nodes, { lazyConnect: true });
      await during({ client, close: () => client.disconnect() }, async () => {
        expect(await collect(redisStore({ client, prefix: "f:" }).list!())).toHaveLength(50);
      });
    });
  });
});

function lazyCluster(options: object): Cluster {
  return new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true, ...options });
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
