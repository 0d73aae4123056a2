/** The SQL store beside an application on one PostgreSQL: permissions, transactions, clocks, indexes, outages. */

import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store, Version } from "../../src/core/contracts/store.ts";
import { sessionsFromConfig } from "../../src/flask/config.ts";
import { createSessions } from "../../src/index.ts";
import { isSetupIncomplete } from "../../src/stores/shared/setup.ts";
import { connectionOf } from "../../src/stores/sql/connection.ts";
import { sqlStore } from "../../src/stores/sql.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { type Answer, request } from "../support/requests.ts";
import { noPostgres, postgresProgram, postgresVersion, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { everyCall, record, recorded } from "../support/sql-statements.ts";

const missing = postgresProgram ? false : reportMissing("sql (PostgreSQL)", noPostgres);
if (!missing) {
  reportBackend({
    backend: "sql (PostgreSQL)",
    server: postgresVersion,
    clients: ["pg", "postgres", "kysely"].map(clientVersion),
  });
}

describe.skipIf(missing)("the SQL store on PostgreSQL", () => {
  let server: SqlServer;
  let admin: pg.Pool;
  const pools: pg.Pool[] = [];
  const poolOf = (config: pg.PoolConfig = {}): pg.Pool => {
    const { host, port, user, database } = server;
    const pool = new pg.Pool({ host, port, user, database, ...config });
    pool.on("error", () => {});
    pools.push(pool);
    return pool;
  };

  beforeAll(async () => {
    server = await startPostgres();
    admin = poolOf();
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await server?.stop();
  });

  test("needs only SELECT, INSERT, UPDATE and DELETE on its table, also to check the setup, and names what it may not create", async () => {
    await admin.query("CREATE SCHEMA web");
    await admin.query("CREATE ROLE app LOGIN");
    const options = { schema: "web", table: "logins" };
    await sqlStore({ client: admin, ...options }).setup?.();
    await admin.query("GRANT USAGE ON SCHEMA web TO app");
    await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON web.logins TO app");
    const store = sqlStore({ client: poolOf({ user: "app" }), ...options });

    await everyCall(store);
    await store.setup?.();
    const absent = sqlStore({ client: poolOf({ user: "app" }), schema: "web", table: "absent" });
    await expect(absent.setup?.()).rejects.toThrow(
      /"web"."absent" does not exist, and this role may not create it.*CREATE TABLE/s,
    );
    await admin.query("DROP INDEX web.logins_expires_at");
    const unindexed = await store.setup?.().catch((error: unknown) => error);
    expect(isSetupIncomplete(unindexed)).toBe(true);
    expect(String(unindexed)).toContain(
      'CREATE INDEX CONCURRENTLY IF NOT EXISTS "logins_expires_at" ON "web"."logins" ("expires_at");',
    );
    await everyCall(store);
  });

  test("starts from Flask's keys with Flask's rights, and warns of the index it may not create", async () => {
    await admin.query("CREATE ROLE flask LOGIN");
    await admin.query("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    // As Flask-SQLAlchemy makes it, by its owner.
    await admin.query(
      "CREATE TABLE sessions (id SERIAL NOT NULL, session_id VARCHAR(255), data BYTEA, expiry TIMESTAMP WITHOUT TIME ZONE, PRIMARY KEY (id), UNIQUE (session_id))",
    );
    await admin.query("GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO flask");
    await admin.query("GRANT USAGE ON SEQUENCE sessions_id_seq TO flask");
    const { host, port, database } = server;
    const url = `postgresql://flask@${host}:${port}/${database}`;
    const warnings: string[] = [];
    const warn = (message: string): number => warnings.push(message);
    const start = async (): Promise<void> => {
      const { sessions, close } = await sessionsFromConfig(
        { SESSION_TYPE: "sqlalchemy", SQLALCHEMY_DATABASE_URI: url },
        { warn },
      );
      const { value } = await request(sessions, undefined, (session) => {
        session.data["visits"] = 1;
        return session.data["visits"];
      });
      expect(value).toBe(1);
      await close();
    };
    await start();
    expect(warnings.join()).toContain(
      'CREATE INDEX CONCURRENTLY IF NOT EXISTS "sessions_expiry_idx" ON "sessions" ("expiry")',
    );
    await admin.query("CREATE INDEX by_expiry ON sessions (expiry)");
    warnings.length = 0;
    await start();
    expect(warnings).toEqual([]);
    expect((await admin.query("SELECT 1 FROM sessions")).rows).toHaveLength(2);
  });

  test("creates a missing index without blocking writers, once, and accepts one of another name", async () => {
    const store = sqlStore({ client: admin, table: "living" });
    await store.setup?.();
    const indexes = async (): Promise<string[]> => {
      const { rows } = await admin.query("SELECT indexname FROM pg_indexes WHERE tablename = 'living' ORDER BY 1");
      return rows.map(({ indexname }) => indexname);
    };
    await admin.query("DROP INDEX living_expires_at");
    // While this transaction is open the index cannot be finished; the writer beside it must not have to wait for it.
    const application = await admin.connect();
    await application.query("BEGIN");
    await application.query("INSERT INTO living VALUES ('open', '', 0, 0, NULL, 0)");
    const made = store.setup?.();
    await until(async () => {
      const { rows } = await admin.query(
        "SELECT 1 FROM pg_stat_progress_create_index WHERE relid = 'living'::regclass",
      );
      return rows.length > 0;
    });
    expect(await store.create("meanwhile", record("1"))).not.toBeNull();
    await application.query("COMMIT");
    application.release();
    await made;
    expect(await indexes()).toEqual(["living_expires_at", "living_pkey", "living_subject"]);

    await admin.query("ALTER INDEX living_expires_at RENAME TO by_end");
    await store.setup?.();
    expect(await indexes()).toEqual(["by_end", "living_pkey", "living_subject"]);
    // As a CONCURRENTLY that was interrupted leaves it.
    await admin.query("ALTER INDEX by_end RENAME TO living_expires_at");
    await admin.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'living_expires_at'::regclass");
    await store.setup?.();
    const valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'living_expires_at'::regclass";
    expect((await admin.query(valid)).rows).toEqual([{ indisvalid: true }]);
  });

  test("can be set up by many processes at once", async () => {
    const stores = Array.from({ length: 8 }, () => sqlStore({ client: poolOf({ max: 1 }), table: "rush" }));
    await Promise.all(stores.map((store) => store.setup?.()));
    await everyCall(stores[0]!);
  });

  test("commits by itself: a rollback of the application's transaction undoes no session", async () => {
    const client = poolOf();
    const store = sqlStore({ client, table: "apart" });
    await store.setup?.();
    await client.query("CREATE TABLE orders (id int)");
    const application = await client.connect();
    await application.query("BEGIN");
    await application.query("INSERT INTO orders VALUES (1)");
    await store.create("a", record("1"));
    expect((await client.query("SELECT * FROM orders")).rows).toEqual([]);
    await application.query("ROLLBACK");
    application.release();
    expect((await store.read("a"))?.payload).toBe("1");
    expect((await client.query("SELECT * FROM orders")).rows).toEqual([]);
  });

  test("is part of a transaction of postgres.js when it is given one", async () => {
    const { host, port, user, database } = server;
    const client = postgres({ host, port, user, database, onnotice: () => {} });
    const outside = sqlStore({ client, table: "began" });
    await outside.setup?.();
    const undone = client.begin(async (transaction) => {
      const inside = sqlStore({ client: transaction, table: "began" });
      await inside.create("a", record("1"));
      expect((await inside.read("a"))?.payload).toBe("1");
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    expect(await outside.read("a")).toBeNull();
    await client.end();
  });

  test("leaves a conflict of the caller's transaction to the caller", async () => {
    const client = poolOf();
    const store = sqlStore({ client, table: "theirs" });
    await store.setup?.();
    const version = await store.create("a", record("1"));
    const application = await client.connect();
    await application.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    const inside = sqlStore({ client: application, table: "theirs" });
    await inside.read("a");
    await store.update("a", record("2"), version!);
    await expect(inside.update("a", record("3"), version!)).rejects.toMatchObject({ code: "40001" });
    await application.query("ROLLBACK");
    application.release();
    expect((await store.read("a"))?.payload).toBe("2");
  });

  test("is part of a Kysely transaction when it is given one", async () => {
    const client = new Kysely<object>({ dialect: new PostgresDialect({ pool: poolOf() }) });
    const outside = sqlStore({ client, table: "joined" });
    await outside.setup?.();
    const undone = client.transaction().execute(async (transaction) => {
      const inside = sqlStore({ client: transaction, table: "joined" });
      await inside.create("a", record("1"));
      expect(await inside.create("a", record("2"))).toBeNull();
      expect((await inside.read("a"))?.payload).toBe("1");
      expect(await outside.read("a")).toBeNull();
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    expect(await outside.read("a")).toBeNull();
  });

  test("agrees on when a session expires, whatever the clock and time zone of a node", async () => {
    const west = poolOf({ options: "-c TimeZone=America/Los_Angeles" });
    const east = poolOf({ options: "-c TimeZone=Asia/Tokyo" });
    const ahead = (): number => Date.now() + 3_600_000;
    const here = sqlStore({ client: west, table: "clocks" });
    const there = sqlStore({ client: east, table: "clocks", now: ahead });
    await here.setup?.();
    await there.create("a", { payload: "1", expiresAt: ahead() + 60_000 });
    const found = await here.read("a");
    expect(Math.abs(found!.expiresAt - Date.now() - 60_000)).toBeLessThan(2000);
    await here.create("b", { payload: "1", expiresAt: Date.now() + 60_000 });
    expect(Math.abs((await there.read("b"))!.expiresAt - ahead() - 60_000)).toBeLessThan(2000);
    expect(await there.prune?.()).toEqual({ removed: 0, cursor: undefined });
  });

  test("retries what a stricter isolation level refuses", async () => {
    const options = "-c default_transaction_isolation=serializable";
    const store = sqlStore({ client: poolOf({ options }), table: "strict" });
    await store.setup?.();
    let version = await store.create("a", record("start"));
    for (let round = 0; round < 20; round++) {
      const updates = Array.from({ length: 8 }, (_, racer) => store.update("a", record(`${racer}`), version!));
      const [answers] = await Promise.all([Promise.all(updates), store.touch("a", Date.now() + 700_000)]);
      const winners = answers.filter((answer) => answer !== null);
      expect(winners).toHaveLength(1);
      version = winners[0]!;
    }
  });

  test("never waits in prune for a row that another transaction holds", async () => {
    const client = poolOf();
    const store = sqlStore({ client, table: "busy" });
    await store.setup?.();
    for (const key of ["a", "b", "c"]) await store.create(key, record("1", undefined, -1000));
    const other = await client.connect();
    await other.query("BEGIN");
    await other.query("SELECT * FROM busy WHERE session_key = 'b' FOR UPDATE");
    expect(await store.prune?.()).toEqual({ removed: 2, cursor: undefined });
    await other.query("ROLLBACK");
    other.release();
    expect(await store.prune?.()).toEqual({ removed: 1, cursor: undefined });
  });

  test("finds its rows by index: read, writes, prune, list and one subject among 20 000 sessions", async () => {
    const client = poolOf();
    const { runner, statements } = recorded(connectionOf(client));
    const store = sqlStore({ client: runner, dialect: "postgres", table: "many" });
    await store.setup?.();
    await client.query(`INSERT INTO many SELECT 'k' || n, '\\x00', 0,
      CAST(extract(epoch FROM now()) * 1000 AS bigint) + (n - 2000) * 60000, 's' || n % 5000, n FROM generate_series(1, 20000) AS n`);
    await client.query("ANALYZE many");
    statements.clear();
    await everyCall(store);
    await store.prune?.({ limit: 10 });

    const plans = new Map<string, string>();
    for (const [sql, values] of statements) {
      const { rows } = await client.query(`EXPLAIN ${sql}`, values);
      plans.set(sql, rows.map((row) => row["QUERY PLAN"]).join("\n"));
    }
    expect([...plans.keys()].map((sql) => sql.split(" ")[0]).sort()).toEqual([
      "DELETE",
      "DELETE",
      "INSERT",
      "SELECT",
      "SELECT",
      "SELECT",
      "UPDATE",
      "UPDATE",
      "UPDATE",
    ]);
    for (const [sql, plan] of plans) {
      if (sql.startsWith("INSERT")) continue;
      expect(plan, sql).not.toContain("Seq Scan");
      if (/"subject" = \$/.test(sql.split("WHERE")[1]!)) expect(plan).toContain("many_subject");
      else expect(plan, sql).toContain("many_pkey");
      if (sql.includes("LIMIT 10 ")) expect(plan).toContain("Index Scan using many_expires_at");
    }
  });

  test("keeps every acknowledged write when the server is killed, logs no user out, and continues when it is back", async () => {
    const durable = await startPostgres({ durable: true });
    const { host, port, user, database } = durable;
    const client = new pg.Pool({ host, port, user, database, max: 8 });
    client.on("error", () => {}); // Without a listener a lost idle connection ends the process: pg's rule, not ours.
    try {
      const store = sqlStore({ client });
      await store.setup?.();
      const sessions = createSessions<{ visits: number }>({ name: "session", store, storeTimeout: "30s" });
      const visit = (cookie?: string): Promise<Answer<number>> =>
        request(sessions, cookie, (session) => {
          if (session.isNew) session.login("ada");
          session.data.visits = (session.data.visits ?? 0) + 1;
          return session.data.visits;
        });
      const { cookie } = await visit();
      const written = new Map<string, { sure: number; tried: number }>();
      let failures = 0;
      let going = true;
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        const key = `k${writer}`;
        const count = { sure: 0, tried: 0 };
        written.set(key, count);
        let version: Version | null = null;
        while (going) {
          try {
            if (version === null) {
              const found: Awaited<ReturnType<Store["read"]>> = await store.read(key);
              if (found) count.sure = Number(found.payload);
              version = found?.version ?? (await store.create(key, record("0")));
            }
            count.tried = count.sure + 1;
            version = version && (await store.update(key, record(`${count.tried}`), version));
            if (version !== null) count.sure = count.tried;
          } catch {
            failures += 1;
            version = null;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      });
      const reached = async (least: number): Promise<void> => {
        while ([...written.values()].some(({ sure }) => sure < least)) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      await reached(20);
      await durable.kill();
      const down = [...written].map(([key, count]) => [key, { ...count }] as const);
      const refused = await visit(cookie);
      expect(refused.error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 });
      expect(refused.setCookie).toBeUndefined();
      await durable.restart();
      for (const [key, { sure }] of down) {
        const now = Number((await store.read(key))?.payload);
        expect(now, `${sure} were answered before the kill`).toBeGreaterThanOrEqual(sure);
      }
      const back = await visit(cookie);
      expect(back).toMatchObject({ value: 2, error: undefined, setCookie: undefined });
      await reached(Math.max(...down.map(([, { sure }]) => sure)) + 20);
      going = false;
      await Promise.all(writers);
      expect(failures).toBeGreaterThan(0);
      for (const [key, { sure, tried }] of written) {
        const now = Number((await store.read(key))?.payload);
        expect([sure, tried]).toContain(now);
      }
    } finally {
      await client.end();
      await durable.stop();
    }
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
