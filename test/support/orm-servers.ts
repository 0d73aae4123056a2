/** What the tests of the ORM stores do to a server. */

import pg from "pg";
import type { SqlServer } from "./sql-servers.ts";

/** Runs the statements of an ORM's migration, of which another process may have run some. */
export async function migrate(run: (statement: string) => Promise<unknown>, statements: string[]): Promise<void> {
  for (const statement of statements) {
    await run(statement).catch((error: Error) => {
      const said = `${error.message} ${(error.cause as Error | undefined)?.message}`;
      if (!/already exists|duplicate key/i.test(said)) throw error;
    });
  }
}

/** Ends every connection to a PostgreSQL but the one that does it. */
export async function loseConnections({ host, port, user, database }: SqlServer): Promise<void> {
  const client = new pg.Client({ host, port, user, database });
  await client.connect();
  const others = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
  const { rowCount } = await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`);
  await client.end();
  if (!rowCount) throw new Error("there was no connection to end");
}

/** The first answer. A call on a connection of which nobody has noticed yet that it is lost may fail. */
export async function eventually<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}
