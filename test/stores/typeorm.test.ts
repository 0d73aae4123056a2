/** The TypeORM store: the whole suite on PostgreSQL and SQLite and from two processes, the cases of a client on MariaDB; on tables made by TypeORM's migrations. */

import type pg from "pg";
import type { DataSource } from "typeorm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { typeormStore } from "../../src/stores/typeorm.ts";
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
import { typeormEntities, typeormHarness, typeormProcesses, typeorms } from "../support/typeorm-clients.ts";

const clients = (name: string): string[] => ["typeorm", name].map(clientVersion);

const noPostgresHere = postgresProgram ? false : reportMissing("typeorm (PostgreSQL)", noPostgres);
if (!noPostgresHere) {
  const [backend, server] = ["typeorm (PostgreSQL)", postgresVersion];
  reportBackend({ backend, server, clients: clients("pg"), within: "PostgreSQL" });
}
const noMariadbHere = mariadbProgram ? false : reportMissing("typeorm (MariaDB)", noMariadb);
if (!noMariadbHere) {
  const [backend, server] = ["typeorm (MariaDB)", mariadbVersion];
  reportBackend({ backend, server, clients: clients("mysql2"), within: "MariaDB" });
}
reportBackend({
  backend: "typeorm (SQLite)",
  server: "SQLite (in this process)",
  clients: clients("better-sqlite3"),
  within: "SQLite",
});

describe.skipIf(noPostgresHere)("PostgreSQL", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  describeStore(typeormHarness("postgres", () => server));
  describeProcesses(typeormProcesses("postgres", () => server));

  describe("beside an application", () => {
    let dataSource: DataSource;
    const entity = typeormEntities.postgres("beside");
    beforeAll(async () => {
      dataSource = await typeorms.postgres(server, entity).initialize();
      await dataSource.synchronize();
      await dataSource.query("CREATE TABLE orders (number int)");
    });
    afterAll(() => dataSource?.destroy());

    test("a save during the application's transaction stays when that is rolled back", async () => {
      const store = typeormStore({ dataSource, entity });
      const application = dataSource.transaction(async (manager) => {
        await manager.query("INSERT INTO orders VALUES (1)");
        expect(await store.create("a", { payload: "1", expiresAt: Date.now() + 60_000 })).not.toBeNull();
        throw new Error("rolled back");
      });
      await expect(application).rejects.toThrow("rolled back");
      expect(await dataSource.query("SELECT * FROM orders")).toEqual([]);
      expect(await store.read("a")).toMatchObject({ payload: "1" });
    });

    test("every borrowed connection is returned, also after an error", async () => {
      const store = typeormStore({ dataSource, entity });
      const other = typeormStore({ dataSource, entity, now: () => Number.NaN });
      const calls = Array.from({ length: 40 }, (_, index) => {
        if (index % 2 === 0) return store.read("a");
        return other.create(`b${index}`, { payload: "1", expiresAt: 0 }).catch((error: Error) => error);
      });
      const answers = await Promise.all(calls);
      expect(answers.filter((one) => one instanceof Error)).toHaveLength(20);
      const { master } = dataSource.driver as unknown as { master: pg.Pool };
      expect(master.totalCount).toBe(master.idleCount);
      expect(master.waitingCount).toBe(0);
    });

    test("a store that lost all connections recovers with the same DataSource", async () => {
      const store = typeormStore({ dataSource, entity });
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

  describeClient(typeormHarness("mariadb", () => server));
});

describe("SQLite", () => {
  const directory = fileDirectory();
  describeStore(typeormHarness("better-sqlite3", () => directory));
});
