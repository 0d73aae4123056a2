/** Flask with Flask-Session and Node over one table: SQLite, PostgreSQL and MariaDB. */

import { DatabaseSync } from "node:sqlite";
import mysql from "mysql2/promise";
import pg from "pg";
import { describe } from "vitest";
import { flaskSession, flaskSqlalchemy } from "../../../src/flask.ts";
import { type SqlClient, sqlStore } from "../../../src/stores/sql.ts";
import { clientVersion } from "../../support/report.ts";
import { flaskIsMissing, type Kind, mariadb, postgres, sqlite } from "./backends.ts";
import { common, flaskConformance } from "./suite.ts";

interface Client {
  readonly client: SqlClient;
  close(): void | Promise<void>;
}

function over<At>(kind: Kind<At>, clients: readonly string[], connect: (at: At) => Client): void {
  const title = `Flask-Session and Node over ${kind.name}`;
  const missing = flaskIsMissing(kind, clients, title);
  describe.skipIf(missing)(title, () => {
    flaskConformance("msgpack", { format: "msgpack", options: () => flaskSession(common) }, async () => {
      const backend = await kind.start();
      const { client, close } = connect(backend.at);
      return {
        ...backend,
        store: sqlStore({ client, layout: flaskSqlalchemy() }),
        async stop() {
          await close();
          await backend.stop();
        },
      };
    });
  });
}

over(sqlite, ["node:sqlite"], ({ path }) => {
  const client = new DatabaseSync(path);
  return { client, close: () => client.close() };
});

over(postgres, [clientVersion("pg")], (at) => {
  const client = new pg.Pool({ ...at });
  client.on("error", () => {});
  return { client, close: () => client.end() };
});

over(mariadb, [clientVersion("mysql2")], (at) => {
  const client = mysql.createPool({ ...at });
  return { client, close: () => client.end() };
});
