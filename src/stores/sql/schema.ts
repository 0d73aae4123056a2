/** A table and its indexes, and the CREATE statements that make them. */

import type { DialectRules } from "./dialect.ts";

/** What a table is made of. Names are bare; the lines of the columns are SQL. */
export interface TableDefinition {
  readonly schema: string | undefined;
  readonly table: string;
  readonly columns: readonly string[];
  readonly indexes: readonly IndexDefinition[];
  /** The table options for MySQL, at the end of the statement. */
  readonly engine: string;
}

/** An index on one column. */
export interface IndexDefinition {
  readonly name: string;
  readonly column: string;
  /** Rows without a value are left out, where the database can do that. */
  readonly sparse: boolean;
}

/** The table's name, quoted, with its schema. */
export function nameOf({ quote }: DialectRules, { schema, table }: TableDefinition): string {
  return (schema === undefined ? "" : `${quote(schema)}.`) + quote(table);
}

/** The statement that makes the table. It does nothing where there is one. In MySQL it makes the indexes too. */
export function createTable(rules: DialectRules, definition: TableDefinition): string {
  const { quote, dialect } = rules;
  const keys = definition.indexes.map(({ name, column }) => `KEY ${quote(name)} (${quote(column)})`);
  const lines = [...definition.columns, ...(dialect === "mysql" ? keys : [])];
  const end = dialect === "mysql" ? definition.engine : "";
  return `CREATE TABLE IF NOT EXISTS ${nameOf(rules, definition)} (\n  ${lines.join(",\n  ")}\n)${end}`;
}

/**
 * The statement that makes an index.
 *
 * @param live Sessions are being written: makes it without blocking them on PostgreSQL and MySQL.
 */
export function createIndex(
  rules: DialectRules,
  definition: TableDefinition,
  { name, column, sparse }: IndexDefinition,
  live: boolean,
): string {
  const { quote, dialect } = rules;
  const [index, of, by] = [quote(name), nameOf(rules, definition), quote(column)];
  if (dialect === "mysql") return `CREATE INDEX ${index} ON ${of} (${by}) ALGORITHM=INPLACE LOCK=NONE`;
  const where = sparse ? ` WHERE ${by} IS NOT NULL` : "";
  if (dialect === "postgres") {
    return `CREATE INDEX ${live ? "CONCURRENTLY " : ""}IF NOT EXISTS ${index} ON ${of} (${by})${where}`;
  }
  // SQLite puts the schema before the index.
  const schema = definition.schema === undefined ? "" : `${quote(definition.schema)}.`;
  return `CREATE INDEX IF NOT EXISTS ${schema}${index} ON ${quote(definition.table)} (${by})${where}`;
}

/** All statements that make them. */
export function schemaOf(rules: DialectRules, definition: TableDefinition): string[] {
  const indexes = rules.dialect === "mysql" ? [] : definition.indexes;
  return [createTable(rules, definition), ...indexes.map((index) => createIndex(rules, definition, index, false))];
}
