/** Sessions in a table of your TypeORM entities, in PostgreSQL, MySQL, MariaDB or SQLite. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store } from "../core/contracts/store.ts";
import { lazily } from "./shared/lazy.ts";
import { checkOptions } from "./shared/options.ts";
import type { SqlConnection } from "./sql/clients.ts";
import { connectionOf } from "./sql/connection.ts";
import { type DialectRules, rulesOf, type SqlDialect } from "./sql/dialect.ts";
import type { SqlLink } from "./sql/link.ts";
import { lazyStore, type ModelColumn, modelStore, tableOfModel } from "./sql/model.ts";
import { capabilitiesOf } from "./sql/store.ts";

/** A `DataSource`. */
export interface TypeormDataSource {
  /** The store looks at `type`, and at `database` of SQLite. */
  readonly options: { readonly type: string; readonly database?: unknown };
  /** Whether `initialize()` is done. The store never calls that. */
  readonly isInitialized: boolean;
  /** Knows how columns are written in the database. */
  readonly driver: {
    normalizeType(column: never): string;
    getColumnLength(column: never): string;
  };
  /** Tells which table and columns an entity has. */
  getMetadata(entity: never): TypeormMetadata;
  /** Lends a connection of the pool for one statement. */
  createQueryRunner(mode: "master"): {
    connect(): Promise<unknown>;
    release(): Promise<void>;
  };
}

/** What a {@link TypeormDataSource} knows of an entity. */
export interface TypeormMetadata {
  readonly tableName: string;
  readonly schema?: string | undefined;
  readonly database?: string | undefined;
  readonly columns: readonly TypeormColumn[];
}

/** What it knows of a column. */
export interface TypeormColumn {
  readonly propertyName: string;
  readonly databaseName: string;
  readonly collation?: string | undefined;
  readonly isPrimary: boolean;
  readonly isNullable: boolean;
  readonly isGenerated: boolean;
  /** It is computed, and no column. */
  readonly isVirtualProperty?: boolean | undefined;
  readonly asExpression?: string | undefined;
  readonly default?: unknown;
}

/** What `typeormStore` takes. */
export interface TypeormStoreOptions {
  /**
   * Your `DataSource` of type `postgres`, `mysql`, `mariadb` or `better-sqlite3`. Initialize it before the first session
   * is used; you may create the store before that. Or, with `dialect`, a function that returns one, or a promise
   * of one: it is called once, when the store is first used.
   *
   * For every statement the store takes a connection of the pool (of the master, if there are replicas). Each
   * statement commits by itself, and is never part of your application's transactions. A SQLite DataSource has one
   * connection: while that is in a transaction, the store waits, and rejects after about a second.
   */
  readonly dataSource: TypeormDataSource | (() => TypeormDataSource | Promise<TypeormDataSource>);
  /**
   * The entity that is one of the DataSource's `entities`: an `EntitySchema`, a class or a name, with the properties
   * `key`, `payload`, `kind`, `expiresAt`, `subject` and `version`. The names in the database are up to you. You may
   * add columns, which the store does not change: each needs a default, or must allow NULL.
   */
  readonly entity: string | object;
  /** The dialect of the database; `"mysql"` is also for MariaDB. Required if `dataSource` is a function. Default: that of the `dataSource`. */
  readonly dialect?: SqlDialect | undefined;
  /**
   * The current time in epoch milliseconds. Default `Date.now`. For tests. In SQLite it decides when a session has ended;
   * PostgreSQL and MySQL decide that by their own clock, and the store sends them durations.
   */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in the table of one of your TypeORM entities, which your migrations create.
 *
 * `await store.setup()` creates nothing. If something is missing or wrong, for example because the migrations have not
 * run, it rejects with an error that says so, and so does the first write. Ended sessions are never returned, but stay
 * in the table until `prune()`. The statements go directly to the driver, so no log of TypeORM has them, and the
 * driver's errors are passed on unchanged.
 *
 * @throws TypeError when `dataSource` is not supported, or when a column of `entity` is missing or of the wrong kind.
 *   If `dataSource` is not initialized yet, the first call rejects with the second error.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type TypeormDataSource, typeormStore } from "sojourn/stores/typeorm";
 *
 * export function sessionsIn(dataSource: TypeormDataSource) {
 *   return createSessions({ store: typeormStore({ dataSource, entity: "Session" }), idleTimeout: "30m" });
 * }
 * ```
 */
export function typeormStore(options: TypeormStoreOptions): Store {
  checkOptions<TypeormStoreOptions>(
    "typeormStore",
    options,
    { dataSource: true, entity: true, dialect: true, now: true },
    'typeormStore({ dataSource: new DataSource({ type: "postgres", url, entities: [SessionEntity] }), entity: SessionEntity })',
  );
  const { dataSource, entity, dialect } = options;
  const { now = Date.now } = options;
  if (entity === undefined || entity === null || entity === "") {
    throw wrongArgument("entity", "an entity of the DataSource: an EntitySchema, a class or its name", entity);
  }
  const given = typeof dataSource !== "function";
  const dialectFor = (one: unknown): SqlDialect => {
    const found = dialectOf(one);
    if (found === (dialect ?? found)) return found;
    throw new TypeError(`dialect must be "${found}" for this DataSource; received "${dialect}"`);
  };
  const spoken = given ? dialectFor(dataSource) : dialect;
  if (spoken === undefined) throw wrongArgument("dialect", "given when dataSource is a function", dialect);
  const rules = rulesOf(spoken);
  const make = (one: unknown): Store => {
    dialectFor(one);
    const source = one as TypeormDataSource;
    if (!source.isInitialized) {
      throw new Error("The DataSource is not initialized. Await its initialize() before the first session is used.");
    }
    const table = tableOfModel(rules, modelOf(rules, source, entity));
    return modelStore({ name: "typeorm", link: linkTo(source, rules), rules, table, now });
  };
  const made = lazily(given && !dataSource.isInitialized ? () => dataSource : dataSource, make);
  if (given && dataSource.isInitialized) return made() as Store;
  return lazyStore("typeorm", capabilitiesOf(rules, given ? isShared(dataSource) : true), made);
}

const dialects: Readonly<Record<string, SqlDialect>> = {
  postgres: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  "better-sqlite3": "sqlite",
};

function dialectOf(dataSource: unknown): SqlDialect {
  const { options, createQueryRunner } = (dataSource ?? {}) as Partial<TypeormDataSource>;
  const takes = `a DataSource of type ${Object.keys(dialects).join(", ")}, or a function that returns one`;
  if (typeof createQueryRunner !== "function" || !options) throw wrongArgument("dataSource", takes, dataSource);
  const dialect = dialects[options.type];
  if (!dialect) throw new TypeError(`dataSource must be ${takes}; received one of type ${options.type}`);
  return dialect;
}

/** A SQLite in memory is its process's own. */
function isShared({ options }: TypeormDataSource): boolean {
  return options.type !== "better-sqlite3" || (options.database !== ":memory:" && options.database !== "");
}

function linkTo(dataSource: TypeormDataSource, { dialect }: DialectRules): SqlLink {
  const known = new WeakMap<object, SqlConnection>();
  const connection: SqlConnection = {
    dialect,
    kind: "TypeORM",
    alone: true,
    shared: isShared(dataSource),
    async run(sql, values) {
      const runner = dataSource.createQueryRunner("master");
      try {
        const client = (await runner.connect()) as object;
        const below = known.get(client) ?? connectionOf(client);
        known.set(client, below);
        return await below.run(sql, values);
      } finally {
        // SQLite has one runner for all, and to release it is to clear what others are at.
        if (dialect !== "sqlite") await runner.release();
      }
    },
  };
  return { dialect, shared: connection.shared, connect: () => connection };
}

function modelOf(
  { dialect }: DialectRules,
  dataSource: TypeormDataSource,
  entity: string | object,
): Parameters<typeof tableOfModel>[1] {
  const { tableName, schema, database, columns } = dataSource.getMetadata(entity as never);
  const column = (one: TypeormColumn): ModelColumn => {
    const length = dataSource.driver.getColumnLength(one as never);
    return {
      name: one.databaseName,
      type: [dataSource.driver.normalizeType(one as never) + (length && `(${length})`), one.collation ?? ""]
        .join(" ")
        .trim(),
      primary: one.isPrimary && columns.filter((other) => other.isPrimary).length === 1,
      nullable: one.isNullable,
      required: !(
        one.isNullable ||
        one.isGenerated ||
        one.isVirtualProperty ||
        (one.default ?? one.asExpression) !== undefined
      ),
    };
  };
  return {
    option: "entity",
    name: tableName,
    schema: dialect === "mysql" ? database : schema,
    columns: Object.fromEntries(columns.map((one) => [one.propertyName, column(one)])),
  };
}
