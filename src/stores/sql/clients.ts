/** The clients the store takes, by the methods it uses of each, and the connection it makes of any of them. */

import type { SqlDialect } from "./dialect.ts";
import type { SqlValue } from "./layout.ts";

/** `pg`: a Pool, a Client, or a look-alike. */
export interface PgClient {
  /** Tells it from other clients; the store never connects. */
  connect(...args: never[]): unknown;
  /** Runs one statement, and gives rows as arrays. */
  query(query: { text: string; values: unknown[]; rowMode: "array" }): Promise<{
    readonly rows: unknown[][];
    readonly rowCount: number | null;
  }>;
}

/** postgres.js: what `postgres()` returns, or a transaction of it. */
export interface PostgresJsClient {
  /** Runs one statement with the values apart from it. */
  unsafe(
    query: string,
    parameters: never[],
    options: { prepare: boolean },
  ): {
    values(): PromiseLike<ArrayLike<unknown> & { readonly count: number }>;
  };
}

/** PGlite. */
export interface PGliteClient {
  /** Tells it from other clients; a query waits by itself. */
  readonly waitReady: Promise<void>;
  /** Runs one statement, and gives rows as arrays. */
  query(
    query: string,
    params: unknown[],
    options: { rowMode: "array" },
  ): Promise<{ readonly rows: unknown[]; readonly affectedRows?: number | undefined }>;
}

/** mysql2: a pool or a connection of `mysql2/promise`. */
export interface Mysql2Client {
  /** Runs one prepared statement, and gives rows as arrays. */
  execute(query: {
    sql: string;
    values: never[];
    rowsAsArray: true;
    nestTables: false;
  }): Promise<[result: unknown, fields: unknown]>;
}

/** mysql2: a pool or a connection of `mysql2` itself, with callbacks. */
export interface Mysql2CallbackClient {
  /** The same with promises. */
  promise(): Mysql2Client;
}

/** mariadb: a pool or a connection. */
export interface MariadbClient {
  /** Tells it from mysql2. */
  batch(...args: never[]): unknown;
  /** Runs one prepared statement, and gives rows as arrays. */
  execute(
    query: { sql: string; rowsAsArray: true; metaAsArray: false; logParam: false },
    values: unknown[],
  ): Promise<unknown>;
}

/** A SQLite that answers at once: better-sqlite3, `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`. */
export interface SqliteClient {
  /** Distinguishes it from other clients. */
  exec(sql: string): unknown;
  /** Prepares one statement, which the store keeps. */
  prepare(sql: string): {
    all(...values: never[]): unknown[];
    run(...values: never[]): { readonly changes: number | bigint };
  };
}

/** `@libsql/client`, for a local file with its option `timeout`; or a transaction of it. */
export interface LibsqlClient {
  /** Distinguishes it from other clients. */
  executeMultiple(sql: string): Promise<void>;
  /** Runs one statement that reads. */
  execute(statement: { sql: string; args: never[] }): Promise<LibsqlResult>;
  /** Runs one statement that writes, in a transaction of its own. */
  batch(statements: { sql: string; args: never[] }[], mode: "write"): Promise<LibsqlResult[]>;
}

/** Cloudflare D1: the database a Worker finds in its `env`. Not a session of it, which may read what is old. */
export interface D1Client {
  /** Tells it from a session of it. */
  exec(sql: string): Promise<unknown>;
  /** Distinguishes it from other clients. */
  batch(statements: never[]): Promise<unknown>;
  /** Prepares one statement, given its values before it is run. */
  prepare(sql: string): {
    bind(...values: unknown[]): {
      raw(): Promise<unknown[]>;
      run(): Promise<{ readonly meta: { readonly changes: number } }>;
    };
  };
}

/** What a {@link LibsqlClient} answers. */
export interface LibsqlResult {
  /** Rows with their columns by number. */
  readonly rows: ArrayLike<unknown>[];
  /** How many were written. */
  readonly rowsAffected: number;
}

/** A Kysely instance over PostgreSQL, MySQL or SQLite, or one of its transactions. */
export interface KyselyClient {
  /** Whether it is a transaction. */
  readonly isTransaction: boolean;
  /** Its compiler shows which dialect it speaks. */
  getExecutor(): object;
  /** Plugins may rename columns; the store goes around them. */
  withoutPlugins(): {
    executeQuery(query: never): Promise<{
      readonly rows: unknown[];
      readonly numAffectedRows?: bigint | undefined;
    }>;
  };
}

/** Any other client: one function that runs one statement. */
export interface SqlRunner {
  /**
   * Runs one statement by itself, committed when it answers. Give `dialect` along with it to `sqlStore`.
   *
   * @param sql With `$1`, `$2` … for PostgreSQL, `?` for the others.
   * @param values Strings, whole numbers below 2^53, bytes (`Uint8Array`) and `null`.
   * @returns The rows as arrays in the order of the columns, and how many rows were written. 64-bit integers may be
   *   numbers, BigInts or strings. Rejects with the driver's error as it is: its code says whether a key was taken.
   */
  run(sql: string, values: unknown[]): Promise<{ readonly rows: unknown[][]; readonly count: number }>;
}

/** A client of any kind the store can work with. */
export type SqlClient =
  | PgClient
  | PostgresJsClient
  | PGliteClient
  | Mysql2Client
  | Mysql2CallbackClient
  | MariadbClient
  | SqliteClient
  | LibsqlClient
  | D1Client
  | KyselyClient
  | SqlRunner;

/** What one statement did: rows in the order of its columns, or how many it wrote. */
export interface SqlResult {
  readonly rows: readonly (readonly unknown[])[];
  readonly count: number;
}

/** A client as the store sees it. */
export interface SqlConnection {
  /** `undefined` where the client does not tell. */
  readonly dialect: SqlDialect | undefined;
  /** What it is, for messages. */
  readonly kind: string;
  /**
   * Each statement is a transaction of its own, so one that lost against another can be sent again. Where it may be part
   * of a larger one, a deadlock undoes that as a whole, and only the application can repeat it.
   */
  readonly alone: boolean;
  /** A statement may be part of a transaction of the application, which is not to be used for looking at the table. */
  readonly mayBeTransaction?: boolean;
  /** Other processes can reach the same database. */
  readonly shared: boolean;
  /** The most bytes of a payload, where that is a limit that matters. */
  readonly maxPayloadBytes?: number;
  run(sql: string, values: SqlValue[]): Promise<SqlResult>;
}
