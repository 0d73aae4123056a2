/** URLs of databases and Redis as Python's programs have them: read to the last parameter, or refused by its name. */

import { list } from "./keys.ts";

/** How a connection is encrypted. Files are read when it is opened. */
export interface Tls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the certificate is checked, and whether it must be of this host. */
  readonly verify: "nothing" | "certificate" | "host";
}

/** Where a server is, and who we are there. */
export interface Server {
  readonly host: string;
  readonly port: number;
  /** The path of a socket, in place of host and port. For PostgreSQL its directory. */
  readonly socket?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
  readonly tls?: Tls | undefined;
  /** Seconds. */
  readonly connectTimeout?: number | undefined;
  /** Start-up parameters for PostgreSQL: `application_name`, `options`. */
  readonly session?: Readonly<Record<string, string>> | undefined;
}

/** A database. */
export type SqlTarget =
  | ({ readonly dialect: "postgres" | "mysql" } & Server)
  | { readonly dialect: "sqlite"; readonly path: string };

/** Redis; `database` is its number. */
export type RedisTarget = Server;

const dialects: Readonly<Record<string, SqlTarget["dialect"]>> = {
  postgresql: "postgres",
  postgres: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  sqlite: "sqlite",
};

// As SQLAlchemy takes URLs apart: a password may hold "/", "?" and "#" as they are.
const shape =
  /^([\w+]+):\/\/(?:([^:/]*)(?::([^@]*))?@)?(?:(?:\[([^/?]+)\]|([^/:?]+))?(?::([^/?]*))?)?(?:\/([^?]*))?(?:\?(.*))?$/s;

interface Parts {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  readonly path: string;
  readonly parameters: Parameters;
}

function partsOf(key: string, url: string): Parts | undefined {
  const [, scheme, user, password, six, host, port, path = "", query = ""] = shape.exec(url.trim()) ?? [];
  if (scheme === undefined) return undefined;
  const parameters = new Parameters(key, [...new URLSearchParams(query)]);
  const plain = { scheme: scheme.toLowerCase(), port: port === "" ? undefined : port, path, parameters };
  const name = (six ?? host) === undefined ? undefined : unquoted(six ?? (host as string));
  return { ...plain, host: name, user: user && unquoted(user), password: password && unquoted(password) };
}

/** As Python's `unquote`: a `%` that begins no octet is itself. */
function unquoted(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (octets) =>
    new TextDecoder().decode(Buffer.from(octets.replaceAll("%", ""), "hex")),
  );
}

/** The parameters of one URL, each taken once; one that is left over is an error. */
class Parameters {
  readonly #key: string;
  readonly #left = new Map<string, string>();

  constructor(key: string, entries: Iterable<readonly [string, string]>) {
    this.#key = key;
    for (const [name, value] of entries) {
      if (this.#left.has(name)) throw this.wrong(name, "given once");
      this.#left.set(name, value);
    }
  }

  text(...names: string[]): string | undefined {
    for (const name of names) {
      const value = this.#left.get(name);
      this.#left.delete(name);
      if (value !== undefined && value !== "") return value;
    }
    return undefined;
  }

  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    const word = words.find((one) => one.toLowerCase() === value?.toLowerCase());
    if (value !== undefined && word === undefined) throw this.wrong(name, list(words));
    return word;
  }

  flag(name: string): boolean | undefined {
    const word = this.word(name, ["true", "false", "1", "0", "yes", "no"]);
    return word === undefined ? undefined : ["true", "1", "yes"].includes(word);
  }

  count(name: string, most: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/.test(value) || Number(value) > most) throw this.wrong(name, `a whole number up to ${most}`);
    return Number(value);
  }

  /** Says what a parameter must be; never what it was, which may be a secret. */
  wrong(name: string, takes: string): TypeError {
    return new TypeError(`${this.#key}: the parameter ${name} must be ${takes}`);
  }

  end(hint = "leave it out, or give a client that you opened with it"): void {
    const [name] = this.#left.keys();
    if (name !== undefined)
      throw new TypeError(`${this.#key}: the parameter ${name.slice(0, 40)} is not understood; ${hint}`);
  }
}

/** A database at a URL of SQLAlchemy's. `undefined` when it is none, or of a database that no store here is for. */
export function sqlTarget(key: string, url: string): SqlTarget | undefined {
  const parts = partsOf(key, url);
  const dialect = parts && dialects[parts.scheme.replace(/\+.*$/s, "")];
  if (!dialect) return undefined;
  const { parameters, path, ...where } = parts;
  if (dialect === "sqlite") return sqliteTarget(key, parameters, where.host, path);
  return serverTarget(key, dialect, { ...where, database: path === "" ? undefined : unquoted(path) }, parameters);
}

/** Like {@link sqlTarget}, from the arguments of one of Peewee's database classes. */
export function peeweeTarget(
  key: string,
  dialect: SqlTarget["dialect"],
  given: Readonly<Record<string, unknown>>,
): SqlTarget {
  const entries = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  const parameters = new Parameters(
    key,
    entries.map(([name, value]) => [name, String(value)]),
  );
  const database = parameters.text("name", "database");
  if (database === undefined) throw new TypeError(`${key}: name must be that of the database`);
  if (dialect === "sqlite") return sqliteTarget(key, parameters, undefined, database);
  return serverTarget(key, dialect, { database }, parameters);
}

function sqliteTarget(key: string, parameters: Parameters, host: string | undefined, path: string): SqlTarget {
  if (host !== undefined) throw new TypeError(`${key}: a file of SQLite has no host; three slashes begin its path`);
  // What Python's driver asks of its own threads.
  parameters.text("check_same_thread");
  parameters.end();
  // sqlite:///relative, sqlite:////absolute, sqlite:// in memory.
  return { dialect: "sqlite", path: path || ":memory:" };
}

type Where = { [Name in "host" | "port" | "user" | "password" | "database"]?: string | undefined };

function serverTarget(key: string, dialect: "postgres" | "mysql", where: Where, parameters: Parameters): SqlTarget {
  const isMysql = dialect === "mysql";
  const host = parameters.text("host", "hostaddr") ?? where.host;
  const socket = (isMysql ? parameters.text("unix_socket") : undefined) ?? (host?.startsWith("/") ? host : undefined);
  if (host?.includes(",")) throw new TypeError(`${key}: one host; received several`);
  const target = {
    dialect,
    host: socket || host === undefined ? "localhost" : host,
    port: portOf(key, parameters.text("port") ?? where.port, isMysql ? 3306 : 5432),
    socket,
    user: parameters.text("user") ?? where.user,
    password: parameters.text("password", "passwd") ?? where.password,
    database: parameters.text("dbname", "database", "db") ?? where.database,
    tls: isMysql ? mysqlTls(key, parameters) : postgresTls(key, parameters),
    connectTimeout: parameters.count("connect_timeout", 3600),
    session: isMysql ? undefined : postgresSession(parameters),
  };
  if (isMysql) mysqlSession(parameters);
  parameters.end();
  if (socket && target.tls)
    throw new TypeError(`${key}: a socket of this machine has no TLS; leave one of the two out`);
  return target;
}

function portOf(key: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text);
  throw new TypeError(`${key}: its port must be a number from 1 to 65535`);
}

/** `sslmode` as libpq reads it. A mode that would go on in clear when the server has no TLS is refused. */
function postgresTls(key: string, parameters: Parameters): Tls | undefined {
  const modes = ["disable", "require", "verify-ca", "verify-full"] as const;
  const given = parameters.word("sslmode", modes) ?? parameters.word("ssl", [...modes, "true", "false"] as const);
  const root = parameters.text("sslrootcert");
  const files = {
    ca: root === "system" ? undefined : root,
    cert: parameters.text("sslcert"),
    key: parameters.text("sslkey"),
  };
  const any = root ?? files.cert ?? files.key;
  if (given === "disable" || given === "false") return any === undefined ? undefined : contradiction(key);
  if (given === undefined && any === undefined) return undefined;
  if (given === "true" || given === "verify-full" || root === "system") return { ...files, verify: "host" };
  return { ...files, verify: given === "verify-ca" || root !== undefined ? "certificate" : "nothing" };
}

/** `ssl_…` as the drivers of MySQL read it. With a certificate to check against, the host is checked unless that is switched off. */
function mysqlTls(key: string, parameters: Parameters): Tls | undefined {
  const modes = ["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;
  const mode = parameters.word("ssl_mode", modes);
  const isOff = parameters.flag("ssl_disabled") === true || mode === "DISABLED";
  const isOn = parameters.flag("ssl") === true;
  const files = { ca: parameters.text("ssl_ca"), cert: parameters.text("ssl_cert"), key: parameters.text("ssl_key") };
  const checksCertificate = parameters.flag("ssl_verify_cert");
  const checksHost = parameters.flag("ssl_check_hostname") ?? parameters.flag("ssl_verify_identity");
  const any = isOn || mode !== undefined || checksCertificate || checksHost || Object.values(files).some(Boolean);
  if (isOff) return files.ca || files.cert || isOn ? contradiction(key) : undefined;
  if (!any) return undefined;
  if (checksHost || mode === "VERIFY_IDENTITY") return { ...files, verify: "host" };
  if (checksCertificate === false && mode !== "VERIFY_CA") return { ...files, verify: "nothing" };
  if (mode === "VERIFY_CA" || checksHost === false) return { ...files, verify: "certificate" };
  return { ...files, verify: mode === "REQUIRED" && files.ca === undefined ? "nothing" : "host" };
}

function contradiction(key: string): never {
  throw new TypeError(`${key}: its parameters ask for TLS and forbid it`);
}

function postgresSession(parameters: Parameters): Record<string, string> {
  parameters.word("client_encoding", ["utf8", "utf-8"]);
  parameters.word("target_session_attrs", ["any"]);
  const [name, options] = [parameters.text("application_name"), parameters.text("options")];
  return { ...(name !== undefined && { application_name: name }), ...(options !== undefined && { options }) };
}

/** What makes no difference to sessions, which are bytes and ASCII. */
function mysqlSession(parameters: Parameters): void {
  parameters.word("charset", ["utf8mb4", "utf8mb3", "utf8"]);
  parameters.flag("use_unicode");
  parameters.flag("binary_prefix");
}

/** Redis at a URL, as redis-py takes it. `undefined` when it is none. */
export function redisTarget(key: string, url: string): RedisTarget | undefined {
  const parts = partsOf(key, url);
  if (!parts || !["redis", "rediss", "unix"].includes(parts.scheme)) return undefined;
  const { scheme, parameters, path, host, port } = parts;
  if (`${host}${port}`.includes(",")) return undefined;
  const isSocket = scheme === "unix";
  if (isSocket && host !== undefined) throw new TypeError(`${key}: a socket has no host; three slashes begin its path`);
  const number = parameters.count("db", 1_000_000) ?? (isSocket || path === "" ? 0 : numberIn(key, unquoted(path)));
  const user = parameters.text("username") ?? parts.user;
  const target = {
    host: host ?? "localhost",
    port: portOf(key, port, 6379),
    socket: isSocket ? `/${unquoted(path)}` : undefined,
    user: user === "" ? undefined : user,
    password: parameters.text("password") ?? parts.password,
    database: String(number),
    tls: redisTls(scheme === "rediss", parameters),
    connectTimeout: parameters.count("socket_connect_timeout", 3600),
  };
  parameters.end();
  return target;
}

function numberIn(key: string, path: string): number {
  if (/^\d{1,6}$/.test(path)) return Number(path);
  throw new TypeError(`${key}: what follows the host must be the number of a database`);
}

function redisTls(isOn: boolean, parameters: Parameters): Tls | undefined {
  // Without TLS they stay, and are refused.
  if (!isOn) return undefined;
  const needs = parameters.word("ssl_cert_reqs", ["required", "none"]);
  const checksHost = parameters.flag("ssl_check_hostname");
  const files = {
    ca: parameters.text("ssl_ca_certs"),
    cert: parameters.text("ssl_certfile"),
    key: parameters.text("ssl_keyfile"),
  };
  return { ...files, verify: needs === "none" ? "nothing" : checksHost === false ? "certificate" : "host" };
}
