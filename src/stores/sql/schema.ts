/** The table as CREATE statements. */

import type { DialectRules } from "./dialect.ts";
import type { SqlTable } from "./table.ts";

/** The statements that make the table and its indexes. Each does nothing where they are there. */
export function schemaOf(rules: DialectRules, table: SqlTable): string[] {
  const { types } = rules;
  const { key, payload, kind, expiresAt, subject, version } = table.columns;
  const [byExpiry, bySubject] = [table.index("expiresAt"), table.index("subject")];
  const columns = [
    `${key} ${types.key} NOT NULL PRIMARY KEY`,
    `${payload} ${types.payload} NOT NULL`,
    `${kind} ${types.kind} NOT NULL`,
    `${expiresAt} ${types.number} NOT NULL`,
    `${subject} ${types.subject}`,
    `${version} ${types.number} NOT NULL`,
  ];
  const create = (lines: string[]): string => `CREATE TABLE IF NOT EXISTS ${table.name} (\n  ${lines.join(",\n  ")}\n)`;
  if (rules.dialect === "mysql") {
    // It has no CREATE INDEX IF NOT EXISTS.
    const indexes = [`KEY ${byExpiry.bareName} (${expiresAt})`, `KEY ${bySubject.bareName} (${subject})`];
    return [`${create([...columns, ...indexes])} ENGINE=InnoDB`];
  }
  // SQLite puts the schema before the index, PostgreSQL before the table.
  const index = (one: { name: string; bareName: string }): string =>
    rules.dialect === "sqlite" ? `${one.name} ON ${table.bareName}` : `${one.bareName} ON ${table.name}`;
  return [
    create(columns),
    `CREATE INDEX IF NOT EXISTS ${index(byExpiry)} (${expiresAt})`,
    `CREATE INDEX IF NOT EXISTS ${index(bySubject)} (${subject}) WHERE ${subject} IS NOT NULL`,
  ];
}
