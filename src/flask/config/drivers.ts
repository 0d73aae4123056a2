/** Clients out of the packages that the user has installed. Each connects when it is first used. */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ioredisOptions, mysqlOptions, nodeRedisOptions, pgOptions, postgresOptions } from "./connect.ts";
import { list, type Place } from "./keys.ts";
import type { RedisTarget, Server, SqlTarget } from "./urls.ts";

/** Loads a package by name, as `import()` does. */
export type LoadPackage = (name: string) => Promise<unknown>;

/** What opens clients for stores, and closes them again. */
export class Opener {
  readonly #load: LoadPackage;
  readonly #closers: (() => unknown)[] = [];

  constructor(load: LoadPackage | undefined) {
    this.#load = load ?? loadInstalled;
  }

  /**
   * A client of the first of these packages that is installed.
   *
   * @param key The key that asked for it.
   */
  async client<At>(key: string, drivers: readonly Driver<At>[], at: At): Promise<unknown> {
    for (const { name, from = name, open } of drivers) {
      const found = await this.#installed(from);
      if (found) return open(exportsOf(found), at, (close) => this.#closers.push(close));
    }
    const names = drivers.map(({ name }) => name).filter((name) => !name.startsWith("node:"));
    const others = names.length > 1 ? ` (or ${list(names.slice(1)).replaceAll('"', "")})` : "";
    throw new TypeError(`${key} needs a package that is not installed: npm install ${names[0]}${others}`);
  }

  /** The client that was given, or one to the URL. */
  at(key: string, drivers: readonly Driver<string>[], { client, url }: Place): unknown {
    return client ?? this.client(key, drivers, url);
  }

  /** Registers what ends a client that needs no package. */
  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** Ends all, whatever one of them says, and once. */
  async close(): Promise<void> {
    const closers = this.#closers.splice(0);
    const ended = await Promise.allSettled(closers.map(async (close) => close()));
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  }

  async #installed(name: string): Promise<object | undefined> {
    try {
      return (await this.#load(name)) as object;
    } catch (error) {
      if (isMissing(error, name)) return undefined;
      throw new TypeError(`the package ${name} is installed but fails to load`, { cause: error });
    }
  }
}

/** One package, and how to make a client of it. */
export interface Driver<At> {
  /** What to install. */
  readonly name: string;
  /** What to import, if that is something else. */
  readonly from?: string;
  open(exports: Exports, at: At, onClose: (close: () => unknown) => void): unknown;
}

/** What the packages export is their own affair: the stores check what comes of it. */
interface Client {
  on?(event: "error", listener: () => void): unknown;
  connect?(): unknown;
  close?(): unknown;
  destroy?(): unknown;
  disconnect?(): unknown;
  end?(): unknown;
  terminate?(): unknown;
}

interface Export {
  new (...args: unknown[]): Client;
  (...args: unknown[]): Client;
}

type Exports = Readonly<Record<string, Export | undefined>>;

/** The exports of a package, as an ES module or as the properties of a CommonJS module's exports. */
function exportsOf(module: object): Exports {
  const { default: standard, ...named } = module as Record<string, unknown>;
  return { ...(standard as object | undefined), default: standard, ...named } as Exports;
}

/** Without a listener the error would end the process; the call that needed the connection reports the failure. */
function quiet(client: Client): Client {
  client.on?.("error", () => {});
  return client;
}

function need(value: Export | undefined): Export {
  if (value === undefined) throw new TypeError("the installed package lacks a required export: update it");
  return value;
}

/** Redis. */
export const redisDrivers: readonly Driver<RedisTarget>[] = [
  {
    name: "redis",
    open:
      ({ createClient }, at, onClose) =>
      async () => {
        const client = quiet(need(createClient)(nodeRedisOptions(at)));
        onClose(() => (client.destroy ? client.destroy() : client.disconnect?.()));
        await client.connect?.();
        return client;
      },
  },
  ...["ioredis", "iovalkey"].map(
    (name): Driver<RedisTarget> => ({
      name,
      open({ Redis, default: standard }, at, onClose) {
        const client = quiet(new (need(Redis ?? standard))(ioredisOptions(at)));
        onClose(() => client.disconnect?.());
        return client;
      },
    }),
  ),
];

/** MongoDB at a URL. */
export const mongodbDrivers: readonly Driver<string>[] = [
  { name: "mongodb", open: ({ MongoClient }, url, onClose) => closing(new (need(MongoClient))(url), onClose) },
];

/** PostgreSQL. */
const postgresDrivers: readonly Driver<Server>[] = [
  { name: "pg", open: ({ Pool }, at, onClose) => ending(quiet(new (need(Pool))(pgOptions(at))), onClose) },
  {
    name: "postgres",
    open: ({ default: postgres }, at, onClose) => ending(need(postgres)(postgresOptions(at)), onClose),
  },
];

/** MySQL and MariaDB. */
const mysqlDrivers: readonly Driver<Server>[] = [
  { name: "mysql2", from: "mysql2/promise", open: mysqlPool },
  { name: "mariadb", open: mysqlPool },
];

/** SQLite, at a path. */
const sqliteDrivers: readonly Driver<string>[] = [
  {
    name: "better-sqlite3",
    // Its own wait for a lock stops the whole process; the store waits without that.
    open: ({ default: Database }, path, onClose) => closing(new (need(Database))(path, { timeout: 0 }), onClose),
  },
  {
    name: "node:sqlite",
    open: ({ DatabaseSync }, path, onClose) => closing(new (need(DatabaseSync))(path), onClose),
  },
];

/** A client of the database. */
export function sqlClient(opener: Opener, key: string, at: SqlTarget): Promise<unknown> {
  if (at.dialect === "sqlite") return opener.client(key, sqliteDrivers, at.path);
  return opener.client(key, at.dialect === "mysql" ? mysqlDrivers : postgresDrivers, at);
}

function mysqlPool({ createPool }: Exports, at: Server, onClose: (close: () => unknown) => void): Client {
  return ending(need(createPool)(mysqlOptions(at)), onClose);
}

/** Elasticsearch or OpenSearch at a URL. */
export const elasticsearchDrivers: readonly Driver<string>[] = [
  "@elastic/elasticsearch",
  "@opensearch-project/opensearch",
].map(
  (name): Driver<string> => ({
    name,
    open: ({ Client }, node, onClose) => closing(new (need(Client))({ node }), onClose),
  }),
);

/** DynamoDB: `at` is the options of its client. */
export const dynamodbDrivers: readonly Driver<object>[] = [
  {
    name: "@aws-sdk/client-dynamodb",
    open({ DynamoDB }, options, onClose) {
      const client = new (need(DynamoDB))(options);
      onClose(() => client.destroy?.());
      return client;
    },
  },
];

/** Firestore: `at` is the project, or nothing where the environment says it. */
export const firestoreDrivers: readonly Driver<string>[] = [
  {
    name: "@google-cloud/firestore",
    open({ Firestore }, projectId, onClose) {
      const client = new (need(Firestore))(projectId === "" ? {} : { projectId });
      onClose(() => client.terminate?.());
      return client;
    },
  },
];

/** Datastore: likewise. */
export const datastoreDrivers: readonly Driver<string>[] = [
  {
    name: "@google-cloud/datastore",
    open: ({ Datastore }, projectId) => new (need(Datastore))(projectId === "" ? {} : { projectId }),
  },
];

function ending(client: Client, onClose: (close: () => unknown) => void): Client {
  onClose(() => client.end?.());
  return client;
}

function closing(client: Client, onClose: (close: () => unknown) => void): Client {
  onClose(() => client.close?.());
  return client;
}

/** Imports a package from beside sojourn, else from the working directory: not every installer puts packages side by side. */
async function loadInstalled(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    const path = createRequire(join(process.cwd(), "x.js")).resolve(name);
    return import(pathToFileURL(path).href);
  }
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === "ERR_UNKNOWN_BUILTIN_MODULE") return true;
  const missing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  // Not a package that it needs itself.
  return (
    missing &&
    new RegExp(
      `['"]${name
        .split("/")
        .slice(0, name.startsWith("@") ? 2 : 1)
        .join("/")}(/|['"])`,
    ).test(String(message))
  );
}
