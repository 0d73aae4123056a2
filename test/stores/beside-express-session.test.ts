/** Beside a process with the real express-session and its real stores: each reads the other's sessions, on the real servers. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { MongoClient } from "mongodb";
import mysql from "mysql2/promise";
import pg from "pg";
import { createClient } from "redis";
import { createSessions, type Sessions, type Store } from "sojourn";
import dropIn, {
  connectDynamodb,
  connectMongo,
  connectMongodbSession,
  connectPgSimple,
  connectRedis,
  connectSessionKnex,
  connectSessionSequelize,
  connectSqlite3,
  expressMysqlSession,
  expressSession,
} from "sojourn/express-session";
import { sessionFileStore } from "sojourn/express-session/files";
import { nodeSessions } from "sojourn/frameworks/node";
import { dynamodbStore } from "sojourn/stores/dynamodb";
import { mongodbStore } from "sojourn/stores/mongodb";
import { redisStore } from "sojourn/stores/redis";
import { type SqlLayout, sqlStore } from "sojourn/stores/sql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, running, serve } from "../express-session/http.ts";
import { noDynamodb, startDynamodb } from "../support/dynamodb-server.ts";
import { noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { redisProgram, startRedis } from "../support/redis-servers.ts";
import { mariadbProgram, postgresProgram, startMariadb, startPostgres } from "../support/sql-servers.ts";

/** What a test needs of a backend. */
interface Backend {
  /** What the program is told. */
  readonly at: object;
  readonly store: Store;
  stop(): Promise<void>;
}

interface Kind {
  readonly missing: boolean;
  readonly keyPrefix: string;
  /** A peer's slow request brings back what we ended: its store writes whatever is there. */
  readonly revives: boolean;
  /** The database keeps another form of the JSON. */
  readonly reforms?: boolean;
  open(): Promise<Backend>;
}

const postgres = async (): Promise<{ at: object; pool: pg.Pool; stop(): Promise<void> }> => {
  const server = await startPostgres();
  const { host, port, user, database } = server;
  const at = { host, port, user, database, options: "-c timezone=UTC" };
  const pool = new pg.Pool(at);
  pool.on("error", () => {});
  return { at, pool, stop: () => pool.end().then(() => server.stop()) };
};

const sqliteFile = (at: (filename: string) => object, layout: SqlLayout): Kind => ({
  missing: false,
  keyPrefix: "",
  revives: true,
  async open() {
    const path = mkdtempSync(join(tmpdir(), "express-session-"));
    const filename = join(path, "sessions.db");
    const client = new DatabaseSync(filename);
    client.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000");
    const stop = async (): Promise<void> => {
      client.close();
      rmSync(path, { recursive: true, force: true });
    };
    return { at: at(filename), store: sqlStore({ client, layout }), stop };
  },
});

const kinds: Record<string, Kind> = {
  "connect-redis": {
    missing: !redisProgram,
    keyPrefix: "sess:",
    revives: true,
    async open() {
      const server = await startRedis();
      const client = await createClient({ url: server.url }).connect();
      const stop = async (): Promise<void> => {
        client.destroy();
        await server.stop();
      };
      return { at: { url: server.url }, store: redisStore({ client, layout: connectRedis() }), stop };
    },
  },
  "connect-pg-simple": {
    missing: !postgresProgram,
    keyPrefix: "",
    revives: true,
    async open() {
      const { at, pool, stop } = await postgres();
      return { at, store: sqlStore({ client: pool, layout: connectPgSimple({ timeZone: "UTC" }) }), stop };
    },
  },
  "connect-session-knex": {
    missing: !postgresProgram,
    keyPrefix: "",
    revives: true,
    async open() {
      const { at, pool, stop } = await postgres();
      const layout = connectSessionKnex({ table: "knex_sessions" });
      return { at: { client: "pg", connection: at }, store: sqlStore({ client: pool, layout }), stop };
    },
  },
  "connect-session-sequelize": {
    missing: !postgresProgram,
    keyPrefix: "",
    revives: true,
    async open() {
      const { at, pool, stop } = await postgres();
      return { at, store: sqlStore({ client: pool, layout: connectSessionSequelize() }), stop };
    },
  },
  "express-mysql-session": {
    missing: !mariadbProgram,
    keyPrefix: "",
    revives: true,
    async open() {
      const server = await startMariadb();
      const { host, port, user, database } = server;
      const pool = mysql.createPool({ host, port, user, database });
      const store = sqlStore({ client: pool, layout: expressMysqlSession() });
      return { at: { host, port, user, database }, store, stop: () => pool.end().then(() => server.stop()) };
    },
  },
  "connect-mongo": {
    missing: noMongodb !== undefined,
    keyPrefix: "",
    revives: true,
    async open() {
      const server = await startMongodb();
      const client = new MongoClient(server.url);
      const collection = client.db(server.database).collection("express_sessions");
      const at = { url: server.url, database: server.database };
      const store = mongodbStore({ collection: collection as never, layout: connectMongo() });
      return { at, store, stop: () => client.close().then(() => server.stop()) };
    },
  },
  "connect-mongodb-session": {
    missing: noMongodb !== undefined,
    keyPrefix: "",
    revives: true,
    async open() {
      const server = await startMongodb();
      const client = new MongoClient(server.url);
      const collection = client.db(server.database).collection("express_documents");
      const at = { url: server.url, database: server.database };
      const store = mongodbStore({ collection: collection as never, layout: connectMongodbSession() });
      return { at, store, stop: () => client.close().then(() => server.stop()) };
    },
  },
  "connect-session-knex in MariaDB": {
    missing: !mariadbProgram,
    keyPrefix: "",
    revives: true,
    async open() {
      const server = await startMariadb();
      const { host, port, user, database } = server;
      const connection = { host, port, user, database };
      const pool = mysql.createPool(connection);
      const store = sqlStore({ client: pool, layout: connectSessionKnex({ table: "knex_sessions" }) });
      return { at: { client: "mysql2", connection }, store, stop: () => pool.end().then(() => server.stop()) };
    },
  },
  "connect-session-knex in SQLite": sqliteFile(
    (filename) => ({ client: "better-sqlite3", connection: { filename } }),
    connectSessionKnex({ table: "knex_sessions" }),
  ),
  "connect-sqlite3": sqliteFile((filename) => ({ filename }), connectSqlite3()),
  "session-file-store": {
    missing: false,
    keyPrefix: "",
    revives: true,
    async open() {
      const path = mkdtempSync(join(tmpdir(), "express-session-"));
      const stop = async (): Promise<void> => rmSync(path, { recursive: true, force: true });
      return { at: { path }, store: sessionFileStore({ directory: path }), stop };
    },
  },
  "connect-dynamodb": {
    missing: noDynamodb !== undefined,
    keyPrefix: "sess:",
    revives: true,
    async open() {
      const server = await startDynamodb();
      const at = { endpoint: server.endpoint, region: "local" };
      const client = new DynamoDB({ ...at, credentials: { accessKeyId: "tests", secretAccessKey: "tests" } });
      const store = dynamodbStore({ client, layout: connectDynamodb({ table: "express-sessions" }) });
      const stop = async (): Promise<void> => {
        client.destroy();
        await server.stop();
      };
      return { at, store, stop };
    },
  },
};

/** An application over the real store, in its own process: with the real express-session, or with the drop-in. */
async function theirs(
  kind: string,
  at: object,
  cookie: object,
  from = "express-session",
): Promise<Running & { readonly child: ChildProcess }> {
  const program = new URL("../support/express-session-program.ts", import.meta.url).pathname;
  const told = JSON.stringify({ kind, at, cookie, from });
  const child = spawn(process.execPath, ["--conditions=sojourn-source", program, told], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve(String(data).trim()));
    child.once("exit", (code) => reject(new Error(`the program ended with ${code}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    child,
    url,
    late: [],
    async send(path = "/", carried) {
      const response = await fetch(url + path, { headers: carried ? { cookie: carried } : {} });
      const setCookie = response.headers.getSetCookie();
      const text = await response.text();
      const cookie = setCookie.at(-1)?.split(";")[0];
      return { status: response.status, text, setCookie, cookie, headers: response.headers };
    },
    close: async () => void child.kill(),
  };
}

const data = (text: string): object => {
  // session-file-store puts the latter into the session itself.
  const { cookie: _, __lastAccess: __, ...rest } = JSON.parse(text);
  return rest;
};

describe.each(Object.entries(kinds))("beside %s", (name, kind) => {
  let backend: Backend;
  let peer: Running;
  let ours: Running;
  let drop: Running;
  let sessions: Sessions<Record<string, unknown>>;
  const maxAge = 3_600_000;
  let hold: Promise<void> = Promise.resolve();
  let arrived: () => void = () => {};

  beforeAll(async () => {
    if (kind.missing) return;
    backend = await kind.open();
    peer = await theirs(name.split(" ")[0] as string, backend.at, { maxAge });
    const { keyPrefix } = kind;
    const options = { secret: "keyboard cat", keyPrefix };
    sessions = createSessions({
      ...expressSession({ ...options, maxAge: "1h", cookie: { secure: false } }),
      store: backend.store,
    });
    const withSessions = nodeSessions(sessions);
    ours = await running(
      createServer(
        withSessions(async (req, res) => {
          const session = await sessions.get(req);
          const [, verb, key, value] = (req.url as string).split("/");
          if (verb === "out") session.destroy();
          if (verb === "hold") {
            arrived();
            await hold;
          }
          if (verb === "login") session.login(key as string);
          else if (key) session.data[key] = value ?? true;
          res.end(JSON.stringify(session.data));
        }),
      ),
    );
    const store = backend.store as never;
    const middleware = dropIn({
      secret: "keyboard cat",
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge },
      store,
    });
    drop = await serve(middleware as never, (req, res) => {
      const [, , key, value] = (req.url as string).split("/");
      if (key) req.session[key] = value ?? true;
      res.end(JSON.stringify(req.session));
    });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([peer?.close(), ours?.close(), drop?.close()]);
    await backend?.stop();
  });

  const raw = async (cookie: string | undefined): Promise<{ payload: string; expiresAt: number }> => {
    const id = decodeURIComponent(cookie as string)
      .replace(/^[^=]*=s:/, "")
      .replace(/\.[^.]*$/, "");
    const found = await backend.store.read(kind.keyPrefix + id);
    const payload = found?.payload ?? "";
    return {
      payload: typeof payload === "string" ? payload : new TextDecoder().decode(payload),
      expiresAt: found?.expiresAt ?? 0,
    };
  };

  test.skipIf(kind.missing)("each reads what the other began, and both see both", async () => {
    const begun = await peer.send("/set/user/ada");
    expect(data((await ours.send("/get", begun.cookie)).text)).toEqual({ user: "ada" });
    await ours.send("/set/native/1", begun.cookie);
    await drop.send("/set/drop/2", begun.cookie);
    expect(data((await peer.send("/get", begun.cookie)).text)).toEqual({ user: "ada", native: "1", drop: "2" });
    for (const own of [ours, drop]) {
      const { cookie } = await own.send("/set/mine/yes");
      expect(data((await peer.send("/set/yours/too", cookie)).text)).toEqual({ mine: "yes", yours: "too" });
      expect(data((await own.send("/get", cookie)).text)).toEqual({ mine: "yes", yours: "too" });
    }
  });

  test.skipIf(kind.missing)(
    "over their store the drop-in loses nothing within a process, and express-session reads it",
    async () => {
      const over = await theirs(name.split(" ")[0] as string, backend.at, { maxAge }, "sojourn/express-session");
      try {
        const { cookie } = await over.send("/set/user/ada");
        const keys = Array.from({ length: 20 }, (_, at) => `key${at}`);
        const answers = await Promise.all(keys.map((key) => over.send(`/set/${key}/1`, cookie)));
        const saved = keys.filter((_, at) => answers[at]?.status === 200);
        expect(saved.length, answers.map(({ status, text }) => `${status} ${text}`).join("\n")).toBeGreaterThan(14);
        const kept = Object.keys(data((await peer.send("/get", cookie)).text));
        expect(kept).toEqual(expect.arrayContaining(["user", ...saved]));
        await over.send("/out", cookie);
        expect(data((await peer.send("/get", cookie)).text)).toEqual({});
      } finally {
        await over.close();
      }
    },
  );

  test.skipIf(kind.missing)("unchanged data stays byte for byte, and a read writes nothing", async () => {
    const { cookie } = await peer.send("/set/user/ada");
    const before = await raw(cookie);
    await ours.send("/get", cookie);
    expect(await raw(cookie)).toMatchObject({ payload: before.payload });
    await ours.send("/set/more/1", cookie);
    const { payload } = await raw(cookie);
    const expires = /"expires":"[^"]*"/;
    expect(payload.replace(expires, "")).toBe(`${before.payload.replace(expires, "").slice(0, -1)},"more":"1"}`);
  });

  test.skipIf(kind.missing)("the expiry is the same by both rules", async () => {
    const [them, us] = [await peer.send("/set/a/1"), await ours.send("/set/a/1")];
    for (const { cookie } of [them, us]) {
      const { expiresAt, payload } = await raw(cookie);
      expect(Math.abs(expiresAt - Date.now() - maxAge)).toBeLessThan(120_000);
      expect(Math.abs(Date.parse(JSON.parse(payload).cookie.expires) - expiresAt)).toBeLessThan(120_000);
    }
  });

  test.skipIf(kind.missing)("a save that conflicts with one of theirs keeps both changes", async () => {
    const { cookie } = await peer.send("/set/user/ada");
    let go = (): void => {};
    hold = new Promise((resolve) => {
      go = resolve;
    });
    const inside = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const held = ours.send("/hold/slow", cookie);
    await inside;
    await peer.send("/set/theirs/1", cookie);
    go();
    await held;
    expect(data((await peer.send("/get", cookie)).text)).toEqual({ user: "ada", theirs: "1", slow: true });
  });

  test.skipIf(kind.missing)(
    "a logout on either side counts on the other; a login moves the session for both",
    async () => {
      const one = await peer.send("/set/user/ada");
      await ours.send("/out", one.cookie);
      expect(data((await peer.send("/get", one.cookie)).text)).toEqual({});
      const two = await ours.send("/set/user/ada");
      await peer.send("/out", two.cookie);
      expect(data((await ours.send("/get", two.cookie)).text)).toEqual({});
      const guest = await peer.send("/set/cart/tea");
      const user = await ours.send("/login/42", guest.cookie);
      expect(user.cookie).not.toBe(guest.cookie);
      expect(data((await peer.send("/get", user.cookie)).text)).toEqual({ cart: "tea", passport: { user: "42" } });
      expect(data((await peer.send("/get", guest.cookie)).text)).toEqual({});
    },
  );

  test.skipIf(kind.missing)(
    "40 parallel requests keep their keys, by the drop-in and by sojourn's own API",
    async () => {
      const { cookie } = await peer.send("/set/user/ada");
      const sent = Array.from({ length: 40 }, (_, at) => (at % 2 ? ours : drop).send(`/set/key${at}/1`, cookie));
      for (const { status } of await Promise.all(sent)) expect(status).toBe(200);
      expect(Object.keys(data((await peer.send("/get", cookie)).text))).toHaveLength(41);
    },
  );

  test.skipIf(kind.missing)("what their slow request brings back after our logout is as documented", async () => {
    const { cookie } = await peer.send("/set/user/ada");
    const held = peer.send("/hold/slow", cookie);
    await peer.send("/inside");
    await ours.send("/out", cookie);
    await peer.send("/go");
    await held;
    const revived = data((await ours.send("/get", cookie)).text);
    expect(revived).toEqual(kind.revives ? { user: "ada", slow: true } : {});
  });
});
