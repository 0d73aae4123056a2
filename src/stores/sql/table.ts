/** Names: of the table, its columns and its indexes, checked and quoted. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import type { DialectRules } from "./dialect.ts";
import { nameOf, type TableDefinition } from "./schema.ts";

/** The columns of the table by what they hold. */
export interface SqlColumns {
  /** The key the record is kept under: primary key. Default `"session_key"`. */
  readonly key: string;
  /** The encoded session, as bytes. Default `"payload"`. */
  readonly payload: string;
  /** What the bytes of the payload are: 0 bytes, 1 text in UTF-8, 2 text as JSON. Default `"kind"`. */
  readonly kind: string;
  /** When the record ends, in epoch milliseconds. Indexed. Default `"expires_at"`. */
  readonly expiresAt: string;
  /** The user of the session, or NULL. Indexed. Default `"subject"`. */
  readonly subject: string;
  /** Names one state of the record: a random number, new with every write. Default `"version"`. */
  readonly version: string;
}

/** Where the records are. */
export interface SqlTableOptions {
  /** The table. Default `"sojourn_sessions"`. At most 48 letters, digits and underscores. */
  readonly table?: string | undefined;
  /** The schema (in MySQL: the database) of the table. Default: the connection's own. */
  readonly schema?: string | undefined;
  /** Other names for columns. Default: those of {@link SqlColumns}. */
  readonly columns?: Partial<SqlColumns> | undefined;
}

/** The names, quoted: ready to stand in a statement. */
export interface SqlTable {
  /** With the schema, if there is one. */
  readonly name: string;
  readonly columns: SqlColumns;
  /** What makes it. */
  readonly definition: TableDefinition;
}

const defaults: SqlColumns = {
  key: "session_key",
  payload: "payload",
  kind: "kind",
  expiresAt: "expires_at",
  subject: "subject",
  version: "version",
};

/** What the columns hold, in their order. */
export const columnNames: readonly (keyof SqlColumns)[] = Object.keys(defaults) as (keyof SqlColumns)[];

/** Checks and quotes the names. */
export function tableOf(rules: DialectRules, options: SqlTableOptions): SqlTable {
  const { table = "sojourn_sessions", schema, columns = {} } = options;
  const own = columns as unknown;
  if (typeof own !== "object" || own === null || Array.isArray(own)) {
    throw wrongArgument("columns", "an object of column names", own);
  }
  for (const column of Object.keys(columns)) {
    if (!Object.hasOwn(defaults, column)) {
      throw new TypeError(`columns has ${columnNames.join(", ")}; received an unknown "${column}"`);
    }
  }
  const quoted = Object.entries(defaults).map(([column, name]) => {
    return [column, identifier(rules, `columns.${column}`, columns[column as keyof SqlColumns] ?? name, 63)] as const;
  });
  if (new Set(quoted.map(([, name]) => name.toLowerCase())).size < quoted.length) {
    throw new TypeError("columns must be different names; received one of them twice");
  }
  identifier(rules, "table", table, 48);
  if (schema !== undefined) identifier(rules, "schema", schema, 63);
  const all = Object.fromEntries(quoted) as unknown as SqlColumns;
  const definition = definitionOf(rules, { schema, table, columns: all, bare: bareColumns(columns) });
  return { name: nameOf(rules, definition), columns: all, definition };
}

function bareColumns(columns: Partial<SqlColumns>): SqlColumns {
  const names = columnNames.map((column) => [column, columns[column] ?? defaults[column]]);
  return Object.fromEntries(names) as unknown as SqlColumns;
}

interface Names {
  readonly schema: string | undefined;
  readonly table: string;
  /** Quoted. */
  readonly columns: SqlColumns;
  readonly bare: SqlColumns;
}

function definitionOf({ types }: DialectRules, { schema, table, columns, bare }: Names): TableDefinition {
  const { key, payload, kind, expiresAt, subject, version } = columns;
  return {
    schema,
    table,
    columns: [
      `${key} ${types.key} NOT NULL PRIMARY KEY`,
      `${payload} ${types.payload} NOT NULL`,
      `${kind} ${types.kind} NOT NULL`,
      `${expiresAt} ${types.number} NOT NULL`,
      `${subject} ${types.subject}`,
      `${version} ${types.number} NOT NULL`,
    ],
    // Named by what they are for, so that a long column name does not make one longer than a name may be.
    indexes: [
      { name: `${table}_expires_at`, column: bare.expiresAt, sparse: false },
      { name: `${table}_subject`, column: bare.subject, sparse: true },
    ],
    engine: " ENGINE=InnoDB",
  };
}

/** Quotes a name. Throws unless it has only letters, digits and underscores, and at most `longest` of them. */
export function identifier({ quote }: DialectRules, option: string, name: unknown, longest: number): string {
  if (typeof name !== "string" || name.length > longest || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    const takes = `a name of at most ${longest} letters, digits and underscores that does not start with a digit`;
    throw wrongArgument(option, takes, name);
  }
  return quote(name);
}
