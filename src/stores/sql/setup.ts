/** Sets up a table: looks first, creates what is missing, and says what the database did not let it create. */

import { isError } from "../../core/contracts/errors.ts";
import { setupIncomplete } from "../shared/setup.ts";
import type { SqlResult } from "./clients.ts";
import {
  type DialectRules,
  isAbsent,
  isColumnAbsent,
  isCreating,
  isDenied,
  isNotOnline,
  type Statement,
  statement,
} from "./dialect.ts";
import type { SqlPieces, SqlValues } from "./layout.ts";
import { createIndex, createTable, type IndexDefinition, nameOf, schemaOf } from "./schema.ts";

/** Sends one statement. */
export type Send = (one: Statement, values?: SqlValues) => Promise<SqlResult>;

/** Creates what is missing of a table. Needs no right to create what is there. */
export async function setUp(rules: DialectRules, pieces: SqlPieces, send: Send): Promise<void> {
  const { definition } = pieces;
  const create = async (sql: string): Promise<void> => {
    // Of two processes at once the database may let one fail, and then the thing is there.
    await send(statement(rules, sql)).catch((error: unknown) => {
      if (!isCreating(error)) throw error;
      return rules.dialect === "mysql" ? undefined : send(statement(rules, sql));
    });
  };
  const there = await tableExists(rules, pieces, send);
  if (!there) {
    await create(createTable(rules, definition)).catch((error: unknown) => {
      throw isDenied(error)
        ? refused(`The table ${nameOf(rules, definition)}`, schemaOf(rules, definition), error)
        : error;
    });
    if (rules.dialect === "mysql") return;
  }
  const left: string[] = [];
  let reason: unknown;
  for (const index of definition.indexes) {
    if (there && (await hasIndex(rules, pieces, index, send))) continue;
    const sql = createIndex(rules, definition, index, there);
    try {
      await create(sql).catch((error: unknown) => {
        if (!isNotOnline(error)) throw error;
        return create(sql.replace(" ALGORITHM=INPLACE LOCK=NONE", ""));
      });
    } catch (error) {
      if (!isDenied(error)) throw error;
      left.push(sql);
      reason = error;
    }
  }
  if (left.length === 0) return;
  const { message } = refused(`An index of ${nameOf(rules, definition)}, which makes cleaning up quick,`, left, reason);
  throw setupIncomplete(message, reason);
}

function refused(what: string, statements: readonly string[], cause: unknown): Error {
  const run = statements.map((sql) => `${sql};`).join("\n");
  return new Error(`${what} does not exist, and this role may not create it. Run, as the owner:\n${run}`, { cause });
}

/** The statement that fails unless the table and all columns are there. */
export function columnsOf(rules: DialectRules, { table, key, written }: SqlPieces): Statement {
  // With the table's name before it, or SQLite takes a name that is no column for a text.
  const columns = [key, ...written.map(([column]) => column)].map((column) => `held.${column}`);
  return statement(rules, `SELECT ${columns.join(", ")} FROM ${table} AS held WHERE 1 = 0`);
}

/** Whether the table is there. One that lacks a column belongs to another program. */
export async function tableExists(rules: DialectRules, pieces: SqlPieces, send: Send): Promise<boolean> {
  try {
    await send(columnsOf(rules, pieces));
    return true;
  } catch (cause) {
    // MySQL does not tell whether there is a table on which a role has no rights.
    if (isAbsent(cause) || (rules.dialect === "mysql" && isDenied(cause))) return false;
    if (!isColumnAbsent(cause)) throw cause;
    const says = isError(cause) ? cause.message : String(cause);
    throw new Error(
      `The table ${pieces.table} is there, and is not one of this store: ${says}. Name another table, or make it as sqlSchema() prints it.`,
      { cause },
    );
  }
}

/** Whether an index, whatever its name, begins with the column. `mend`: one that is broken and has the name is dropped. */
export async function hasIndex(
  rules: DialectRules,
  pieces: SqlPieces,
  index: IndexDefinition,
  send: Send,
  mend = true,
): Promise<boolean> {
  const { schema = null, table } = pieces.definition;
  const values: SqlValues = { schema, table, column: index.column };
  if (rules.dialect === "mysql") {
    const { rows } = await send(statement(rules, indexesOfMysql), values);
    return rows.length > 0;
  }
  if (rules.dialect === "sqlite") {
    const of = schema === null ? "" : `, ${quoted(schema)}`;
    const sql = `SELECT i.name FROM pragma_index_list(${quoted(table)}${of}) AS l, pragma_index_info(l.name${of}) AS i WHERE i.seqno = 0 AND l.partial IN (0, ${index.sparse ? 1 : 0}) AND i.name = {column}`;
    // Where a database does not tell, CREATE INDEX IF NOT EXISTS goes by the name.
    const { rows } = await send(statement(rules, sql), values).catch(() => ({ rows: [] }));
    return rows.length > 0;
  }
  const { rows } = await send(statement(rules, indexesOfPostgres(index.sparse)), {
    ...values,
    table: nameOf(rules, pieces.definition),
  });
  const [whole, broken] = [
    rows.filter(([, isWhole]) => Number(isWhole) === 1),
    rows.filter(([, is]) => Number(is) === 0),
  ];
  if (whole.length > 0) return true;
  // What a CONCURRENTLY that failed leaves behind serves no query and has the name.
  if (!mend || !broken.some(([name]) => name === index.name)) return false;
  const name = nameOf(rules, { ...pieces.definition, table: index.name });
  await send(statement(rules, `DROP INDEX CONCURRENTLY IF EXISTS ${name}`)).catch((error: unknown) => {
    if (!isDenied(error)) throw error;
  });
  return false;
}

const indexesOfMysql =
  "SELECT 1 FROM information_schema.statistics WHERE table_schema = COALESCE({schema}, DATABASE()) " +
  "AND table_name = {table} AND column_name = {column} AND seq_in_index = 1 LIMIT 1";

/** One that another process is making right now counts. */
function indexesOfPostgres(sparse: boolean): string {
  return (
    "SELECT c.relname, CASE WHEN i.indisvalid OR EXISTS (SELECT 1 FROM pg_stat_progress_create_index AS p " +
    "WHERE p.index_relid = i.indexrelid) THEN 1 ELSE 0 END FROM pg_index AS i " +
    "JOIN pg_class AS c ON c.oid = i.indexrelid " +
    "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] " +
    "WHERE i.indrelid = to_regclass(CAST({table} AS text)) AND a.attname = CAST({column} AS text) " +
    `AND ${sparse ? "(i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '%IS NOT NULL%')" : "i.indpred IS NULL"}`
  );
}

function quoted(text: string): string {
  return `'${text}'`;
}
