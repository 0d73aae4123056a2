/** Every SQL client the store works with, opened against a server or a file of the tests. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PGlite } from "@electric-sql/pglite";
import { createClient } from "@libsql/client";
import BetterSqlite3 from "better-sqlite3";
import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, SqliteDialect } from "kysely";
import mariadb from "mariadb";
import mysqlCallback from "mysql2";
import mysql from "mysql2/promise";
import pg from "pg";
import postgres from "postgres";
import type { Store } from "../../src/core/contracts/store.ts";
import { type SqlClient, type SqlDialect, sqlStore } from "../../src/stores/sql.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import type { SqlServer } from "./sql-servers.ts";

/** Where the database is: a server, or the path of a SQLite file. */
export type Place = Pick<SqlServer, "host" | "port" | "user" | "database"> | string;

/** A client, and how to be rid of it. */
export interface OpenClient {
  readonly client: SqlClient;
  close(): void | Promise<void>;
}

const server = (place: Place): Exclude<Place, string> => {
  if (typeof place === "string") throw new Error("this client wants a server");
  return place;
};
const file = (place: Place): string => {
  if (typeof place !== "string") throw new Error("this client wants a file");
  return place;
};

/** Pools are small, so that many tests can have theirs at once. */
const most = 10;

function pgPool(place: Place): pg.Pool {
  const pool = new pg.Pool({ ...server(place), max: most });
  pool.on("error", () => {}); // What a pool does about idle connections that break is not looked at here.
  return pool;
}

function betterSqlite(place: Place): BetterSqlite3.Database {
  const db = new BetterSqlite3(file(place));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = OFF");
  return db;
}

let pglite: PGlite | undefined;

/** How each is opened, by the name it goes by in titles. */
export const openers: Readonly<Record<string, (place: Place) => OpenClient | Promise<OpenClient>>> = {
  "pg Pool": (place) => {
    const client = pgPool(place);
    return { client, close: () => client.end() };
  },
  "pg Client": async (place) => {
    const client = new pg.Client(server(place));
    client.on("error", () => {});
    await client.connect();
    return { client, close: () => client.end() };
  },
  "postgres.js": (place) => {
    // The transform renames columns, which must not matter.
    const client = postgres({ ...server(place), max: most, onnotice: () => {}, transform: postgres.camel });
    return { client, close: () => client.end() };
  },
  PGlite: () => {
    pglite ??= new PGlite(); // One process, one database: it takes a second to start.
    return { client: pglite, close: () => {} };
  },
  mysql2: (place) => {
    const client = mysql.createPool({ ...server(place), connectionLimit: most });
    return { client, close: () => client.end() };
  },
  "mysql2 with callbacks, counting changes only": (place) => {
    const client = mysqlCallback.createPool({ ...server(place), connectionLimit: most, flags: ["-FOUND_ROWS"] });
    return { client, close: () => client.promise().end() };
  },
  mariadb: (place) => {
    const client = mariadb.createPool({ ...server(place), connectionLimit: most, allowPublicKeyRetrieval: true });
    return { client, close: () => client.end() };
  },
  "better-sqlite3": (place) => {
    const client = betterSqlite(place);
    return { client, close: () => void client.close() };
  },
  // Without a busy timeout: a locked file is an error at once.
  "node:sqlite": (place) => {
    const client = new DatabaseSync(file(place));
    client.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    return { client, close: () => client.close() };
  },
  libSQL: async (place) => {
    const client = createClient({ url: `file:${file(place)}`, timeout: 5000 });
    await client.execute("PRAGMA journal_mode = WAL");
    return { client, close: () => client.close() };
  },
  "Kysely over pg": (place) => {
    const client = new Kysely({
      dialect: new PostgresDialect({ pool: pgPool(place) }),
      plugins: [new CamelCasePlugin()],
    });
    return { client, close: () => client.destroy() };
  },
  "Kysely over mysql2": (place) => {
    const pool = mysqlCallback.createPool({ ...server(place), connectionLimit: most });
    const client = new Kysely({ dialect: new MysqlDialect({ pool }) });
    return { client, close: () => client.destroy() };
  },
  "Kysely over better-sqlite3": (place) => {
    const client = new Kysely({ dialect: new SqliteDialect({ database: betterSqlite(place) }) });
    return { client, close: () => client.destroy() };
  },
};

/** A new directory for SQLite files. Whoever asks for it removes it. */
export function fileDirectory(): string {
  return mkdtempSync(join(tmpdir(), "sojourn-sqlite-"));
}

/** Opens a store on a table of the space's own, or on a file of its own. */
export async function openStore(
  through: string,
  place: Place,
  { space, now }: OpenOptions,
): Promise<[Store, OpenClient]> {
  const one = await openers[through]!(typeof place === "string" ? join(place, `${space}.db`) : place);
  try {
    const store = sqlStore({ client: one.client, table: space, now });
    await store.setup!();
    return [store, one];
  } catch (error) {
    await one.close();
    throw error;
  }
}

/** A store that is only looked at: its client is never reached. */
function sample(dialect: SqlDialect, through: string): Store {
  if (through === "PGlite") return sqlStore({ client: pgliteShape });
  return sqlStore({ client: () => Promise.reject(new Error("only a sample")), dialect });
}

const pgliteShape = { waitReady: Promise.resolve(), query: () => Promise.reject(new Error("only a sample")) };

/** The suite over one kind of client. `place` is asked when the cases run. */
export function sqlHarness(dialect: SqlDialect, through: string, place: () => Place): StoreHarness {
  const opened = new Map<Store, OpenClient>();
  let before: Promise<unknown> = Promise.resolve();
  return {
    name: through,
    sample: sample(dialect, through),
    // One after the other: many tables made at once would keep a server from answering those who measure time.
    async open(options) {
      const mine = before.then(() => openStore(through, place(), options));
      before = mine.catch(() => {});
      const [store, one] = await mine;
      opened.set(store, one);
      return store;
    },
    async close(store) {
      await opened.get(store)?.close();
    },
  };
}

/** The process suite over one kind of client. */
export function sqlProcesses(dialect: SqlDialect, through: string, place: () => Place): ProcessHarness {
  const args = {
    through,
    get place() {
      const where = place();
      if (typeof where === "string") return where;
      const { host, port, user, database } = where;
      return { host, port, user, database };
    },
  };
  const module = new URL("./sql-process.ts", import.meta.url);
  return { name: through, sample: sample(dialect, through), module, args };
}
