/** The TypeORM store: the whole suite through every type of DataSource, on tables made by TypeORM's migrations, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
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
import { typeormHarness, typeormProcesses } from "../support/typeorm-clients.ts";

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
});

describe.skipIf(noMariadbHere)("MariaDB", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  describeStore(typeormHarness("mariadb", () => server));
});

describe("SQLite", () => {
  const directory = fileDirectory();
  describeStore(typeormHarness("better-sqlite3", () => directory));
});
