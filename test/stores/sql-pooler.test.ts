/** The SQL store through PgBouncer in transaction mode: what was acknowledged is there as it was sent, through every client. */

import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle as overPostgresJs } from "drizzle-orm/postgres-js";
import pg from "pg";
import postgres from "postgres";
import { DataSource } from "typeorm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { drizzleStore } from "../../src/stores/drizzle.ts";
import { connectionOf } from "../../src/stores/sql/connection.ts";
import { type SqlRunner, sqlSchema, sqlStore } from "../../src/stores/sql.ts";
import { typeormStore } from "../../src/stores/typeorm.ts";
import { drizzleTables } from "../support/drizzle-clients.ts";
import { noPgbouncer, type Pooler, pgbouncerProgram, pgbouncerVersion, startPgbouncer } from "../support/pgbouncer.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { type OpenClient, openers } from "../support/sql-clients.ts";
import { noPostgres, postgresProgram, postgresVersion, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { record } from "../support/sql-statements.ts";
import { typeormEntities } from "../support/typeorm-clients.ts";

const absent = postgresProgram ? (pgbouncerProgram ? undefined : noPgbouncer) : noPostgres;
const missing = absent !== undefined && reportMissing("sql (PgBouncer)", absent);
if (!missing) {
  reportBackend({
    backend: "sql (PostgreSQL)",
    server: `${postgresVersion} behind ${pgbouncerVersion}`,
    clients: ["pg", "postgres", "kysely", "drizzle-orm", "typeorm"].map(clientVersion),
  });
}

describe.skipIf(missing)("the SQL store behind PgBouncer in transaction mode", () => {
  let server: SqlServer;
  let pooler: Pooler;
  let direct: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pooler = await startPgbouncer(server);
    const { host, port, user, database } = server;
    direct = new pg.Pool({ host, port, user, database });
    direct.on("error", () => {});
  });
  afterAll(async () => {
    await direct?.end();
    await pooler?.stop();
    await server?.stop();
  });

  /** Writes and reads many sessions through two clients; a call that fails, or hangs, has acknowledged nothing. */
  async function crowd(table: string, stores: readonly Store[], rounds: number): Promise<number> {
    await stores[0]!.setup!();
    let failures = 0;
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const store = stores[n % stores.length]!;
        for (let round = 0; round < rounds; round++) {
          const key = `k${n}-${round}`;
          const payload = JSON.stringify({ n, round, text: "é🍪".repeat(n) });
          try {
            const version = await answered(store.create(key, record("{}", "ada")));
            if (version === null || (await answered(store.update(key, record(payload, "ada"), version))) === null) {
              throw new Error("a conflict of nobody");
            }
          } catch {
            failures += 1;
            continue;
          }
          const { rows } = await direct.query(
            `SELECT convert_from(payload, 'UTF8') FROM ${table} WHERE session_key = $1`,
            [key],
          );
          expect(Object.values(rows[0])).toEqual([payload]);
        }
      }),
    );
    return failures;
  }

  const ways: Record<string, () => OpenClient | Promise<OpenClient>> = {
    "pg Pool": () => openers["pg Pool"]!(pooler),
    "Kysely over pg": () => openers["Kysely over pg"]!(pooler),
    "postgres.js with prepare: false": () => postgresJs({ prepare: false }),
    "postgres.js with prepare: true": () => postgresJs({ prepare: true }),
  };
  test.each(Object.keys(ways))("keeps every session, and fails none, through %s", async (name) => {
    // Each prepares statements of its own, or none, and the pooler deals both out to the same few connections.
    const clients = await Promise.all([ways[name]!(), ways[name]!()]);
    try {
      const table = `pooled_${Object.keys(ways).indexOf(name)}`;
      const stores = clients.map(({ client }) => sqlStore({ client, table }));
      expect(await crowd(table, stores, 5)).toBe(0);
    } finally {
      await Promise.all(clients.map((one) => one.close()));
    }
  });

  test.each(["drizzle over pg", "drizzle over postgres.js", "typeorm over pg"])(
    "keeps every session, and fails none, through %s",
    async (name) => {
      const table = `orm_${name.replace(/\W/g, "_")}`;
      await direct.query(sqlSchema({ dialect: "postgres", table }));
      const { host, port, user: username, database } = pooler;
      const entity = typeormEntities.postgres(table);
      const dataSource = new DataSource({ type: "postgres", host, port, username, database, entities: [entity] });
      const pool = new pg.Pool({ host, port, user: username, database, max: 10 });
      pool.on("error", () => {});
      const client = postgres({ host, port, user: username, database, max: 10, onnotice: () => {} });
      try {
        await dataSource.initialize();
        const of = (): Store => {
          if (name.startsWith("typeorm")) return typeormStore({ dataSource, entity });
          const db = name.endsWith("pg") ? overPg({ client: pool }) : overPostgresJs({ client });
          return drizzleStore({ db, table: drizzleTables.postgres(table) });
        };
        expect(await crowd(table, [of(), of()], 5)).toBe(0);
      } finally {
        await Promise.all([dataSource.destroy(), pool.end(), client.end({ timeout: 1 })]);
      }
    },
  );

  test("prepares the statements of postgres.js without a pooler, so that each is one round trip", async () => {
    const { host, port, user, database } = server;
    const client = postgres({ host, port, user, database, max: 1, onnotice: () => {} });
    try {
      const store = sqlStore({ client, table: "unpooled" });
      await store.setup!();
      const created = await store.create("a", record("1"));
      expect(created).not.toBeNull();
      const prepared = await client`SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO%'`;
      expect(prepared).toHaveLength(1);
    } finally {
      await client.end();
    }
  });

  test("never accepts the answer to another query", async () => {
    const { run } = connectionOf(direct);
    let answer: Awaited<ReturnType<SqlRunner["run"]>> | undefined;
    const client: SqlRunner = {
      async run(sql, values) {
        const own = (await run(sql, values as never[])) as Awaited<ReturnType<SqlRunner["run"]>>;
        return answer ?? own;
      },
    };
    const store = sqlStore({ client, dialect: "postgres", table: "mistaken" });
    await store.setup!();
    await store.delete("a");
    const version = await store.create("a", record("1", "ada"));
    // As a connection on which answers are one query behind gives them.
    const columns = "session_key, payload, kind, expires_at, subject, version";
    answer = (await run(`SELECT ${columns} FROM mistaken`, [])) as NonNullable<typeof answer>;
    await expect(store.read("b")).rejects.toThrow("the answer to another query");
    answer = { rows: [["4711"]], count: 1 };
    await expect(store.update("a", record("2"), version!)).rejects.toThrow("the answer to another query");
    await expect(store.delete("a")).rejects.toThrow("the answer to another query");
  });

  test.each([
    ["as the text of its octets", (bytes: Uint8Array) => Buffer.from(`\\x${Buffer.from(bytes).toString("hex")}`)],
    ["cut off", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
  ])("refuses a payload that a client sends %s, and leaves the session as it was", async (_, change) => {
    const { run } = connectionOf(direct);
    let changing = false;
    const client: SqlRunner = {
      async run(sql, values) {
        const sent = values.map((value) => (changing && value instanceof Uint8Array ? change(value) : value));
        return (await run(sql, sent as never[])) as Awaited<ReturnType<SqlRunner["run"]>>;
      },
    };
    const store = sqlStore({ client, dialect: "postgres", table: "changed" });
    await store.setup!();
    await store.delete("a");
    const version = await store.create("a", record("first", "ada"));
    changing = true;
    await expect(store.update("a", record("second", "ada"), version!)).rejects.toThrow("nothing was written");
    await expect(store.create("b", record("second", "ada"))).rejects.toThrow("nothing was written");
    await expect(store.rename("a", "c", record("second", "ada"), version!)).rejects.toThrow("nothing was written");
    changing = false;
    expect((await store.read("a"))?.payload).toBe("first");
    expect(await store.read("b")).toBeNull();
    expect(await store.read("c")).toBeNull();
  });

  function postgresJs(options: { readonly prepare: boolean }): OpenClient {
    const { host, port, user, database } = pooler;
    const client = postgres({ host, port, user, database, max: 10, onnotice: () => {}, ...options });
    // What it left hanging it would wait for.
    return { client, close: () => client.end({ timeout: 1 }) };
  }
});

/** As the core does with a call of the store. */
function answered<Answer>(call: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), 5000);
  });
  return Promise.race([call, late]).finally(() => clearTimeout(timer));
}
