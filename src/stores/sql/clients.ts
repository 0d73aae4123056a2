/** The clients the store takes, by the methods it uses of each. */

/** `pg`: a Pool, a Client, or a look-alike such as Neon's. */
export interface PgClient {
  connect(...args: never[]): unknown;
  query(query: { text: string; values: unknown[]; rowMode: "array" }): Promise<{
    readonly rows: unknown[][];
    readonly rowCount: number | null;
  }>;
}

/** postgres.js: what `postgres()` returns. */
export interface PostgresJsClient {
  readonly options: object;
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
  readonly waitReady: Promise<void>;
  query(
    query: string,
    params: unknown[],
    options: { rowMode: "array" },
  ): Promise<{ readonly rows: unknown[]; readonly affectedRows?: number | undefined }>;
}

/** mysql2: a pool or a connection of `mysql2/promise`. */
export interface Mysql2Client {
  execute(query: { sql: string; values: never[]; rowsAsArray: true }): Promise<[result: unknown, fields: unknown]>;
}

/** mysql2: a pool or a connection of `mysql2` itself, which has the other one inside. */
export interface Mysql2CallbackClient {
  promise(): Mysql2Client;
}

/** mariadb: a pool or a connection. */
export interface MariadbClient {
  batch(...args: never[]): unknown;
  execute(query: { sql: string; rowsAsArray: true }, values: unknown[]): Promise<unknown>;
}

/** A SQLite that answers at once: better-sqlite3, `DatabaseSync` of `node:sqlite`, `Database` of `bun:sqlite`. */
export interface SqliteClient {
  exec(sql: string): unknown;
  prepare(sql: string): {
    all(...values: never[]): unknown[];
    run(...values: never[]): { readonly changes: number | bigint };
  };
}

/** `@libsql/client`. For a local file, with the option `timeout`. */
export interface LibsqlClient {
  executeMultiple(sql: string): Promise<void>;
  execute(statement: { sql: string; args: never[] }): Promise<LibsqlResult>;
  batch(statements: { sql: string; args: never[] }[], mode: "write"): Promise<LibsqlResult[]>;
}

/** What {@link LibsqlClient} answers. */
export interface LibsqlResult {
  readonly rows: ArrayLike<unknown>[];
  readonly rowsAffected: number;
}

/** A Kysely instance over PostgreSQL, MySQL or SQLite, or one of its transactions. */
export interface KyselyClient {
  readonly isTransaction: boolean;
  getExecutor(): object;
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
  | KyselyClient
  | SqlRunner;
