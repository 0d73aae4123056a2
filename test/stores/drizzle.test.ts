/** The Drizzle store: the whole suite through every kind of database, on tables made by drizzle-kit, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { drizzleHarness, drizzleProcesses } from "../support/drizzle-clients.ts";
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
import { describeProcesses, describeStore } from "../support/store-tests.ts";

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

  for (const through of ["pg", "postgres.js"] as const)
    describeStore(drizzleHarness("postgres", through, () => server));
  describeProcesses(drizzleProcesses("postgres", "pg", () => server));
});

describe.skipIf(noMariadbHere)("MariaDB", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  describeStore(drizzleHarness("mysql", "mysql2", () => server));
});

describe("SQLite", () => {
  const directory = fileDirectory();
  for (const through of ["better-sqlite3", "libSQL"] as const) {
    describeStore(drizzleHarness("sqlite", through, () => directory));
  }
});
