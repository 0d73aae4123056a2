/** Every key of the family, one by one: what it does here, or why it does nothing. */

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import type { StoreRecord } from "../../../src/core/contracts/store.ts";
import type { Sessions } from "../../../src/core/request/sessions.ts";
import { knownKeys } from "../../../src/flask/config/known.ts";
import { type ConfigOptions, explainConfig, sessionsFromConfig } from "../../../src/flask/config.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Answer, request } from "../../support/requests.ts";

const directory = mkdtempSync(join(tmpdir(), "sojourn-config-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const secret = "a secret of at least 32 characters, really";
const other = "another secret, no less than 32 characters";

type Data = Record<string, unknown>;
type Given = Record<string, unknown>;

/** What a request that writes does under a configuration, with a store in memory that can be looked into. */
async function visit(given: Given, options: ConfigOptions<Data> = {}) {
  const clock = { now: 1_700_000_000_000 };
  const store = memoryStore({ now: () => clock.now });
  const warnings: string[] = [];
  const keys = { SESSION_TYPE: "custom", ...given };
  const made = await sessionsFromConfig<Data>(keys, {
    warn: (warning) => warnings.push(warning),
    ...options,
    sessions: { store, now: () => clock.now, ...options.sessions },
  });
  const first = await request(made.sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
  if (first.error) throw first.error;
  return { ...made, ...first, clock, store, warnings, record: await only(store), again: again(made.sessions) };
}

function again(sessions: Sessions<Data>) {
  return (cookie: string | undefined): Promise<Answer<unknown>> => request(sessions, cookie, ({ data }) => data.k);
}

async function only(store: ReturnType<typeof memoryStore>): Promise<StoreRecord & { key: string }> {
  const all = await Array.fromAsync(store.list!());
  expect(all).toHaveLength(1);
  return all[0]!;
}

/** The rows of an explanation by key. */
function explained(given: Given, options?: ConfigOptions<never>): Record<string, string> {
  return Object.fromEntries(explainConfig(given, options).map(({ key, value }) => [key, value]));
}

function failure(given: Given, options?: ConfigOptions<never>): string {
  try {
    explainConfig(given, options);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

/** A table of SQLite, made and filled by a configuration. */
async function inSqlite(given: Given, options: ConfigOptions<Data> = {}): Promise<Record<string, unknown>[]> {
  const file = join(directory, `${Math.random()}.db`);
  const url = `sqlite:///${file}`;
  const keys = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, insert(value, url)]));
  const { sessions, close } = await sessionsFromConfig<Data>(keys, options);
  const { error } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
  await close();
  if (error) throw error;
  const db = new DatabaseSync(file);
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'").all();
  const rows = tables.flatMap(({ name }) => db.prepare(`SELECT *, '${name}' AS "table" FROM "${name}"`).all());
  db.close();
  return rows as Record<string, unknown>[];
}

function insert(value: unknown, url: string): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll("URL", url.replaceAll("\\", "/")));
}

type Proof = () => void | Promise<void>;

/** By key: what shows that it does what it says. Keys whose backend is a server are also in test/flask/beside/config.test.ts. */
const proofs: Record<string, Proof> = {
  async SESSION_COOKIE_NAME() {
    expect((await visit({})).setCookie).toMatch(/^session=/);
    expect((await visit({ SESSION_COOKIE_NAME: "shop" })).setCookie).toMatch(/^shop=/);
    expect((await visit({ SESSION_COOKIE_NAME: "__Host-shop" })).setCookie).toMatch(/^__Host-shop=/);
    expect(failure({ SESSION_TYPE: "null", SESSION_COOKIE_NAME: 5 })).toBe(
      "SESSION_COOKIE_NAME must be a text; received 5",
    );
  },
  async SESSION_COOKIE_DOMAIN() {
    for (const none of [undefined, null, "", false])
      expect((await visit({ SESSION_COOKIE_DOMAIN: none })).setCookie).not.toMatch(/domain/i);
    expect((await visit({ SESSION_COOKIE_DOMAIN: "example.com" })).setCookie).toContain("; Domain=example.com");
  },
  async SESSION_COOKIE_PATH() {
    expect((await visit({})).setCookie).toContain("; Path=/;");
    expect((await visit({ APPLICATION_ROOT: "/app" })).setCookie).toContain("; Path=/app;");
    const both = { APPLICATION_ROOT: "/app", SESSION_COOKIE_PATH: "/shop" };
    expect((await visit(both)).setCookie).toContain("; Path=/shop;");
  },
  async SESSION_COOKIE_HTTPONLY() {
    expect((await visit({ SESSION_COOKIE_HTTPONLY: "True" })).setCookie).toContain("; HttpOnly");
    expect(failure({ SESSION_TYPE: "null", SESSION_COOKIE_HTTPONLY: false })).toBe(
      "SESSION_COOKIE_HTTPONLY must be true: no script may read the cookie of a session; received false",
    );
  },
  async SESSION_COOKIE_SECURE() {
    expect((await visit({})).setCookie).toContain("; Secure");
    expect((await visit({ SESSION_COOKIE_SECURE: "0" })).setCookie).not.toContain("Secure");
    expect(failure({ SESSION_TYPE: "null", SESSION_COOKIE_SECURE: "maybe" })).toBe(
      'SESSION_COOKIE_SECURE must be true or false; received "maybe"',
    );
  },
  async SESSION_COOKIE_SAMESITE() {
    expect((await visit({})).setCookie).toContain("; SameSite=Lax");
    expect((await visit({ SESSION_COOKIE_SAMESITE: "Strict" })).setCookie).toContain("; SameSite=Strict");
    expect((await visit({ SESSION_COOKIE_SAMESITE: "None" })).setCookie).toContain("; SameSite=None");
    expect(failure({ SESSION_TYPE: "null", SESSION_COOKIE_SAMESITE: "loose" })).toBe(
      'SESSION_COOKIE_SAMESITE must be "lax", "strict" or "none"; received "loose"',
    );
  },
  async SESSION_COOKIE_PARTITIONED() {
    expect((await visit({})).setCookie).not.toContain("Partitioned");
    const keys = { SESSION_COOKIE_PARTITIONED: true, SESSION_COOKIE_SAMESITE: "None" };
    expect((await visit(keys)).setCookie).toContain("; Partitioned");
  },
  async PERMANENT_SESSION_LIFETIME() {
    const lasts = async (value: unknown) => {
      const { record, clock } = await visit({ PERMANENT_SESSION_LIFETIME: value });
      return (record.expiresAt - clock.now) / 1000;
    };
    expect(await lasts(undefined)).toBe(31 * 86_400);
    expect(await lasts(3600)).toBe(3600);
    expect(await lasts("3600")).toBe(3600);
    expect(await lasts("12h")).toBe(43_200);
    expect(await lasts("1 day, 2:03:04")).toBe(93_784);
    expect(await lasts("0:30:00.500000")).toBe(1800);
    for (const wrong of [0, -5, "soon", "401d", true]) {
      expect(failure({ SESSION_TYPE: "null", PERMANENT_SESSION_LIFETIME: wrong })).toMatch(
        /^PERMANENT_SESSION_LIFETIME must be seconds, a text like "31d", .*; received /,
      );
    }
  },
  async SESSION_REFRESH_EACH_REQUEST() {
    const later = async (value: unknown) => {
      const { again, cookie, clock, store, record } = await visit({ SESSION_REFRESH_EACH_REQUEST: value });
      clock.now += 86_400_000;
      expect((await again(cookie)).value).toBe("v");
      return (await only(store)).expiresAt - record.expiresAt;
    };
    expect(await later(true)).toBe(86_400_000);
    expect(await later(false)).toBe(0);
  },
  async SECRET_KEY() {
    expect(failure({ SESSION_TYPE: "null", SESSION_USE_SIGNER: true })).toBe(
      "SECRET_KEY must be set: SESSION_USE_SIGNER needs it",
    );
    expect(failure({ SESSION_TYPE: "cookie" })).toBe("SECRET_KEY must be set: SESSION_TYPE=cookie needs it");
    const rows = explainConfig({ SESSION_TYPE: "cookie", SECRET_KEY: secret });
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(rows).toContainEqual({ key: "SECRET_KEY", value: "a secret", from: "given" });
  },
  async SECRET_KEY_FALLBACKS() {
    for (const fallbacks of [[other], JSON.stringify([other]), other]) {
      const { cookie, store } = await visit({ SESSION_USE_SIGNER: true, SECRET_KEY: other });
      const keys = { SESSION_USE_SIGNER: true, SECRET_KEY: secret, SECRET_KEY_FALLBACKS: fallbacks };
      const now = () => 1_700_000_000_000;
      const { sessions } = await sessionsFromConfig<Data>(
        { SESSION_TYPE: "custom", ...keys },
        { sessions: { store, now } },
      );
      expect((await again(sessions)(cookie)).value).toBe("v");
    }
  },
  async SESSION_TYPE() {
    expect(failure({})).toMatch(/^SESSION_TYPE must be "redis", "memcached", .* or "custom"; it is not set\./);
    expect(failure({ SESSION_TYPE: "rediss" })).toMatch(/^SESSION_TYPE must be "redis", .*; received "rediss"$/);
    expect(explained({ SESSION_TYPE: "REDIS" })).toMatchObject({ SESSION_TYPE: "redis" });
  },
  async SESSION_PERMANENT() {
    expect((await visit({})).setCookie).toContain("; Max-Age=2678400");
    expect((await visit({ SESSION_PERMANENT: "false" })).setCookie).not.toContain("Max-Age");
  },
  async SESSION_USE_SIGNER() {
    expect((await visit({})).cookie).toMatch(/^session=[\w-]{43}$/);
    expect((await visit({ SESSION_USE_SIGNER: 1, SECRET_KEY: secret })).cookie).toMatch(
      /^session=[\w-]{43}\.[\w-]{27}$/,
    );
  },
  async SESSION_KEY_PREFIX() {
    expect((await visit({})).record.key).toMatch(/^session:[\w-]{43}$/);
    expect((await visit({ SESSION_KEY_PREFIX: "shop/" })).record.key).toMatch(/^shop\/[\w-]{43}$/);
    expect((await visit({ SESSION_KEY_PREFIX: "" })).record.key).toMatch(/^[\w-]{43}$/);
  },
  async SESSION_ID_LENGTH() {
    expect((await visit({ SESSION_ID_LENGTH: "24" })).cookie).toMatch(/^session=[\w-]{32}$/);
    expect(failure({ SESSION_TYPE: "redis", SESSION_ID_LENGTH: 8 })).toBe(
      "SESSION_ID_LENGTH must be a whole number from 16 to 64; received 8",
    );
  },
  async SESSION_SERIALIZATION_FORMAT() {
    expect(Buffer.from((await visit({})).record.payload as Uint8Array).toString("hex")).toBe(
      "82aa5f7065726d616e656e74c3a16ba176",
    );
    const json = (await visit({ SESSION_SERIALIZATION_FORMAT: "json" })).record.payload;
    expect(Buffer.from(json).toString()).toBe('{"_permanent":true,"k":"v"}');
    expect(failure({ SESSION_TYPE: "redis", SESSION_SERIALIZATION_FORMAT: "yaml" })).toBe(
      'SESSION_SERIALIZATION_FORMAT must be "msgpack" or "json"; received "yaml"',
    );
    // As in Flask-Session, it is not for cachelib.
    expect(explained({ SESSION_TYPE: "filesystem", SESSION_SERIALIZATION_FORMAT: "json" })).toMatchObject({
      SESSION_SERIALIZATION_FORMAT: "–",
    });
  },
  async SESSION_REDIS() {
    expect(explained({ SESSION_TYPE: "redis" })).toMatchObject({ SESSION_REDIS: "redis://127.0.0.1:6379" });
    const url = "redis://ada:hunter2@cache.example:6380/4?socket_connect_timeout=5";
    expect(explained({ SESSION_TYPE: "redis", SESSION_REDIS: url })).toMatchObject({
      SESSION_REDIS: "redis://cache.example:6380/4",
    });
    await expect(sessionsFromConfig({ SESSION_TYPE: "redis", SESSION_REDIS: new Map() })).rejects.toThrow(
      /^SESSION_REDIS: client must be .*; received an instance of Map$/,
    );
    expect(failure({ SESSION_TYPE: "redis", SESSION_REDIS: 6379 })).toBe(
      "SESSION_REDIS must be a client or a URL; received 6379",
    );
  },
  async SESSION_MEMCACHED() {
    expect(explained({ SESSION_TYPE: "memcached" })).toMatchObject({ SESSION_MEMCACHED: "127.0.0.1:11211" });
    await expect(sessionsFromConfig({ SESSION_TYPE: "memcached", SESSION_MEMCACHED: "a b" })).rejects.toThrow(
      /^SESSION_MEMCACHED: server must be "host:port", one server/,
    );
  },
  async SESSION_CACHELIB() {
    expect(explained({ SESSION_TYPE: "cachelib" })).toMatchObject({ SESSION_CACHELIB: "flask_session" });
    const place = join(directory, "cachelib");
    await write({ SESSION_TYPE: "cachelib", SESSION_CACHELIB: place });
    expect(readdirSync(place).some((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true);
    await write({ SESSION_TYPE: "cachelib", SESSION_CACHELIB: place }, { cachelib: "0.7" });
    expect(readdirSync(place).some((name) => /^[0-9a-f]{32}$/.test(name))).toBe(true);
    expect(failure({ SESSION_TYPE: "cachelib", SESSION_CACHELIB: {} })).toMatch(
      /^SESSION_CACHELIB must be the path of/,
    );
  },
  async SESSION_FILE_DIR() {
    expect(explained({ SESSION_TYPE: "filesystem" })).toMatchObject({ SESSION_FILE_DIR: "flask_session" });
    const place = join(directory, "files");
    await write({ SESSION_TYPE: "filesystem", SESSION_FILE_DIR: place });
    expect(readdirSync(place).length).toBeGreaterThan(0);
  },
  async SESSION_FILE_MODE() {
    for (const [value, mode] of [
      [undefined, 0o600],
      [384, 0o600],
      ["0640", 0o640],
      ["0o660", 0o660],
      ["416", 0o640],
    ] as const) {
      const place = join(directory, `mode-${value}`);
      await write({ SESSION_TYPE: "filesystem", SESSION_FILE_DIR: place, SESSION_FILE_MODE: value });
      const [file] = readdirSync(place).filter((name) => /^[0-9a-f]{64}$/.test(name));
      expect(statSync(join(place, file!)).mode & 0o777).toBe(mode);
    }
    // 600 in decimal, the classic.
    for (const wrong of [600, "600", "rw", 0o477])
      expect(failure({ SESSION_TYPE: "filesystem", SESSION_FILE_MODE: wrong })).toMatch(
        /^SESSION_FILE_MODE must be a mode/,
      );
  },
  SESSION_MONGODB() {
    expect(explained({ SESSION_TYPE: "mongodb" })).toMatchObject({ SESSION_MONGODB: "mongodb://127.0.0.1:27017" });
  },
  SESSION_MONGODB_DB: () => names("mongodb", "SESSION_MONGODB_DB", "flask_session"),
  SESSION_MONGODB_COLLECT: () => names("mongodb", "SESSION_MONGODB_COLLECT", "sessions"),
  async SESSION_SQLALCHEMY() {
    const [row] = await inSqlite({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "URL" });
    expect(row).toMatchObject({ id: 1, session_id: expect.stringMatching(/^session:/), table: "sessions" });
    const db = new DatabaseSync(":memory:");
    const { sessions, close } = await sessionsFromConfig({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: db });
    expect(sessions.stores[0]?.name).toBe("sql");
    await close();
    expect(db.prepare("SELECT count(*) AS n FROM sessions").get()).toEqual({ n: 0 }); // a client of the user's stays open
    expect(failure({ SESSION_TYPE: "sqlalchemy" })).toMatch(
      /^SESSION_SQLALCHEMY must be a client, or a URL of .*; received nothing$/,
    );
    expect(failure({ SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "mssql+pyodbc://sa:hunter2@db/x" })).toMatch(
      /; received "mssql\+pyodbc:\/\/db\/x"$/,
    );
  },
  async SQLALCHEMY_DATABASE_URI() {
    expect(await inSqlite({ SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: "URL" })).toHaveLength(1);
  },
  async SESSION_SQLALCHEMY_TABLE() {
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "URL", SESSION_SQLALCHEMY_TABLE: "web" };
    expect(await inSqlite(keys)).toMatchObject([{ table: "web" }]);
  },
  async SESSION_SQLALCHEMY_SCHEMA() {
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "URL", SESSION_SQLALCHEMY_SCHEMA: "main" };
    expect(await inSqlite(keys)).toHaveLength(1);
    await expect(inSqlite({ ...keys, SESSION_SQLALCHEMY_SCHEMA: "nowhere" })).rejects.toThrow(/nowhere/);
  },
  async SESSION_SQLALCHEMY_BIND_KEY() {
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY_BIND_KEY: "web" };
    const uri = "sqlite:////nowhere/at/all.db";
    expect(await inSqlite({ ...keys, SQLALCHEMY_DATABASE_URI: uri, SQLALCHEMY_BINDS: { web: "URL" } })).toHaveLength(1);
    expect(await inSqlite({ ...keys, SQLALCHEMY_BINDS: { web: { url: "URL" } } })).toHaveLength(1);
    expect(failure({ ...keys, SQLALCHEMY_BINDS: '{"users":"sqlite://"}' })).toBe(
      'SQLALCHEMY_BINDS["web"] must be a URL of a database; received undefined',
    );
  },
  async SESSION_SQLALCHEMY_TABLE_EXISTS() {
    const keys = { SESSION_TYPE: "sqlalchemy", SESSION_SQLALCHEMY: "URL", SESSION_SQLALCHEMY_TABLE_EXISTS: true };
    await expect(inSqlite(keys)).rejects.toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE" }); // for it does not
  },
  async SESSION_CLEANUP_N_REQUESTS() {
    let draws = 0;
    const random = () => {
      draws += 1;
      return 0.99;
    };
    await visit({ SESSION_CLEANUP_N_REQUESTS: "100" }, { sessions: { random } });
    expect(draws).toBe(1);
    await visit({ SESSION_CLEANUP_N_REQUESTS: 0 }, { sessions: { random } });
    expect(draws).toBe(1);
    expect(failure({ SESSION_TYPE: "null", SESSION_CLEANUP_N_REQUESTS: "often" })).toBe(
      'SESSION_CLEANUP_N_REQUESTS must be a whole number from 0 to 1000000000; received "often"',
    );
  },
  async SESSION_AUTODELETE() {
    let draws = 0;
    const random = () => {
      draws += 1;
      return 0.99;
    };
    await visit({ SESSION_AUTODELETE: true }, { sessions: { random } });
    await visit({ SESSION_AUTODELETE: false }, { sessions: { random } });
    expect(draws).toBe(1);
  },
  SESSION_DYNAMODB() {
    expect(explained({ SESSION_TYPE: "dynamodb" })).toMatchObject({ SESSION_DYNAMODB: "http://localhost:8000" });
    expect(explained({ SESSION_TYPE: "dynamodb" }, { family: "flask-session2" })).not.toHaveProperty(
      "SESSION_DYNAMODB",
    );
  },
  async SESSION_DYNAMODB_TABLE() {
    names("dynamodb", "SESSION_DYNAMODB_TABLE", "Sessions");
    const two = explained({ SESSION_TYPE: "dynamodb" }, { family: "flask-session2" });
    expect(two).toMatchObject({ SESSION_DYNAMODB_TABLE: "sessions" });
  },
  async SESSION_DYNAMODB_TABLE_EXISTS() {
    // Nothing answers at this address: whoever asked for the table would fail.
    const keys = { SESSION_TYPE: "dynamodb", SESSION_DYNAMODB: "http://127.0.0.1:9", SESSION_DYNAMODB_TABLE_EXISTS: 1 };
    const { close } = await sessionsFromConfig(keys);
    await close();
  },
  SESSION_DYNAMODB_KEY_ID: () => dynamodbClient(),
  SESSION_DYNAMODB_SECRET: () => dynamodbClient(),
  SESSION_DYNAMODB_REGION: () => dynamodbClient(),
  SESSION_DYNAMODB_ENDPOINT: () => dynamodbClient(),
  SESSION_ELASTICSEARCH() {
    const host = { SESSION_ELASTICSEARCH_HOST: "http://search.example:9200" };
    const both = { SESSION_TYPE: "elasticsearch", SESSION_ELASTICSEARCH: "https://ada:hunter2@other.example", ...host };
    expect(explained(both)).toMatchObject({ SESSION_ELASTICSEARCH: "https://other.example" });
  },
  SESSION_ELASTICSEARCH_HOST() {
    const key = "SESSION_ELASTICSEARCH_HOST";
    expect(explained({ SESSION_TYPE: "elasticsearch" })).toMatchObject({ [key]: "http://localhost:9200" });
    const url = "http://search.example:9200";
    expect(explained({ SESSION_TYPE: "elasticsearch", [key]: url })).toMatchObject({ [key]: url });
  },
  SESSION_ELASTICSEARCH_INDEX: () => names("elasticsearch", "SESSION_ELASTICSEARCH_INDEX", "sessions"),
  async GCLOUD_APP_PROJECT_ID() {
    const { Datastore } = await import("@google-cloud/datastore");
    const seen: unknown[] = [];
    class Watched extends Datastore {
      constructor(options: { projectId?: string }) {
        super({ ...options, projectId: options.projectId ?? "none" });
        seen.push(options.projectId);
      }
    }
    const load = async () => ({ Datastore: Watched });
    for (const project of ["shop", "unknown", undefined])
      await sessionsFromConfig({ SESSION_TYPE: "datastore", GCLOUD_APP_PROJECT_ID: project }, { load });
    expect(seen).toEqual(["shop", undefined, undefined]);
  },
  async SESSION_FIRESTORE() {
    const { Firestore } = await import("@google-cloud/firestore");
    const client = new Firestore({ projectId: "shop" });
    const keys = { SESSION_TYPE: "firestore", SESSION_FIRESTORE: client };
    const { sessions, explanation } = await sessionsFromConfig(keys);
    expect(sessions.stores[0]).toMatchObject({ name: "firestore", capabilities: { bySubject: false } });
    const native = await sessionsFromConfig(keys, { records: "native" });
    expect(native.sessions.stores[0]?.capabilities.bySubject).toBe(true);
    expect(explanation).toContainEqual({ key: "SESSION_FIRESTORE", value: "your own client", from: "given" });
    await client.terminate();
    await expect(sessionsFromConfig({ ...keys, SESSION_FIRESTORE: {} }, { records: "native" })).rejects.toThrow(
      /^SESSION_FIRESTORE: client must be/,
    );
  },
  SESSION_FIRESTORE_COLLECT() {
    const keys = { SESSION_TYPE: "firestore", SESSION_FIRESTORE_COLLECT: "web" };
    expect(explained(keys)).toMatchObject({ SESSION_FIRESTORE_COLLECT: "web" });
    const collection = (options?: ConfigOptions<never>) =>
      explained({ SESSION_TYPE: "firestore" }, options).SESSION_FIRESTORE_COLLECT;
    expect([collection(), collection({ records: "native" })]).toEqual(["flask_session", "sojourn_sessions"]);
  },
  SESSION_POSTGRESQL() {
    expect(failure({ SESSION_TYPE: "postgresql" })).toMatch(/^SESSION_POSTGRESQL must be a client, or a URL/);
  },
  SESSION_POSTGRESQL_TABLE: () => names("postgresql", "SESSION_POSTGRESQL_TABLE", "flask_sessions", postgresUrl),
  SESSION_POSTGRESQL_SCHEMA: () => names("postgresql", "SESSION_POSTGRESQL_SCHEMA", "public", postgresUrl),
  async SESSION_DB() {
    const [row] = await inSqlite({ SESSION_TYPE: "peewee", SESSION_DB: "URL" });
    expect(row).toMatchObject({ table: "sessions", ip: null });
    expect(
      Buffer.from(row!.data as Uint8Array)
        .subarray(0, 2)
        .toString("hex"),
    ).toBe("8004"); // pickle
  },
  async SESSION_DB_CLASS() {
    const name = join(directory, "peewee.db");
    const config = { SESSION_TYPE: "peewee", SESSION_PEEWEE_CONFIG: JSON.stringify({ name }) };
    await write({ ...config, SESSION_DB_CLASS: "SqliteDatabase" });
    const db = new DatabaseSync(name);
    expect(db.prepare("SELECT count(*) AS n FROM sessions").get()).toEqual({ n: 1 });
    db.close();
    expect(failure({ ...config, SESSION_DB_CLASS: "OracleDatabase" })).toBe(
      'SESSION_DB_CLASS must be "PostgresqlDatabase", "MySQLDatabase" or "SqliteDatabase"; received "OracleDatabase"',
    );
  },
  SESSION_PEEWEE_CONFIG() {
    const config = { database: "web", host: "db.example", user: "ada", password: "hunter2", port: 5433 };
    const keys = { SESSION_TYPE: "peewee", SESSION_DB_CLASS: "PostgresqlDatabase", SESSION_PEEWEE_CONFIG: config };
    expect(explained(keys)).toMatchObject({ SESSION_PEEWEE_CONFIG: "db.example, web" });
    expect(failure({ ...keys, SESSION_PEEWEE_CONFIG: "web" })).toMatch(
      /^SESSION_PEEWEE_CONFIG must be an object such as/,
    );
  },
  async SESSION_PEEWEE_TABLE() {
    const keys = { SESSION_TYPE: "peewee", SESSION_DB: "URL", SESSION_PEEWEE_TABLE: "web" };
    expect(await inSqlite(keys)).toMatchObject([{ table: "web" }]);
  },
};

/** Keys that count for nothing, which is said with the reason. */
const ignored = {
  SESSION_FILE_THRESHOLD: /no store here drops live sessions/,
  SESSION_MONGODB_TZ_AWARE: /an instant has no time zone/,
  SESSION_SQLALCHEMY_SEQUENCE: /the database numbers the rows by itself/,
  SESSION_REDIS_SENTINEL: /give a client that knows its Sentinels/,
  SESSION_REDIS_SENTINEL_MASTER_SET: /give a client that knows its Sentinels/,
};

/** Section 1 of the family's table. `SESSION_CONFIG` has a file of its own. */
const family = [
  ..."SESSION_COOKIE_NAME SESSION_COOKIE_DOMAIN SESSION_COOKIE_PATH SESSION_COOKIE_HTTPONLY SESSION_COOKIE_SECURE".split(
    " ",
  ),
  ..."SESSION_COOKIE_SAMESITE SESSION_COOKIE_PARTITIONED PERMANENT_SESSION_LIFETIME SESSION_REFRESH_EACH_REQUEST".split(
    " ",
  ),
  ..."SECRET_KEY SECRET_KEY_FALLBACKS SESSION_TYPE SESSION_PERMANENT SESSION_USE_SIGNER SESSION_KEY_PREFIX".split(" "),
  ..."SESSION_ID_LENGTH SESSION_SERIALIZATION_FORMAT SESSION_REDIS SESSION_MEMCACHED SESSION_CACHELIB".split(" "),
  ..."SESSION_FILE_DIR SESSION_FILE_THRESHOLD SESSION_FILE_MODE SESSION_MONGODB SESSION_MONGODB_DB".split(" "),
  ..."SESSION_MONGODB_COLLECT SESSION_MONGODB_TZ_AWARE SESSION_SQLALCHEMY SESSION_SQLALCHEMY_TABLE".split(" "),
  ..."SESSION_SQLALCHEMY_SEQUENCE SESSION_SQLALCHEMY_SCHEMA SESSION_SQLALCHEMY_BIND_KEY SESSION_CLEANUP_N_REQUESTS".split(
    " ",
  ),
  ..."SESSION_DYNAMODB SESSION_DYNAMODB_TABLE SESSION_DYNAMODB_KEY_ID SESSION_DYNAMODB_SECRET".split(" "),
  ..."SESSION_DYNAMODB_REGION SESSION_DYNAMODB_ENDPOINT SESSION_DYNAMODB_TABLE_EXISTS SESSION_POSTGRESQL".split(" "),
  ..."SESSION_POSTGRESQL_TABLE SESSION_POSTGRESQL_SCHEMA SESSION_AUTODELETE SESSION_ELASTICSEARCH".split(" "),
  ..."SESSION_ELASTICSEARCH_HOST SESSION_ELASTICSEARCH_INDEX GCLOUD_APP_PROJECT_ID SESSION_FIRESTORE".split(" "),
  ..."SESSION_FIRESTORE_COLLECT SESSION_DB SESSION_DB_CLASS SESSION_PEEWEE_CONFIG SESSION_PEEWEE_TABLE".split(" "),
  ..."SESSION_SQLALCHEMY_TABLE_EXISTS SESSION_REDIS_SENTINEL SESSION_REDIS_SENTINEL_MASTER_SET".split(" "),
];

const postgresUrl = { SESSION_POSTGRESQL: "postgresql://localhost/web" };

/** The default of a name, and that it can be another. */
function names(type: string, key: string, otherwise: string, also: Given = {}): void {
  expect(explained({ SESSION_TYPE: type, ...also })).toMatchObject({ [key]: otherwise });
  expect(explained({ SESSION_TYPE: type, ...also, [key]: "web" })).toMatchObject({ [key]: "web" });
  expect(failure({ SESSION_TYPE: type, ...also, [key]: 7 })).toBe(`${key} must be a text; received 7`);
}

/** What the client of DynamoDB is made with. */
async function dynamodbClient(): Promise<void> {
  const seen: { region: unknown; endpoint: unknown; credentials: unknown }[] = [];
  const { DynamoDB } = await import("@aws-sdk/client-dynamodb");
  class Watched extends DynamoDB {
    constructor(options: ConstructorParameters<typeof DynamoDB>[0] & object) {
      super(options);
      const { region, endpoint, credentials } = options;
      seen.push({ region, endpoint, credentials });
    }
  }
  const keys = {
    SESSION_TYPE: "dynamodb",
    SESSION_DYNAMODB_KEY_ID: "AKIA",
    SESSION_DYNAMODB_SECRET: "hunter2",
    SESSION_DYNAMODB_REGION: "eu-west-1",
    SESSION_DYNAMODB_ENDPOINT: "http://127.0.0.1:9",
  };
  const options = { family: "flask-session2", setup: false, load: async () => ({ DynamoDB: Watched }) } as const;
  const { close, explanation } = await sessionsFromConfig(keys, options);
  await close();
  const credentials = { accessKeyId: "AKIA", secretAccessKey: "hunter2" };
  expect(seen).toEqual([{ region: "eu-west-1", endpoint: "http://127.0.0.1:9", credentials }]);
  expect(JSON.stringify(explanation)).not.toMatch(/AKIA|hunter2/);
}

async function write(given: Given, options: ConfigOptions<Data> = {}): Promise<void> {
  const { sessions, close } = await sessionsFromConfig<Data>(given, options);
  const { error } = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "v" }));
  await close();
  expect(error).toBeUndefined();
}

describe("every key of the family", () => {
  for (const [key, proof] of Object.entries(proofs)) test(key, proof);

  test.each(Object.entries(ignored))("%s is ignored, and one warning says why", async (key, why) => {
    const { warnings, explanation } = await visit({ [key]: "5" });
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`^sojourn: ${key} is ignored: `))]);
    expect(warnings[0]).toMatch(why);
    expect(explanation).toContainEqual({ key, value: "–", from: "ignored", note: expect.stringMatching(why) });
  });

  test("has a test or a reason, and the library knows no others", () => {
    const told = [...Object.keys(proofs), ...Object.keys(ignored)];
    expect(family.filter((key) => !told.includes(key))).toEqual([]);
    const ours = ["APPLICATION_ROOT", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_BINDS", "SESSION_CONFIG"];
    expect(knownKeys.filter((key) => !family.includes(key) && !ours.includes(key))).toEqual([]);
    expect(family.filter((key) => !knownKeys.includes(key))).toEqual([]);
  });
});
