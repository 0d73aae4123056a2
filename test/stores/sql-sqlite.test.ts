/** The SQL store on SQLite: the whole suite through every driver, the cases of a client through Kysely, and from two processes on one file. */

import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe } from "vitest";
import { clientVersion, reportBackend } from "../support/report.ts";
import { fileDirectory, sqlHarness, sqlProcesses } from "../support/sql-clients.ts";
import { describeClient, describeProcesses, describeStore } from "../support/store-tests.ts";

const [version] = Object.values(new DatabaseSync(":memory:").prepare("SELECT sqlite_version()").get()!);
reportBackend({
  backend: "sql (SQLite)",
  server: `SQLite ${version} (in this process)`,
  clients: [clientVersion("better-sqlite3"), "node:sqlite", clientVersion("@libsql/client"), clientVersion("kysely")],
});

describe("SQLite", () => {
  const directory = fileDirectory();
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  for (const through of ["better-sqlite3", "node:sqlite", "libSQL"]) {
    describeStore(sqlHarness("sqlite", through, () => directory));
  }
  describeClient(sqlHarness("sqlite", "Kysely over better-sqlite3", () => directory));
  for (const through of ["better-sqlite3", "node:sqlite", "libSQL"]) {
    describeProcesses(sqlProcesses("sqlite", through, () => directory));
  }
});
