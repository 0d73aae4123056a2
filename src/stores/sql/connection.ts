/** Finds out what a client is, and runs statements through any of them in one way. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type {
  D1Client,
  KyselyClient,
  LibsqlClient,
  MariadbClient,
  Mysql2CallbackClient,
  Mysql2Client,
  PGliteClient,
  PgClient,
  PostgresJsClient,
  SqlConnection,
  SqliteClient,
  SqlResult,
  SqlRunner,
} from "./clients.ts";
import { d1 } from "./d1.ts";
import { notCommitted, type SqlDialect } from "./dialect.ts";
import { base64 } from "./layout.ts";

const takes =
  "a client of pg, postgres.js, PGlite, mysql2, mariadb, better-sqlite3, node:sqlite, @libsql/client or D1, a " +
  "Kysely instance, an object { run(sql, values) }, or a function that returns one of these";

/** Finds out what a client is. Throws a `TypeError` when it is none of those the store knows. */
export function connectionOf(client: unknown): SqlConnection {
  if ((typeof client !== "object" && typeof client !== "function") || client === null) {
    throw wrongArgument("client", takes, client);
  }
  const has = (...methods: string[]): boolean =>
    methods.every((method) => typeof (client as Record<string, unknown>)[method] === "function");
  if (has("getExecutor", "withoutPlugins")) return kysely(client as KyselyClient);
  if (has("unsafe")) return postgresJs(client as unknown as PostgresJsClient);
  if (has("query") && "waitReady" in client) return pglite(client as unknown as PGliteClient);
  if (has("execute", "executeMultiple")) return libsql(client as LibsqlClient);
  if (has("execute", "batch")) return mariadb(client as MariadbClient);
  if (has("execute", "promise")) return mysql2((client as Mysql2CallbackClient).promise());
  if (has("execute", "query")) return mysql2(client as Mysql2Client);
  if (has("prepare", "exec", "batch")) return d1(client as D1Client);
  // sqlite3 with callbacks has a configure, and does not answer at once.
  if (has("prepare", "exec") && !has("configure")) return sqlite(client as SqliteClient);
  if (has("query", "connect")) return pg(client as unknown as PgClient);
  if (has("run") && !has("prepare")) return runner(client as SqlRunner);
  const made = Object.entries(packages).find(([name]) => has(name))?.[1];
  if (made === undefined) throw wrongArgument("client", takes, client);
  throw new TypeError(
    `client must be made with its package first; received the package itself. Write sqlStore({ client: ${made} })`,
  );
}

/** For an export that identifies a package: the code that makes its client. */
const packages: Readonly<Record<string, string>> = {
  Pool: "new pg.Pool({ connectionString })",
  toPascal: "postgres(url)",
  PGlite: 'new PGlite("./data")',
  createPool: "mysql.createPool(url)",
  DatabaseSync: 'new DatabaseSync("app.db")',
  createClient: 'createClient({ url: "file:app.db", timeout: 5000 })',
  Kysely: "new Kysely({ dialect })",
};

const notConnected =
  "the pg Client is not connected: `await client.connect()` before its first use, or give a pg.Pool, which connects by itself";

function pg(client: PgClient): SqlConnection {
  return {
    dialect: "postgres",
    kind: "pg",
    // A Client may be in a transaction of the application; a Pool counts its clients.
    alone: "totalCount" in client,
    mayBeTransaction: !("totalCount" in client),
    shared: true,
    async run(text, values) {
      // It keeps statements until then, for good where no code connects it.
      const { _connected: connected, _connecting: connecting } = client as {
        _connected?: boolean;
        _connecting?: boolean;
      };
      if (connected === false && connecting === false) throw new Error(notConnected);
      const { rows, rowCount } = await client.query({ text, values, rowMode: "array" });
      return { rows, count: rowCount ?? 0 };
    },
  };
}

/** Whether a client of postgres.js may prepare statements, or is about to find out. */
const preparing = new WeakMap<object, boolean | Promise<boolean>>();

function postgresJs(client: PostgresJsClient): SqlConnection {
  const alone = !("savepoint" in client);
  return {
    dialect: "postgres",
    kind: "postgres.js",
    alone,
    mayBeTransaction: !alone,
    shared: true,
    async run(sql, values) {
      // It writes what it sends over the values and, when it sends a statement again, encodes them again: bytes would
      // arrive as the text of their code, "\\x7b22". Text stays the same text.
      const text = sql.replace(/\$(\d+)/g, (name, index: string) =>
        isBytes(values[Number(index) - 1]) ? `decode(${name}, 'base64')` : name,
      );
      for (;;) {
        const parameters = values.map((value) => (isBytes(value) ? base64(value) : value));
        // Its own option `prepare: false` rules, whatever is asked here.
        const prepare = alone && (preparing.get(client) ?? mayPrepare(client));
        const prepares = typeof prepare === "boolean" ? prepare : await prepare;
        try {
          const rows = await client.unsafe(text, parameters as never[], { prepare: prepares }).values();
          return { rows: Array.from(rows) as unknown[][], count: rows.count };
        } catch (error) {
          // The statement is prepared on another connection than the one a pooler picked, and did not run.
          if (!prepares || (error as { code?: unknown } | null)?.code !== "26000") throw error;
          preparing.set(client, false);
        }
      }
    },
  };
}

/**
 * Whether statements may be prepared: not through a pooler, which may give each transaction another connection. There
 * postgres.js up to 3.4 loses count of which answer belongs to which query. A pooler reports process ids of its own, so
 * the server's id differs from the one the client knows.
 */
function mayPrepare(client: PostgresJsClient): Promise<boolean> {
  const asked = (async () => {
    const rows = await client.unsafe("SELECT pg_backend_pid()", [], { prepare: false }).values();
    const { state } = rows as { state?: { pid?: unknown } };
    return Number((rows[0] as unknown[])[0]) === state?.pid;
  })();
  preparing.set(client, asked);
  asked.then(
    (may) => preparing.get(client) === asked && preparing.set(client, may),
    () => preparing.delete(client),
  );
  return asked;
}

function pglite(client: PGliteClient): SqlConnection {
  return {
    dialect: "postgres",
    kind: "PGlite",
    alone: true,
    shared: false,
    async run(sql, values) {
      const { rows, affectedRows = 0 } = await client.query(sql, values, { rowMode: "array" });
      return { rows: rows as unknown[][], count: affectedRows };
    },
  };
}

/** Whatever a connection of MySQL was told about how to give results. */
const asIs = {
  rowsAsArray: true,
  nestTables: false,
  namedPlaceholders: false,
  typeCast: (_column: unknown, next: () => unknown): unknown => next(),
} as const;

/** The bit of MySQL's answer to a write that says whether it was committed at once. */
const autocommits = 2;

function mysql2(client: Mysql2Client): SqlConnection {
  const pooled = "getConnection" in client;
  return {
    dialect: "mysql",
    kind: "mysql2",
    alone: pooled,
    mayBeTransaction: !pooled,
    shared: true,
    async run(sql, values) {
      const [result] = await client.execute({ ...asIs, sql, values: values as never[] });
      const { serverStatus } = result as { serverStatus?: number };
      if (pooled && serverStatus !== undefined && (serverStatus & autocommits) === 0) throw notCommitted();
      return mysqlResult(result);
    },
  };
}

function mariadb(client: MariadbClient): SqlConnection {
  return {
    dialect: "mysql",
    kind: "mariadb",
    alone: "getConnection" in client,
    mayBeTransaction: !("getConnection" in client),
    shared: true,
    async run(sql, values) {
      return mysqlResult(await client.execute({ ...asIs, metaAsArray: false, logParam: false, sql }, values));
    },
  };
}

function mysqlResult(result: unknown): SqlResult {
  if (Array.isArray(result)) return { rows: result as unknown[][], count: 0 };
  return { rows: [], count: Number((result as { affectedRows: number | bigint }).affectedRows) };
}

function sqlite(client: SqliteClient): SqlConnection {
  const { memory, location } = client as { memory?: boolean; location?: () => string | null };
  const prepared = new Map<string, ReturnType<SqliteClient["prepare"]>>();
  return {
    dialect: "sqlite",
    kind: "SQLite",
    alone: true,
    shared: memory !== true && location?.call(client) !== null,
    async run(sql, values) {
      const { inTransaction, isTransaction } = client as { inTransaction?: boolean; isTransaction?: boolean };
      if (inTransaction === true || isTransaction === true) {
        const message = "The SQLite connection is in a transaction of the application. Give the store one of its own.";
        throw Object.assign(new Error(message), { code: "SQLITE_BUSY" });
      }
      const statement = prepared.get(sql) ?? client.prepare(sql);
      if (!sql.startsWith("CREATE")) prepared.set(sql, statement);
      if (!sql.startsWith("SELECT")) {
        return { rows: [], count: Number(statement.run(...(values as never[])).changes) };
      }
      const rows = statement.all(...(values as never[]));
      return { rows: rows.map((row) => Object.values(row as object)), count: 0 };
    },
  };
}

function libsql(client: LibsqlClient): SqlConnection {
  return {
    dialect: "sqlite",
    kind: "@libsql/client",
    alone: !("rollback" in client),
    mayBeTransaction: "rollback" in client,
    shared: true,
    async run(sql, values) {
      const statement = { sql, args: values as never[] };
      // A connection to a local file that met a lock once keeps that statement open, and what `execute` writes from
      // then on is answered and never committed (tursodatabase/libsql-client-ts#352). A batch commits by name, or fails.
      const isRead = sql.startsWith("SELECT");
      const [result] = isRead ? [await client.execute(statement)] : await client.batch([statement], "write");
      return { rows: Array.from(result!.rows, (row) => Array.from(row)), count: result!.rowsAffected };
    },
  };
}

/** Kysely compiles this node: the SQL shows how the database quotes names and which placeholder it uses. */
const probe = {
  kind: "RawNode",
  sqlFragments: ["", " ", ""],
  parameters: [
    { kind: "IdentifierNode", name: "a" },
    { kind: "ValueNode", value: 1 },
  ],
};
const answers: Readonly<Record<string, SqlDialect>> = { '"a" $1': "postgres", "`a` ?": "mysql", '"a" ?': "sqlite" };

function kysely(client: KyselyClient): SqlConnection {
  const executor = client.getExecutor() as { compileQuery(node: object, id: object): { sql: string } };
  const { sql: answer } = executor.compileQuery(probe, { queryId: "sojourn" });
  const dialect = answers[answer];
  if (!dialect) {
    throw new TypeError(
      `client must be a Kysely instance over PostgreSQL, MySQL or SQLite; received one that writes ${answer}`,
    );
  }
  const plain = client.withoutPlugins();
  return {
    dialect,
    kind: "Kysely",
    alone: !client.isTransaction,
    mayBeTransaction: client.isTransaction,
    shared: true,
    async run(sql, parameters) {
      const query = { kind: "RawNode", sqlFragments: [sql], parameters: [] };
      const { rows, numAffectedRows = 0 } = await plain.executeQuery({
        sql,
        parameters,
        query,
        queryId: { queryId: "sojourn" },
      } as never);
      return { rows: rows.map((row) => Object.values(row as object)), count: Number(numAffectedRows) };
    },
  };
}

function runner(client: SqlRunner): SqlConnection {
  return {
    dialect: undefined,
    kind: "{ run(sql, values) }",
    alone: false,
    shared: true,
    async run(sql, values) {
      return client.run(sql, values);
    },
  };
}
