/** The SQL store beside an application on one SQLite file: its transactions, its locks, its indexes, options of the drivers. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createClient } from "@libsql/client";
import Sqlite from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { sessionsFromConfig } from "../../src/flask/config.ts";
import { connectionOf } from "../../src/stores/sql/connection.ts";
import { type SqlClient, sqlStore } from "../../src/stores/sql.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { fileDirectory } from "../support/sql-clients.ts";
import { everyCall, record, recorded } from "../support/sql-statements.ts";

reportBackend({
  backend: "sql (SQLite)",
  server: "SQLite (in this process)",
  clients: [clientVersion("better-sqlite3"), "node:sqlite", clientVersion("@libsql/client")],
});

const directory = fileDirectory();
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(directory, `${files++}.db`);

describe("the SQL store on SQLite", () => {
  test.each<[string, (path: string) => Sqlite.Database | DatabaseSync]>([
    ["better-sqlite3", (path) => new Sqlite(path)],
    ["node:sqlite", (path) => new DatabaseSync(path)],
  ])(
    "waits for a transaction of the application on the same connection of %s, and is no part of it",
    async (_, open) => {
      const db = open(newFile());
      const store = sqlStore({ client: db });
      await store.setup?.();
      db.exec("CREATE TABLE orders (id int); BEGIN; INSERT INTO orders VALUES (1)");
      const created = store.create("a", record("1"));
      const read = store.read("b");
      await new Promise((resolve) => setTimeout(resolve, 20));
      db.exec("ROLLBACK");
      expect(await created).not.toBeNull();
      expect(await read).toBeNull();
      expect((await store.read("a"))?.payload).toBe("1");
      db.close();
    },
  );

  test("is part of a transaction of libSQL when it is given one", async () => {
    const client = createClient({ url: `file:${newFile()}`, timeout: 5000 });
    const outside = sqlStore({ client });
    await outside.setup?.();
    const transaction = await client.transaction("write");
    const inside = sqlStore({ client: transaction });
    await inside.create("a", record("1"));
    expect((await inside.read("a"))?.payload).toBe("1");
    await transaction.rollback();
    expect(await outside.read("a")).toBeNull();
    client.close();
  });

  test("rejects with the reason when that transaction does not end", async () => {
    const db = new Sqlite(newFile());
    const store = sqlStore({ client: db });
    await store.setup?.();
    db.exec("BEGIN");
    await expect(store.read("a")).rejects.toThrow("The SQLite connection is in a transaction of the application");
    db.exec("COMMIT");
    expect(await store.read("a")).toBeNull();
    db.close();
  });

  test("opened from Flask's keys waits for a lock without blocking the process, which answers others", async () => {
    const path = newFile();
    const { sessions, close } = await sessionsFromConfig(
      { SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: `sqlite:///${path}` },
      { warn() {} },
    );
    const [store] = sessions.stores;
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const began = performance.now();
    const created = store!.create("a", record("1"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.exec("ROLLBACK");
    // The driver's own wait of 5 s would have kept that timer from running.
    expect(performance.now() - began).toBeLessThan(4000);
    expect(await created).not.toBeNull();
    other.close();
    await close();
  });

  test("waits for another process's lock on the file, with no timeout set, without blocking this process", async () => {
    const path = newFile();
    const store = sqlStore({ client: new DatabaseSync(path) });
    await store.setup?.();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 1);
    const created = store.create("a", record("1"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.exec("ROLLBACK");
    expect(await created).not.toBeNull();
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(5);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.create("b", record("1"))).rejects.toThrow("database is locked");
    other.exec("ROLLBACK");
    expect(await store.create("b", record("1"))).not.toBeNull();
    other.close();
  });

  const odd: Record<string, (path: string) => SqlClient> = {
    "better-sqlite3: integers as BigInt": (path) => new Sqlite(path).defaultSafeIntegers(true),
    "node:sqlite: integers as BigInt": (path) => new DatabaseSync(path, { readBigInts: true }),
    "node:sqlite: rows as arrays": (path) => new DatabaseSync(path, { returnArrays: true }),
    "libSQL: integers as BigInt": (path) => createClient({ url: `file:${path}`, intMode: "bigint" }),
    "libSQL: integers as strings": (path) => createClient({ url: `file:${path}`, intMode: "string" }),
  };
  test.each(Object.keys(odd))("works however a driver is configured to give results, %s", async (how) => {
    const client = odd[how]!(newFile());
    const store = sqlStore({ client });
    await store.setup?.();
    await everyCall(store);
    const bytes = Uint8Array.of(0, 128, 255);
    await store.create("bytes", { payload: bytes, expiresAt: Date.now() + 60_000 });
    expect(await store.read("bytes")).toMatchObject({ payload: bytes });
    (client as unknown as { close(): void }).close();
  });

  test("keeps its table in an attached database when it is given a schema", async () => {
    const db = new Sqlite(newFile());
    db.exec(`ATTACH '${newFile()}' AS side`);
    const store = sqlStore({ client: db, schema: "side" });
    await store.setup?.();
    await everyCall(store);
    expect(db.prepare("SELECT count(*) AS n FROM main.sqlite_schema").get()).toEqual({ n: 0 });
    expect(db.prepare("SELECT count(*) AS n FROM side.sqlite_schema WHERE sql IS NOT NULL").get()).toEqual({ n: 3 });
    db.close();
  });

  test("finds its rows by index: read, writes, prune, list and one subject", async () => {
    const db = new Sqlite(newFile());
    const { runner, statements } = recorded(connectionOf(db));
    const store = sqlStore({ client: runner, dialect: "sqlite", table: "many" });
    await store.setup?.();
    statements.clear();
    await everyCall(store);
    await store.prune?.({ limit: 10 });
    const kinds: string[] = [];
    for (const [sql, values] of statements) {
      kinds.push(sql.split(" ")[0]!);
      if (sql.startsWith("INSERT")) continue;
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
      const plan = steps.map(({ detail }) => detail).join("; ");
      expect(plan, sql).not.toMatch(/SCAN|TEMP B-TREE/);
      if (/"subject" = \?/.test(sql.split("WHERE")[1]!)) expect(plan).toContain("many_subject (subject=?)");
      else expect(plan, sql).toMatch(/sqlite_autoindex_many_1 \(session_key[=>]\?\)/);
      if (sql.includes("LIMIT 10)")) expect(plan).toContain("INDEX many_expires_at (expires_at<?)");
    }
    expect(kinds.sort()).toEqual(
      [..."DELETE DELETE INSERT SELECT SELECT SELECT UPDATE UPDATE UPDATE".split(" ")].sort(),
    );
    db.close();
  });
});
