/** What each `SESSION_TYPE` means: where the sessions are, how they are written there, and the store that does it. */

import type { CookieStore } from "../core/cookie-records.ts";
import { SessionError, wrongArgument } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import { type FlaskFilesOptions, flaskFiles } from "../interop/flask-files.ts";
import {
  flask2Dynamodb,
  flaskDynamodb,
  flaskMemcached,
  flaskMongodb,
  flaskPeewee,
  flaskPostgresql,
  flaskRedis,
  flaskSqlalchemy,
} from "../interop/flask-session.ts";
import { memcachedClient } from "../interop/memcached.ts";
import { dynamodbStore } from "../stores/dynamodb.ts";
import { fileStore } from "../stores/file.ts";
import { memcachedStore } from "../stores/memcached.ts";
import { mongodbStore } from "../stores/mongodb.ts";
import { nullStore } from "../stores/null.ts";
import { redisStore } from "../stores/redis.ts";
import type { SqlLayout } from "../stores/sql.ts";
import { sqlStore } from "../stores/sql.ts";
import { type Driver, dynamodbDrivers, mongodbDrivers, type Opener, redisDrivers, sqlDrivers } from "./drivers.ts";
import { type Keys, named, type Place, parsed, withoutSecrets } from "./keys.ts";
import { type SqlUrl, sqlUrl } from "./sql-url.ts";

/** How a session is written in a backend of the family. */
export type Encoding = "session" | "json" | "pickle";

/** What was found out before anything is opened. */
export interface Backend {
  /** How Flask writes sessions there. */
  readonly encoding: Encoding;
  /** Nothing that is missing is to be created. */
  readonly isThere?: boolean;
  open(opener: Opener): Promise<Store | CookieStore>;
}

/** What a backend has to know. */
export interface Circumstances {
  /** Our own records instead of the family's. */
  readonly native: boolean;
  /** Sessions of Flask-Session2, or of Flask-Session up to 0.6. */
  readonly pickled: boolean;
  readonly keyPrefix: string;
  readonly cachelib?: FlaskFilesOptions["cachelib"];
}

/** Flask's tables have other columns. */
const ownTable = "sojourn_sessions";

type Read = (keys: Keys, circumstances: Circumstances) => Backend;

/** By `SESSION_TYPE`. */
export const backends: Readonly<Record<string, Read>> = {
  redis(keys, { native, pickled, keyPrefix }) {
    const place = keys.place("SESSION_REDIS", "redis://127.0.0.1:6379");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = (await clientAt(opener, "SESSION_REDIS", redisDrivers, place)) as never;
        return named("SESSION_REDIS", () =>
          redisStore({ client, ...(!native && { layout: flaskRedis({ keyPrefix }) }) }),
        );
      },
    };
  },

  memcached(keys, { native, pickled }) {
    const place = keys.place("SESSION_MEMCACHED", "127.0.0.1:11211");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = place.client ?? named("SESSION_MEMCACHED", () => memcachedClient({ server: place.url }));
        if (!place.client) opener.onClose(() => (client as { close(): void }).close());
        const layout = native ? {} : { layout: flaskMemcached() };
        return named("SESSION_MEMCACHED", () => memcachedStore({ client: client as never, ...layout }));
      },
    };
  },

  filesystem: (keys, circumstances) => files(keys, "SESSION_FILE_DIR", circumstances),

  cachelib: (keys, circumstances) => files(keys, "SESSION_CACHELIB", circumstances),

  mongodb(keys, { native, pickled }) {
    const place = keys.place("SESSION_MONGODB", "mongodb://127.0.0.1:27017");
    const database = keys.text("SESSION_MONGODB_DB", native ? "sojourn" : "flask_session");
    const name = keys.text("SESSION_MONGODB_COLLECT", "sessions");
    return {
      encoding: pickled ? "pickle" : "session",
      async open(opener) {
        const client = (await clientAt(opener, "SESSION_MONGODB", mongodbDrivers, place)) as MongodbClient;
        if (typeof client.db !== "function") throw wrongArgument("SESSION_MONGODB", "a MongoClient or a URL", client);
        const collection = client.db(database).collection(name) as never;
        return mongodbStore({ collection, ...(!native && { layout: flaskMongodb() }) });
      },
    };
  },

  sqlalchemy(keys, { native, pickled }) {
    const place = sqlalchemyPlace(keys);
    const table = keys.text("SESSION_SQLALCHEMY_TABLE", native ? ownTable : "sessions");
    const schema = keys.text("SESSION_SQLALCHEMY_SCHEMA");
    const isThere = keys.flag("SESSION_SQLALCHEMY_TABLE_EXISTS", false);
    const own = native ? { table, schema } : { layout: flaskSqlalchemy({ table, schema }) };
    return { encoding: pickled ? "pickle" : "session", isThere, open: sqlOpening("SESSION_SQLALCHEMY", place, own) };
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
    const place = databaseAt("SESSION_DB", keys.place("SESSION_DB") ?? peeweePlace(keys));
    const table = keys.text("SESSION_PEEWEE_TABLE", native ? ownTable : "sessions");
    return {
      encoding: "pickle",
      open: sqlOpening("SESSION_DB", place, native ? { table } : { layout: flaskPeewee({ table }) }),
    };
  },

  dynamodb(keys, { native, pickled }) {
    const place = keys.place("SESSION_DYNAMODB");
    const endpoint = keys.text("SESSION_DYNAMODB_ENDPOINT") ?? place?.url;
    const region = keys.text("SESSION_DYNAMODB_REGION");
    const accessKeyId = keys.secret("SESSION_DYNAMODB_KEY_ID");
    const secretAccessKey = keys.secret("SESSION_DYNAMODB_SECRET");
    const table = keys.text("SESSION_DYNAMODB_TABLE", native ? ownTable : pickled ? "sessions" : "Sessions");
    const isThere = keys.flag("SESSION_DYNAMODB_TABLE_EXISTS", false);
    const local = { endpoint: "http://localhost:8000", region: "us-east-1" };
    const dummy = { accessKeyId: "dummy", secretAccessKey: "dummy" };
    // Flask-Session has a server on this machine by default, Flask-Session2 what AWS's own configuration says.
    const toLocal = !endpoint && !region && !accessKeyId && !pickled;
    if (toLocal && !place) keys.note("SESSION_DYNAMODB", local.endpoint, "default");
    const options = toLocal
      ? { ...local, credentials: dummy }
      : {
          ...(endpoint !== undefined && { endpoint, region: "us-east-1", credentials: dummy }),
          ...(region !== undefined && { region }),
          ...(accessKeyId !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
        };
    return {
      encoding: pickled ? "json" : "session",
      isThere,
      async open(opener) {
        const key = "SESSION_DYNAMODB";
        const client = (place?.client ?? (await opener.client(key, dynamodbDrivers, JSON.stringify(options)))) as never;
        const layout = pickled ? flask2Dynamodb({ table }) : flaskDynamodb({ table });
        return named(key, () => dynamodbStore({ client, ...(native ? { table } : { layout }) }));
      },
    };
  },

  null: () => ({ encoding: "session", open: async () => withoutSessions() }),
};

/** cachelib's directory. Whatever the configuration says, it has pickles. */
function files(keys: Keys, key: string, { native, cachelib }: Circumstances): Backend {
  const given = keys.any(key);
  if (given !== undefined && typeof given !== "string")
    throw keys.wrong(key, "the path of the directory of cachelib's FileSystemCache", given);
  const directory = keys.text(key, native ? ".sessions" : "flask_session");
  const mode = modeOf(keys);
  return {
    encoding: "pickle",
    open: async () => (native ? fileStore({ directory }) : named(key, () => flaskFiles({ directory, mode, cachelib }))),
  };
}

/** As a number, `0o600` or 384; as text octal with a zero in front, as in a shell, or Python's decimal number. */
function modeOf(keys: Keys): number {
  const key = "SESSION_FILE_MODE";
  const value = keys.any(key);
  const octal = typeof value === "string" ? /^\s*0o?([0-7]{3})\s*$/i.exec(value)?.[1] : undefined;
  const mode = octal === undefined ? Number(value ?? 0o600) : Number.parseInt(octal, 8);
  const takes = "a mode with which its owner can read and write: 0o600 as a number, 0600 as text";
  if (!Number.isInteger(mode) || mode > 0o777 || (mode & 0o600) !== 0o600) throw keys.wrong(key, takes, value);
  keys.note(key, `0${mode.toString(8)}`, value === undefined ? "default" : "given");
  return mode;
}

interface MongodbClient {
  db(name: string): { collection(name: string): unknown };
}

/** A client that was given, or one to the URL. */
function clientAt(opener: Opener, key: string, drivers: readonly Driver[], { client, url }: Place): unknown {
  return client ?? opener.client(key, drivers, url ?? "");
}

/** A database: a client, or a URL that was understood. */
type Database =
  | { readonly client: object; readonly at?: undefined }
  | { readonly client?: undefined; readonly at: SqlUrl };

const takesUrl =
  "a client, or a URL of PostgreSQL, MySQL, MariaDB or SQLite such as postgresql://user:password@host/database or sqlite:///file.db";

function databaseAt(key: string, place: Place | undefined): Database {
  if (place?.client) return { client: place.client };
  const at = place?.url === undefined ? undefined : sqlUrl(place.url);
  if (at) return { at };
  const got = place?.url === undefined ? "received nothing" : `received ${JSON.stringify(withoutSecrets(place.url))}`;
  throw new TypeError(`${key} must be ${takesUrl}; ${got}`);
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
function peeweePlace(keys: Keys): Place | undefined {
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
  const {
    database,
    name: called = database,
    host = "127.0.0.1",
    port,
    user,
    password,
    passwd = password,
  } = given as Record<string, unknown>;
  keys.note("SESSION_PEEWEE_CONFIG", kind === "sqlite" ? String(called) : `${host}, ${called}`);
  if (kind === "sqlite") return { url: `sqlite:///${called}` };
  const who = user === undefined ? "" : `${encode(user)}${passwd === undefined ? "" : `:${encode(passwd)}`}@`;
  const at = `${who}${host}${port === undefined ? "" : `:${port}`}/${encode(called)}`;
  return { url: `${kind === "postgres" ? "postgresql" : "mysql"}://${at}` };
}

function encode(part: unknown): string {
  return encodeURIComponent(String(part));
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
  return at ? opener.client(key, sqlDrivers[at.dialect], at.at) : client;
}

/** The zone in which PostgreSQL says what time it is, to us as to Flask, unless either has set another. */
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

/** The family's null: reading is fine, writing says what to configure. */
function withoutSessions(): Store {
  const refuse = async (): Promise<never> => {
    const message =
      "a session was begun, and SESSION_TYPE is null, which keeps none; set it to redis, sqlalchemy or another type";
    throw new SessionError("ERR_SESSION_READ_ONLY", message);
  };
  return { ...nullStore(), create: refuse };
}
