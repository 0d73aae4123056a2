/** Every backend that Flask-Session has: a real server, what Flask is told of it, and a look at its records from outside. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient, RESP_TYPES } from "redis";
import { pinned } from "../../../scripts/flask.ts";
import { clientAt } from "../../support/dynamodb-harness.ts";
import { dynamodbVersion, noDynamodb, startDynamodb } from "../../support/dynamodb-server.ts";
import { flaskVersion, noFlask } from "../../support/flask.ts";
import { memcachedProgram, memcachedVersion, noMemcached, startMemcached } from "../../support/memcached-servers.ts";
import { noMongodb, startMongodb } from "../../support/mongodb-servers.ts";
import { noRedis, redisProgram, redisVersion, startRedis } from "../../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../../support/report.ts";
import {
  mariadbProgram,
  mariadbVersion,
  noMariadb,
  noPostgres,
  postgresProgram,
  postgresVersion,
  startMariadb,
  startPostgres,
} from "../../support/sql-servers.ts";
import type { Backend } from "./suite.ts";

/** A backend that runs, without a store of ours over it: `at` is what a client of ours needs to know. */
export interface Running<At> extends Omit<Backend, "store"> {
  readonly at: At;
}

/** One kind of backend. `prefix` is `SESSION_KEY_PREFIX`. */
export interface Kind<At> {
  /** `"redis"` */
  readonly name: string;
  /** The server and its version, and why it cannot run here. */
  readonly server: string;
  readonly absent: string | undefined;
  /** How Flask encodes sessions there. */
  readonly format: "msgpack" | "pickle";
  /** Starts it, empty. */
  start(prefix?: string): Promise<Running<At>>;
}

/**
 * Adds a row to the table of `npm test`; true when the tests cannot run. `clients` are those of our side; `within` is
 * the outermost `describe` of the tests, where the file has several backends.
 */
export function flaskIsMissing(kind: Kind<unknown>, clients: readonly string[] = [], within?: string): boolean {
  const backend = `flask: ${kind.name}`;
  const absent = noFlask ?? kind.absent;
  if (absent !== undefined) return reportMissing(backend, absent);
  const server = `${flaskVersion}, ${kind.server}`;
  reportBackend({ backend, server, clients, ...(within !== undefined && { within }) });
  return false;
}

const usual = "session:";

export const redis: Kind<{ readonly url: string }> = {
  name: "redis",
  server: redisVersion,
  absent: redisProgram ? undefined : noRedis,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startRedis();
    const client = await createClient({ url: server.url }).connect();
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    return {
      at: { url: server.url },
      flask: { type: "redis", url: server.url },
      raw: (id) => binary.get(prefix + id),
      left: async (id) => (await client.pTTL(prefix + id)) / 1000,
      async stop() {
        client.destroy();
        await server.stop();
      },
    };
  },
};

export const memcached: Kind<{ readonly address: string }> = {
  name: "memcached",
  server: memcachedVersion,
  absent: memcachedProgram ? undefined : noMemcached,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startMemcached();
    const get = (id: string): Promise<Item | null> => memcachedItem(server.host, server.port, prefix + id);
    return {
      at: { address: server.address },
      flask: { type: "memcached", address: server.address },
      raw: async (id) => (await get(id))?.value ?? null,
      left: async (id) => (await get(id))?.left ?? Number.NaN,
      stop: () => server.stop(),
    };
  },
};

interface Item {
  readonly value: Buffer;
  readonly left: number;
}

/** `VA <size> t<seconds left>`, the value; or `EN`. */
async function memcachedItem(host: string, port: number, key: string): Promise<Item | null> {
  const socket = connect(port, host);
  let reply = Buffer.alloc(0);
  try {
    socket.write(`mg ${key} v t\r\n`);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      reply = Buffer.concat([reply, chunk]);
      const [line, size, left] = /^VA (\d+) t(-?\d+)\r\n/.exec(reply.toString("latin1")) ?? [];
      if (line === undefined && reply.includes("\r\n")) return null;
      const end = (line?.length ?? 0) + Number(size);
      if (line !== undefined && reply.length >= end + 2)
        return { value: reply.subarray(line.length, end), left: Number(left) };
    }
    return null;
  } finally {
    socket.destroy();
  }
}

/** The directory of cachelib, whose header of 4 octets is no part of what `raw` gives. */
export const files: Kind<{ readonly directory: string }> = {
  name: "files",
  server: `cachelib ${pinned("cachelib")}`,
  absent: undefined,
  format: "pickle",
  async start(prefix = usual) {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-flask-"));
    const read = (id: string): Buffer | null => {
      const name = createHash("sha256").update(prefix + id);
      try {
        return readFileSync(join(directory, name.digest("hex")));
      } catch {
        return null;
      }
    };
    return {
      at: { directory },
      flask: { type: "filesystem", directory },
      raw: async (id) => read(id)?.subarray(4) ?? null,
      left: async (id) => (read(id)?.readUInt32LE(0) ?? Number.NaN) - Date.now() / 1000,
      stop: () => rm(directory, { recursive: true, force: true }),
    };
  },
};

export const sqlite: Kind<{ readonly path: string }> = {
  name: "sqlite",
  server: `SQLite ${process.versions.sqlite}`,
  absent: undefined,
  format: "msgpack",
  async start(prefix = usual) {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-flask-"));
    const path = join(directory, "app.db");
    const row = (id: string): Row | undefined => {
      const db = new DatabaseSync(path, { readOnly: true });
      const found = db.prepare("SELECT data, expiry FROM sessions WHERE session_id = ?").get(prefix + id);
      db.close();
      return found as unknown as Row | undefined;
    };
    return {
      at: { path },
      flask: { type: "sqlalchemy", url: `sqlite:///${path}` },
      raw: async (id) => row(id)?.data ?? null,
      left: async (id) => secondsTo(row(id)?.expiry),
      stop: () => rm(directory, { recursive: true, force: true }),
    };
  },
};

/** `expiry` is UTC without saying so. */
interface Row {
  readonly data: Uint8Array;
  readonly expiry: string;
}

function secondsTo(expiry: string | undefined): number {
  return (Date.parse(`${expiry?.replace(" ", "T")}Z`) - Date.now()) / 1000;
}

/** Where a database is. */
export interface Account {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export const postgres: Kind<Account> = {
  name: "postgres",
  server: postgresVersion,
  absent: postgresProgram ? undefined : noPostgres,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startPostgres();
    const { host, port, user, database } = server;
    const at = { host, port, user, database };
    const pool = new pg.Pool({ ...at, max: 1 });
    pool.on("error", () => {});
    const row = async (id: string): Promise<Row | undefined> => {
      const text = "SELECT data, expiry::text FROM sessions WHERE session_id = $1";
      return (await pool.query<Row>(text, [prefix + id])).rows[0];
    };
    return {
      at,
      flask: { type: "sqlalchemy", url: `postgresql+psycopg2://${user}@${host}:${port}/${database}` },
      raw: async (id) => (await row(id))?.data ?? null,
      left: async (id) => secondsTo((await row(id))?.expiry),
      async stop() {
        await pool.end();
        await server.stop();
      },
    };
  },
};

export const mariadb: Kind<Account> = {
  name: "mariadb",
  server: mariadbVersion,
  absent: mariadbProgram ? undefined : noMariadb,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startMariadb();
    const { host, port, user, database } = server;
    const at = { host, port, user, database };
    const pool = mysql.createPool({ ...at, dateStrings: true, connectionLimit: 1 });
    const row = async (id: string): Promise<Row | undefined> => {
      const text = "SELECT data, expiry FROM sessions WHERE BINARY session_id = ?";
      const [rows] = await pool.query(text, [prefix + id]);
      return (rows as Row[])[0];
    };
    return {
      at,
      flask: { type: "sqlalchemy", url: `mysql+pymysql://${user}@${host}:${port}/${database}` },
      raw: async (id) => (await row(id))?.data ?? null,
      left: async (id) => secondsTo((await row(id))?.expiry),
      async stop() {
        await pool.end();
        await server.stop();
      },
    };
  },
};

/** Flask-Session's own names: database `flask_session`, collection `sessions`. */
export const mongodb: Kind<{ readonly url: string }> = {
  name: "mongodb",
  server: "MongoDB",
  absent: noMongodb,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startMongodb();
    const client = new MongoClient(server.url);
    const database = client.db("flask_session");
    const found = (id: string): Promise<Found | null> =>
      database.collection("sessions").findOne<Found>({ id: prefix + id });
    return {
      at: { url: server.url },
      flask: { type: "mongodb", url: server.url },
      raw: async (id) => (await found(id))?.val.buffer ?? null,
      left: async (id) => (Number((await found(id))?.expiration) - Date.now()) / 1000,
      async stop() {
        await database.dropDatabase();
        await client.close();
        await server.stop();
      },
    };
  },
};

interface Found {
  readonly val: { readonly buffer: Uint8Array };
  readonly expiration: Date;
}

/** Flask-Session's own name of the table: `Sessions`. It makes it. */
export const dynamodb: Kind<{ readonly endpoint: string }> = {
  name: "dynamodb",
  server: dynamodbVersion,
  absent: noDynamodb,
  format: "msgpack",
  async start(prefix = usual) {
    const server = await startDynamodb();
    const client = clientAt(server.endpoint);
    const { endpoint } = server;
    const options = {
      endpoint_url: endpoint,
      region_name: "local",
      aws_access_key_id: "tests",
      aws_secret_access_key: "tests",
    };
    const item = async (id: string) =>
      (await client.getItem({ TableName: "Sessions", Key: { id: { S: prefix + id } } })).Item;
    return {
      at: { endpoint },
      flask: { type: "dynamodb", options },
      raw: async (id) => (await item(id))?.val?.B ?? null,
      left: async (id) => Number((await item(id))?.expiration?.N) - Date.now() / 1000,
      async stop() {
        client.destroy();
        await server.stop();
      },
    };
  },
};
