/** The SQL store on PGlite, PostgreSQL inside this process: the whole suite. */

import { clientVersion, reportBackend } from "../support/report.ts";
import { sqlHarness } from "../support/sql-clients.ts";
import { describeStore } from "../support/store-tests.ts";

const clients = [clientVersion("@electric-sql/pglite")];
reportBackend({ backend: "sql (PGlite)", server: "none (in this process)", clients });

describeStore(sqlHarness("postgres", "PGlite", () => "memory"));
