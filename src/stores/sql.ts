/** Sessions in PostgreSQL, MySQL, MariaDB or SQLite, through the client you already have. One statement to read, one to write. */

import { wrongArgument } from "../core/errors.ts";
import type { ListedRecord, Store, StoreCapabilities, StoreRecord } from "../core/store.ts";
import type { SqlClient } from "./sql/clients.ts";
import type { SqlResult } from "./sql/connection.ts";
import { isCreating, isTaken, rulesOf, type SqlDialect, type Statement, statement } from "./sql/dialect.ts";
import { nativeLayout, type SqlValue, type SqlValues } from "./sql/layout.ts";
import { linkTo, patiently } from "./sql/link.ts";
import { schemaOf } from "./sql/schema.ts";
import { pageSize, statementsOf } from "./sql/statements.ts";
import { type SqlTableOptions, tableOf } from "./sql/table.ts";

export type {
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
export type { SqlColumns, SqlTableOptions } from "./sql/table.ts";

/** What `sqlStore` takes. */
export interface SqlStoreOptions extends SqlTableOptions {
  /**
   * Your client, connected and configured by you: for PostgreSQL a Pool of `pg`, postgres.js or PGlite; for MySQL and
   * MariaDB a pool of `mysql2` or `mariadb`; for SQLite better-sqlite3, `DatabaseSync` of `node:sqlite` or
   * `@libsql/client`; a Kysely instance over any of these; or an object with `run(sql, values)`. Or, with `dialect`, a
   * function that returns one, or a promise of one: it is called once, when the store is first used.
   *
   * Every call of the store is one statement that commits by itself. A pool keeps it out of the transactions of your
   * application. A single connection of `pg`, `mysql2` or `mariadb` does not: what the store does while it is in a
   * transaction is part of that transaction. The same goes for a Kysely transaction. On a SQLite connection that is in
   * a transaction the store waits for its end, and rejects when that takes more than about a second.
   */
  readonly client: SqlClient | (() => SqlClient | Promise<SqlClient>);
  /**
   * What the database speaks. Needed where `client` is a function or an object with `run`; of the other clients the
   * store knows it.
   */
  readonly dialect?: SqlDialect | undefined;
  /**
   * The present in epoch milliseconds. Default `Date.now`. For tests. In SQLite it decides when a session has ended;
   * PostgreSQL and MySQL decide that by their own clock, and are sent how long it lasts.
   */
  readonly now?: (() => number) | undefined;
}

/** What `sqlSchema` takes. */
export interface SqlSchemaOptions extends SqlTableOptions {
  /** What the database speaks. */
  readonly dialect: SqlDialect;
}

/**
 * Keeps sessions in a table of PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * The table has to be there: call `await store.setup()` when you deploy, or put what {@link sqlSchema} returns into
 * your migrations. Ended sessions stay in it, unseen, until `prune()`. Errors of the client reject as they are.
 *
 * @throws TypeError when `client` is none of those it takes, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { sqlStore, type PgClient } from "sojourn/stores/sql";
 *
 * export function sessionsIn(pool: PgClient) {
 *   return createSessions({ store: sqlStore({ client: pool }), idleTimeout: "30m" });
 * }
 * ```
 */
export function sqlStore(options: SqlStoreOptions): Store {
  const { client, dialect, now = Date.now } = options;
  if (typeof now !== "function") throw wrongArgument("now", "a function", now);
  const link = linkTo(client, dialect);
  const rules = rulesOf(link.dialect);
  const table = tableOf(rules, options);
  const layout = nativeLayout(rules, table);
  const statements = statementsOf(rules, layout);

  const run = async ({ sql, names }: Statement, values: SqlValues = {}): Promise<SqlResult> => {
    const connection = await link.connect();
    const value = (name: string): SqlValue => {
      if (name === "now") return now();
      if (name === "left") return Math.ceil(Number(values.ends) - now());
      return values[name] ?? null;
    };
    return patiently(connection.alone, () => connection.run(sql, names.map(value)));
  };
  const select = async (one: Statement, values: SqlValues): Promise<ListedRecord[]> => {
    const { rows } = await run(one, values);
    const present = now();
    return rows.map((row) => layout.decode(row, present));
  };
  const encode = (record: StoreRecord): { values: SqlValues; version: number } => {
    const { values, version } = layout.encode(record);
    return { values: { ...values, ends: Math.ceil(record.expiresAt) }, version };
  };
  const isLive = async (key: string): Promise<boolean> => (await run(statements.exists, { key })).rows.length > 0;
  /** Runs a write of a key that is to be new. A record that has ended there makes room. */
  const take = async (one: Statement, key: string, values: SqlValues): Promise<boolean> => {
    for (let round = 1; ; round++) {
      try {
        return (await run(one, values)).count > 0;
      } catch (error) {
        if (!isTaken(error) || round === 5) throw error;
      }
      const { count } = await run(statements.free, { key });
      if (count === 0 && (await isLive(key))) return false;
    }
  };

  return {
    name: "sql",
    capabilities: { ...capabilities, clock: rules.now === undefined ? "ours" : "server", shared: link.shared },

    async read(key) {
      const [row] = await select(statements.read, { key });
      if (!row) return null;
      const { key: _, ...record } = row;
      return record;
    },

    async create(key, record) {
      const { values, version } = encode(record);
      return (await take(statements.create, key, { ...values, key })) ? version : null;
    },

    async update(key, record, version) {
      const { values, version: next } = encode(record);
      const { count } = await run(statements.update, { ...values, key, version: version as SqlValue });
      return count > 0 ? next : null;
    },

    async touch(key, expiresAt) {
      const { count } = await run(statements.touch, { key, ends: Math.ceil(expiresAt) });
      return count > 0 || (rules.countsChanges && (await isLive(key)));
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const { values, version: next } = encode(record);
      const all = { ...values, key: from, to, version: version as SqlValue };
      return (await take(statements.rename, to, all)) ? next : null;
    },

    async delete(key) {
      await run(statements.remove, { key });
    },

    async *list() {
      for (let key = ""; ; ) {
        const page = await select(statements.page, { key });
        yield* page;
        const last = page.at(-1);
        if (!last || page.length < pageSize) return;
        key = last.key;
      }
    },

    async *listBySubject(subject) {
      const wanted = layout.subject(subject);
      const first = await select(statements.ofSubject, { subject: wanted });
      if (first.length <= pageSize) {
        yield* first;
        return;
      }
      // Too many for one answer. Page after page would miss what is renamed to a key that was passed already.
      const seen = new Set<string>();
      for (let missed = true; missed; ) {
        const { rows } = await run(statements.keysOfSubject, { subject: wanted });
        const keys = rows.map(([key]) => layout.keyOf(key)).filter((key) => !seen.has(key));
        missed = false;
        for (let at = 0; at < keys.length; at += pageSize) {
          const some = keys.slice(at, at + pageSize);
          const values = Array.from({ length: pageSize }, (_, index) => [`key${index}`, some[index] ?? some[0] ?? ""]);
          const records = await select(statements.many, Object.fromEntries(values));
          for (const key of some) seen.add(key);
          missed ||= records.length < some.length;
          yield* records.filter((record) => record.subject === subject);
        }
      }
    },

    async prune({ limit = 1000 } = {}) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw wrongArgument("limit", "a whole number of at least 1", limit);
      const { count } = await run(statements.prune(limit));
      // The index has what ended first in front, so there is no place to go on from: only whether there may be more.
      return { removed: count, cursor: count < limit ? undefined : "more" };
    },

    async setup() {
      for (const sql of schemaOf(rules, table)) {
        const create = (): Promise<SqlResult> => run(statement(rules, sql));
        // Of two processes at once PostgreSQL lets one fail, and then the thing is there.
        await create().catch((error: unknown) => {
          if (!isCreating(error)) throw error;
          return create();
        });
      }
    },
  };
}

/**
 * The CREATE statements for the table and its indexes, for your migrations: what `store.setup()` runs.
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
  const rules = rulesOf(options.dialect);
  return schemaOf(rules, tableOf(rules, options))
    .map((sql) => `${sql};\n`)
    .join("");
}

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  atomicRename: true,
  list: true,
  bySubject: true,
  maxPayloadBytes: undefined,
} as const satisfies Omit<StoreCapabilities, "clock" | "shared">;
