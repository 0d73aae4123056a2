/** Sessions in PostgreSQL, MySQL, MariaDB or SQLite, through the client you already have. One statement to read, one to write. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { Store } from "../core/contracts/store.ts";
import { checkOptions } from "./shared/options.ts";
import { foreignTable, type SqlLayout } from "./sql/bare.ts";
import type { SqlClient } from "./sql/clients.ts";
import { type DialectRules, rulesOf, type SqlDialect } from "./sql/dialect.ts";
import { nativePieces, type SqlPieces } from "./sql/layout.ts";
import { linkTo } from "./sql/link.ts";
import { schemaOf } from "./sql/schema.ts";
import { storeOn } from "./sql/store.ts";
import { type SqlTableOptions, tableOf } from "./sql/table.ts";

export type { SqlLayout } from "./sql/bare.ts";
export type {
  D1Client,
  KyselyClient,
  LibsqlClient,
  LibsqlResult,
  MariadbClient,
  Mysql2CallbackClient,
  Mysql2Client,
  PGliteClient,
  PgClient,
  PostgresJsClient,
  SqlClient,
  SqliteClient,
  SqlRunner,
} from "./sql/clients.ts";
export type { SqlDialect } from "./sql/dialect.ts";
export type { SqlLayoutTypes } from "./sql/foreign-types.ts";
export type { SqlColumns, SqlTableOptions } from "./sql/table.ts";

/** What `sqlStore` takes. */
export interface SqlStoreOptions extends SqlTableOptions {
  /**
   * Your client, connected and configured by you: for PostgreSQL a Pool of `pg`, postgres.js or PGlite; for MySQL and
   * MariaDB a pool of `mysql2` or `mariadb`; for SQLite better-sqlite3, `DatabaseSync` of `node:sqlite` or
   * `@libsql/client`, or a database of Cloudflare D1; a Kysely instance over any of these; or an object with
   * `run(sql, values)`. Or, with `dialect`, a function that returns one, or a promise of one: it is called once, when
   * the store is first used.
   *
   * Every call of the store is one statement that commits by itself. With a pool it is never part of your transactions.
   * With a single connection of `pg`, `mysql2` or `mariadb`, or a transaction of postgres.js, libSQL or Kysely, it is
   * part of the open transaction. On a SQLite connection the store waits until no transaction is open, and rejects after
   * about a second.
   */
  readonly client: SqlClient | (() => SqlClient | Promise<SqlClient>);
  /**
   * The dialect of the database. Required if `client` is a function or an object with `run`; otherwise the store
   * detects it. Default: that of the client.
   */
  readonly dialect?: SqlDialect | undefined;
  /**
   * The layout of another program, to share its sessions in a table: `flaskSqlalchemy()` of `sojourn/flask`. It names
   * the table and its columns, so do not pass `table`, `schema` or `columns`. Its rows have no room for a subject, so
   * there is no `listBySubject`. Default: this store's own table.
   */
  readonly layout?: SqlLayout | undefined;
  /**
   * The current time in epoch milliseconds. Default `Date.now`. For tests. In SQLite it decides when a session has ended;
   * PostgreSQL and MySQL decide that by their own clock, and the store sends durations to them.
   */
  readonly now?: (() => number) | undefined;
}

/** What `sqlSchema` takes. */
export interface SqlSchemaOptions extends SqlTableOptions {
  /** The dialect of the database. */
  readonly dialect: SqlDialect;
  /** The store's `layout`, if it has one. Default: the store's own columns. */
  readonly layout?: SqlLayout | undefined;
}

/**
 * Keeps sessions in a table of PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * The table must exist: call `await store.setup()` when you deploy, or put the statements of {@link sqlSchema} into your
 * migrations. `setup()` and the first write test the table with a few rows, and reject if it does not keep them.
 * Ended sessions are never returned, but stay in the table until `prune()`. Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { sqlStore, type PgClient } from "sojourn/stores/sql";
 *
 * export function sessionsIn(pool: PgClient) {
 *   return createSessions({ name: "shop", store: sqlStore({ client: pool }), idleTimeout: "30m" });
 * }
 * ```
 */
export function sqlStore(options: SqlStoreOptions): Store {
  checkOptions<SqlStoreOptions>("sqlStore", options, known, line);
  const { client, dialect, now = Date.now } = options;
  const link = linkTo(client, dialect);
  const rules = rulesOf(link.dialect);
  const isChosen = (["table", "schema", "layout"] as const).some((name) => options[name] !== undefined);
  const space = isChosen ? "own" : undefined;
  const store = storeOn({ name: "sql", space, link, rules, pieces: piecesOf(rules, options), now });
  return options.layout ? Object.assign(store, { foreign: "" }) : store;
}

const known = {
  client: true,
  dialect: true,
  table: true,
  schema: true,
  columns: true,
  layout: true,
  now: true,
} as const;

const line =
  "sqlStore({ client: new pg.Pool({ connectionString }) }) or, with mysql2 or mariadb, sqlStore({ client: mysql.createPool(url) })";

function piecesOf(
  rules: DialectRules,
  { layout, ...own }: SqlTableOptions & { layout?: SqlLayout | undefined },
): SqlPieces {
  if (layout === undefined) return nativePieces(rules, tableOf(rules, own));
  for (const name of ["table", "schema", "columns"] as const) {
    if (own[name] !== undefined) throw wrongArgument(name, "left out with a layout, which names its own", own[name]);
  }
  return foreignTable(rules, layout);
}

/**
 * The CREATE statements for the table and its indexes, for your migrations: the same as `store.setup()` runs.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { sqlSchema } from "sojourn/stores/sql";
 *
 * const migration = sqlSchema({ dialect: "postgres", table: "web_sessions" });
 * ```
 */
export function sqlSchema(options: SqlSchemaOptions): string {
  checkKnown("sqlSchema", options, ["dialect", "table", "schema", "columns", "layout"]);
  const rules = rulesOf(options.dialect);
  return schemaOf(rules, piecesOf(rules, options).definition)
    .map((sql) => `${sql};\n`)
    .join("");
}
