/** The SQL store's options, names and clients, whatever the database. */

import { readFileSync } from "node:fs";
import * as sqlite from "node:sqlite";
import Sqlite from "better-sqlite3";
import { DummyDriver, Kysely, MssqlAdapter, MssqlQueryCompiler, PostgresQueryCompiler } from "kysely";
import mariadb from "mariadb";
import mysql from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import { describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { flaskSqlalchemy } from "../../src/flask.ts";
import { connectionOf } from "../../src/stores/sql/connection.ts";
import { type SqlClient, type SqlRunner, type SqlStoreOptions, sqlSchema, sqlStore } from "../../src/stores/sql.ts";
import { reportBackend } from "../support/report.ts";

const { DatabaseSync } = sqlite;

reportBackend({ backend: "sql (SQLite)", server: "SQLite (in this process)" });

const record = (payload: string, subject?: string): StoreRecord => {
  return { payload, expiresAt: Date.now() + 600_000, subject };
};
const memory = (): sqlite.DatabaseSync => new DatabaseSync(":memory:");
const wrong = (options: unknown) => (): Store => sqlStore(options as SqlStoreOptions);
const fake = (...methods: string[]): object => Object.fromEntries(methods.map((name) => [name, () => {}]));

describe("a client", () => {
  test.each<[string, unknown, string]>([
    ["nothing", undefined, "received undefined"],
    ["a connection string", "postgres://localhost", "received a string of 20 characters"],
    ["an empty object", {}, "received an object"],
    ["a session of D1, which may read what is old", fake("prepare", "batch", "getBookmark"), "received an object"],
    ["sqlite3 with callbacks", fake("prepare", "exec", "run", "all", "configure"), "received an object"],
    ["mysql, which prepares nothing", fake("query", "getConnection"), "received an object"],
  ])("that is %s is refused", (_, client, said) => {
    expect(wrong({ client })).toThrow(TypeError);
    expect(wrong({ client })).toThrow(/^client must be a client of pg, postgres\.js, PGlite, mysql2, mariadb/);
    expect(wrong({ client })).toThrow(said);
  });

  test.each<[string, unknown, string]>([
    ["a pool in place of the options", new pg.Pool(), "sqlStore({ client })"],
    ["postgres.js in place of the options", postgres(), "sqlStore({ client })"],
    ["an object with run in place of the options", { run: async () => {} }, "sqlStore({ client })"],
    ["the package pg", { client: pg }, "sqlStore({ client: new pg.Pool({ connectionString }) })"],
    ["the package postgres", { client: postgres }, "sqlStore({ client: postgres(url) })"],
    ["the package postgres, with a dialect", { client: postgres, dialect: "postgres" }, "postgres(url)"],
    ["the package mysql2", { client: mysql }, "sqlStore({ client: mysql.createPool(url) })"],
    ["the package mariadb", { client: mariadb }, "sqlStore({ client: mysql.createPool(url) })"],
    ["the module of node:sqlite", { client: sqlite }, "sqlStore({ client: "],
    ["the class of better-sqlite3", { client: Sqlite, dialect: "sqlite" }, "sqlStore({ client: "],
    ["the class of node:sqlite", { client: DatabaseSync, dialect: "sqlite" }, "sqlStore({ client: "],
  ])("is asked for with the line to write, for %s", (_, options, line) => {
    expect(wrong(options)).toThrow(TypeError);
    expect(wrong(options)).toThrow(line);
  });

  test("of Kysely gives its dialect, and is refused when it is not supported", () => {
    const kysely = (createQueryCompiler: () => PostgresQueryCompiler | MssqlQueryCompiler): Kysely<object> =>
      new Kysely({
        dialect: {
          createAdapter: () => new MssqlAdapter(),
          createDriver: () => new DummyDriver(),
          createIntrospector: () => ({ getSchemas: async () => [], getTables: async () => [] }) as never,
          createQueryCompiler,
        },
      });
    expect(sqlStore({ client: kysely(() => new PostgresQueryCompiler()) }).capabilities.clock).toBe("server");
    expect(wrong({ client: kysely(() => new MssqlQueryCompiler()) })).toThrow(
      'client must be a Kysely instance over PostgreSQL, MySQL or SQLite; received one that writes "a" @1',
    );
  });

  test("may be a function, called once at the first call, and again only when it failed", async () => {
    const db = memory();
    let asked = 0;
    const store = sqlStore({
      dialect: "sqlite",
      client: async () => {
        asked += 1;
        if (asked === 1) throw new Error("not yet");
        return db;
      },
    });
    expect(asked).toBe(0);
    await expect(Promise.all([store.read("a"), store.read("a")])).rejects.toThrow("not yet");
    expect(asked).toBe(1);
    await store.setup?.();
    await Promise.all([store.read("a"), store.create("a", record("1")), store.read("a")]);
    expect(asked).toBe(2);
  });

  test("that is a function or runs statements by itself needs a dialect", () => {
    const run: SqlRunner = { run: async () => ({ rows: [], count: 0 }) };
    expect(wrong({ client: () => memory() })).toThrow("dialect must be given when client is a function");
    expect(wrong({ client: run })).toThrow("dialect must be given with a client { run(sql, values) }");
    expect(wrong({ client: run, dialect: "oracle" })).toThrow(
      'dialect must be one of "postgres", "mysql" and "sqlite"',
    );
    expect(sqlStore({ client: run, dialect: "mysql" }).name).toBe("sql");
  });

  test("of another dialect than the option is refused", async () => {
    const says = 'dialect must be "sqlite" for this client of SQLite; received "mysql"';
    expect(wrong({ client: memory(), dialect: "mysql" })).toThrow(says);
    await expect(sqlStore({ client: () => memory(), dialect: "mysql" }).read("a")).rejects.toThrow(says);
  });

  test("that no other process can share says so", () => {
    expect(sqlStore({ client: memory() }).capabilities.shared).toBe(false);
    expect(sqlStore({ client: new Sqlite(":memory:") }).capabilities.shared).toBe(false);
    expect(sqlStore({ client: new pg.Pool() }).capabilities.shared).toBe(true);
  });

  test("decides by its server's clock, where there is a server", () => {
    expect(sqlStore({ client: memory() }).capabilities.clock).toBe("ours");
    expect(sqlStore({ client: new pg.Pool() }).capabilities.clock).toBe("server");
    expect(sqlStore({ client: mysql.createPool({}) }).capabilities.clock).toBe("server");
  });
});

describe("a name", () => {
  const client: SqlClient = memory();

  test.each([
    ["table", { table: 'sessions"; DROP TABLE users; --' }],
    ["table", { table: "sessions`" }],
    ["table", { table: "" }],
    ["table", { table: "1st" }],
    ["table", { table: "x".repeat(49) }],
    ["schema", { schema: "my.schema" }],
    ["schema", { schema: "" }],
    ["columns.key", { columns: { key: "a b" } }],
    ["columns.subject", { columns: { subject: 7 } }],
  ])("of a %s that could be more than a name is refused: %j", (option, names) => {
    expect(wrong({ client, ...names })).toThrow(TypeError);
    expect(wrong({ client, ...names })).toThrow(
      new RegExp(`^${option} must be a name of at most \\d+ letters, digits and underscores that does not start`),
    );
  });

  test("of an unknown column, or given twice, is refused", () => {
    expect(wrong({ client, columns: { id: "x" } })).toThrow('received an unknown "id"');
    expect(wrong({ client, columns: { subject: "Payload" } })).toThrow("columns must be different names");
    expect(wrong({ client, columns: ["key"] })).toThrow("columns must be an object of column names");
  });

  test("may be a word that SQL reserves", async () => {
    const db = memory();
    const columns = {
      key: "key",
      payload: "select",
      kind: "order",
      expiresAt: "group",
      subject: "user",
      version: "table",
    };
    const store = sqlStore({ client: db, table: "table", columns });
    await store.setup?.();
    await store.create("a", record("1", "ada"));
    expect(db.prepare('SELECT "key", "user" FROM "table"').all()).toEqual([{ key: "a", user: "ada" }]);
    expect(await store.prune?.()).toEqual({ removed: 0, cursor: undefined });
  });
});

describe("the table", () => {
  test.each(["postgres", "mysql", "sqlite"] as const)(
    "in the documentation is what sqlSchema prints, for %s",
    (dialect) => {
      const page = readFileSync(new URL("../../docs/stores/sql.md", import.meta.url), "utf8");
      expect(page).toContain(sqlSchema({ dialect }));
    },
  );

  test("has the names of the options", () => {
    expect(sqlSchema({ dialect: "postgres", schema: "web", table: "logins", columns: { subject: "user_id" } })).toBe(
      `CREATE TABLE IF NOT EXISTS "web"."logins" (
  "session_key" varchar(255) COLLATE "C" NOT NULL PRIMARY KEY,
  "payload" bytea NOT NULL,
  "kind" smallint NOT NULL,
  "expires_at" bigint NOT NULL,
  "user_id" text COLLATE "C",
  "version" bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS "logins_expires_at" ON "web"."logins" ("expires_at");
CREATE INDEX IF NOT EXISTS "logins_subject" ON "web"."logins" ("user_id") WHERE "user_id" IS NOT NULL;
`,
    );
  });

  test("is created by setup only: a store without one rejects and creates nothing", async () => {
    const db = memory();
    const store = sqlStore({ client: db });
    await expect(store.read("a")).rejects.toThrow("no such table");
    await expect(store.create("a", record("1"))).rejects.toThrow("no such table");
    expect(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()).toEqual({ n: 0 });
  });
});

describe("a call", () => {
  test("rejects a subject too long for an index, before anything is written", async () => {
    const store = sqlStore({ client: memory() });
    await store.setup?.();
    await store.create("a", record("1", "x".repeat(1024)));
    const tooLong = record("2", "ä".repeat(513));
    await expect(store.create("b", tooLong)).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
    await expect(store.create("b", tooLong)).rejects.toThrow("The subject has 1026 octets in UTF-8");
    expect(await store.read("b")).toBeNull();
    for await (const row of store.listBySubject!("ä".repeat(513))) expect(row).toBeUndefined();
  });

  test.each([
    [{ tabel: "s" }, 'sqlStore: there is no option "tabel"; did you mean "table"?'],
    [{ prefix: "s:" }, 'sqlStore: there is no option "prefix"'],
    [
      { layout: { ...flaskSqlalchemy(), timezone: "UTC" } },
      'layout: there is no option "timezone"; did you mean "timeZone"?',
    ],
    [
      { layout: { ...flaskSqlalchemy(), columns: { key: "k", payload: "p", expiry: "e" } } },
      'there is no option "expiry"',
    ],
  ])("refuses an unknown option: %j", (options, said) => {
    expect(wrong({ client: memory(), ...options })).toThrow(said);
  });

  test("for the schema refuses an unknown option", () => {
    expect(() => sqlSchema({ dialect: "postgres", name: "s" } as never)).toThrow(
      'sqlSchema: there is no option "name"',
    );
  });

  test("refuses options of the wrong type", async () => {
    expect(wrong({ client: memory(), now: 5 })).toThrow("now must be a function");
    await expect(sqlStore({ client: memory() }).prune?.({ limit: 0 })).rejects.toThrow(
      "limit must be a whole number of at least 1",
    );
  });

  test("returns text with half a surrogate pair unchanged", async () => {
    const store = sqlStore({ client: memory() });
    await store.setup?.();
    await store.create("a", record("x\ud800y", "s\udc00\\u0000"));
    expect(await store.read("a")).toMatchObject({ payload: "x\ud800y", subject: "s\udc00\\u0000" });
    const found: string[] = [];
    for await (const { key } of store.listBySubject!("s\udc00\\u0000")) found.push(key);
    expect(found).toEqual(["a"]);
  });

  test("for many sessions of a subject finds one renamed between two reads, and each once", async () => {
    const db = memory();
    const plain = sqlStore({ client: db });
    await plain.setup?.();
    for (let index = 0; index < 250; index++) await plain.create(`k${index}`, record(`${index}`, "ada"));
    const { run } = connectionOf(db);
    let looks = 0;
    const client: SqlRunner = {
      async run(sql, values) {
        const result = (await run(sql, values as never[])) as Awaited<ReturnType<SqlRunner["run"]>>;
        if (sql.startsWith('SELECT "session_key" FROM')) {
          looks += 1;
          const [from, to] = looks === 1 ? ["k249", "a249"] : ["a249", "k249"];
          const { version } = (await plain.read(from)) ?? {};
          if (looks < 3) expect(await plain.rename(from, to, record("249", "ada"), version!)).not.toBeNull();
        }
        return result;
      },
    };
    const found: string[] = [];
    for await (const row of sqlStore({ client, dialect: "sqlite" }).listBySubject!("ada")) {
      found.push(row.payload as string);
    }
    expect(found.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 250 }, (_, index) => index));
    expect(looks).toBe(3); // There and back again.
  });

  test("that keeps violating a unique index of the application's own ends with its error", async () => {
    const db = memory();
    const store = sqlStore({ client: db });
    await store.setup?.();
    db.exec("CREATE UNIQUE INDEX one_session_each ON sojourn_sessions (subject)");
    await store.create("a", record("1", "ada"));
    await expect(store.create("b", record("2", "ada"))).rejects.toThrow("UNIQUE constraint failed");
  });
});
