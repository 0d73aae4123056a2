/** The SQL store on tables that are not as its schema says: an error at setup and at the first write, never a session lost later. */

import { DatabaseSync } from "node:sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { flaskSqlalchemy } from "../../src/flask.ts";
import { type SqlClient, type SqlDialect, type SqlStoreOptions, sqlSchema, sqlStore } from "../../src/stores/sql.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import {
  mysqlMakes,
  noPostgres,
  postgresProgram,
  postgresVersion,
  type SqlServer,
  startPostgres,
} from "../support/sql-servers.ts";
import { collect, everyCall, record } from "../support/sql-statements.ts";

/** A table that differs from the schema: what to replace in its CREATE statements, or what to run after them. */
type Drift = readonly [what: string, from: string | RegExp, to: string];

/** Runs SQL of a test's own. */
type Run = (sql: string) => unknown;

let tables = 0;

/** Makes a table that differs, and the options of a store on it. */
async function drifted(dialect: SqlDialect, run: Run, [, from, to]: Drift): Promise<Pick<SqlStoreOptions, "table">> {
  const table = `t${tables++}`;
  const schema = sqlSchema({ dialect, table });
  const changed = from === "" ? `${schema}\n${to.replaceAll("TABLE_NAME", table)}` : schema.replace(from, to);
  expect(changed).not.toBe(schema);
  for (const statement of changed.split(/;\n/)) if (statement.trim() !== "") await run(statement);
  return { table };
}

/** Neither setup nor a first write takes the table, and nothing is left in it. */
async function refused(open: () => Store): Promise<void> {
  await expect(open().setup!()).rejects.toThrow();
  const store = open();
  await expect(store.create("a", record("1", "ada"))).rejects.toThrow();
  expect(await store.read("a").catch(() => null)).toBeNull();
}

/** Both take it, and leave nothing. */
async function taken(open: () => Store): Promise<void> {
  await open().setup!();
  await everyCall(open());
  expect(await collect(open().list!())).toEqual([]);
}

function cases(
  dialect: SqlDialect,
  client: () => SqlClient,
  run: Run,
  bad: readonly Drift[],
  good: readonly Drift[],
): void {
  test.each(bad)("%s is refused", async (...drift) => {
    const options = await drifted(dialect, run, drift);
    await refused(() => sqlStore({ client: client(), ...options }));
  });
  test.each(good)("%s is accepted", async (...drift) => {
    const options = await drifted(dialect, run, drift);
    await taken(() => sqlStore({ client: client(), ...options }));
  });
}

describe("on SQLite a table", () => {
  reportBackend({ backend: "sql (SQLite)", server: "SQLite (in this process)" });
  const db = new DatabaseSync(":memory:");
  cases(
    "sqlite",
    () => db,
    (sql) => db.exec(sql),
    [
      ["whose keys have no case", '"session_key" text', '"session_key" text COLLATE NOCASE'],
      ["without a primary key", " PRIMARY KEY", ""],
      [
        "whose primary key is more than the key",
        /" text NOT NULL PRIMARY KEY([^)]*)\n\)/,
        '" text NOT NULL$1,\n PRIMARY KEY ("session_key", "kind"))',
      ],
      ["whose subjects have no case", '"subject" text', '"subject" text COLLATE NOCASE'],
      ["that wants a subject", '"subject" text', '"subject" text NOT NULL'],
      ["that takes a subject once", '"subject" text', '"subject" text UNIQUE'],
      ["without a kind", '  "kind" integer NOT NULL,\n', ""],
      [
        "with a column of its own that wants a value",
        '"kind" integer NOT NULL',
        '"kind" integer NOT NULL, other text NOT NULL',
      ],
      ["with text for bytes, strictly", /"payload" blob([^)]*)\n\)/, '"payload" text$1) STRICT'],
      [
        "that shortens payloads",
        "",
        "CREATE TRIGGER TABLE_NAME_cut AFTER INSERT ON TABLE_NAME BEGIN UPDATE TABLE_NAME SET payload = substr(payload, 1, 10); END",
      ],
      [
        "that keeps what is deleted",
        "",
        "CREATE TRIGGER TABLE_NAME_keep BEFORE DELETE ON TABLE_NAME BEGIN SELECT RAISE(IGNORE); END",
      ],
      [
        "that keeps what is updated",
        "",
        "CREATE TRIGGER TABLE_NAME_same BEFORE UPDATE ON TABLE_NAME BEGIN SELECT RAISE(IGNORE); END",
      ],
    ],
    [
      ["with a column more", '"kind" integer NOT NULL', '"kind" integer NOT NULL, other text'],
      ["without a row id", /\n\);\nCREATE/, "\n) WITHOUT ROWID;\nCREATE"],
    ],
  );

  test("of another program is not reported as ready, and is left alone", async () => {
    db.exec("CREATE TABLE sessions (id text, user_id int)");
    const store = sqlStore({ client: db, table: "sessions" });
    await expect(store.setup!()).rejects.toThrow(
      /"sessions" is there, and is not one of this store: no such column.*Name another/,
    );
    await expect(sqlStore({ client: db, layout: flaskSqlalchemy() }).setup!()).rejects.toThrow(
      "is not one of this store",
    );
    expect(db.prepare("SELECT count(*) AS n FROM pragma_index_list('sessions')").get()).toEqual({ n: 0 });
  });

  test("whose index has another name gets no second one", async () => {
    await sqlStore({ client: db, table: "named" }).setup!();
    db.exec("DROP INDEX named_expires_at; CREATE INDEX by_end ON named (expires_at)");
    await sqlStore({ client: db, table: "named" }).setup!();
    const names = db.prepare("SELECT name FROM pragma_index_list('named') WHERE origin = 'c' ORDER BY 1").all();
    expect(names).toEqual([{ name: "by_end" }, { name: "named_subject" }]);
  });

  test("repaired later is accepted without a new store", async () => {
    await sqlStore({ client: db, table: "mended" }).setup!();
    const store = sqlStore({ client: db, table: "mended" });
    db.exec("CREATE UNIQUE INDEX once ON mended (subject)");
    await expect(store.create("a", record("1", "ada"))).rejects.toThrow("does not keep what the SQL store writes");
    db.exec("DROP INDEX once");
    expect(await store.create("a", record("1", "ada"))).not.toBeNull();
  });

  test("is checked once per store, at the first write, and not for reads", async () => {
    await sqlStore({ client: db, table: "counted" }).setup!();
    const seen: string[] = [];
    const client = {
      prepare(sql: string) {
        seen.push(sql);
        return db.prepare(sql);
      },
      exec: (sql: string) => db.exec(sql),
    };
    const store = sqlStore({ client, table: "counted" });
    await store.read("a");
    await collect(store.list!());
    expect(seen.every((sql) => sql.startsWith("SELECT"))).toBe(true);
    // Every statement is prepared once, so what is new is what the trial sent.
    await Promise.all([store.create("a", record("1")), store.create("b", record("1"))]);
    expect(await store.read("a")).not.toBeNull();
    expect(db.prepare("SELECT session_key FROM counted ORDER BY 1").all()).toEqual([
      { session_key: "a" },
      { session_key: "b" },
    ]);
  });
});

describe.skipIf(!postgresProgram && reportMissing("sql (PostgreSQL)", noPostgres))("On PostgreSQL a table", () => {
  reportBackend({ backend: "sql (PostgreSQL)", server: postgresVersion });
  let server: SqlServer;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    const { host, port, user, database } = server;
    pool = new pg.Pool({ host, port, user, database });
    pool.on("error", () => {});
    await pool.query("CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level1', deterministic = false)");
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });
  cases(
    "postgres",
    () => pool,
    (sql) => pool.query(sql),
    [
      ["whose keys have no case", 'varchar(255) COLLATE "C"', "varchar(255) COLLATE caseless"],
      ["whose keys are padded", "varchar(255)", "char(255)"],
      ["whose keys are short", "varchar(255)", "varchar(64)"],
      ["without a primary key", " PRIMARY KEY", ""],
      ["with text for bytes", "bytea", "text"],
      ["with json for bytes", "bytea", "json"],
      ["with jsonb for bytes", "bytea", "jsonb"],
      ["with a flag for the kind", "smallint", "boolean"],
      ["with a small number for the end", '"expires_at" bigint', '"expires_at" integer'],
      ["with a rounded number for the end", '"expires_at" bigint', '"expires_at" real'],
      ["with a date for the end", '"expires_at" bigint', '"expires_at" timestamptz'],
      ["whose subjects have no case", 'text COLLATE "C"', "text COLLATE caseless"],
      ["whose subjects are short", 'text COLLATE "C"', "varchar(20)"],
      ["that wants a subject", 'text COLLATE "C"', "text NOT NULL"],
      ["that takes a subject once", 'text COLLATE "C"', "text UNIQUE"],
      ["with a small number for the version", '"version" bigint', '"version" integer'],
      ["with a rounded number for the version", '"version" bigint', '"version" real'],
      ["with a column of its own that wants a value", "smallint NOT NULL", "smallint NOT NULL, other text NOT NULL"],
      ["that keeps what is deleted", "", "CREATE RULE keep AS ON DELETE TO TABLE_NAME DO INSTEAD NOTHING"],
      ["that swallows updates", "", "CREATE RULE same AS ON UPDATE TO TABLE_NAME DO INSTEAD NOTHING"],
    ],
    [
      ["with a column more", "smallint NOT NULL", "smallint NOT NULL, seen timestamptz DEFAULT now()"],
      ["with wider numbers", "smallint", "integer"],
      ["that is partitioned by key", /\n\);\nCREATE/, '\n) PARTITION BY HASH ("session_key");\nCREATE'],
    ].slice(0, 2) as unknown as Drift[],
  );
});

for (const { name, version, none, start } of mysqlMakes) {
  const missing = version === "" && reportMissing(`sql (${name})`, none);
  describe.skipIf(missing)(`on ${name} a table`, () => {
    reportBackend({ backend: `sql (${name})`, server: version, within: `on ${name} a table` });
    let server: SqlServer;
    const pools: mysql.Pool[] = [];
    const poolWith = (mode: string | undefined): mysql.Pool => {
      const { host, port, user, database } = server;
      const pool = mysql.createPool({ host, port, user, database });
      if (mode !== undefined) pool.pool.on("connection", (one) => one.query(`SET sql_mode = '${mode}'`));
      pools.push(pool);
      return pool;
    };
    let strict: mysql.Pool;
    let lax: mysql.Pool;
    let simultaneous: mysql.Pool;
    beforeAll(async () => {
      server = await start();
      [strict, lax] = [poolWith(undefined), poolWith("")];
      if (name === "MariaDB") simultaneous = poolWith("SIMULTANEOUS_ASSIGNMENT");
    });
    afterAll(async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server?.stop();
    });
    const ascii = "CHARACTER SET ascii COLLATE ascii_bin";
    const bad: Drift[] = [
      ["whose keys have no case", ascii, "CHARACTER SET ascii COLLATE ascii_general_ci"],
      ["whose keys are short", "varchar(255)", "varchar(64)"],
      ["without a primary key", " PRIMARY KEY", ""],
      ["with a BLOB", "longblob", "blob"],
      ["with a TINYBLOB", "longblob", "tinyblob"],
      ["with a short varchar for bytes", "longblob", "varchar(255)"],
      ["with text for bytes", "longblob", "longtext"],
      ["with json for bytes", "longblob", "json"],
      ["with a small number for the end", "`expires_at` bigint", "`expires_at` int"],
      ["with a rounded number for the end", "`expires_at` bigint", "`expires_at` float"],
      [
        "whose subjects have no case",
        "varbinary(1024)",
        "varchar(1024) CHARACTER SET latin1 COLLATE latin1_general_ci",
      ],
      ["whose subjects are short", "varbinary(1024)", "varbinary(20)"],
      ["that takes a subject once", "varbinary(1024)", "varbinary(1024) UNIQUE"],
      ["with a small number for the version", "`version` bigint", "`version` int"],
      ["with a rounded number for the version", "`version` bigint", "`version` float"],
    ];
    const good: Drift[] = [
      ["with a MEDIUMBLOB", "longblob", "mediumblob"],
      ["with a column more", "tinyint NOT NULL", "tinyint NOT NULL, seen timestamp DEFAULT CURRENT_TIMESTAMP"],
    ];
    describe("with strict mode", () => {
      cases(
        "mysql",
        () => strict,
        (sql) => strict.query(sql),
        [...bad, ["that wants a subject", "varbinary(1024)", "varbinary(1024) NOT NULL"]],
        good,
      );
    });
    describe("with sql_mode=''", () => {
      cases(
        "mysql",
        () => lax,
        (sql) => strict.query(sql),
        bad,
        good,
      );

      test("that would truncate a session keeps the old one, even larger than the trial", async () => {
        const options = await drifted("mysql", (sql) => strict.query(sql), ["", "longblob", "varbinary(50000)"]);
        await strict.query(`ALTER TABLE ${options.table} MODIFY payload mediumblob NOT NULL`);
        const store = sqlStore({ client: lax, ...options });
        await store.setup!();
        const version = await store.create("a", record("first"));
        await strict.query(`ALTER TABLE ${options.table} MODIFY payload varbinary(1000) NOT NULL`);
        await expect(store.update("a", record("x".repeat(1001)), version!)).rejects.toThrow("nothing was written");
        await expect(store.create("b", record("x".repeat(1001)))).rejects.toThrow("nothing was written");
        expect((await store.read("a"))?.payload).toBe("first");
        expect(await store.read("b")).toBeNull();
      });
    });
    test.skipIf(name === "MySQL")("is refused where assignments are simultaneous", async () => {
      await refused(() => sqlStore({ client: simultaneous, table: "simultaneous" }));
    });
  });
}
