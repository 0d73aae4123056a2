/** Drizzle databases of every kind the store works with, their tables made by drizzle-kit's migrations. Also what every process of the process suite imports. */

import { join } from "node:path";
import { createClient } from "@libsql/client";
import BetterSqlite3 from "better-sqlite3";
import {
  generateDrizzleJson,
  generateMigration,
  generateMySQLDrizzleJson,
  generateMySQLMigration,
  generateSQLiteDrizzleJson,
  generateSQLiteMigration,
} from "drizzle-kit/api";
import { sql } from "drizzle-orm";
import { drizzle as overBetterSqlite3 } from "drizzle-orm/better-sqlite3";
import { drizzle as overLibsql } from "drizzle-orm/libsql";
import {
  customType as customMysqlType,
  bigint as mysqlBigint,
  index as mysqlIndex,
  mysqlTable,
  tinyint,
  varbinary,
} from "drizzle-orm/mysql-core";
import { drizzle as overMysql2 } from "drizzle-orm/mysql2";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import {
  bigint,
  customType as customPgType,
  index as pgIndex,
  pgTable,
  smallint,
  text,
  varchar,
} from "drizzle-orm/pg-core";
import { drizzle as overPostgresJs } from "drizzle-orm/postgres-js";
import { blob, integer, index as sqliteIndex, sqliteTable, text as sqliteText } from "drizzle-orm/sqlite-core";
import mysql from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import type { Store } from "../../src/core/contracts/store.ts";
import { type DrizzleDatabase, type DrizzleTable, drizzleStore } from "../../src/stores/drizzle.ts";
import type { SqlDialect } from "../../src/stores/sql.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import { migrate } from "./orm-servers.ts";
import type { Place } from "./sql-clients.ts";

const bytea = customPgType<{ data: Uint8Array }>({ dataType: () => "bytea" });
const longblob = customMysqlType<{ data: Uint8Array }>({ dataType: () => "longblob" });

/** The tables of docs/stores/drizzle.md, under any name. */
export const drizzleTables = {
  postgres: (name: string) =>
    pgTable(
      name,
      {
        key: varchar("session_key", { length: 255 }).primaryKey(),
        payload: bytea("payload").notNull(),
        kind: smallint("kind").notNull(),
        expiresAt: bigint("expires_at", { mode: "number" }).notNull(),
        subject: text("subject"),
        version: bigint("version", { mode: "number" }).notNull(),
      },
      (table) => [pgIndex(`${name}_expires_at`).on(table.expiresAt), pgIndex(`${name}_subject`).on(table.subject)],
    ),
  mysql: (name: string) =>
    mysqlTable(
      name,
      {
        key: varbinary("session_key", { length: 255 }).primaryKey(),
        payload: longblob("payload").notNull(),
        kind: tinyint("kind").notNull(),
        expiresAt: mysqlBigint("expires_at", { mode: "number" }).notNull(),
        subject: varbinary("subject", { length: 1024 }),
        version: mysqlBigint("version", { mode: "number" }).notNull(),
      },
      (table) => [
        mysqlIndex(`${name}_expires_at`).on(table.expiresAt),
        mysqlIndex(`${name}_subject`).on(table.subject),
      ],
    ),
  sqlite: (name: string) =>
    sqliteTable(
      name,
      {
        key: sqliteText("session_key").primaryKey(),
        payload: blob("payload", { mode: "buffer" }).notNull(),
        kind: integer("kind").notNull(),
        expiresAt: integer("expires_at").notNull(),
        subject: sqliteText("subject"),
        version: integer("version").notNull(),
      },
      (table) => [
        sqliteIndex(`${name}_expires_at`).on(table.expiresAt),
        sqliteIndex(`${name}_subject`).on(table.subject),
      ],
    ),
} satisfies Record<SqlDialect, (name: string) => DrizzleTable>;

/** What `drizzle-kit generate` writes into the first migration of a schema with this table alone. */
export async function migrationOf(dialect: SqlDialect, table: DrizzleTable, casing?: "snake_case"): Promise<string[]> {
  const schema = { table };
  if (dialect === "postgres") {
    return generateMigration(generateDrizzleJson({}), generateDrizzleJson(schema, undefined, undefined, casing));
  }
  if (dialect === "mysql") {
    return generateMySQLMigration(
      await generateMySQLDrizzleJson({}),
      await generateMySQLDrizzleJson(schema, undefined, casing),
    );
  }
  return generateSQLiteMigration(
    await generateSQLiteDrizzleJson({}),
    await generateSQLiteDrizzleJson(schema, undefined, casing),
  );
}

/** A database, how it runs a migration, and how to be rid of it. */
export interface OpenDrizzle {
  readonly dialect: SqlDialect;
  readonly db: DrizzleDatabase;
  run(statement: string): Promise<unknown>;
  close(): unknown;
}

const most = 10;

/** How each is opened, by the name it goes by in titles. A place that is a path is a SQLite file. */
export const drizzles = {
  pg(place) {
    const pool = new pg.Pool({ ...server(place), max: most });
    pool.on("error", () => {}); // What a pool does about idle connections that break is not looked at here.
    const db = overPg({ client: pool });
    return { dialect: "postgres", db, run: (text) => db.execute(sql.raw(text)), close: () => pool.end() };
  },
  "postgres.js"(place) {
    const client = postgres({ ...server(place), max: most, onnotice: () => {} });
    const db = overPostgresJs({ client });
    return { dialect: "postgres", db, run: (text) => db.execute(sql.raw(text)), close: () => client.end() };
  },
  mysql2(place) {
    const pool = mysql.createPool({ ...server(place), connectionLimit: most });
    const db = overMysql2({ client: pool });
    return { dialect: "mysql", db, run: (text) => db.execute(sql.raw(text)), close: () => pool.end() };
  },
  "better-sqlite3"(place) {
    const client = new BetterSqlite3(file(place));
    client.pragma("journal_mode = WAL");
    client.pragma("synchronous = OFF");
    const db = overBetterSqlite3({ client });
    return { dialect: "sqlite", db, run: async (text) => db.run(sql.raw(text)), close: () => client.close() };
  },
  libSQL(place) {
    const client = createClient({ url: `file:${file(place)}`, timeout: 5000 });
    const db = overLibsql({ client });
    return { dialect: "sqlite", db, run: async (text) => db.run(sql.raw(text)), close: () => client.close() };
  },
} satisfies Record<string, (place: Place) => OpenDrizzle>;

function server(place: Place): Exclude<Place, string> {
  if (typeof place === "string") throw new Error("this database wants a server");
  const { host, port, user, database } = place;
  return { host, port, user, database };
}

function file(place: Place): string {
  if (typeof place !== "string") throw new Error("this database wants a file");
  return place;
}

type Through = keyof typeof drizzles;

interface Args {
  readonly through: Through;
  readonly place: Place;
}

const opened = new Map<Store, OpenDrizzle>();

/** Opens a store on a table of the space's own, or in a file of its own. */
export async function open({ space, now }: OpenOptions, args: unknown): Promise<Store> {
  const { through, place } = args as Args;
  const one: OpenDrizzle = drizzles[through](typeof place === "string" ? join(place, `${space}.db`) : place);
  const table = drizzleTables[one.dialect](space);
  await migrate(one.run, await migrationOf(one.dialect, table));
  const store = drizzleStore({ db: one.db, table, now });
  await store.setup?.();
  opened.set(store, one);
  return store;
}

export async function close(store: Store): Promise<void> {
  await opened.get(store)?.close();
}

/** A store that is only looked at: its database is never reached. */
function sample(dialect: SqlDialect): Store {
  const db = (): Promise<DrizzleDatabase> => Promise.reject(new Error("only a sample"));
  return drizzleStore({ db, table: drizzleTables[dialect]("sample") });
}

/** The suite over one kind of database. `place` is asked when the cases run. */
export function drizzleHarness(dialect: SqlDialect, through: Through, place: () => Place): StoreHarness {
  return {
    name: through,
    sample: sample(dialect),
    open: (options) => open(options, { through, place: place() }),
    close,
  };
}

/** The process suite over one kind of database. */
export function drizzleProcesses(dialect: SqlDialect, through: Through, place: () => Place): ProcessHarness {
  const args = {
    through,
    get place() {
      const where = place();
      if (typeof where === "string") return where;
      const { host, port, user, database } = where;
      return { host, port, user, database };
    },
  };
  return { name: through, sample: sample(dialect), module: new URL(import.meta.url), args };
}
