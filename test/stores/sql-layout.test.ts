/** The SQL store over tables of other programs: the whole suite in each dialect, and what is in the rows. */

import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { flaskPeewee, flaskPostgresql, flaskSqlalchemy } from "../../src/flask/layouts/sql.ts";
import { type SqlDialect, type SqlLayout, sqlSchema, sqlStore } from "../../src/stores/sql.ts";
import { type ConformanceCase, type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { fileDirectory, type OpenClient, openers, type Place } from "../support/sql-clients.ts";
import { mysqlMakes, postgresProgram, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { describeCases } from "../support/store-tests.ts";

const atOnce = (): Error => new Error("only a sample");

/** The suite over one layout: a table of each space's own, made by `setup`. */
function cases(dialect: SqlDialect, through: string, layout: SqlLayout, place: () => Place): ConformanceCase[] {
  const opened = new Map<unknown, OpenClient>();
  const harness: StoreHarness = {
    name: through,
    sample: withFormat(sqlStore({ client: () => Promise.reject(atOnce()), dialect, layout })),
    async open({ space, now }) {
      const where = place();
      const one = await openers[through]!(typeof where === "string" ? `${where}/${layout.name}-${space}.db` : where);
      const own = { ...layout, table: `${layout.columns.id ?? ""}${space}` };
      const store = withFormat(sqlStore({ client: one.client, layout: own, now }));
      opened.set(store, one);
      await store.setup!();
      return store;
    },
    async close(store) {
      await opened.get(store)?.close();
    },
  };
  return storeConformance(harness);
}

const some = (all: ConformanceCase[]): ConformanceCase[] =>
  all.filter(({ group }) => "update rename version payload".split(" ").includes(group));

describe("SQLite", () => {
  const directory = fileDirectory();
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  describeCases(
    "flaskSqlalchemy",
    cases("sqlite", "better-sqlite3", flaskSqlalchemy(), () => directory),
  );
  describeCases(
    "flaskSqlalchemy, node:sqlite",
    some(cases("sqlite", "node:sqlite", flaskSqlalchemy(), () => directory)),
  );
  describeCases("flaskPeewee", some(cases("sqlite", "libSQL", flaskPeewee(), () => directory)));
});

describe("rows of Flask-Session", () => {
  const instant = Date.parse("2026-11-20T06:51:33.900Z");
  const key = `session:${"A".repeat(43)}`;
  const payload = Uint8Array.from(Buffer.from("82aa5f7065726d616e656e74c3a16ba176", "hex"));
  const changed = Uint8Array.of(0x80);
  // As SQLAlchemy makes it.
  const ddl = `CREATE TABLE sessions (id INTEGER NOT NULL, session_id VARCHAR(255), data BLOB, expiry DATETIME,
    PRIMARY KEY (id), UNIQUE (session_id))`;
  const open = (now = () => instant) => {
    const db = new DatabaseSync(":memory:");
    db.exec(ddl);
    const put = (id: string, expiry: string | null, data = payload): void => {
      db.prepare("INSERT INTO sessions (session_id, data, expiry) VALUES (?, ?, ?)").run(id, data, expiry);
    };
    const rows = () => db.prepare("SELECT id, session_id, data, expiry FROM sessions ORDER BY id").all();
    return { db, put, rows, store: sqlStore({ client: db, layout: flaskSqlalchemy(), now }) };
  };
  const all = async (store: Store): Promise<string[]> => {
    const keys: string[] = [];
    for await (const row of store.list!()) keys.push(row.key);
    return keys;
  };

  test("a row that Flask wrote is read, changed and stays the same row", async () => {
    const { store, put, rows } = open();
    put(key, "2026-12-21 06:51:33.922550");
    const found = (await store.read(key))!;
    expect(found.payload).toEqual(payload);
    expect(found.expiresAt).toBe(Date.parse("2026-12-21T06:51:33.922Z"));
    expect(await store.update(key, { payload: changed, expiresAt: instant + 1 }, found.version)).not.toBeNull();
    expect(rows()).toEqual([{ id: 1, session_id: key, data: changed, expiry: "2026-11-20 06:51:33.901000" }]);
  });

  test("a row of ours has Flask's form", async () => {
    const { store, rows } = open();
    await store.create(key, { payload, expiresAt: instant + 31 * 86_400_000 });
    expect(rows()).toEqual([{ id: 1, session_id: key, data: payload, expiry: "2026-12-21 06:51:33.900000" }]);
  });

  test.each([
    ["2100-01-01 00:00:00", true],
    ["2026-11-20 06:51:34", true],
    ["2026-11-20 06:51:33.900001", true],
    ["2026-11-20 06:51:33.900000", false],
    ["2026-11-20 06:51:33", false],
    ["2026-11-19 23:59:59.999999", false],
    [null, false],
  ])("a row with the expiry %s is live: %s", async (expiry, live) => {
    const { store, put, rows } = open();
    put(key, expiry);
    expect((await store.read(key)) !== null).toBe(live);
    expect(await all(store)).toEqual(live ? [key] : []);
    expect(await store.touch(key, instant + 1)).toBe(live);
    expect(await store.prune!()).toEqual({ removed: live ? 0 : 1, cursor: undefined });
    expect(rows()).toHaveLength(live ? 1 : 0);
  });

  test("a row without an expiry makes room for a new session under its key", async () => {
    const { store, put } = open();
    put(key, null);
    expect(await store.create(key, { payload: changed, expiresAt: instant + 1 })).not.toBeNull();
    expect((await store.read(key))?.payload).toEqual(changed);
  });

  test("at midnight of a new year a fraction does not change the order of time", async () => {
    const midnight = Date.parse("2027-01-01T00:00:00Z");
    const { store, put } = open(() => midnight);
    put(key, "2027-01-01 00:00:00");
    put("session:b", "2027-01-01 00:00:00.000001");
    expect(await all(store)).toEqual(["session:b"]);
  });

  test("a write by Flask since the read is a conflict; the same data with another expiry is none", async () => {
    const { store, db, put } = open();
    put(key, "2100-01-01 00:00:00");
    const { version } = (await store.read(key))!;
    const next = { payload: changed, expiresAt: instant + 1 };
    db.exec("UPDATE sessions SET expiry = '2101-01-01 00:00:00'");
    expect(await store.update(key, next, version)).not.toBeNull();
    db.exec("UPDATE sessions SET data = x'81a16b01'");
    expect(await store.update(key, next, version)).toBeNull();
    expect(await store.rename(key, "session:b", next, version)).toBeNull();
    expect(Buffer.from((await store.read(key))!.payload).toString("hex")).toBe("81a16b01");
  });

  test("an expiry beyond the year 9999 is the last one that Python can read", async () => {
    const { store, rows } = open();
    await store.create(key, { payload, expiresAt: Number.MAX_SAFE_INTEGER });
    expect(rows()[0]?.expiry).toBe("9999-12-31 23:59:59.000000");
  });

  test("a missing table is created as its program creates it", () => {
    expect(sqlSchema({ dialect: "postgres", layout: flaskPostgresql({ timeZone: "UTC" }) })).toMatchInlineSnapshot(`
      "CREATE TABLE IF NOT EXISTS "public"."flask_sessions" (
        "session_id" varchar(255) NOT NULL PRIMARY KEY,
        "data" bytea,
        "expiry" timestamp,
        "created" timestamp DEFAULT (now() AT TIME ZONE 'utc')
      );
      CREATE INDEX IF NOT EXISTS "flask_sessions_expiry_idx" ON "public"."flask_sessions" ("expiry");
      "
    `);
    expect(sqlSchema({ dialect: "mysql", layout: flaskSqlalchemy({ table: "web_sessions" }) })).toMatchInlineSnapshot(`
      "CREATE TABLE IF NOT EXISTS \`web_sessions\` (
        \`id\` integer AUTO_INCREMENT NOT NULL PRIMARY KEY,
        \`session_id\` varchar(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
        \`data\` longblob,
        \`expiry\` datetime,
        KEY \`web_sessions_expiry_idx\` (\`expiry\`)
      );
      "
    `);
    expect(sqlSchema({ dialect: "sqlite", layout: flaskPeewee() })).toMatchInlineSnapshot(`
      "CREATE TABLE IF NOT EXISTS "sessions" (
        "session_id" varchar(255) NOT NULL PRIMARY KEY,
        "data" blob,
        "expiry" datetime,
        "ip" varchar(25)
      );
      CREATE INDEX IF NOT EXISTS "sessions_expiry_idx" ON "sessions" ("expiry");
      "
    `);
  });

  test("the names of table and columns come from the layout alone", () => {
    const client = new DatabaseSync(":memory:");
    for (const own of [{ table: "sessions" }, { schema: "main" }, { columns: {} }]) {
      expect(() => sqlStore({ client, layout: flaskSqlalchemy(), ...own })).toThrow(/must be left out with a layout/);
    }
  });

  test.each([
    ["layout must be a layout such as flaskSqlalchemy()", () => 7],
    ["layout must be a layout such as flaskSqlalchemy()", () => ({})],
    ["layout.table must be a name of at most 48 letters", () => flaskSqlalchemy({ table: "a; DROP TABLE b" })],
    ["layout.schema must be a name", () => flaskSqlalchemy({ schema: '"' })],
    ["layout.timeZone must be", () => flaskPostgresql({ timeZone: "' OR 1 = 1" })],
    ['layout.timeZone must be "UTC" but in PostgreSQL', () => flaskPostgresql({ timeZone: "America/New_York" })],
    ["timeZone must be the time zone of Flask's connections", () => flaskPostgresql({} as never)],
    ["mysqlDataBytes must be a whole number", () => flaskSqlalchemy({ mysqlDataBytes: 0 })],
  ])("%s", (message, layout) => {
    const construct = (): unknown => sqlStore({ client: new DatabaseSync(":memory:"), layout: layout() as SqlLayout });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(message);
  });
});

describe.skipIf(!postgresProgram)("PostgreSQL", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  const newYork = flaskPostgresql({ timeZone: "America/New_York" });
  describeCases(
    "flaskSqlalchemy",
    cases("postgres", "pg Pool", flaskSqlalchemy(), () => server),
  );
  describeCases("flaskPostgresql, postgres.js", some(cases("postgres", "postgres.js", newYork, () => server)));

  test("an expiry in the time zone of Flask's connections is the same instant, whatever our zone", async () => {
    const place = (timeZone: string): pg.PoolConfig => {
      const { host, port, user, database } = server;
      return { host, port, user, database, options: `-c timezone=${timeZone}`, max: 2 };
    };
    const [theirs, ours] = [new pg.Pool(place("America/Los_Angeles")), new pg.Pool(place("Asia/Tokyo"))];
    const layout = flaskPostgresql({ timeZone: "America/Los_Angeles", table: "zoned" });
    const store = sqlStore({ client: ours, layout });
    await store.setup!();
    const left = async (key: string): Promise<number> => {
      const { rows } = await theirs.query(
        "SELECT extract(epoch FROM expiry - LOCALTIMESTAMP) AS s FROM zoned WHERE session_id = $1",
        [key],
      );
      return Number(rows[0].s);
    };
    // As the backend's own statement does it.
    await theirs.query(
      "INSERT INTO zoned (session_id, data, expiry) VALUES ('session:a', 'x', NOW() + interval '1 hour')",
    );
    const found = (await store.read("session:a"))!;
    expect(Math.abs(found.expiresAt - Date.now() - 3_600_000)).toBeLessThan(60_000);
    await store.create("session:b", { payload: "y", expiresAt: Date.now() + 3_600_000 });
    expect(Math.abs((await left("session:b")) - 3600)).toBeLessThan(60);
    expect(await store.touch("session:a", Date.now() + 7_200_000)).toBe(true);
    expect(Math.abs((await left("session:a")) - 7200)).toBeLessThan(60);
    await theirs.query("UPDATE zoned SET expiry = NOW() - interval '1 second' WHERE session_id = 'session:a'");
    expect(await store.read("session:a")).toBeNull();
    expect((await store.prune!()).removed).toBe(1);
    const { rows } = await theirs.query("SELECT created IS NOT NULL AS created FROM zoned");
    expect(rows).toEqual([{ created: true }]);
    await Promise.all([theirs.end(), ours.end()]);
  });
});

describe.each(mysqlMakes.filter(({ version }) => version !== ""))("$name", ({ name, start }) => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());
  const all = cases("mysql", "mysql2", flaskSqlalchemy(), () => server);
  describeCases("flaskSqlalchemy", name === "MariaDB" ? all : some(all));
  const counting = "mysql2 with callbacks, counting changes only";
  describeCases(counting, some(cases("mysql", counting, flaskSqlalchemy(), () => server)));
  describeCases("mariadb", some(cases("mysql", "mariadb", flaskPeewee(), () => server)));

  describe("over the table as SQLAlchemy creates it, which ignores case in keys", () => {
    let pool: mysql.Pool;
    let store: Store;
    const record = (text: string): StoreRecord => ({ payload: text, expiresAt: Date.now() + 3_600_000 });
    const texts = async (): Promise<string[]> => {
      const [rows] = await pool.query("SELECT session_id FROM sessions ORDER BY id");
      return (rows as { session_id: string }[]).map((row) => row.session_id);
    };
    beforeAll(async () => {
      const { host, port, user, database } = server;
      pool = mysql.createPool({ host, port, user, database, connectionLimit: 2 });
      await pool.query(`CREATE TABLE sessions (id INTEGER NOT NULL AUTO_INCREMENT, session_id VARCHAR(255), data BLOB,
        expiry DATETIME, PRIMARY KEY (id), UNIQUE (session_id)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`);
      store = sqlStore({ client: pool, layout: flaskSqlalchemy() });
    });
    beforeEach(() => pool.query("DELETE FROM sessions"));
    afterAll(() => pool?.end());

    test.each(["session:aaaa", "session:AAAA ", "SESSION:AAAA"])("%o does not find session:AAAA", async (other) => {
      const version = await store.create("session:AAAA", record("mine"));
      expect(await store.read(other)).toBeNull();
      expect(await store.touch(other, Date.now() + 7_200_000)).toBe(false);
      expect(await store.update(other, record("stolen"), version!)).toBeNull();
      expect(await store.rename(other, "session:b", record("stolen"), version!)).toBeNull();
      await store.delete(other);
      expect(await store.create(other, record("beside"))).toBeNull();
      expect(await texts()).toEqual(["session:AAAA"]);
      expect(Buffer.from((await store.read("session:AAAA"))!.payload).toString()).toBe("mine");
    });

    test("an expired session makes room for one whose key differs in case", async () => {
      await store.create("session:AAAA", { ...record("old"), expiresAt: Date.now() - 5000 });
      expect(await store.create("session:aaaa", record("new"))).not.toBeNull();
      expect(await texts()).toEqual(["session:aaaa"]);
    });

    test("64 KiB and more are refused before anything is sent, unless the column accepts them", async () => {
      const version = await store.create("session:a", record("before"));
      const large = record("x".repeat(65_536));
      await expect(store.update("session:a", large, version!)).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
      expect((await store.read("session:a"))?.payload).toHaveLength(6);
      await pool.query("ALTER TABLE sessions MODIFY data MEDIUMBLOB");
      const roomy = sqlStore({ client: pool, layout: flaskSqlalchemy({ mysqlDataBytes: 16_777_215 }) });
      expect(await roomy.update("session:a", large, version!)).not.toBeNull();
      expect((await roomy.read("session:a"))?.payload).toHaveLength(65_536);
    });

    test("an update that leaves the row unchanged is done, not a conflict", async () => {
      const { host, port, user, database } = server;
      const counting = mysql.createPool({ host, port, user, database, connectionLimit: 1, flags: ["-FOUND_ROWS"] });
      const mine = sqlStore({ client: counting, layout: flaskSqlalchemy() });
      const same = { payload: "same", expiresAt: Date.parse("2100-01-01") };
      const version = await mine.create("session:a", same);
      // The server adds what is left to its own time: the second is not always the same one.
      for (let times = 0; times < 5; times++) expect(await mine.update("session:a", same, version!)).not.toBeNull();
      await pool.query("UPDATE sessions SET data = 'other'");
      expect(await mine.update("session:a", same, version!)).toBeNull();
      await counting.end();
    });
  });
});
