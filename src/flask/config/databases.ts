/** The types of SQL: `sqlalchemy`, `postgresql` and `peewee`. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { flaskPeewee, flaskPostgresql, flaskSqlalchemy } from "../../flask.ts";
import type { SqlLayout } from "../../stores/sql.ts";
import { sqlStore } from "../../stores/sql.ts";
import { type Backend, ownTable, type Read } from "./backend.ts";
import { type Opener, sqlClient } from "./drivers.ts";
import { type Keys, named, type Place, parsed, receivedUrl, withoutSecrets } from "./keys.ts";
import { peeweeTarget, type SqlTarget, sqlTarget } from "./urls.ts";

/** By `SESSION_TYPE`. */
export const databases: Readonly<Record<string, Read>> = {
  sqlalchemy(keys, { native, pickled }) {
    const place = sqlalchemyPlace(keys);
    const table = keys.text("SESSION_SQLALCHEMY_TABLE", native ? ownTable : "sessions");
    const schema = keys.text("SESSION_SQLALCHEMY_SCHEMA");
    const tableExists = keys.flag("SESSION_SQLALCHEMY_TABLE_EXISTS", false);
    const own = native ? { table, schema } : { layout: flaskSqlalchemy({ table, schema }) };
    return {
      encoding: pickled ? "pickle" : "session",
      tableExists,
      open: sqlOpening("SESSION_SQLALCHEMY", place, own),
    };
  },

  postgresql(keys, { native }) {
    const key = "SESSION_POSTGRESQL";
    const place = databaseAt(key, keys.place(key));
    const table = keys.text("SESSION_POSTGRESQL_TABLE", native ? ownTable : "flask_sessions");
    const schema = keys.text("SESSION_POSTGRESQL_SCHEMA", "public");
    return {
      encoding: "session",
      async open(opener) {
        const client = await databaseClient(opener, key, place);
        const own = native
          ? { table, schema }
          : { layout: flaskPostgresql({ table, schema, timeZone: await zoneOf(key, client) }) };
        return named(key, () => sqlStore({ client: client as never, ...own }));
      },
    };
  },

  peewee(keys, { native }) {
    const given = keys.place("SESSION_DB");
    const place = (!given && peeweePlace(keys)) || databaseAt("SESSION_DB", given);
    const table = keys.text("SESSION_PEEWEE_TABLE", native ? ownTable : "sessions");
    return {
      encoding: "pickle",
      open: sqlOpening("SESSION_DB", place, native ? { table } : { layout: flaskPeewee({ table }) }),
    };
  },
};

/** A database: a client, or a URL that was understood. */
type Database =
  | { readonly client: object; readonly at?: undefined }
  | { readonly client?: undefined; readonly at: SqlTarget };

const takesUrl =
  "a client, or a URL of PostgreSQL, MySQL, MariaDB or SQLite such as postgresql://user:password@host/database or sqlite:///file.db";

function databaseAt(key: string, place: Place | undefined): Database {
  if (place?.client) return { client: place.client };
  const at = place?.url === undefined ? undefined : sqlTarget(key, place.url);
  if (at) return { at };
  throw new TypeError(`${key} must be ${takesUrl}; ${receivedUrl(place?.url)}`);
}

/** Flask-SQLAlchemy has the URL; `SESSION_SQLALCHEMY` itself is an object there. */
function sqlalchemyPlace(keys: Keys): Database {
  const bind = keys.text("SESSION_SQLALCHEMY_BIND_KEY");
  const given = keys.place("SESSION_SQLALCHEMY");
  if (given) return databaseAt("SESSION_SQLALCHEMY", given);
  if (bind === undefined) {
    const key = keys.has("SQLALCHEMY_DATABASE_URI") ? "SQLALCHEMY_DATABASE_URI" : "SESSION_SQLALCHEMY";
    return databaseAt(key, keys.place("SQLALCHEMY_DATABASE_URI"));
  }
  const value = keys.any("SQLALCHEMY_BINDS");
  const binds = typeof value === "string" ? parsed(value) : value;
  const found = (Object(binds) as Record<string, unknown>)[bind];
  const url = typeof found === "object" && found !== null ? (found as { url?: unknown }).url : found;
  if (typeof url !== "string")
    throw wrongArgument(`SQLALCHEMY_BINDS[${JSON.stringify(bind.slice(0, 40))}]`, "a URL of a database", url);
  keys.note("SQLALCHEMY_BINDS", withoutSecrets(url));
  return databaseAt("SQLALCHEMY_BINDS", { url });
}

/** `SESSION_DB_CLASS` is a class of Peewee or its name, `SESSION_PEEWEE_CONFIG` what it is given. */
function peeweePlace(keys: Keys): Database | undefined {
  const name = keys.text("SESSION_DB_CLASS");
  const value = keys.any("SESSION_PEEWEE_CONFIG");
  if (name === undefined && value === undefined) return undefined;
  const given = typeof value === "string" ? parsed(value) : value;
  if (typeof given !== "object" || given === null)
    throw keys.wrong(
      "SESSION_PEEWEE_CONFIG",
      "an object such as { name, host, port, user, password }, in the environment in JSON",
      value,
    );
  const kind = /(postgres|mysql|maria|sqlite)/i.exec(name ?? "")?.[1]?.toLowerCase();
  if (kind === undefined)
    throw keys.wrong("SESSION_DB_CLASS", '"PostgresqlDatabase", "MySQLDatabase" or "SqliteDatabase"', name);
  const dialect = kind === "sqlite" ? "sqlite" : kind === "postgres" ? "postgres" : "mysql";
  const at = peeweeTarget("SESSION_PEEWEE_CONFIG", dialect, given as Record<string, unknown>);
  keys.note(
    "SESSION_PEEWEE_CONFIG",
    at.dialect === "sqlite" ? at.path : `${at.socket ?? at.host}, ${at.database ?? "no database"}`,
  );
  return { at };
}

function sqlOpening(
  key: string,
  place: Database,
  own: { readonly layout: SqlLayout } | { readonly table: string; readonly schema?: string | undefined },
): Backend["open"] {
  return async (opener) => {
    const client = (await databaseClient(opener, key, place)) as never;
    return named(key, () => sqlStore({ client, ...own }));
  };
}

async function databaseClient(opener: Opener, key: string, { client, at }: Database): Promise<unknown> {
  return at ? sqlClient(opener, key, at) : client;
}

/** The time zone of PostgreSQL's local time, for this connection and for Flask's, unless one of them sets another. */
async function zoneOf(key: string, client: unknown): Promise<string> {
  const { unsafe, query } = Object(client) as Record<
    "unsafe" | "query",
    ((sql: string) => Promise<unknown>) | undefined
  >;
  const ask = "SELECT current_setting('TimeZone') AS zone";
  if (!unsafe && !query) throw new TypeError(`${key} must be a Pool of pg, postgres.js or PGlite, or a URL`);
  const answer = await (unsafe ?? query)?.call(client, ask);
  const rows = (Array.isArray(answer) ? answer : (answer as { rows: unknown[] }).rows) as { zone: string }[];
  return rows[0]?.zone ?? "UTC";
}
