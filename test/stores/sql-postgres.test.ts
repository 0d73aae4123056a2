/** The SQL store on PostgreSQL: the whole suite through every client, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { noPostgres, postgresProgram, postgresVersion, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

const missing = postgresProgram ? false : reportMissing("sql (PostgreSQL)", noPostgres);
if (!missing) {
  reportBackend({
    backend: "sql (PostgreSQL)",
    server: postgresVersion,
    clients: ["pg", "postgres", "kysely"].map(clientVersion),
  });
}

describe.skipIf(missing)("PostgreSQL", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  for (const through of ["pg Pool", "pg Client", "postgres.js", "Kysely over pg"]) {
    describeStore(sqlHarness("postgres", through, () => server));
  }
  describeProcesses(sqlProcesses("postgres", "pg Pool", () => server));
  describeProcesses(sqlProcesses("postgres", "postgres.js", () => server));
});
