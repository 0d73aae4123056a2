/** The SQL store on PostgreSQL: the whole suite through both drivers, the cases of a client through the others, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { noPostgres, postgresProgram, postgresVersion, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

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

  for (const through of ["pg Pool", "postgres.js"]) {
    describeStore(sqlHarness("postgres", through, () => server));
  }
  for (const through of ["pg Client", "Kysely over pg"]) {
    describeClient(sqlHarness("postgres", through, () => server));
  }
  describeProcesses(sqlProcesses("postgres", "pg Pool", () => server));
  describeProcesses(sqlProcesses("postgres", "postgres.js", () => server));
});
