/** The SQL store on MariaDB and on MySQL: the whole suite through one driver each and from two processes, the cases of a client through all. */

import { afterAll, beforeAll, describe } from "vitest";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { mysqlMakes, type SqlServer } from "../support/sql-servers.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

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

    const [whole, ...others] = name === "MariaDB" ? ["mariadb", "mysql2"] : ["mysql2", "mariadb"];
    const unusual = ["mysql2 with callbacks, counting changes only", "Kysely over mysql2"];
    describeStore(sqlHarness("mysql", whole!, () => server));
    describeProcesses(sqlProcesses("mysql", whole!, () => server));
    for (const through of [...others, ...unusual]) describeClient(sqlHarness("mysql", through, () => server));
  });
}
