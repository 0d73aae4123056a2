/** The SQL store on MariaDB: the whole suite through every client, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { mariadbProgram, mariadbVersion, noMariadb, type SqlServer, startMariadb } from "../support/sql-servers.ts";
import { describeProcesses, describeStore } from "../support/store-tests.ts";

const missing = mariadbProgram ? false : reportMissing("sql (MariaDB)", noMariadb);
if (!missing) {
  reportBackend({
    backend: "sql (MariaDB)",
    server: mariadbVersion,
    clients: ["mysql2", "mariadb", "kysely"].map(clientVersion),
  });
}

describe.skipIf(missing)("MariaDB", () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());

  const throughs = ["mysql2", "mysql2 with callbacks, counting changes only", "mariadb", "Kysely over mysql2"];
  for (const through of throughs) describeStore(sqlHarness("mysql", through, () => server));
  describeProcesses(sqlProcesses("mysql", "mysql2", () => server));
  describeProcesses(sqlProcesses("mysql", "mariadb", () => server));
});
