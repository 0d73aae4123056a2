/** The Drizzle store: the whole suite on PostgreSQL and SQLite and from two processes, the cases of a client on MariaDB and through other drivers; on tables made by drizzle-kit. */

import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drizzleStore } from "../../src/stores/drizzle.ts";
import { drizzleHarness, drizzleProcesses, drizzles, drizzleTables, migrationOf } from "../support/drizzle-clients.ts";
import { eventually, loseConnections } from "../support/orm-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { fileDirectory } from "../support/sql-clients.ts";
import {
  mariadbProgram,
  mariadbVersion,
  noMariadb,
  noPostgres,
  postgresProgram,
  postgresVersion,
  type SqlServer,
  startMariadb,
  startPostgres,
} from "../support/sql-servers.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

const clients = (...names: string[]): string[] => ["drizzle-orm", ...names].map(clientVersion);

const noPostgresHere = postgresProgram ? false : reportMissing("drizzle (PostgreSQL)", noPostgres);
if (!noPostgresHere) {
  const [backend, server] = ["drizzle (PostgreSQL)", postgresVersion];
  reportBackend({ backend, server, clients: clients("pg", "postgres"), within: "PostgreSQL" });
}
const noMariadbHere = mariadbProgram ? false : reportMissing("drizzle (MariaDB)", noMariadb);
if (!noMariadbHere) {
  const [backend, server] = ["drizzle (MariaDB)", mariadbVersion];
  reportBackend({ backend, server, clients: clients("mysql2"), within: "MariaDB" });
}
reportBackend({
  backend: "drizzle (SQLite)",
  server: "SQLite (in this process)",
  clients: clients("better-sqlite3", "@libsql/client"),
  within: "SQLite",
});

describe.skipIf(noPostgresHere)("PostgreSQL", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  describeStore(drizzleHarness("postgres", "pg", () => server));
  describeClient(drizzleHarness("postgres", "postgres.js", () => server));
  describeProcesses(drizzleProcesses("postgres", "pg", () => server));

  describe("beside an application", () => {
    let db: ReturnType<typeof drizzles.pg>["db"];
    let close: () => unknown;
    const table = drizzleTables.postgres("beside");
    beforeAll(async () => {
      const one = drizzles.pg(server);
      [db, close] = [one.db, one.close];
      for (const statement of await migrationOf("postgres", table)) await one.run(statement);
      await one.run("CREATE TABLE orders (number int)");
    });
    afterAll(() => close());

    test("a save during the application's transaction stays when that is rolled back", async () => {
      const store = drizzleStore({ db, table });
      const application = db.transaction(async (tx) => {
        await tx.execute(sql`INSERT INTO orders VALUES (1)`);
        expect(await store.create("a", { payload: "1", expiresAt: Date.now() + 60_000 })).not.toBeNull();
        expect(() => drizzleStore({ db: tx, table })).toThrow("a transaction is none");
        throw new Error("rolled back");
      });
      await expect(application).rejects.toThrow("rolled back");
      expect((await db.execute(sql`SELECT * FROM orders`)).rows).toEqual([]);
      expect(await store.read("a")).toMatchObject({ payload: "1" });
    });

    test("a store that lost all connections recovers with the same database", async () => {
      const store = drizzleStore({ db, table });
      await store.create("lost", { payload: "1", expiresAt: Date.now() + 60_000 });
      await loseConnections(server);
      expect(await eventually(() => store.read("lost"))).toMatchObject({ payload: "1" });
    });
  });
});

describe.skipIf(noMariadbHere)("MariaDB", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  describeClient(drizzleHarness("mysql", "mysql2", () => server));
});

describe("SQLite", () => {
  const directory = fileDirectory();
  describeStore(drizzleHarness("sqlite", "better-sqlite3", () => directory));
  describeClient(drizzleHarness("sqlite", "libSQL", () => directory));
});
