/** URLs of databases and Redis: what they say is done, in every driver, or refused by its name when the application starts. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  ioredisOptions,
  mysqlOptions,
  nodeRedisOptions,
  pgOptions,
  postgresOptions,
} from "../../../src/flask/config/connect.ts";
import { redisTarget, type Server, sqlTarget } from "../../../src/flask/config/urls.ts";
import { explainConfig, sessionsFromConfig } from "../../../src/flask/config.ts";
import { noRedis, redisProgram, startRedis } from "../../support/redis-servers.ts";
import { reportMissing } from "../../support/report.ts";
import { request } from "../../support/requests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-urls-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = (name: string): string => {
  writeFileSync(join(directory, name), name);
  return join(directory, name);
};
const [ca, cert] = [file("ca.pem"), file("cert.pem")];
const octets = (name: string): Buffer => Buffer.from(name);

const sql = (url: string): Server => sqlTarget("K", url) as unknown as Server;

describe("a database", () => {
  test("with its own certificate is never reached unencrypted", () => {
    const target = sql(`mysql+pymysql://ada:x@db/web?ssl_ca=${ca}&ssl_cert=${cert}`);
    expect(mysqlOptions(target)).toMatchObject({
      host: "db",
      ssl: {
        ca: octets("ca.pem"),
        cert: octets("cert.pem"),
        key: octets("cert.pem"),
        rejectUnauthorized: true,
        verifyIdentity: true,
      },
    });
    const unnamed = mysqlOptions(sql(`mysql://db/web?ssl_ca=${ca}&ssl_check_hostname=false`)) as { ssl: object };
    expect(unnamed.ssl).toMatchObject({ rejectUnauthorized: true, verifyIdentity: false });
    expect(mysqlOptions(sql("mysql://db/web?ssl_mode=REQUIRED"))).toMatchObject({ ssl: { rejectUnauthorized: false } });
    expect(mysqlOptions(sql("mysql://db/web?ssl=true"))).toMatchObject({ ssl: { verifyIdentity: true } });
    expect(mysqlOptions(sql("mysql://db/web"))).not.toHaveProperty("ssl");
  });

  test.each([
    ["sslmode=require", { rejectUnauthorized: false }],
    [`sslmode=require&sslrootcert=${ca}`, { rejectUnauthorized: true, ca: octets("ca.pem") }],
    [`sslmode=verify-ca&sslrootcert=${ca}`, { rejectUnauthorized: true, checkServerIdentity: expect.any(Function) }],
    ["sslmode=verify-full", { rejectUnauthorized: true, verifyIdentity: true }],
    [`sslrootcert=${ca}`, { rejectUnauthorized: true }],
    ["sslmode=disable", false],
    ["", false],
  ])("PostgreSQL with %s", (query, ssl) => {
    const target = sql(`postgresql+psycopg2://db/web?${query}`);
    for (const options of [pgOptions(target), postgresOptions(target)] as { ssl: unknown }[]) {
      if (ssl === false) expect(options.ssl).toBe(false);
      else expect(options.ssl).toMatchObject(ssl as object);
    }
    const verified = pgOptions(sql("postgresql://db/web?sslmode=verify-full")) as { ssl: object };
    expect(verified.ssl).not.toHaveProperty("checkServerIdentity");
  });

  test("is reached at a socket", () => {
    expect(mysqlOptions(sql("mysql://ada@/web?unix_socket=/run/mysqld/mysqld.sock"))).toEqual({
      ...{ socketPath: "/run/mysqld/mysqld.sock", user: "ada", database: "web" },
    });
    for (const url of [
      "postgresql:///web?host=/run/postgresql&port=5433",
      "postgresql://%2Frun%2Fpostgresql:5433/web",
    ]) {
      expect(pgOptions(sql(url))).toMatchObject({ host: "/run/postgresql", port: 5433, database: "web" });
      expect(postgresOptions(sql(url))).toMatchObject({ path: "/run/postgresql/.s.PGSQL.5433", port: 5433 });
    }
  });

  test.each([
    ["p%ss", "p%ss"],
    ["p%25ss", "p%ss"],
    ["a/b?c#d", "a/b?c#d"],
    ["a:b", "a:b"],
    ["%C3%A9", "é"],
    ["100%", "100%"],
  ])("with the password %s", (written, password) => {
    for (const scheme of ["mysql+pymysql", "postgresql"])
      expect(sql(`${scheme}://ada:${written}@db:1234/web`)).toMatchObject({
        user: "ada",
        password,
        host: "db",
        port: 1234,
      });
  });

  test("is reached with IPv6, a connect timeout, a name and a search path", () => {
    const target = sql("postgresql://[::1]:6000/web?connect_timeout=3&application_name=shop&options=-csearch_path%3Dx");
    expect(pgOptions(target)).toMatchObject({
      ...{
        host: "::1",
        port: 6000,
        connectionTimeoutMillis: 3000,
        application_name: "shop",
        options: "-csearch_path=x",
      },
    });
    expect(postgresOptions(target)).toMatchObject({
      connect_timeout: 3,
      connection: { application_name: "shop", options: "-csearch_path=x" },
    });
  });

  test.each([
    ["sqlite:///app.db", "app.db"],
    ["sqlite:////srv/app.db?check_same_thread=False", "/srv/app.db"],
    ["sqlite://", ":memory:"],
    ["sqlite:///:memory:", ":memory:"],
  ])("%s", (url, path) => {
    expect(sqlTarget("K", url)).toEqual({ dialect: "sqlite", path });
  });

  test.each([
    ["mysql://db/web?sql_mode=ANSI", "sql_mode is not understood"],
    ["mysql://db/web?charset=latin1", 'charset must be "utf8mb4", "utf8mb3" or "utf8"'],
    ["mysql://db/web?ssl_capath=/etc/ssl", "ssl_capath is not understood"],
    ["mysql://db/web?ssl_ca=x&ssl_disabled=true", "ask for TLS and forbid it"],
    ["mysql://db/web?ssl_mode=PREFERRED", "ssl_mode must be"],
    ["mysql://db/web?unix_socket=/s&ssl_ca=x", "has no TLS"],
    ["mysql://db:99999/web", "port must be a number"],
    ["postgresql://db/web?sslmode=prefer", "sslmode must be"],
    ["postgresql://db/web?sslcrl=x", "sslcrl is not understood"],
    ["postgresql://a,b/web", "one host"],
    ["postgresql://db/web?client_encoding=latin1", "client_encoding must be"],
    ["sqlite:///app.db?mode=ro", "mode is not understood"],
    ["sqlite://app.db", "has no host"],
  ])("%s is refused", (url, message) => {
    expect(() => explainConfig({ SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: url })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(new RegExp(`^SQLALCHEMY_DATABASE_URI: .*${message}`)) }),
    );
  });

  test("of Peewee: every argument is used or refused", () => {
    const keys = { SESSION_TYPE: "peewee", SESSION_DB_CLASS: "MySQLDatabase" };
    const config = { name: "web", host: "db", user: "ada", password: "p%/@", charset: "utf8mb4", ssl_ca: ca };
    expect(JSON.stringify(explainConfig({ ...keys, SESSION_PEEWEE_CONFIG: config }))).toContain("db, web");
    expect(() => explainConfig({ ...keys, SESSION_PEEWEE_CONFIG: { ...config, ssl_verify: 1 } })).toThrow(
      "SESSION_PEEWEE_CONFIG: the parameter ssl_verify is not understood",
    );
  });
});

describe("Redis", () => {
  test.each<[string, object, object]>([
    [
      "redis://ada:p%ss@cache:6380/4",
      { username: "ada", password: "p%ss", database: 4, socket: { host: "cache", port: 6380 } },
      { username: "ada", password: "p%ss", db: 4, host: "cache", port: 6380, lazyConnect: true },
    ],
    [
      "redis://cache/1?db=3",
      { database: 3, socket: { host: "cache", port: 6379 } },
      { db: 3, host: "cache", port: 6379, lazyConnect: true },
    ],
    [
      "unix:///run/redis.sock?db=2&password=x",
      { password: "x", database: 2, socket: { path: "/run/redis.sock" } },
      { password: "x", db: 2, path: "/run/redis.sock", lazyConnect: true },
    ],
    [
      "redis://:x@cache?socket_connect_timeout=2",
      { password: "x", database: 0, socket: { host: "cache", port: 6379, connectTimeout: 2000 } },
      { password: "x", db: 0, host: "cache", port: 6379, connectTimeout: 2000, lazyConnect: true },
    ],
  ])("at %s", (url, nodeRedis, ioredis) => {
    const target = redisTarget("K", url);
    expect(nodeRedisOptions(target!)).toEqual(nodeRedis);
    expect(ioredisOptions(target!)).toEqual(ioredis);
  });

  test("is reached with TLS", () => {
    const target = redisTarget("K", `rediss://cache?ssl_ca_certs=${ca}`);
    expect(nodeRedisOptions(target!)).toMatchObject({
      socket: { tls: true, ca: octets("ca.pem"), rejectUnauthorized: true },
    });
    expect(ioredisOptions(target!)).toMatchObject({ tls: { ca: octets("ca.pem"), rejectUnauthorized: true } });
    const unchecked = redisTarget("K", "rediss://cache?ssl_cert_reqs=none");
    expect(ioredisOptions(unchecked!)).toMatchObject({ tls: { rejectUnauthorized: false } });
  });

  test.each([
    ["127.0.0.1:6379", "Write redis://127.0.0.1:6379"],
    ["redis://a:26379,b:26379", "give a client that knows the servers"],
    ["redis+sentinel://a:26379/mymaster", "give a client that knows the servers"],
    ["http://cache", "must be a client, or a URL such as redis://"],
    ["redis://cache?ssl_ca_certs=x", "ssl_ca_certs is not understood"],
    ["redis://cache/shop", "number of a database"],
    ["rediss://cache?ssl_cert_reqs=optional", "ssl_cert_reqs must be"],
    ["redis://cache?decode_responses=True", "decode_responses is not understood"],
  ])("%s is refused when the application starts", (url, message) => {
    for (const keys of [{ SESSION_TYPE: "redis", SESSION_REDIS: url }])
      expect(() => explainConfig(keys)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });

  test.skipIf(!redisProgram && reportMissing("redis", noRedis))(
    "is reached at a socket, with a percent sign in the password, in its own database",
    async () => {
      const socket = join(directory, "redis.sock");
      const server = await startRedis({ config: { unixsocket: socket } });
      await server.ask("CONFIG", "SET", "requirepass", "p%ss");
      const url = `unix://${socket}?db=3&password=p%25ss`;
      const { sessions, close } = await sessionsFromConfig({ SESSION_TYPE: "redis", SESSION_REDIS: url });
      const { error } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
      expect(error).toBeUndefined();
      await close();
      const direct = await sessionsFromConfig({
        SESSION_TYPE: "redis",
        SESSION_REDIS: `redis://:p%ss@127.0.0.1:${server.port}/3`,
      });
      const store = direct.sessions.stores[0]!;
      expect(await Array.fromAsync(store.list!())).toHaveLength(1);
      await direct.close();
      await server.stop();
    },
    60_000,
  );
});

describe("other servers", () => {
  test.each([
    [{ SESSION_TYPE: "memcached", SESSION_MEMCACHED: "a:11211,b:11211" }, 'SESSION_MEMCACHED must be one "host:port"'],
    [{ SESSION_TYPE: "memcached", SESSION_MEMCACHED: "a b" }, "SESSION_MEMCACHED: server must be"],
    [
      { SESSION_TYPE: "mongodb", SESSION_MONGODB: "db:27017" },
      "SESSION_MONGODB must be a client, or a URL such as mongodb",
    ],
    [{ SESSION_TYPE: "elasticsearch", SESSION_ELASTICSEARCH: "db:9200" }, "SESSION_ELASTICSEARCH must be a URL"],
    [
      { SESSION_TYPE: "elasticsearch", SESSION_ELASTICSEARCH_HOST: "http://a,b" },
      "SESSION_ELASTICSEARCH_HOST must be a URL",
    ],
    [{ SESSION_TYPE: "dynamodb", SESSION_DYNAMODB_ENDPOINT: "db:8000" }, "SESSION_DYNAMODB_ENDPOINT must be a URL"],
    [{ SESSION_TYPE: "dynamodb", SESSION_DYNAMODB_KEY_ID: "a" }, "SESSION_DYNAMODB_KEY_ID and SESSION_DYNAMODB_SECRET"],
    [
      { SESSION_TYPE: "firestore", SESSION_FIRESTORE: "http://localhost" },
      "SESSION_FIRESTORE must be a client or the id",
    ],
  ])("%j is refused when the application starts", (keys, message) => {
    expect(() => explainConfig(keys)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }));
  });
});

describe("DynamoDB at an endpoint", () => {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_PROFILE"];
  const before = names.map((name) => process.env[name]);
  const set = (values: readonly (string | undefined)[]): void => {
    for (const [at, name] of names.entries()) {
      if (values[at] === undefined) delete process.env[name];
      else process.env[name] = values[at];
    }
  };
  afterEach(() => set(before));

  /** Who the client is at the endpoint, and in which region. */
  async function client(keys: Record<string, string>): Promise<{ readonly id: string; readonly region: string }> {
    let made: InstanceType<typeof DynamoDB> | undefined;
    const load = async () => ({
      DynamoDB: class extends DynamoDB {
        constructor(...options: ConstructorParameters<typeof DynamoDB>) {
          super(...options);
          made = this;
        }
      },
    });
    const { close } = await sessionsFromConfig({ SESSION_TYPE: "dynamodb", ...keys }, { load, setup: false });
    const { accessKeyId } = await made!.config.credentials();
    const region = await made!.config.region();
    await close();
    return { id: accessKeyId, region };
  }

  test("uses the credentials and the region of the environment", async () => {
    set(["AKIAENVIRONMENT", "secret", "eu-west-3", undefined]);
    const endpoint = { SESSION_DYNAMODB_ENDPOINT: "http://localhost:8000" };
    expect(await client(endpoint)).toEqual({ id: "AKIAENVIRONMENT", region: "eu-west-3" });
    const own = {
      SESSION_DYNAMODB_KEY_ID: "AKIAOWN",
      SESSION_DYNAMODB_SECRET: "s",
      SESSION_DYNAMODB_REGION: "us-west-2",
    };
    expect(await client({ ...endpoint, ...own })).toEqual({ id: "AKIAOWN", region: "us-west-2" });
    set([undefined, undefined, undefined, undefined]);
    expect(await client(endpoint)).toEqual({ id: "dummy", region: "us-east-1" });
  });
});

describe("an error at construction", () => {
  test.each([
    [{ SESSION_COOKIE_DOMAIN: "exa mple" }, "SESSION_COOKIE_DOMAIN"],
    [{ SESSION_COOKIE_NAME: "a b" }, "SESSION_COOKIE_NAME"],
    [{ SESSION_COOKIE_PATH: "no slash" }, "SESSION_COOKIE_PATH"],
    [{ SESSION_COOKIE_SAMESITE: "none", SESSION_COOKIE_SECURE: false }, "SESSION_COOKIE_SAMESITE"],
    [{ SESSION_KEY_PREFIX: "a b" }, "SESSION_KEY_PREFIX"],
    [{ PERMANENT_SESSION_LIFETIME: "401d" }, "PERMANENT_SESSION_LIFETIME"],
  ])("%j is an error of sojourn config as well, under its own name", async (keys, name) => {
    for (const type of ["redis", "cookie"]) {
      const given = { SESSION_TYPE: type, SECRET_KEY: "x".repeat(32), ...keys };
      if (type === "cookie" && name === "SESSION_KEY_PREFIX") continue;
      expect(() => explainConfig(given)).toThrow(
        expect.objectContaining({ message: expect.stringMatching(new RegExp(`^${name}\\b`)) }),
      );
    }
  });

  test("native records in a shared place need a prefix, and sojourn config says so", () => {
    for (const type of ["redis", "memcached", "datastore"]) {
      const native = { records: "native" } as const;
      expect(() => explainConfig({ SESSION_TYPE: type }, native)).toThrow(
        /^SESSION_KEY_PREFIX: createSessions needs a name/,
      );
      expect(() => explainConfig({ SESSION_TYPE: type, SESSION_KEY_PREFIX: "shop:" }, native)).not.toThrow();
    }
  });

  test("a domain with a leading dot equals one without", async () => {
    const keys = { SESSION_TYPE: "null", SESSION_COOKIE_DOMAIN: ".example.com" };
    const rows = explainConfig(keys);
    expect(rows.find(({ key }) => key === "SESSION_COOKIE_DOMAIN")).toBeDefined();
    const { sessions } = await sessionsFromConfig({ ...keys, SESSION_TYPE: "cookie", SECRET_KEY: "k" });
    const { setCookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: 1 }));
    expect(setCookie).toContain("Domain=example.com;");
  });

  test("a lifetime of years is accepted where no cookie carries it", async () => {
    const keys = { SESSION_TYPE: "redis", PERMANENT_SESSION_LIFETIME: "3650d" };
    expect(() => explainConfig(keys)).toThrow(/^PERMANENT_SESSION_LIFETIME must be .*1 s to 400d/);
    const rows = explainConfig({ ...keys, SESSION_PERMANENT: false });
    expect(rows).toContainEqual({ key: "PERMANENT_SESSION_LIFETIME", value: "3650d", from: "given" });
  });
});
