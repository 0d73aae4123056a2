/** What `sojourn/flask/config` opens by itself: each driver it knows, types that Flask-Session 0.8 has not, and parts. On real servers. */

import { createHash } from "node:crypto";
import { Firestore, Timestamp } from "@google-cloud/firestore";
import pg from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConfigOptions, partsFromConfig, sessionsFromConfig } from "../../../src/flask/config.ts";
import { Browser, type Data } from "../../parts/browser.ts";
import { searchVersion, startSearch } from "../../support/elasticsearch-server.ts";
import {
  datastoreModeEmulator,
  type Emulator,
  firestoreEmulator,
  startEmulator,
  whyNot,
} from "../../support/google-emulators.ts";
import { memcachedProgram, memcachedVersion, noMemcached, startMemcached } from "../../support/memcached-servers.ts";
import { noMongodb, startMongodb } from "../../support/mongodb-servers.ts";
import { noRedis, type RedisServer, redisProgram, redisVersion, startRedis } from "../../support/redis-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../../support/report.ts";
import { request } from "../../support/requests.ts";
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
} from "../../support/sql-servers.ts";

/** Only this package is installed. */
const only = (name: string) => (asked: string) =>
  asked.startsWith(name)
    ? import(asked)
    : Promise.reject(Object.assign(new Error(`Cannot find package '${asked}'`), { code: "ERR_MODULE_NOT_FOUND" }));

/** Writes a session, reads it in another process's place, and ends it; with whatever `setup` creates. */
async function works(keys: Record<string, unknown>, given: ConfigOptions<Data> = {}): Promise<void> {
  const options: ConfigOptions<Data> = { ...given, sessions: { storeTimeout: "30s", ...given.sessions } };
  const [one, two] = [await sessionsFromConfig<Data>(keys, options), await sessionsFromConfig<Data>(keys, options)];
  try {
    const first = await request(one.sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    expect(first.error).toBeUndefined();
    const second = await request(two.sessions, first.cookie, (session) => session.update("n", (n) => Number(n) + 1));
    expect(second.value).toBe(2);
    await request(two.sessions, first.cookie, (session) => session.destroy());
    expect((await request(one.sessions, first.cookie, ({ data }) => ({ ...data }))).value).toEqual({});
  } finally {
    await one.close();
    await two.close();
  }
}

function missing(backend: string, program: unknown, why: string, server: string, clients: string[]): boolean {
  if (!program) return reportMissing(`config: ${backend}`, why);
  reportBackend({ backend: `config: ${backend}`, server, clients, within: `config: ${backend}` });
  return false;
}

const redisClients = ["redis", "ioredis", "iovalkey"];
const withoutRedis = missing("redis", redisProgram, noRedis, redisVersion, redisClients.map(clientVersion));
describe.skipIf(withoutRedis)("config: redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  test.each(redisClients)("through %s", async (name) => {
    await works({ SESSION_TYPE: "redis", SESSION_REDIS: server.url }, { load: only(name) });
    const place = { SESSION_TYPE: "redis", SESSION_REDIS: server.url };
    await works({ ...place, SESSION_KEY_PREFIX: "shop:" }, { load: only(name), records: "native" });
  });

  test("a client that the user passed stays open", async () => {
    const client = await createClient({ url: server.url }).connect();
    await works({ SESSION_TYPE: "redis", SESSION_REDIS: client });
    expect(await client.ping()).toBe("PONG");
    client.destroy();
  });

  test("after close the connections are gone", async () => {
    const { sessions, close } = await sessionsFromConfig<Data>({ SESSION_TYPE: "redis", SESSION_REDIS: server.url });
    await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    const clients = async () =>
      String(await server.ask("CLIENT", "LIST"))
        .trim()
        .split("\n").length;
    const before = await clients();
    await close();
    await close();
    await expect.poll(clients).toBe(before - 1);
  });

  test("a signed part of Flask-Session-Plus is TaggedJSON under its prefix", async () => {
    const parts = [
      { cookie_name: "who", session_type: "redis", session_fields: ["user_id"], client: server.url, use_signer: true },
      { cookie_name: "data", session_fields: "auto" },
    ];
    const { sessions, close } = await partsFromConfig<Data>({ SECRET_KEY: "x", SESSION_CONFIG: parts });
    const browser = new Browser(sessions);
    expect(
      (await browser.visit(({ data }) => Object.assign(data, { user_id: 5, theme: "dark" }))).error,
    ).toBeUndefined();
    expect(browser.cookies.get("who")).toMatch(/^[0-9a-f-]{36}\.[\w-]{27}$/);
    const id = browser.cookies.get("who")!.split(".")[0]!;
    expect(await server.ask("GET", `session${id}`)).toBe('{"user_id":5}');
    await browser.visit((session) => session.destroy());
    expect(await server.ask("EXISTS", `session${id}`)).toBe(0);
    await close();
  });
});

const withoutMemcached = missing("memcached", memcachedProgram, noMemcached, memcachedVersion, [
  "sojourn/stores/memcached/client",
]);
describe.skipIf(withoutMemcached)("config: memcached", () => {
  test("works as a type, and as a part of Flask-Session-Plus", async () => {
    const server = await startMemcached();
    try {
      await works({ SESSION_TYPE: "memcached", SESSION_MEMCACHED: server.address });
      const parts = [{ cookie_name: "who", session_type: "memcache", client: server.address }];
      const { sessions, close } = await partsFromConfig<Data>({ SESSION_CONFIG: parts });
      const browser = new Browser(sessions);
      expect((await browser.visit(({ data }) => Object.assign(data, { a: 1 }))).error).toBeUndefined();
      expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({ a: 1 });
      await close();
    } finally {
      await server.stop();
    }
  });
});

const withoutMongodb = missing("mongodb", !noMongodb, noMongodb ?? "", "MongoDB", [clientVersion("mongodb")]);
describe.skipIf(withoutMongodb)("config: mongodb", () => {
  test("reads native records, and a part of Flask-Session-Plus", async () => {
    const server = await startMongodb();
    try {
      await works({ SESSION_TYPE: "mongodb", SESSION_MONGODB: server.url }, { records: "native" });
      const client = server.url;
      const parts = [{ cookie_name: "who", session_type: "mongodb", client, db: "plus", collection: "web" }];
      const { sessions, close } = await partsFromConfig<Data>({ SESSION_CONFIG: parts });
      const browser = new Browser(sessions);
      expect((await browser.visit(({ data }) => Object.assign(data, { a: 1 }))).error).toBeUndefined();
      expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({ a: 1 });
      await close();
    } finally {
      await server.stop();
    }
  });
});

const sqlClients = ["pg", "postgres"];
const withoutPostgres = missing(
  "postgres",
  postgresProgram,
  noPostgres,
  postgresVersion,
  sqlClients.map(clientVersion),
);
describe.skipIf(withoutPostgres)("config: postgres", () => {
  let server: SqlServer;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = `postgresql://${server.user}@${server.host}:${server.port}/${server.database}`;
  });
  afterAll(() => server?.stop());

  test.each(sqlClients)("SESSION_TYPE=postgresql works through %s, in the time zone of the server", async (name) => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    await pool.query(`ALTER DATABASE "${server.database}" SET timezone = 'America/New_York'`);
    const keys = { SESSION_TYPE: "postgresql", SESSION_POSTGRESQL: url, PERMANENT_SESSION_LIFETIME: 3600 };
    await works(keys, { load: only(name) });
    const { sessions, close } = await sessionsFromConfig<Data>(keys, { load: only(name) });
    await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    await close();
    const { rows } = await pool
      .query("SET timezone = 'America/New_York'; SELECT max(expiry) - localtimestamp AS left FROM flask_sessions")
      .then((all) => (all as unknown as pg.QueryResult[])[1]!);
    expect(rows[0].left).toMatchObject({ minutes: 59 });
    await pool.query("DELETE FROM flask_sessions");
    await pool.end();
  });

  test.each(["sqlalchemy", "peewee"])("SESSION_TYPE=%s works through postgres.js", async (type) => {
    const place = { SESSION_TYPE: type, SESSION_SQLALCHEMY: url, SESSION_DB: url };
    const own = { SESSION_PEEWEE_TABLE: "peewee", SESSION_SQLALCHEMY_TABLE: "alchemy" };
    await works({ ...place, ...own }, { load: only("postgres"), warn: () => {} });
    await works(place, { load: only("postgres"), records: "native", warn: () => {} });
  });

  test("the parts of Peewee's configuration are used", async () => {
    const { host, port, user, database: name } = server;
    const config = { name, host, port, user };
    const keys = { SESSION_TYPE: "peewee", SESSION_DB_CLASS: "PostgresqlDatabase", SESSION_PEEWEE_CONFIG: config };
    await works({ ...keys, SESSION_PEEWEE_TABLE: createHash("md5").update("x").digest("hex").replace(/^\d+/, "t") });
  });
});

const mysqlClients = ["mysql2", "mariadb"];
const withoutMariadb = missing("mariadb", mariadbProgram, noMariadb, mariadbVersion, mysqlClients.map(clientVersion));
describe.skipIf(withoutMariadb)("config: mariadb", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  test.each(mysqlClients)("SESSION_TYPE=sqlalchemy works through %s", async (name) => {
    const { user, host, port, database } = server;
    const url = `mysql+pymysql://${user}@${host}:${port}/${database}?charset=utf8mb4`;
    await works({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: url }, { load: only(name) });
    await works({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: url }, { load: only(name), records: "native" });
  });
});

const why = { firestore: whyNot(firestoreEmulator), datastore: whyNot(datastoreModeEmulator) };
const reported = (name: "firestore" | "datastore"): boolean => {
  const without = why[name];
  if (without) return reportMissing(`config: ${name}`, without, "cannot be had");
  return missing(name, true, "", "Google's emulator", [clientVersion(`@google-cloud/${name}`)]);
};

describe.skipIf(reported("firestore"))("config: firestore", () => {
  test("reads documents of Flask-Session2, native ones, and those of Flask-Session-Plus in a part", async () => {
    await beside(firestoreEmulator, "FIRESTORE_EMULATOR_HOST", async () => {
      await works({ SESSION_TYPE: "firestore" });
      await works({ SESSION_TYPE: "firestore" }, { records: "native" });
      const parts = [{ cookie_name: "who", session_type: "firestore", collection: "plus" }];
      const { sessions, close } = await partsFromConfig<Data>({ SESSION_CONFIG: parts });
      const browser = new Browser(sessions);
      expect((await browser.visit(({ data }) => Object.assign(data, { a: 1 }))).error).toBeUndefined();
      expect((await browser.visit(({ data }) => ({ ...data }))).value).toEqual({ a: 1 });
      await close();
      const firestore = new Firestore();
      const { docs } = await firestore.collection("plus").get();
      await firestore.terminate();
      expect(docs.map((document) => document.data())).toEqual([
        { _permanent: false, _expiration: expect.any(Timestamp), a: 1 },
      ]);
      expect(docs[0]?.id).toMatch(/^session[0-9a-f-]{36}$/);
    });
  });
});

describe.skipIf(reported("datastore"))("config: datastore", () => {
  test("reads entities of Flask-Session2, and native ones", async () => {
    await beside(datastoreModeEmulator, "DATASTORE_EMULATOR_HOST", async () => {
      await works({ SESSION_TYPE: "datastore", GCLOUD_APP_PROJECT_ID: "shop" });
      await works(
        { SESSION_TYPE: "datastore", GCLOUD_APP_PROJECT_ID: "shop", SESSION_KEY_PREFIX: "shop:" },
        { records: "native" },
      );
    });
  });
});

/** Google's clients find an emulator by the environment. */
async function beside(emulator: Emulator, variable: string, program: () => Promise<void>): Promise<void> {
  const { address, stop } = await startEmulator(emulator);
  const before = { ...process.env };
  Object.assign(process.env, { [variable]: address, GOOGLE_CLOUD_PROJECT: "shop" });
  try {
    await program();
  } finally {
    for (const name of [variable, "GOOGLE_CLOUD_PROJECT"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    await stop();
  }
}

const search = searchVersion("elasticsearch");
const withoutSearch =
  "missing" in search
    ? reportMissing("config: elasticsearch", search.missing)
    : missing("elasticsearch", true, "", search.title, [clientVersion("@elastic/elasticsearch")]);
describe.skipIf(withoutSearch)("config: elasticsearch", () => {
  test("reads documents of Flask-Session2, and native ones", { timeout: 120_000 }, async () => {
    const server = await startSearch("elasticsearch");
    try {
      await works({ SESSION_TYPE: "elasticsearch", SESSION_ELASTICSEARCH: server.url });
      await works({ SESSION_TYPE: "elasticsearch", SESSION_ELASTICSEARCH: server.url }, { records: "native" });
    } finally {
      await server.stop();
    }
  });
});
