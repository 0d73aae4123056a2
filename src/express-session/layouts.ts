/** How the stores of express-session keep their records: the `layout` of our store that fits each. */

import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { DynamodbLayout } from "../stores/dynamodb.ts";
import type { MongodbLayout } from "../stores/mongodb.ts";
import type { RedisLayout } from "../stores/redis.ts";
import type { SqlLayout } from "../stores/sql.ts";

/** The options of {@link connectRedis}. */
export interface ConnectRedisOptions {
  /**
   * `prefix` of connect-redis, by which listing finds keys. Pass the same to `expressSession` as `keyPrefix`. Default
   * `"sess:"`.
   */
  readonly keyPrefix?: string | undefined;
}

/**
 * The `layout` of a `redisStore` that shares its sessions with connect-redis, any version. The value is the session's
 * JSON; it ends with the key's expiry.
 *
 * @throws `TypeError` when `keyPrefix` is no text.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { connectRedis, expressSession } from "sojourn/express-session";
 * import { type RedisClient, redisStore } from "sojourn/stores/redis";
 *
 * export function sessionsBesideExpress(client: RedisClient, secret: string) {
 *   const store = redisStore({ client, layout: connectRedis() });
 *   return createSessions({ ...expressSession({ secret, keyPrefix: "sess:" }), store });
 * }
 * ```
 */
export function connectRedis(options: ConnectRedisOptions = {}): RedisLayout {
  checkKnown("connectRedis", options, ["keyPrefix"]);
  return { name: "connect-redis", keyPrefix: textOr("keyPrefix", options.keyPrefix, "sess:"), payload: "text" };
}

/** The options of {@link connectPgSimple}. */
export interface ConnectPgSimpleOptions {
  /**
   * The time zone of the connections of connect-pg-simple: as `SHOW timezone` prints it there, such as `"Etc/UTC"`. It
   * writes `expire` in that zone without recording it; with a wrong zone, sessions end hours too early or too late.
   */
  readonly timeZone: string;
  /** `tableName`. Default `"session"`. */
  readonly table?: string | undefined;
  /** `schemaName`. Default: the connection's own. */
  readonly schema?: string | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with connect-pg-simple in PostgreSQL.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectPgSimple(options: ConnectPgSimpleOptions): SqlLayout {
  checkKnown("connectPgSimple", options, ["timeZone", "table", "schema"]);
  const { timeZone, table, schema } = options;
  if (typeof timeZone !== "string" || timeZone === "")
    throw wrongArgument(
      "timeZone",
      "the time zone of that application's connections, as SHOW timezone says it",
      timeZone,
    );
  return {
    name: "connect-pg-simple",
    table: textOr("table", table, "session"),
    schema,
    columns: { key: "sid", payload: "sess", expiresAt: "expire" },
    types: { payload: "json" },
    timeZone,
  };
}

/** The options of {@link connectSessionKnex}. */
export interface ConnectSessionKnexOptions {
  /** `tableName`. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** `sidFieldName`. Default `"sid"`. */
  readonly key?: string | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with connect-session-knex in PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectSessionKnex(options: ConnectSessionKnexOptions = {}): SqlLayout {
  checkKnown("connectSessionKnex", options, ["table", "key"]);
  return {
    name: "connect-session-knex",
    table: textOr("table", options.table, "sessions"),
    columns: { key: textOr("key", options.key, "sid"), payload: "sess", expiresAt: "expired" },
    types: { payload: "json", expiresAt: { postgres: "timestamptz", mysql: "datetime", sqlite: "iso" } },
  };
}

/** The options of {@link connectSessionSequelize}. */
export interface ConnectSessionSequelizeOptions {
  /** `tableName`. Default `"Sessions"`. */
  readonly table?: string | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with connect-session-sequelize in PostgreSQL, MySQL or MariaDB.
 * A save sets `createdAt` as well as `updatedAt`. Its ids have at most 36 characters, so `hashIds` does not work with
 * it.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectSessionSequelize(options: ConnectSessionSequelizeOptions = {}): SqlLayout {
  checkKnown("connectSessionSequelize", options, ["table"]);
  return {
    name: "connect-session-sequelize",
    table: textOr("table", options.table, "Sessions"),
    columns: { key: "sid", payload: "data", expiresAt: "expires" },
    types: { payload: "text", expiresAt: { postgres: "timestamptz", mysql: "datetime", sqlite: "iso" } },
    stamped: ["createdAt", "updatedAt"],
  };
}

/** The options of {@link expressMysqlSession}. */
export interface ExpressMysqlSessionOptions {
  /** `schema.tableName`. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** `schema.columnNames`. Default `{ session_id: "session_id", expires: "expires", data: "data" }`. */
  readonly columnNames?:
    | {
        readonly session_id?: string | undefined;
        readonly expires?: string | undefined;
        readonly data?: string | undefined;
      }
    | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with express-mysql-session in MySQL or MariaDB.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function expressMysqlSession(options: ExpressMysqlSessionOptions = {}): SqlLayout {
  checkKnown("expressMysqlSession", options, ["table", "columnNames"]);
  const { columnNames = {} } = options;
  checkKnown("expressMysqlSession columnNames", columnNames, ["session_id", "expires", "data"]);
  const { session_id, expires, data } = columnNames;
  return {
    name: "express-mysql-session",
    table: textOr("table", options.table, "sessions"),
    columns: {
      key: textOr("columnNames.session_id", session_id, "session_id"),
      payload: textOr("columnNames.data", data, "data"),
      expiresAt: textOr("columnNames.expires", expires, "expires"),
    },
    types: { payload: "text", expiresAt: "seconds" },
    maxPayloadBytes: { mysql: 16_777_215 },
  };
}

/** The options of {@link connectSqlite3}. */
export interface ConnectSqlite3Options {
  /** `table`. Default `"sessions"`. */
  readonly table?: string | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with connect-sqlite3.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectSqlite3(options: ConnectSqlite3Options = {}): SqlLayout {
  checkKnown("connectSqlite3", options, ["table"]);
  return {
    name: "connect-sqlite3",
    table: textOr("table", options.table, "sessions"),
    columns: { key: "sid", payload: "sess", expiresAt: "expired" },
    types: { payload: "text", expiresAt: "milliseconds" },
  };
}

/**
 * The `layout` of a `mongodbStore` that shares its sessions with connect-mongo, whose option `stringify` is true as by
 * default, without `crypto` and `transformId`. Its own names are `client.db().collection("sessions")`.
 */
export function connectMongo(): MongodbLayout {
  return { key: "_id", payload: "session", expiresAt: "expires", subject: null, version: null };
}

/** The options of {@link connectMongodbSession}. */
export interface ConnectMongodbSessionOptions {
  /** `idField`. Default `"_id"`. */
  readonly key?: string | undefined;
  /** `expiresKey`. Default `"expires"`. */
  readonly expiresAt?: string | undefined;
}

/**
 * The `layout` of a `mongodbStore` that shares its sessions with connect-mongodb-session, which keeps them as documents.
 * Dates in them stay dates until they change; JSON has none, so for handlers they are texts.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectMongodbSession(options: ConnectMongodbSessionOptions = {}): MongodbLayout {
  return {
    key: textOr("key", options.key, "_id"),
    payload: "session",
    expiresAt: textOr("expiresAt", options.expiresAt, "expires"),
    subject: null,
    version: null,
    object: true,
  };
}

/** The options of {@link connectDynamodb}. */
export interface ConnectDynamodbOptions {
  /** `table`. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** `hashKey`. Default `"id"`. */
  readonly key?: string | undefined;
  /** `prefix`, as it is given to `expressSession` too. Default `"sess:"`. */
  readonly keyPrefix?: string | undefined;
}

/**
 * The `layout` of a `dynamodbStore` that shares its sessions with connect-dynamodb. Give `expressSession` its `prefix`
 * as `keyPrefix`: `"sess:"` by default.
 *
 * @throws `TypeError` for a wrong option, naming it.
 */
export function connectDynamodb(options: ConnectDynamodbOptions = {}): DynamodbLayout {
  checkKnown("connectDynamodb", options, ["table", "key", "keyPrefix"]);
  return {
    name: "connect-dynamodb",
    table: textOr("table", options.table, "sessions"),
    attributes: { key: textOr("key", options.key, "id"), payload: "sess", expiresAt: "expires" },
    payload: "text",
    keyPrefix: options.keyPrefix ?? "sess:",
  };
}

function textOr(name: string, value: unknown, otherwise: string): string {
  if (value === undefined) return otherwise;
  if (typeof value === "string" && value !== "") return value;
  throw wrongArgument(name, "a text that is not empty", value);
}
