/** The SQL store on PostgreSQL: the whole suite through every client, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { oneByOne, sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { noPostgres, postgresProgram, postgresVersion, type SqlServer, startPostgres } from "../support/sql-servers.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

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

  for (const through of ["pg Pool", "postgres.js", "Kysely over pg"]) {
    describeStore(sqlHarness("postgres", through, () => server));
  }
  describeCases("pg Client", oneByOne(sqlHarness("postgres", "pg Client", () => server)));
  describeProcesses(sqlProcesses("postgres", "pg Pool", () => server));
  describeProcesses(sqlProcesses("postgres", "postgres.js", () => server));
});
