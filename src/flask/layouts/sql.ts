/** Flask-Session's sessions in SQL: a row each, its end a date and time without a zone. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { SqlLayout } from "../../stores/sql.ts";

/** The options of {@link flaskSqlalchemy}. */
export interface FlaskSqlalchemyOptions {
  /** `SESSION_SQLALCHEMY_TABLE`. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** `SESSION_SQLALCHEMY_SCHEMA`. Default: the connection's own. */
  readonly schema?: string | undefined;
  /**
   * In MySQL and MariaDB, the size of the column `data` in bytes; a larger session is refused with
   * `ERR_SESSION_TOO_LARGE`. Default 65535, the size of the BLOB that SQLAlchemy creates. For a MEDIUMBLOB pass
   * 16777215.
   */
  readonly mysqlDataBytes?: number | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with Flask-Session (`SESSION_TYPE = "sqlalchemy"`) in
 * PostgreSQL, MySQL, MariaDB or SQLite.
 *
 * A row has no room for a subject, so sessions cannot be listed by user. A save compares `data` with the value that was
 * read, so it detects a write by Flask in between. Ended rows, and rows without an `expiry`, which Flask keeps forever,
 * are never returned; `store.prune()` removes both.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskSession, flaskSqlalchemy } from "sojourn/flask";
 * import { type PgClient, sqlStore } from "sojourn/stores/sql";
 *
 * export function sessionsBesideFlask(client: PgClient) {
 *   return createSessions({ ...flaskSession(), store: sqlStore({ client, layout: flaskSqlalchemy() }) });
 * }
 * ```
 */
export function flaskSqlalchemy(options: FlaskSqlalchemyOptions = {}): SqlLayout {
  checkKnown("flaskSqlalchemy", options, ["table", "schema", "mysqlDataBytes"]);
  const { table = "sessions", schema, mysqlDataBytes = 65_535 } = options;
  if (!Number.isSafeInteger(mysqlDataBytes) || mysqlDataBytes < 1)
    throw wrongArgument("mysqlDataBytes", "a whole number of bytes", mysqlDataBytes);
  return {
    name: "flask-session sqlalchemy",
    table,
    schema,
    columns: { id: "id", key: "session_id", payload: "data", expiresAt: "expiry" },
    maxPayloadBytes: { mysql: mysqlDataBytes },
  };
}

/** The options of {@link flaskPostgresql}. */
export interface FlaskPostgresqlOptions {
  /**
   * The time zone of Flask's database connections, as `SHOW timezone` prints it there: `"Etc/UTC"` or
   * `"America/New_York"`. Flask writes `expiry` in that zone without recording it. If you pass another one, sessions
   * end hours too early or too late.
   */
  readonly timeZone: string;
  /** `SESSION_POSTGRESQL_TABLE`. Default `"flask_sessions"`. */
  readonly table?: string | undefined;
  /** `SESSION_POSTGRESQL_SCHEMA`. Default `"public"`. */
  readonly schema?: string | undefined;
}

/**
 * The `layout` of an `sqlStore` that shares its sessions with Flask-Session's own PostgreSQL backend (`SESSION_TYPE =
 * "postgresql"`), which is not yet released.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskPostgresql, flaskSession } from "sojourn/flask";
 * import { type PgClient, sqlStore } from "sojourn/stores/sql";
 *
 * export function sessionsBesideFlask(client: PgClient) {
 *   const layout = flaskPostgresql({ timeZone: "Etc/UTC" });
 *   return createSessions({ ...flaskSession(), store: sqlStore({ client, layout }) });
 * }
 * ```
 */
export function flaskPostgresql(options: FlaskPostgresqlOptions): SqlLayout {
  checkKnown("flaskPostgresql", options, ["timeZone", "table", "schema"]);
  const { timeZone, table = "flask_sessions", schema = "public" } = options;
  if (typeof timeZone !== "string" || timeZone === "")
    throw wrongArgument("timeZone", "the time zone of Flask's connections, as SHOW timezone says it", timeZone);
  return {
    name: "flask-session postgresql",
    table,
    schema,
    columns: { key: "session_id", payload: "data", expiresAt: "expiry" },
    others: { created: "timestamp DEFAULT (now() AT TIME ZONE 'utc')" },
    timeZone,
  };
}

/** The options of {@link flaskPeewee}. */
export interface FlaskPeeweeOptions {
  /** `SESSION_PEEWEE_TABLE`. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** The same option as in {@link FlaskSqlalchemyOptions}. Default 65535. */
  readonly mysqlDataBytes?: number | undefined;
}

/**
 * The `layout` of an `sqlStore` over the table of Flask-Session2's Peewee backend (`SESSION_TYPE = "peewee"`). Its
 * sessions are pickles: `createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store })`.
 *
 * Flask-Session2 writes the address that the client claims to have into the column `ip`. sojourn does not change `ip`,
 * and leaves it empty in new sessions.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskPeewee, flaskSession, pickleFormat } from "sojourn/flask";
 * import { type Mysql2Client, sqlStore } from "sojourn/stores/sql";
 *
 * export function sessionsBesideFlask(client: Mysql2Client) {
 *   const store = sqlStore({ client, layout: flaskPeewee() });
 *   return createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store });
 * }
 * ```
 */
export function flaskPeewee(options: FlaskPeeweeOptions = {}): SqlLayout {
  checkKnown("flaskPeewee", options, ["table", "mysqlDataBytes"]);
  return {
    ...flaskSqlalchemy(options),
    name: "flask-session2 peewee",
    columns: { key: "session_id", payload: "data", expiresAt: "expiry" },
    others: { ip: "varchar(25)" },
  };
}
