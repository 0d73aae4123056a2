/** Sessions in a table of your Drizzle schema, in PostgreSQL, MySQL, MariaDB or SQLite. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";
import { lazily } from "./shared/lazy.ts";
import { checkOptions } from "./shared/options.ts";
import type { SqlConnection } from "./sql/clients.ts";
import { connectionOf } from "./sql/connection.ts";
import { rulesOf, type SqlDialect } from "./sql/dialect.ts";
import { lazyStore, type ModelColumn, modelStore, tableOfModel } from "./sql/model.ts";
import { capabilitiesOf } from "./sql/store.ts";

/** What `drizzle(…)` returns. */
export interface DrizzleDatabase {
  /** The client below it, which the store uses. A transaction has none. */
  readonly $client?: unknown;
  /** Tells it from other things; the store never calls it. */
  transaction(...args: never[]): unknown;
}

/** A column of {@link DrizzleTable}. */
export interface DrizzleColumn {
  /** Its name in the database. */
  readonly name: string;
  readonly primary: boolean;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** Its type in the database. */
  getSQLType(): string;
}

/**
 * What `pgTable`, `mysqlTable` and `sqliteTable` return, with these columns under these property names. The names in
 * the database are up to you.
 */
export interface DrizzleTable {
  /** The key the record is kept under: primary key. */
  readonly key: DrizzleColumn;
  /** The encoded session, as bytes. */
  readonly payload: DrizzleColumn;
  /** What the bytes of the payload are: 0 bytes, 1 text in UTF-8, 2 text as JSON. */
  readonly kind: DrizzleColumn;
  /** When the record ends, in epoch milliseconds. Needs an index. */
  readonly expiresAt: DrizzleColumn;
  /** The user of the session, or NULL. Needs an index. */
  readonly subject: DrizzleColumn;
  /** Names one state of the record: a random number, new with every write. */
  readonly version: DrizzleColumn;
}

/** What `drizzleStore` takes. */
export interface DrizzleStoreOptions {
  /**
   * Your database: what `drizzle(…)` of `drizzle-orm/node-postgres`, `postgres-js`, `pglite`, `mysql2`,
   * `better-sqlite3` or `libsql` returns. Or a function that returns one, or a promise of one: it is called once, when
   * the store is first used.
   *
   * The store sends its statements directly to the driver, `db.$client`. Each commits by itself. With a pool they
   * are not part of your application's transactions. On a single connection they are part of an open transaction. If a
   * better-sqlite3 connection is in a transaction, the store waits for its end, and rejects after about a second.
   */
  readonly db: DrizzleDatabase | (() => DrizzleDatabase | Promise<DrizzleDatabase>);
  /**
   * The table of your schema. You may add your own columns, which the store does not change: each needs a default, or
   * must allow NULL.
   */
  readonly table: DrizzleTable;
  /**
   * The current time in epoch milliseconds. Default `Date.now`. For tests. In SQLite it decides when a session has ended;
   * PostgreSQL and MySQL decide that by their own clock, and the store sends them durations.
   */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in a table of your Drizzle schema, which your migrations create.
 *
 * `await store.setup()` creates nothing. If something is missing or wrong, for example because the migrations have not
 * run, it rejects with an error that says so, and so does the first write. Ended sessions are never returned, but stay
 * in the table until `prune()`. Errors of the driver are passed on unchanged, not as Drizzle's errors, whose messages
 * contain the values.
 *
 * @throws TypeError when `db` is not supported, or a column of `table` is missing or of the wrong kind.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type DrizzleDatabase, type DrizzleTable, drizzleStore } from "sojourn/stores/drizzle";
 *
 * export function sessionsIn(db: DrizzleDatabase, table: DrizzleTable) {
 *   return createSessions({ store: drizzleStore({ db, table }), idleTimeout: "30m" });
 * }
 * ```
 */
export function drizzleStore(options: DrizzleStoreOptions): Store {
  checkOptions<DrizzleStoreOptions>(
    "drizzleStore",
    options,
    { db: true, table: true, now: true },
    "drizzleStore({ db: drizzle({ client: pool }), table: sessionsTable })",
  );
  const { db, table } = options;
  const { now = Date.now } = options;
  const rules = rulesOf(dialectOf(table));
  const made = lazily(db, (one) => {
    const connection = connectionBelow(one);
    if (connection.dialect !== rules.dialect) {
      throw new TypeError(
        `table must be of the database's dialect, "${connection.dialect}"; received one of "${rules.dialect}"`,
      );
    }
    const link = { dialect: rules.dialect, shared: connection.shared, connect: () => connection };
    return modelStore({ name: "drizzle", link, rules, table: tableOfModel(rules, modelOf(table, one)), now });
  });
  if (typeof db !== "function") return made() as Store;
  // A wrong table is reported at once; only the way columns are named may be the database's.
  tableOfModel(rules, modelOf(table, undefined));
  return lazyStore("drizzle", capabilitiesOf(rules, true), made);
}

// Drizzle's symbols are registered, so that two copies of it know each other's tables.
const symbol = (name: string): symbol => Symbol.for(`drizzle:${name}`);

const dialects: Readonly<Record<string, SqlDialect>> = {
  PgTable: "postgres",
  MySqlTable: "mysql",
  SQLiteTable: "sqlite",
};

function dialectOf(table: unknown): SqlDialect {
  const kind = (table as { constructor?: Record<symbol, unknown> } | null | undefined)?.constructor?.[
    symbol("entityKind")
  ];
  const dialect = dialects[String(kind)];
  if (!dialect) throw wrongArgument("table", "a table made by pgTable, mysqlTable or sqliteTable", table);
  return dialect;
}

function connectionBelow(db: unknown): SqlConnection {
  const takes =
    "a Drizzle database over pg, postgres.js, PGlite, mysql2, better-sqlite3 or @libsql/client, or a function that returns one";
  const client = (db as DrizzleDatabase | null | undefined)?.$client;
  if (client === undefined) throw wrongArgument("db", `${takes}; a transaction is none`, db);
  try {
    const connection = connectionOf(client);
    if (connection.dialect) return connection;
  } catch {}
  throw wrongArgument("db", takes, client);
}

/** What Drizzle keeps of a column beside {@link DrizzleColumn}. */
interface Kept extends DrizzleColumn {
  readonly default?: unknown;
  readonly defaultFn?: unknown;
  readonly generated?: unknown;
  readonly generatedIdentity?: unknown;
}

function modelOf(table: unknown, db: unknown): Parameters<typeof tableOfModel>[1] {
  const parts = table as Readonly<Record<symbol, unknown>>;
  // A column without a name of its own is named after its property, as the database was told to: `casing`.
  const { casing } = (db as { dialect?: { casing?: { getColumnCasing(column: Kept): string } } })?.dialect ?? {};
  const column = (one: Kept): ModelColumn => ({
    name: casing?.getColumnCasing(one) ?? one.name,
    type: one.getSQLType(),
    primary: one.primary,
    nullable: !one.notNull,
    required:
      one.notNull &&
      (!one.hasDefault || (one.default === undefined && one.defaultFn !== undefined)) &&
      (one.generated ?? one.generatedIdentity) === undefined,
  });
  const columns = Object.entries(parts[symbol("Columns")] as Readonly<Record<string, Kept>>);
  return {
    option: "table",
    name: parts[symbol("Name")] as string,
    schema: parts[symbol("Schema")] as string | undefined,
    columns: Object.fromEntries(columns.map(([property, one]) => [property, column(one)])),
  };
}
