/** An application with the real express-session, or the drop-in, and a real store from npm, in a process of its own. */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

const require = createRequire(import.meta.url);
// biome-ignore lint/suspicious/noExplicitAny: packages without types
type Any = any;

const given = JSON.parse(process.argv[2] as string) as { kind: string; at: Any; cookie: object; from: string };
const { kind, at, cookie } = given;
const session = require(given.from);

/** The interface of the npm package sqlite3, which has to be compiled, over Node's own SQLite. */
class SqliteDatabase {
  readonly #db: DatabaseSync;

  constructor(filename: string) {
    this.#db = new DatabaseSync(filename);
    this.#db.exec("PRAGMA busy_timeout = 5000");
  }

  exec(sql: string, done: Done): void {
    answer(() => this.#db.exec(sql), done);
  }

  run(sql: string, values: SQLInputValue[], done?: Done): void {
    answer(() => void this.#db.prepare(sql).run(...values), done);
  }

  get(sql: string, values: SQLInputValue[], done: Done): void {
    answer(() => this.#db.prepare(sql).get(...values), done);
  }

  all(sql: string, values: SQLInputValue[], done: Done): void {
    answer(() => this.#db.prepare(sql).all(...values), done);
  }
}

type Done = (error: unknown, value?: unknown) => void;

function answer(ask: () => unknown, done: Done = () => {}): void {
  try {
    setImmediate(done, null, ask());
  } catch (error) {
    setImmediate(done, error);
  }
}

async function storeOf(): Promise<Any> {
  switch (kind) {
    case "connect-redis": {
      const { createClient } = require("redis");
      const client = await createClient({ url: at.url }).connect();
      const { RedisStore } = require("connect-redis");
      return new RedisStore({ client });
    }
    case "connect-pg-simple": {
      const { Pool } = require("pg");
      const PgStore = require("connect-pg-simple")(session);
      return new PgStore({ pool: new Pool(at), createTableIfMissing: true, pruneSessionInterval: false });
    }
    case "connect-session-knex": {
      const { ConnectSessionKnexStore } = require("connect-session-knex");
      const knex = require("knex")({ client: at.client, connection: at.connection, useNullAsDefault: true });
      const store = new ConnectSessionKnexStore({ knex, tableName: "knex_sessions", cleanupInterval: 0 });
      await store.ready;
      return store;
    }
    case "connect-session-sequelize": {
      const { Sequelize } = require("sequelize");
      const SequelizeStore = require("connect-session-sequelize")(session.Store);
      const db = new Sequelize(at.database, at.user, "", { ...at, dialect: "postgres", logging: false });
      const store = new SequelizeStore({ db, checkExpirationInterval: -1 });
      await store.sync();
      return store;
    }
    case "express-mysql-session": {
      const MysqlStore = require("express-mysql-session")(session);
      const store = new MysqlStore({ ...at, clearExpired: false });
      await store.onReady();
      return store;
    }
    case "connect-mongo": {
      const { MongoStore } = require("connect-mongo");
      return MongoStore.create({ mongoUrl: at.url, dbName: at.database, collectionName: "express_sessions" });
    }
    case "connect-mongodb-session": {
      const MongoDBStore = require("connect-mongodb-session")(session);
      const store = new MongoDBStore({ uri: at.url, databaseName: at.database, collection: "express_documents" });
      await new Promise((resolve) => store.once("connected", resolve));
      return store;
    }
    case "connect-dynamodb": {
      const { DynamoDB } = require("@aws-sdk/client-dynamodb");
      const client = new DynamoDB({ ...at, credentials: { accessKeyId: "tests", secretAccessKey: "tests" } });
      const DynamoStore = require("connect-dynamodb")(session);
      const store = new DynamoStore({ client, table: "express-sessions", initialized: false });
      await store.initialize();
      return store;
    }
    case "connect-sqlite3": {
      const SqliteStore = require("connect-sqlite3")(session);
      return new SqliteStore({ db: new SqliteDatabase(at.filename) });
    }
    case "session-file-store": {
      const FileStore = require("session-file-store")(session);
      return new FileStore({ path: at.path, reapInterval: -1, retries: 0, logFn: () => {} });
    }
    default:
      throw new Error(`there is no ${kind}`);
  }
}

const middleware = session({
  secret: "keyboard cat",
  resave: false,
  saveUninitialized: false,
  cookie,
  store: await storeOf(),
});

let arrived = (): void => {};
const inside = new Promise<void>((resolve) => {
  arrived = resolve;
});
let go = (): void => {};
const gone = new Promise<void>((resolve) => {
  go = resolve;
});

const server = createServer((req, res) => {
  if (req.url === "/go") {
    go();
    res.end();
    return;
  }
  if (req.url === "/inside") {
    void inside.then(() => res.end());
    return;
  }
  middleware(req, res, async (error: Any) => {
    const [, verb, key, value] = (req.url as string).split("/");
    const it = req as Any;
    if (error) {
      res.statusCode = 500;
      res.end(String(error.stack));
    } else if (verb === "out") it.session.destroy(() => res.end());
    else {
      if (verb === "hold") {
        arrived();
        await gone;
      }
      if (key) it.session[key] = value ?? true;
      res.end(JSON.stringify(it.session));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
