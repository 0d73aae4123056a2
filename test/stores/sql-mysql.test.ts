/** The SQL store on MariaDB and on MySQL: the whole suite through every client, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { oneByOne, sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { mysqlMakes, type SqlServer } from "../support/sql-servers.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

for (const { name, version, none, start } of mysqlMakes) {
  const missing = version === "" && reportMissing(`sql (${name})`, none);
  if (!missing) {
    const clients = ["mysql2", "mariadb", "kysely"].map(clientVersion);
    reportBackend({ backend: `sql (${name})`, server: version, clients, within: name });
  }

  describe.skipIf(missing)(name, () => {
    let server: SqlServer;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server?.stop());

    const unusual = ["mysql2 with callbacks, counting changes only", "Kysely over mysql2"];
    for (const through of ["mysql2", "mariadb"]) describeStore(sqlHarness("mysql", through, () => server));
    for (const through of unusual) describeCases(through, oneByOne(sqlHarness("mysql", through, () => server)));
    describeProcesses(sqlProcesses("mysql", "mysql2", () => server));
    if (name === "MariaDB") describeProcesses(sqlProcesses("mysql", "mariadb", () => server));
  });
}
