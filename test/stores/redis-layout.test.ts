/** The Redis store over values of another program: the whole suite, through every client, and what is on the server. */

import { createClient } from "redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { flaskRedis } from "../../src/flask/layouts/redis.ts";
import { type RedisClient, type RedisLayout, redisStore } from "../../src/stores/redis.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { clientPackages, type OpenClient, openPool } from "../support/redis-clients.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisGroup, type RedisServer, startCluster, startRedis } from "../support/redis-servers.ts";
import { describeCases, describeStore } from "../support/store-tests.ts";

const missing = redisIsMissing("redis", Object.keys(clientPackages));
const keyless = { ...flaskRedis(), keyPrefix: "" };

function harness(name: string, connect: () => Promise<OpenClient>, sample: RedisClient = createClient()): StoreHarness {
  const opened = new Map<unknown, OpenClient>();
  return {
    name,
    sample: withFormat(redisStore({ client: sample, layout: keyless })),
    async open({ space, now }) {
      const one = await connect();
      const store = withFormat(redisStore({ client: one.client, prefix: `${space}:`, layout: keyless, now }));
      opened.set(store, one);
      return store;
    },
    async close(store) {
      await opened.get(store)?.close();
    },
  };
}

describe.skipIf(missing)("the layout of Flask-Session in Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  for (const name of ["redis", "ioredis"]) describeStore(harness(name, () => clientPackages[name]!.single(server)));

  const groups = ["read", "create", "update", "touch", "payload"];
  const ways = ["redis5", "redis4", "ioredis5", "iovalkey"].map((name) =>
    harness(name, () => clientPackages[name]!.single(server)),
  );
  ways.push(harness("a pool of node-redis", () => openPool(server)));
  for (const way of ways) {
    describeCases(
      way.name,
      storeConformance(way).filter((one) => groups.includes(one.group)),
    );
  }

  describe("on the server", () => {
    beforeEach(async () => {
      await server.ask("FLUSHALL");
    });
    const payload = Uint8Array.of(0x82, 0xff, 0x00, 0xc3);
    const at = (left: number): number => Date.now() + left;

    test.each(Object.keys(clientPackages))("a value is the payload alone, through %s", async (name) => {
      const { client, close } = await clientPackages[name]!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      await store.create("session:a", { payload, expiresAt: at(60_000) });
      expect(await server.ask("STRLEN", "session:a")).toBe(payload.length);
      expect(await server.ask("BITCOUNT", "session:a")).toBe(2 + 8 + 0 + 4);
      const found = await store.read("session:a");
      expect(found?.payload).toEqual(payload);
      const left = Number(await server.ask("PTTL", "session:a"));
      expect(left).toBeGreaterThan(50_000);
      expect(left).toBeLessThanOrEqual(60_000);
      await close();
    });

    test("a value of another program is read with its lifetime, and its next write is a conflict for us", async () => {
      const { client, close } = await clientPackages.redis!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      await server.ask("SET", "session:a", "theirs", "EX", "100");
      const found = await store.read("session:a");
      expect(found?.payload).toEqual(new TextEncoder().encode("theirs"));
      expect(Math.abs(found!.expiresAt - at(100_000))).toBeLessThan(5000);
      await server.ask("SET", "session:a", "theirs, later", "EX", "100");
      expect(await store.update("session:a", { payload, expiresAt: at(60_000) }, found!.version)).toBeNull();
      expect(
        await store.rename("session:a", "session:b", { payload, expiresAt: at(60_000) }, found!.version),
      ).toBeNull();
      expect(await server.ask("GET", "session:a")).toBe("theirs, later");
      expect(await server.ask("EXISTS", "session:b")).toBe(0);
      await close();
    });

    test("another program that only extends a session, with the same value, causes no conflict", async () => {
      const { client, close } = await clientPackages.redis!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      await server.ask("SET", "session:a", "theirs", "EX", "100");
      const found = await store.read("session:a");
      await server.ask("SET", "session:a", "theirs", "EX", "200");
      expect(await store.update("session:a", { payload, expiresAt: at(60_000) }, found!.version)).not.toBeNull();
      await close();
    });

    test("of two writers of the same value, one is known to have written it", async () => {
      const { client, close } = await clientPackages.redis!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      const first = await store.create("session:a", { payload: Uint8Array.of(1), expiresAt: at(60_000) });
      const next = { payload: Uint8Array.of(2), expiresAt: at(60_000) };
      const both = await Promise.all([1, 2].map(() => store.update("session:a", next, first!)));
      expect(both.filter((version) => version !== null)).toHaveLength(1);
      await close();
    });

    test("a value without an expiry is a session that does not expire by itself", async () => {
      const { client, close } = await clientPackages.ioredis!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      await server.ask("SET", "session:a", "theirs");
      expect((await store.read("session:a"))?.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
      expect(await store.touch("session:a", at(60_000))).toBe(true);
      expect(await server.ask("TTL", "session:a")).toBe(-1);
      await close();
    });

    test("a listing finds the sessions of the prefix, and nothing else in the database", async () => {
      const { client, close } = await clientPackages.redis!.single(server);
      const store = redisStore({ client, layout: flaskRedis() });
      for (const key of ["session:a", "session:b", "other:c"]) await server.ask("SET", key, key, "EX", "100");
      await server.ask("HSET", "session:h", "a", "b");
      const keys: string[] = [];
      for await (const { key } of store.list!()) keys.push(key);
      expect(keys.sort()).toEqual(["session:a", "session:b"]);
      await close();
    });

    test("a layout with a mark and of text, as other programs have them, works", async () => {
      const { client, close } = await clientPackages.redis!.single(server);
      const layout: RedisLayout = { name: "marked", keyPrefix: "", payload: "text", mark: "!" };
      const store = redisStore({ client, layout });
      await store.create("a", { payload: "täxt", expiresAt: at(60_000) });
      expect(await server.ask("GET", "a")).toBe("!täxt");
      expect((await store.read("a"))?.payload).toBe("täxt");
      await server.ask("SET", "b", "no mark", "EX", "100");
      expect(await store.read("b")).toBeNull();
      await close();
    });
  });
});

describe.skipIf(missing)("the layout of Flask-Session in a Redis Cluster", () => {
  let cluster: RedisGroup;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  const groups = ["update", "rename", "version", "list"];
  for (const name of ["redis", "ioredis"]) {
    const way = harness(name, () => clientPackages[name]!.cluster!(cluster));
    const sample = withFormat(redisStore({ client: { command: async () => null, cluster: true }, layout: keyless }));
    describeCases(
      way.name,
      storeConformance({ ...way, sample: { ...sample, list: way.sample.list! } }).filter((one) =>
        groups.includes(one.group),
      ),
    );
  }
});

describe("a layout", () => {
  test.each([7, null, "flask", {}, { ...flaskRedis(), payload: "json" }])(
    "of the wrong type is a TypeError: %o",
    (layout) => {
      const construct = (): unknown => redisStore({ client: createClient(), layout: layout as RedisLayout });
      expect(construct).toThrow(TypeError);
      expect(construct).toThrow(/^layout must be a layout such as flaskRedis\(\); received /);
    },
  );

  test("has a prefix for its keys, which is text", () => {
    expect(flaskRedis({ keyPrefix: "app:" })).toEqual({ name: "flask-session", keyPrefix: "app:", payload: "bytes" });
    expect(() => flaskRedis({ keyPrefix: 7 as unknown as string })).toThrow("keyPrefix must be a text; received 7");
  });

  test("needs a client that returns bytes", async () => {
    const client = { command: async () => ["text", 1000] };
    const store = redisStore({ client, layout: flaskRedis() });
    await expect(store.read("session:a")).rejects.toThrow("client must answer bytes for values");
  });

  test("cannot list by subject, and says so", () => {
    const store = redisStore({ client: createClient(), layout: flaskRedis() });
    expect(store.capabilities.bySubject).toBe(false);
    expect(store.listBySubject).toBeUndefined();
  });
});
