/** What `sojourn doctor` says of real servers: set up well, without rights, and set up wrong in each way it knows. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { MongoClient } from "mongodb";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diagnose } from "../../src/cli/doctor.ts";
import type { Finding, Store } from "../../src/core/contracts/store.ts";
import { cachedStore } from "../../src/stores/cached.ts";
import { dynamodbStore } from "../../src/stores/dynamodb.ts";
import { elasticsearchStore } from "../../src/stores/elasticsearch.ts";
import { fileStore } from "../../src/stores/file.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { mongodbStore } from "../../src/stores/mongodb.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { sqlStore } from "../../src/stores/sql.ts";
import { dynamodbIsMissing } from "../support/dynamodb-harness.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb-server.ts";
import { openClient, packagesFor, searchIsMissing } from "../support/elasticsearch-clients.ts";
import { type SearchServer, startSearch } from "../support/elasticsearch-server.ts";
import { type MongodbServer, noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis, until } from "../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import {
  mariadbProgram,
  mariadbVersion,
  noMariadb,
  noPostgres,
  postgresProgram,
  postgresVersion,
  type SqlServer,
  startMariadb,
  startPostgres,
} from "../support/sql-servers.ts";

const minutes = 60_000;

/** What it says, by what it is about; and never a password. */
async function doctor(store: Store): Promise<Map<string, Finding>> {
  const findings = await diagnose(store, true);
  expect(JSON.stringify(findings)).not.toContain("s3cret");
  return new Map(findings.map((one) => [one.about, one]));
}

/** What is not good, as `state about`. That a busy machine is slow is no finding of these tests. */
function wrong(findings: ReadonlyMap<string, Finding>): string[] {
  const told = [...findings.values()].filter(({ state }) => state !== "good");
  return told.map(({ state, about }) => `${state} ${about}`).filter((one) => one !== "note reachable");
}

/** Every fault and every note says what to do. */
function expectCures(findings: ReadonlyMap<string, Finding>): void {
  for (const { state, cure } of findings.values())
    if (state === "fault" || state === "note") expect(cure).toMatch(/\w{3}/);
}

describe("doctor", () => {
  test("says why a store does not answer, and what to do, and no more", async () => {
    const client = createClient({ url: "redis://:s3cret@127.0.0.1:1", disableOfflineQueue: true });
    client.on("error", () => {});
    const findings = await doctor(redisStore({ client: client as never }));
    expect(wrong(findings)).toEqual(["fault reachable"]);
    expectCures(findings);
  });

  test("finds no fault with memory, and looks through a cache", async () => {
    expect(wrong(await doctor(memoryStore()))).toEqual([]);
    const directory = mkdtempSync(join(tmpdir(), "sojourn-doctor-"));
    try {
      const findings = await doctor(cachedStore(fileStore({ directory: join(directory, "sessions") })));
      expect(findings.get("file system")).toMatchObject({ state: "good" });
      expect(findings.has("disk space")).toBe(true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("names a missing table of SQLite, an index, and expired sessions that wait", async () => {
    const db = new DatabaseSync(":memory:");
    const store = sqlStore({ client: db, table: "web" });
    const absent = await doctor(store);
    expect(wrong(absent)).toEqual(["fault reachable", "fault table"]);
    expect(absent.get("table")?.cure).toContain("sojourn setup");
    await store.setup?.();
    expect(wrong(await doctor(store))).toEqual([]);
    db.exec("DROP INDEX web_expires_at");
    db.exec(`INSERT INTO web WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 10001)
      SELECT 'k' || i, x'00', 0, 1, NULL, i FROM n`);
    const findings = await doctor(store);
    expect(wrong(findings)).toEqual(["note index on expires_at", "note ended sessions"]);
    expect(findings.get("index on expires_at")?.cure).toContain('CREATE INDEX IF NOT EXISTS "web_expires_at"');
    db.exec("PRAGMA query_only = 1");
    expect(wrong(await doctor(store))).toEqual(expect.arrayContaining(["fault may create", "fault role"]));
    db.close();
  });
});

describe.skipIf(redisIsMissing("doctor over redis", ["redis"]))("doctor over Redis", () => {
  let server: RedisServer;
  const clients: { destroy(): void }[] = [];
  const storeOf = async (options: object = {}, now?: () => number): Promise<Store> => {
    const client = createClient({ url: server.url, ...options });
    client.on("error", () => {});
    clients.push(client);
    await client.connect();
    return redisStore({ client: client as never, now });
  };
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await server?.stop();
  });

  test("finds no fault except the missing append-only file", async () => {
    const findings = await doctor(await storeOf());
    expect(wrong(findings)).toEqual(["note persistence"]);
    expect(findings.get("version")?.found).toMatch(/^(Redis|Valkey) \d/);
    expectCures(findings);
    expect(await server.ask("DBSIZE")).toBe(0);
  });

  test("calls an eviction policy that logs users out a fault, and full memory", async () => {
    await server.ask("CONFIG", "SET", "maxmemory", "512mb", "maxmemory-policy", "allkeys-lru");
    const findings = await doctor(await storeOf());
    expect(wrong(findings)).toEqual(["fault eviction policy", "note persistence"]);
    expect(findings.get("eviction policy")?.cure).toBe("CONFIG SET maxmemory-policy noeviction");
    await server.ask("CONFIG", "SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction");
    expect(wrong(await doctor(await storeOf()))).toEqual(expect.arrayContaining(["fault memory", "fault may create"]));
    await server.ask("CONFIG", "SET", "maxmemory", "0");
  });

  test("names the rights an account lacks, and what it cannot check", async () => {
    const rights =
      "+get +set +del +exists +mget +evalsha +eval +getrange +setrange +pttl +pexpire +pexpireat +zadd +zrem +zrange +zremrangebyscore +time";
    await server.ask("ACL", "SETUSER", "app", "on", ">s3cret", "~sojourn:*", ...rights.split(" "));
    const app = await doctor(await storeOf({ username: "app", password: "s3cret" }));
    expect(wrong(app)).toEqual(["note may list", "note may count", "unknown version, role, eviction"]);
    expectCures(app);
    await server.ask("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+get", "+info", "+time");
    expect(wrong(await doctor(await storeOf({ username: "reader", password: "s3cret" })))).toEqual(
      expect.arrayContaining(["fault may create", "fault may find by subject"]),
    );
  });

  test("reports a replica, and a clock that is five minutes off", async () => {
    const replica = await startRedis();
    try {
      await replica.ask("REPLICAOF", server.host, String(server.port));
      const client = createClient({ url: replica.url });
      clients.push(client);
      await client.connect();
      await until("the replica", async () =>
        String(await replica.ask("INFO", "replication")).includes("master_link_status:up"),
      );
      const findings = await doctor(redisStore({ client: client as never }));
      expect(wrong(findings)).toEqual(expect.arrayContaining(["fault may create", "fault role"]));
      client.destroy();
    } finally {
      await replica.stop();
    }
    const late = await doctor(await storeOf({}, () => Date.now() - 5 * minutes));
    expect(late.get("clock")).toMatchObject({ state: "fault", found: expect.stringMatching(/^(29\d|300) s ahead of/) });
    const early = await doctor(await storeOf({}, () => Date.now() + 5 * minutes));
    expect(early.get("clock")).toMatchObject({ state: "fault", found: expect.stringMatching(/^(29\d|300) s behind/) });
  });
});

describe.skipIf(!postgresProgram && reportMissing("doctor over PostgreSQL", noPostgres))(
  "doctor over PostgreSQL",
  () => {
    let server: SqlServer;
    const pools: pg.Pool[] = [];
    const poolOf = (config: pg.PoolConfig = {}): pg.Pool => {
      const { host, port, user, database } = server;
      const pool = new pg.Pool({ host, port, user, database, ...config });
      pools.push(pool);
      return pool;
    };
    beforeAll(async () => {
      server = await startPostgres();
      reportBackend({ backend: "doctor over PostgreSQL", server: postgresVersion });
    });
    afterAll(async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server?.stop();
    });

    test("reports a missing table, a missing index, a role without rights, a read-only session and a clock that is off", async () => {
      const admin = poolOf();
      const options = { table: "web" };
      const store = sqlStore({ client: admin, ...options });
      expect(wrong(await doctor(store))).toEqual(["fault reachable", "fault table"]);
      await store.setup?.();
      expect(wrong(await doctor(store))).toEqual([]);
      await admin.query('DROP INDEX "web_subject"');
      const without = await doctor(store);
      expect(wrong(without)).toEqual(["note index on subject"]);
      expect(without.get("index on subject")?.cure).toContain("CREATE INDEX CONCURRENTLY");

      await admin.query("CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON web TO app");
      expect(wrong(await doctor(sqlStore({ client: poolOf({ user: "app" }), ...options })))).toEqual([
        "note index on subject",
      ]);
      await admin.query("CREATE ROLE reader LOGIN; GRANT SELECT ON web TO reader");
      const reader = await doctor(sqlStore({ client: poolOf({ user: "reader" }), ...options }));
      expect(wrong(reader)).toEqual(expect.arrayContaining(["fault may create", "note index on subject"]));
      expectCures(reader);

      const options2 = "-c default_transaction_read_only=on";
      const readOnly = await doctor(sqlStore({ client: poolOf({ options: options2 }), ...options }));
      expect(wrong(readOnly)).toEqual(expect.arrayContaining(["fault may create", "fault role"]));
      const late = await doctor(sqlStore({ client: admin, ...options, now: () => Date.now() - 5 * minutes }));
      expect(late.get("clock")).toMatchObject({
        state: "fault",
        found: expect.stringContaining("ahead of the clock here"),
      });
    });
  },
);

describe.skipIf(!mariadbProgram && reportMissing("doctor over MariaDB", noMariadb))("doctor over MariaDB", () => {
  let server: SqlServer;
  let pool: mysql.Pool;
  beforeAll(async () => {
    server = await startMariadb();
    const { host, port, user, database } = server;
    pool = mysql.createPool({ host, port, user, database });
    reportBackend({ backend: "doctor over MariaDB", server: mariadbVersion });
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  test("reports a missing table, a missing index and a read-only server", async () => {
    const store = sqlStore({ client: pool, table: "web" });
    expect(wrong(await doctor(store))).toEqual(["fault reachable", "fault table"]);
    await store.setup?.();
    const whole = await doctor(store);
    expect(wrong(whole)).toEqual([]);
    expect(whole.get("version")?.found).toContain("MariaDB");
    await pool.query("DROP INDEX web_expires_at ON web");
    expect(wrong(await doctor(store))).toEqual(["note index on expires_at"]);
    await pool.query("SET GLOBAL read_only = 1");
    expect(wrong(await doctor(store))).toContain("fault role");
    await pool.query("SET GLOBAL read_only = 0");
  });
});

describe.skipIf(noMongodb && reportMissing("doctor over mongodb", noMongodb))("doctor over MongoDB", () => {
  let server: MongodbServer;
  let client: MongoClient;
  beforeAll(async () => {
    server = await startMongodb();
    client = new MongoClient(server.url);
    reportBackend({ backend: "doctor over mongodb", server: server.version });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  test("reports each missing index, and a clock that is off", async () => {
    const collection = client.db(server.database).collection("doctor");
    const store = mongodbStore({ collection: collection as never });
    expect(wrong(await doctor(store))).toEqual([
      "fault may create",
      "fault unique index on key",
      "fault TTL index on expiresAt",
      "note index on subject",
    ]);
    await store.setup();
    await store.create("k", { payload: "x", expiresAt: Date.now() + 10 * minutes });
    expect(wrong(await doctor(store))).toEqual([]);
    await collection.dropIndex("expiresAt_1");
    const findings = await doctor(store);
    expect(wrong(findings)).toEqual(["fault TTL index on expiresAt"]);
    expect(findings.get("TTL index on expiresAt")?.found).toBe("missing: sessions that have ended stay for ever");
    const late = mongodbStore({ collection: collection as never, now: () => Date.now() - 5 * minutes });
    expect((await doctor(late)).get("clock")?.state).toBe("fault");
  });
});

describe.skipIf(dynamodbIsMissing())("doctor over DynamoDB", () => {
  let server: DynamodbServer;
  beforeAll(async () => {
    server = await startDynamodb();
  }, 90_000);
  afterAll(() => server?.stop());

  test("reports a missing table, and one without its time to live", async () => {
    const client = new DynamoDB({
      endpoint: server.endpoint,
      region: "local",
      credentials: { accessKeyId: "x", secretAccessKey: "s3cret" },
    });
    const store = dynamodbStore({ client, table: "doctor" });
    expect(wrong(await doctor(store))).toEqual(["fault reachable"]);
    await store.setup?.();
    expect(wrong(await doctor(store))).toEqual([]);
    await client.updateTimeToLive({
      TableName: "doctor",
      TimeToLiveSpecification: { AttributeName: "ttl", Enabled: false },
    });
    const findings = await doctor(store);
    expect(wrong(findings)).toEqual(["fault time to live"]);
    expectCures(findings);
  });
});

describe.skipIf(searchIsMissing("elasticsearch", "doctor"))("doctor over Elasticsearch", () => {
  let server: SearchServer;
  beforeAll(async () => {
    server = await startSearch("elasticsearch");
  }, 120_000);
  afterAll(() => server?.stop());

  test("reports a missing index, and one that is read-only", async () => {
    const client = openClient(packagesFor("elasticsearch")[0], server.url);
    const store = elasticsearchStore({ client: client as never, index: "doctor" });
    expect(wrong(await doctor(store))).toContain("fault reachable");
    await store.setup?.();
    const whole = await doctor(store);
    // The server of these tests is one node, and its runner does not say its version.
    expect(wrong(whole).filter((one) => !/ (health|version)$/.test(one))).toEqual([]);
    const block = (value: true | null): Promise<unknown> =>
      client.transport.request(
        { method: "PUT", path: "/doctor/_settings", body: { "index.blocks.read_only_allow_delete": value } },
        { ignore: [], meta: true },
      );
    await block(true);
    expect(wrong(await doctor(store))).toEqual(expect.arrayContaining(["fault may create", "fault blocks"]));
    await block(null);
  });
});
