/** The Drizzle store's options: which tables and databases it takes, which names it follows, and beside what it works. */

import { PGlite } from "@electric-sql/pglite";
import BetterSqlite3 from "better-sqlite3";
import { sql } from "drizzle-orm";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import { mysqlTable, varchar as mysqlVarchar } from "drizzle-orm/mysql-core";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { bigint, customType, integer as pgInteger, pgSchema, text as pgText, smallint } from "drizzle-orm/pg-core";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { blob, integer, sqliteTable, sqliteTableCreator, text } from "drizzle-orm/sqlite-core";
import { describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { type DrizzleDatabase, type DrizzleStoreOptions, drizzleStore } from "../../src/stores/drizzle.ts";
import { docModule } from "../support/doc-module.ts";
import { drizzleTables, migrationOf } from "../support/drizzle-clients.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { everyCall } from "../support/sql-statements.ts";

reportBackend({
  backend: "drizzle (SQLite)",
  server: "SQLite (in this process)",
  clients: [clientVersion("drizzle-orm"), clientVersion("better-sqlite3")],
});

const record = (payload: string, subject?: string): StoreRecord => {
  return { payload, expiresAt: Date.now() + 600_000, subject };
};
const wrong = (options: unknown) => (): Store => drizzleStore(options as DrizzleStoreOptions);
const memory = (): BetterSQLite3Database & { $client: BetterSqlite3.Database } => {
  return drizzle({ client: new BetterSqlite3(":memory:") });
};
const columns = () => ({
  key: text().primaryKey(),
  payload: blob().notNull(),
  kind: integer().notNull(),
  expiresAt: integer().notNull(),
  subject: text(),
  version: integer().notNull(),
});
const plain = drizzleTables.sqlite("sojourn_sessions");
const migrate = async (db: BetterSQLite3Database, table: Parameters<typeof migrationOf>[1], casing?: "snake_case") => {
  for (const statement of await migrationOf("sqlite", table, casing)) db.run(sql.raw(statement));
};

describe("the table in the documentation", () => {
  test.each([
    ["postgres", "pgTable("],
    ["mysql", "mysqlTable("],
    ["sqlite", "sqliteTable("],
  ] as const)("for %s becomes, by drizzle-kit, the very table that the whole suite runs on", async (dialect, call) => {
    const { sessionsTable } = await docModule("docs/stores/drizzle.md", call);
    const migration = await migrationOf(dialect, sessionsTable as typeof plain);
    expect(migration).toEqual(await migrationOf(dialect, drizzleTables[dialect]("sojourn_sessions")));
    expect(migration.join("\n")).toMatch(/session_key.* PRIMARY KEY|PRIMARY KEY\([`"]session_key[`"]\)/s);
  });
});

describe("options", () => {
  test.each<[string, unknown, string]>([
    ["a database in place of them", memory(), "Write drizzleStore({ db })"],
    ["a name that does not exist", { db: memory(), table: plain, tabel: plain }, 'did you mean "table"?'],
    ["a table and no database", { table: plain }, "db must be a Drizzle database"],
  ])("are refused, with what to write: %s", (_, options, said) => {
    expect(wrong(options)).toThrow(TypeError);
    expect(wrong(options)).toThrow(said);
  });
});

describe("a table", () => {
  const { subject: _, ...five } = columns();
  test.each<[string, unknown, string]>([
    ["nothing", undefined, "table must be a table made by pgTable, mysqlTable or sqliteTable; received undefined"],
    ["a name", "sessions", "table must be a table made by pgTable"],
    ["of another dialect", drizzleTables.postgres("s"), 'table must be of the database\'s dialect, "sqlite"'],
    ["without a subject", sqliteTable("s", five), "version; there is no subject"],
    [
      "with text for bytes",
      sqliteTable("s", { ...columns(), payload: text() }),
      "payload must be of type blob; it is text",
    ],
    [
      "with a key that may be there twice",
      sqliteTable("s", { ...columns(), key: text() }),
      "key must be the primary key",
    ],
    [
      "that gives everybody a subject",
      sqliteTable("s", { ...columns(), subject: text().notNull() }),
      "subject must be nullable",
    ],
    [
      "that wants more",
      sqliteTable("s", { ...columns(), ip: text().notNull() }),
      "ip must be nullable or have a default",
    ],
    [
      "that wants what only Drizzle would fill in",
      sqliteTable("s", {
        ...columns(),
        ip: text()
          .notNull()
          .$default(() => ""),
      }),
      "ip must be nullable or have a default in the database",
    ],
    ["with a name that is more than a name", sqliteTable('s"; --', columns()), "table must be a name of at most 48"],
  ])("that is %s is refused", (_what, table, said) => {
    expect(wrong({ db: memory(), table })).toThrow(TypeError);
    expect(wrong({ db: memory(), table })).toThrow(said);
  });

  test("of MySQL that ignores case is refused", () => {
    const table = drizzleTables.mysql("s");
    const db = (): never => expect.unreachable();
    const careless = mysqlTable("s", { key: mysqlVarchar({ length: 255 }).primaryKey() });
    expect(wrong({ db, table: mysqlTable("s", {}) })).toThrow("there is no key, no payload");
    expect(wrong({ db, table: withColumn(table, "key", careless.key) })).toThrow(
      "key must be of type varbinary(255); it is varchar(255)",
    );
    const short = mysqlTable("s", { key: mysqlVarchar({ length: 64 }).primaryKey() });
    const binary = { ...short.key, getSQLType: () => "varbinary(64)" };
    expect(wrong({ db, table: withColumn(table, "key", binary) })).toThrow("key must hold 200 characters");
  });

  test("of PostgreSQL whose number columns are too small is refused", () => {
    const table = withColumn(drizzleTables.postgres("s"), "expiresAt", pgSchema("x").table("s", { e: pgInteger() }).e);
    expect(wrong({ db: () => expect.unreachable(), table })).toThrow("expiresAt must be of type bigint; it is integer");
  });

  test("may have columns of the application, which a save leaves alone", async () => {
    const db = memory();
    const table = sqliteTable("s", { ...columns(), ip: text(), seen: integer().notNull().default(7) });
    await migrate(db, table);
    const store = drizzleStore({ db, table });
    const version = await store.create("a", record("1"));
    db.update(table).set({ ip: "::1" }).run();
    await store.update("a", record("2", "ada"), version!);
    expect(db.select().from(table).all()).toMatchObject([{ key: "a", subject: "ada", ip: "::1", seen: 7 }]);
  });

  test("may have any name: a prefix, and names by the database's casing", async () => {
    const client = new BetterSqlite3(":memory:");
    const db = drizzle({ client, casing: "snake_case" });
    const table = sqliteTableCreator((name) => `web_${name}`)("sessions", columns());
    await migrate(db, table, "snake_case");
    for (const one of [db, () => db]) {
      const store = drizzleStore({ db: one, table });
      await store.setup?.();
      await everyCall(store);
    }
    await drizzleStore({ db, table }).create("a", record("1"));
    expect(client.prepare("SELECT key FROM web_sessions WHERE expires_at > 0").all()).toEqual([{ key: "a" }]);
  });

  test("may be in a schema of PostgreSQL, here PGlite", async () => {
    const client = new PGlite();
    const db = drizzlePglite({ client });
    const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });
    const table = pgSchema("web").table("sessions", {
      key: pgText("id").primaryKey(),
      payload: bytea("data").notNull(),
      kind: smallint("kind").notNull(),
      expiresAt: bigint("ends", { mode: "bigint" }).notNull(),
      subject: pgText("user"),
      version: bigint("order", { mode: "bigint" }).notNull(),
    });
    const store = drizzleStore({ db, table });
    expect(store.capabilities).toMatchObject({ clock: "server", shared: false });
    await expect(store.setup?.()).rejects.toThrow('The table "web"."sessions" differs from the model: relation');
    for (const statement of ["CREATE SCHEMA web", ...(await migrationOf("postgres", table))]) {
      await db.execute(sql.raw(statement));
    }
    await store.setup?.();
    await everyCall(store);
    await store.create("a", record("1", "ada"));
    expect(await db.select({ id: table.key, user: table.subject }).from(table)).toEqual([{ id: "a", user: "ada" }]);
    await client.close();
  });
});

describe("a database", () => {
  const { $client: _, ...bare } = memory();
  const other = { $client: { exec() {}, each() {}, export() {} }, transaction() {} };
  test.each<[string, unknown, string]>([
    ["nothing", undefined, "received undefined"],
    ["a client", new BetterSqlite3(":memory:"), "a transaction is none"],
    ["without its client, as a transaction is", { ...bare, transaction() {} }, "a transaction is none"],
    ["over a client that answers in another way, such as sql.js", other, "received an object"],
    ["over nothing at all", drizzle.mock(), "received an object"],
  ])("that is %s is refused", (_what, db, said) => {
    expect(wrong({ db, table: plain })).toThrow(TypeError);
    expect(wrong({ db, table: plain })).toThrow(/^db must be a Drizzle database over pg, postgres\.js, PGlite/);
    expect(wrong({ db, table: plain })).toThrow(said);
  });

  test("may have the type annotation that applications use", () => {
    const typed: (db: NodePgDatabase) => DrizzleDatabase = (db) => db;
    expect(wrong({ db: typed({} as NodePgDatabase), table: drizzleTables.postgres("s") })).toThrow("db must be");
  });

  test("may be a function, called once at the first call, and again only when it failed", async () => {
    const db = memory();
    await migrate(db, plain);
    let asked = 0;
    const store = drizzleStore({
      table: plain,
      db: async () => {
        asked += 1;
        if (asked === 1) throw new Error("not yet");
        return db;
      },
    });
    expect(asked).toBe(0);
    expect(store.capabilities).toMatchObject({ clock: "ours", shared: true });
    await expect(Promise.all([store.read("a"), store.read("a")])).rejects.toThrow("not yet");
    await Promise.all([store.read("a"), store.create("a", record("1")), store.read("a")]);
    expect(asked).toBe(2);
  });

  test("without its migrations is reported by setup, which creates nothing", async () => {
    const db = memory();
    const store = drizzleStore({ db, table: plain });
    await expect(store.setup?.()).rejects.toThrow("no such table: sojourn_sessions. Run your migrations.");
    const { count } = db.get<{ count: number }>(sql`SELECT count(*) AS count FROM sqlite_schema`)!;
    expect(count).toBe(0);
    db.run(sql`CREATE TABLE sojourn_sessions (session_key, payload, expires_at, subject, version)`);
    await expect(store.setup?.()).rejects.toThrow(
      'The table "sojourn_sessions" differs from the model: no such column',
    );
    await expect(store.setup?.()).rejects.toThrow("kind");
  });

  test("logs no session, and no error contains one", async () => {
    const logged: unknown[] = [];
    const logger = { logQuery: (...all: unknown[]) => void logged.push(all) };
    const db = drizzle({ client: new BetterSqlite3(":memory:"), logger });
    const store = drizzleStore({ db, table: plain });
    const error: Error = await store.create("secret-key", record("secret-payload", "secret-subject")).then(
      () => expect.unreachable("the table is absent"),
      (error) => error,
    );
    expect(error.message).toBe("no such table: sojourn_sessions");
    expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/secret/);
    expect(logged).toEqual([]);
    db.run(sql`SELECT 1`);
    expect(logged).toHaveLength(1);
  });

  test("in a transaction on its one connection is waited for: a rollback undoes no session", async () => {
    const db = memory();
    await migrate(db, plain);
    const store = drizzleStore({ db, table: plain });
    db.run(sql`BEGIN`);
    const created = store.create("a", record("1"));
    expect(db.$client.inTransaction).toBe(true);
    db.run(sql`ROLLBACK`);
    expect(await created).not.toBeNull();
    expect(await store.read("a")).toMatchObject({ payload: "1" });
  });
});

/** The table with another column, which stays where Drizzle keeps it. */
function withColumn(table: object, property: string, column: unknown): object {
  const kept = Symbol.for("drizzle:Columns");
  const others = (table as Record<symbol, object>)[kept];
  return Object.assign(Object.create(Object.getPrototypeOf(table)), table, {
    [kept]: { ...others, [property]: column },
    [Symbol.for("drizzle:Name")]: "s",
  });
}
