/** The SQL store beside an application on one MariaDB or MySQL: permissions, transactions, clocks, indexes, options of the drivers. */

import { Kysely, MysqlDialect } from "kysely";
import mariadb, { type Pool, type PoolConfig } from "mariadb";
import mysqlCallback from "mysql2";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sessionsFromConfig } from "../../src/flask/config.ts";
import { flaskSqlalchemy } from "../../src/flask.ts";
import { isSetupIncomplete } from "../../src/stores/shared/setup.ts";
import { connectionOf } from "../../src/stores/sql/connection.ts";
import { type SqlClient, sqlStore } from "../../src/stores/sql.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { mysqlMakes, type SqlServer } from "../support/sql-servers.ts";
import { everyCall, record, recorded } from "../support/sql-statements.ts";

for (const { name, version, none, start } of mysqlMakes) {
  const within = `The SQL store on ${name}`;
  const missing = version === "" && reportMissing(`sql (${name})`, none);
  const clients = ["mysql2", "mariadb"].map(clientVersion);
  if (!missing) reportBackend({ backend: `sql (${name})`, server: version, clients, within });

  describe.skipIf(missing)(within, () => {
    let server: SqlServer;
    let admin: mysql.Pool;
    const open: { end(): unknown }[] = [];
    const poolOf = (config: mysql.PoolOptions = {}): mysql.Pool => {
      const { host, port, user, database } = server;
      const pool = mysql.createPool({ host, port, user, database, ...config });
      open.push(pool);
      return pool;
    };
    const mariadbOf = (config: PoolConfig = {}): Pool => {
      const { host, port, user, database } = server;
      const pool = mariadb.createPool({ host, port, user, database, ...config });
      open.push(pool);
      return pool;
    };

    beforeAll(async () => {
      server = await start();
      admin = poolOf();
    });
    afterAll(async () => {
      await Promise.all(open.map((one) => one.end()));
      await server?.stop();
    });

    test("needs only SELECT, INSERT, UPDATE and DELETE on its table, also to check the setup, and names what it may not create", async () => {
      await admin.query("CREATE DATABASE web");
      await admin.query("CREATE USER app");
      const options = { schema: "web", table: "logins" };
      await sqlStore({ client: admin, ...options }).setup?.();
      await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON web.logins TO app");
      const store = sqlStore({ client: poolOf({ user: "app", database: "web" }), ...options });

      await everyCall(store);
      await store.setup?.();
      const absent = sqlStore({ client: poolOf({ user: "app", database: "web" }), table: "absent" });
      await expect(absent.setup?.()).rejects.toThrow(
        /`absent` does not exist, and this role may not create it.*CREATE TABLE/s,
      );
      await admin.query("DROP INDEX logins_expires_at ON web.logins");
      const unindexed = await store.setup?.().catch((error: unknown) => error);
      expect(isSetupIncomplete(unindexed)).toBe(true);
      expect(String(unindexed)).toContain("CREATE INDEX `logins_expires_at` ON `web`.`logins` (`expires_at`)");
      await everyCall(store);
    });

    test("starts from Flask's keys with Flask's rights, and warns of the index it may not create", async () => {
      await admin.query("CREATE DATABASE site");
      await admin.query("CREATE USER flask");
      // As Flask-SQLAlchemy makes it, by another user.
      await admin.query(
        "CREATE TABLE site.sessions (id INTEGER NOT NULL AUTO_INCREMENT, session_id VARCHAR(255), data BLOB, expiry DATETIME, PRIMARY KEY (id), UNIQUE (session_id))",
      );
      await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON site.sessions TO flask");
      const warnings: string[] = [];
      const { host, port } = server;
      const { sessions, close } = await sessionsFromConfig(
        { SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: `mysql://flask@${host}:${port}/site` },
        { warn: (message) => warnings.push(message) },
      );
      const { error } = await request(sessions, undefined, (session) => {
        session.data["visits"] = 1;
      });
      expect(error).toBeUndefined();
      await close();
      expect(warnings.join()).toContain("CREATE INDEX `sessions_expiry_idx` ON `sessions` (`expiry`)");
      expect((await admin.query("SELECT 1 FROM site.sessions"))[0]).toHaveLength(1);
    });

    test("adds the expiry index that Flask's table lacks, once, while sessions are written", async () => {
      // As Flask-SQLAlchemy makes it.
      await admin.query(
        "CREATE TABLE flask (id INTEGER NOT NULL AUTO_INCREMENT, session_id VARCHAR(255), data BLOB, expiry DATETIME, PRIMARY KEY (id), UNIQUE (session_id))",
      );
      const store = sqlStore({ client: admin, layout: flaskSqlalchemy({ table: "flask" }) });
      const indexes = async (): Promise<string[]> => {
        const [rows] = await admin.query<mysql.RowDataPacket[]>(
          "SELECT index_name AS name FROM information_schema.statistics WHERE table_name = 'flask'",
        );
        return rows.map(({ name }) => name).sort();
      };
      await store.setup?.();
      await store.setup?.();
      expect(await indexes()).toEqual(["PRIMARY", "flask_expiry_idx", "session_id"]);
      await admin.query("DROP INDEX flask_expiry_idx ON flask");
      await admin.query("CREATE INDEX by_end ON flask (expiry)");
      await store.setup?.();
      expect(await indexes()).toEqual(["PRIMARY", "by_end", "session_id"]);
      expect((await admin.query("SELECT * FROM flask"))[0]).toEqual([]);
    });

    test.each<[string, () => SqlClient]>([
      ["every connection of a pool of mysql2", () => withoutAutocommit(poolOf())],
      ["every connection of a pool of mariadb", () => mariadbOf({ initSql: "SET autocommit = 0" })],
      [
        "every connection of a pool below Kysely",
        () => new Kysely({ dialect: new MysqlDialect({ pool: withoutAutocommit(poolOf()).pool as never }) }),
      ],
    ])("acknowledges nothing with autocommit off on %s", async (_, open) => {
      const plain = sqlStore({ client: admin, table: "commits" });
      await plain.setup?.();
      await plain.delete("b");
      await plain.create("b", record("1"));
      const store = sqlStore({ client: open(), table: "commits" });
      await expect(store.create("a", record("1"))).rejects.toThrow("Autocommit is off");
      await expect(store.delete("b")).rejects.toThrow("Autocommit is off");
      await expect(store.setup?.()).rejects.toThrow("Autocommit is off");
      expect(await plain.read("a")).toBeNull();
      expect((await plain.read("b"))?.payload).toBe("1");
    });

    test("acknowledges nothing with autocommit off on a single connection", async () => {
      const connection = await poolOf().getConnection();
      await sqlStore({ client: connection, table: "single" }).setup?.();
      await connection.query("SET autocommit = 0");
      const store = sqlStore({ client: connection, table: "single" });
      await expect(store.create("a", record("1"))).rejects.toThrow("Autocommit is off");
      connection.release();
    });

    test.each<[string, () => Promise<readonly [SqlClient, { query(sql: string): unknown; release(): unknown }]>]>([
      [
        "mysql2",
        async () => {
          const pool = poolOf({ connectionLimit: 1 });
          return [pool, await pool.getConnection()];
        },
      ],
      [
        "mariadb",
        async () => {
          const pool = mariadbOf({ connectionLimit: 1, noControlAfterUse: true });
          return [pool, await pool.getConnection()];
        },
      ],
    ])(
      "acknowledges nothing on a connection that the application left with autocommit off, through %s",
      async (through, open) => {
        // What fails there keeps its locks, so each has a table of its own.
        const table = `left_off_${through}`;
        const plain = sqlStore({ client: admin, table });
        await plain.setup?.();
        await plain.delete("a");
        const version = await plain.create("a", record("1", "ada"));
        const [client, connection] = await open();
        const store = sqlStore({ client, table });
        // The one connection is taken, so this waits for it.
        const ready = store.setup?.();
        connection.release();
        await ready;
        await new Promise<void>((resolve, reject) => {
          const again = (client as mysql.Pool).getConnection();
          again.then(async (one) => {
            await one.query("SET autocommit = 0");
            one.release();
            resolve();
          }, reject);
        });
        await expect(store.create("b", record("1"))).rejects.toThrow("Autocommit is off");
        await expect(store.update("a", record("2"), version!)).rejects.toThrow("Autocommit is off");
        await expect(store.touch("a", Date.now() + 900_000)).rejects.toThrow("Autocommit is off");
        await expect(store.rename("a", "c", record("2"), version!)).rejects.toThrow("Autocommit is off");
        await expect(store.delete("a")).rejects.toThrow("Autocommit is off");
        expect((await plain.read("a"))?.payload).toBe("1");
      },
    );

    test("refuses a session above max_allowed_packet as too large, and keeps its connections", async () => {
      const packet = 1_048_576;
      const [[before]] = await admin.query<mysql.RowDataPacket[]>("SELECT @@GLOBAL.max_allowed_packet AS size");
      await admin.query(`SET GLOBAL max_allowed_packet = ${packet}`);
      try {
        for (const client of [poolOf({ connectionLimit: 1 }), mariadbOf({ connectionLimit: 1 })]) {
          const store = sqlStore({ client, table: "packets" });
          await store.setup?.();
          const [first, fits] = [record("1"), record("x".repeat(packet - 9000))];
          await store.delete("a");
          const version = await store.create("a", first);
          for (const size of [packet - 100, packet + 100, 3 * packet]) {
            const tooLarge = store.update("a", record("x".repeat(size)), version!);
            await expect(tooLarge).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
          }
          expect(await store.update("a", fits, version!)).not.toBeNull();
        }
      } finally {
        await admin.query(`SET GLOBAL max_allowed_packet = ${before!.size}`);
      }
    });

    test("commits by itself: a rollback of the application's transaction undoes no session", async () => {
      const store = sqlStore({ client: admin, table: "apart" });
      await store.setup?.();
      await admin.query("CREATE TABLE orders (id int)");
      const application = await admin.getConnection();
      await application.beginTransaction();
      await application.query("INSERT INTO orders VALUES (1)");
      await store.create("a", record("1"));
      await application.rollback();
      application.release();
      expect((await store.read("a"))?.payload).toBe("1");
      expect((await admin.query("SELECT * FROM orders"))[0]).toEqual([]);
    });

    test("is part of the transaction of a connection it is given", async () => {
      const outside = sqlStore({ client: admin, table: "joined" });
      await outside.setup?.();
      const application = await admin.getConnection();
      await application.beginTransaction();
      await sqlStore({ client: application, table: "joined" }).create("a", record("1"));
      await application.rollback();
      application.release();
      expect(await outside.read("a")).toBeNull();
    });

    test("agrees on when a session expires, whatever the clock and time zone of a node", async () => {
      const { host, port, user, database } = server;
      const west = mysqlCallback.createPool({ host, port, user, database, timezone: "-08:00" });
      west.on("connection", (connection) => connection.query("SET time_zone = '-08:00'"));
      open.push(west.promise());
      const east = mariadbOf({ initSql: "SET time_zone = '+09:00'" });
      const ahead = (): number => Date.now() + 3_600_000;
      const here = sqlStore({ client: west, table: "clocks" });
      const there = sqlStore({ client: east, table: "clocks", now: ahead });
      await here.setup?.();
      await there.create("a", { payload: "1", expiresAt: ahead() + 60_000 });
      expect(Math.abs((await here.read("a"))!.expiresAt - Date.now() - 60_000)).toBeLessThan(2000);
      await here.create("b", { payload: "1", expiresAt: Date.now() + 60_000 });
      expect(Math.abs((await there.read("b"))!.expiresAt - ahead() - 60_000)).toBeLessThan(2000);
      expect(await there.prune?.()).toEqual({ removed: 0, cursor: undefined });
    });

    const odd: Record<string, () => SqlClient> = {
      "mysql2: numbers as strings": () => poolOf({ supportBigNumbers: true, bigNumberStrings: true }),
      "mysql2: no conversion at all": () => poolOf({ typeCast: false }),
      "mysql2: a conversion of the application's own": () => poolOf({ typeCast: (field) => field.string() }),
      "mysql2: rows by table, values by name": () => poolOf({ nestTables: true, namedPlaceholders: true }),
      "mysql2: latin1": () => poolOf({ charset: "latin1_swedish_ci" }),
      "mariadb: numbers as strings": () => mariadbOf({ bigNumberStrings: true, supportBigNumbers: true }),
      "mariadb: a conversion of the application's own": () => mariadbOf({ typeCast: (_, next) => String(next()) }),
      "mariadb: rows by table, values by name": () => mariadbOf({ nestTables: true, namedPlaceholders: true }),
      "mariadb: results with their columns": () => mariadbOf({ metaAsArray: true }),
      "mariadb: counts of changed rows": () => mariadbOf({ foundRows: false }),
    };
    test.each(Object.keys(odd))("works however a driver is configured to give results, %s", async (how) => {
      const store = sqlStore({ client: odd[how]!(), table: `odd${Object.keys(odd).indexOf(how)}` });
      await store.setup?.();
      await everyCall(store);
      const subject = "Åda\0 🍪";
      const bytes = Uint8Array.of(0, 128, 255);
      await store.create("bytes", { payload: bytes, expiresAt: Date.now() + 60_000, subject });
      expect(await store.read("bytes")).toMatchObject({ payload: bytes, subject });
    });

    test("puts no session content into errors", async () => {
      for (const client of [admin, mariadbOf()]) {
        const store = sqlStore({ client, table: "absent" });
        const error: Error = await store.create("secret-key", record("secret-payload", "secret-subject")).then(
          () => expect.unreachable("the table is absent"),
          (error) => error,
        );
        const { message, stack, ...fields } = error;
        expect(`${message} ${stack} ${JSON.stringify(fields)}`).not.toMatch(/secret/);
      }
    });

    test.each([
      ["tries again after a deadlock on a pool", "pool"],
      ["leaves a deadlock of a connection to whoever may have a transaction on it", "connection"],
    ])("%s", async (_, kind) => {
      const table = `deadlocks_${kind}`;
      const client = kind === "pool" ? admin : await admin.getConnection();
      const store = sqlStore({ client, table });
      await store.setup?.();
      await store.create("a", record("1", undefined, -2000));
      await store.create("b", record("1", undefined, -1000));
      const deadlocks = async (): Promise<number> => {
        const sql = "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'";
        const [rows] = await admin.query<mysql.RowDataPacket[]>(sql);
        return Number(rows[0]!.count ?? rows[0]!.COUNT);
      };
      await admin.query(`CREATE TABLE work_${kind} (id int) ENGINE=InnoDB`);
      const before = await deadlocks();
      const application = await admin.getConnection();
      await application.beginTransaction();
      // The one that has changed less gives way.
      await application.query(`INSERT INTO work_${kind} VALUES ${Array.from({ length: 100 }, (_, n) => `(${n})`)}`);
      await application.query(`SELECT * FROM ${table} WHERE session_key = 'b' FOR UPDATE`);
      const pruned = store.prune!().catch((error: Error) => error);
      await untilWaiting();
      await application.query(`DELETE FROM ${table} WHERE session_key = 'a'`);
      await application.commit();
      application.release();
      if (kind === "pool") expect(await pruned).toEqual({ removed: 1, cursor: undefined });
      else expect(await pruned).toMatchObject({ code: "ER_LOCK_DEADLOCK" });
      expect(await deadlocks()).toBeGreaterThan(before); // Other tests on this server may meet one of their own.
      if (client !== admin) (client as mysql.PoolConnection).release();

      async function untilWaiting(): Promise<void> {
        const waiting = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
        do {
          // The server answers from a copy that it only renews when nobody has asked for a tenth of a second.
          await new Promise((resolve) => setTimeout(resolve, 110));
        } while (((await admin.query(waiting))[0] as unknown[]).length === 0);
      }
    });

    test("finds its rows by index: read, writes, prune, list and one subject among 20 000 sessions", async () => {
      const { runner, statements } = recorded(connectionOf(admin));
      const store = sqlStore({ client: runner, dialect: "mysql", table: "many" });
      await store.setup?.();
      const rows = Array.from({ length: 20_000 }, (_, n) => {
        return [`k${n}`, "", 0, Date.now() + (n - 2000) * 60_000, `s${n % 5000}`, n];
      });
      await admin.query("INSERT INTO many VALUES ?", [rows]);
      await admin.query("ANALYZE TABLE many");
      statements.clear();
      await everyCall(store);
      await store.prune?.({ limit: 10 });

      const kinds: string[] = [];
      for (const [sql, values] of statements) {
        kinds.push(sql.split(" ")[0]!);
        if (sql.startsWith("INSERT")) continue;
        // Of a key that is not there it only says so.
        const there = values.map((value) => (value === "a" || value === "b" ? "k15000" : value));
        const [rows] = await admin.execute<mysql.RowDataPacket[]>(
          `EXPLAIN ${name === "MySQL" ? "FORMAT=TRADITIONAL " : ""}${sql}`,
          there as never[],
        );
        const { key, rows: looked } = rows[0]!;
        const by = /LIMIT 10\b/.test(sql) ? "many_expires_at" : "PRIMARY";
        const subject = /`subject` = \?/.test(sql.split("WHERE")[1]!);
        if (sql.includes("ORDER BY `session_key` LIMIT 101")) expect(key, sql).toBe("PRIMARY");
        else {
          expect(key, sql).toBe(subject ? "many_subject" : by);
          expect(Number(looked), sql).toBeLessThan(subject ? 20 : 5000);
        }
      }
      expect(kinds.sort()).toEqual(
        [..."DELETE DELETE DELETE INSERT SELECT SELECT SELECT SELECT UPDATE UPDATE UPDATE".split(" ")].sort(),
      );
    });
  });
}

function withoutAutocommit(pool: mysql.Pool): mysql.Pool {
  pool.pool.on("connection", (connection) => connection.query("SET autocommit = 0"));
  return pool;
}
