/** Looks at how a database is set up for sessions: version, replica, table, indexes, what has ended, clock. Changes nothing. */

import { isError } from "../../core/contracts/errors.ts";
import type { Finding } from "../../core/contracts/store.ts";
import { asked, clockFinding, fault, good, note } from "../shared/findings.ts";
import { type DialectRules, statement } from "./dialect.ts";
import { type SqlPieces, type SqlValues, textOf } from "./layout.ts";
import { createIndex } from "./schema.ts";
import { hasIndex, type Send, tableExists } from "./setup.ts";

/** Asks one thing after the other. */
export async function examine(
  rules: DialectRules,
  pieces: SqlPieces,
  send: Send,
  now: () => number,
): Promise<Finding[]> {
  const value = async (sql: string, values: SqlValues = {}): Promise<string> => {
    const { rows } = await send(statement(rules, sql), values);
    return textOf(rows[0]?.[0]);
  };
  const ask = questions[rules.dialect];
  const found: Finding[] = [];
  found.push(...(await asked("version", async () => [good("version", `${ask.name} ${await value(ask.version)}`)])));
  found.push(...(await asked("role", async () => roleOf(rules, await value(ask.readOnly)))));
  const table = await asked("table", () => tableOf(rules, pieces, send));
  found.push(...table);
  if (table[0]?.state !== "good") return found;
  found.push(...(await asked("indexes", () => indexesOf(rules, pieces, send))));
  found.push(
    ...(await asked("ended sessions", async () => {
      const some = `SELECT COUNT(*) FROM (SELECT 1 AS one FROM ${pieces.table} WHERE ${pieces.ended()} LIMIT ${most + 1}) AS few`;
      return [endedFinding(Number(await value(some)))];
    })),
  );
  if (rules.now === undefined) return found;
  const before = now();
  const clock = await asked("clock", async () => {
    const theirs = Number(await value(`SELECT ${rules.now}`));
    return [clockFinding(theirs, before, now(), "server")];
  });
  return [...found, ...clock];
}

async function tableOf(rules: DialectRules, pieces: SqlPieces, send: Send): Promise<Finding[]> {
  const name = pieces.table.replace(/["`]/g, "");
  const cure = "sojourn setup, or sqlSchema() in a migration";
  try {
    if (await tableExists(rules, pieces, send)) return [good("table", name)];
    return [fault("table", `${name} is not there, or this role may not see it`, cure)];
  } catch (error) {
    if (!isError(error) || !error.message.startsWith("The table")) throw error;
    return [fault("table", error.message, "Name another table, or run your migrations")];
  }
}

/** How many ended sessions are too many to wait for the next cleanup. */
const most = 10_000;

const questions = {
  postgres: {
    name: "PostgreSQL",
    version: "SELECT current_setting('server_version')",
    readOnly: "SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE current_setting('transaction_read_only') END",
  },
  mysql: { name: "MySQL or MariaDB", version: "SELECT VERSION()", readOnly: "SELECT @@global.read_only" },
  sqlite: {
    name: "SQLite",
    version: "SELECT sqlite_version()",
    readOnly: "SELECT query_only FROM pragma_query_only()",
  },
} as const;

function roleOf({ dialect }: DialectRules, answer: string): Finding[] {
  if (!["replica", "on", "1"].includes(answer)) return [];
  const found = answer === "replica" ? "a read-only replica" : "this database takes no writes: it is read-only";
  const cure =
    dialect === "sqlite"
      ? "Open the file for writing"
      : "Connect to the primary. Sessions have to see the writes before them";
  return [fault("role", found, cure)];
}

async function indexesOf(rules: DialectRules, pieces: SqlPieces, send: Send): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const index of pieces.definition.indexes) {
    const about = `index on ${index.column}`;
    if (await hasIndex(rules, pieces, index, send, false)) {
      found.push(good(about, "there"));
      continue;
    }
    const slow = index.sparse ? "listing and revoking a user's sessions read" : "cleaning up reads";
    const cure = `sojourn setup, or as the owner: ${createIndex(rules, pieces.definition, index, true)};`;
    found.push(note(about, `missing: ${slow} the whole table`, cure));
  }
  return found;
}

function endedFinding(ended: number): Finding {
  if (ended <= most) return good("ended sessions", `${ended.toLocaleString("en-US")} wait for the next cleanup`);
  const cure = "Run sojourn cleanup from a timer, or set cleanupEvery";
  return note("ended sessions", `more than ${most.toLocaleString("en-US")} are still in the table`, cure);
}
