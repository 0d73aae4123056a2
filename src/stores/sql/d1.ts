/** Cloudflare's D1 as a connection: SQLite whose statements travel as JSON. */

import type { D1Client, SqlConnection } from "./clients.ts";

/** D1 keeps no row above 2,000,000 bytes; this leaves room for the other columns. */
const maxPayloadBytes = 1_980_000;

/** The connection to a database of D1. */
export function d1(client: D1Client): SqlConnection {
  return {
    dialect: "sqlite",
    kind: "D1",
    alone: true,
    shared: true,
    maxPayloadBytes,
    async run(sql, values) {
      const statement = client.prepare(sql).bind(...values);
      try {
        if (!sql.startsWith("SELECT")) return { rows: [], count: (await statement.run()).meta.changes };
        const rows = (await statement.raw()) as unknown[][];
        return { rows: rows.map((row) => row.map(fromJson)), count: 0 };
      } catch (error) {
        // All its errors have is a text.
        if (!/UNIQUE constraint failed/.test(String(error))) throw error;
        throw Object.assign(new Error("D1: the key is taken", { cause: error }), { code: "SQLITE_CONSTRAINT_UNIQUE" });
      }
    },
  };
}

/** Bytes come as the array of their numbers. */
function fromJson(value: unknown): unknown {
  return Array.isArray(value) ? Uint8Array.from(value as number[]) : value;
}
