/** What PostgreSQL, MySQL and SQLite do differently, in one place. */

import { docs, SessionError, wrongArgument } from "../../core/contracts/errors.ts";

/** A family of databases that speak the same SQL: `"mysql"` is MySQL and MariaDB, `"sqlite"` also libSQL. */
export type SqlDialect = "postgres" | "mysql" | "sqlite";

/** The differences that matter to this store. */
export interface DialectRules {
  readonly dialect: SqlDialect;
  /** What stands for the nth value, counted from 1. */
  placeholder(index: number): string;
  /** Values may be named by number, so that one that is needed twice is sent once. */
  readonly numbered: boolean;
  quote(name: string): string;
  /** The server's present in epoch milliseconds, one value per statement; `undefined` where there is no server. */
  readonly now: string | undefined;
  /** An INSERT can say what happens when its key is taken. Elsewhere it fails, and another statement follows. */
  readonly onConflict: boolean;
  /** A count of 0 may mean "found, but it was like that already", as the connection is configured. */
  readonly countsChanges: boolean;
  /**
   * The columns of a write and their values, the payload first, so that the statement fails and changes nothing when the
   * payload arrives, or would be stored, with another length than `{size}`.
   */
  guarded(written: Written): Written;
  /** What has to hold for a write of rows beside what it is about; fails where nothing would be committed. */
  committing(key: string): string;
  /** What a write ends with to answer `{nonce}` for each row: whose answer it is, should the client mistake one for another. */
  readonly returning: string;
  /** Column types. `key` and `subject` compare octet by octet: case, accents and trailing spaces count. */
  readonly types: Readonly<Record<"key" | "payload" | "kind" | "number" | "subject", string>>;
}

/** Columns, and what to set each to. */
export type Written = readonly (readonly [column: string, value: string])[];

/** The cast is there so that no server or pooler has to guess the type. No other statement divides. */
function measured(value: string): string {
  const other = "decode(CAST(1 / (octet_length(bytes) * 0) AS text), 'hex')";
  return `(SELECT CASE octet_length(bytes) WHEN {size} THEN bytes ELSE ${other} END FROM (SELECT CAST(${value} AS bytea) AS bytes) AS sent)`;
}

/** Overflows for every row, `+ 2` also for an empty payload. The number in the error tells it from the overflow of the size check. */
function uncommitted(column: string): string {
  return `LENGTH(${column}) + ${mark} + 2`;
}

const mark = "9223372036854775806";

const always = (): string => "";

const asTheyAre = (written: Written): Written => written;

const doubleQuoted = (name: string): string => `"${name}"`;

const dialects: Readonly<Record<SqlDialect, DialectRules>> = {
  postgres: {
    dialect: "postgres",
    placeholder: (index) => `$${index}`,
    numbered: true,
    quote: doubleQuoted,
    // Of the functions that tell the time this one is both new with every statement and fit for an index scan.
    now: "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS bigint)",
    onConflict: true,
    countsChanges: false,
    guarded: ([[column, value] = ["", ""], ...others]) => [[column, measured(value)], ...others],
    committing: always,
    returning: " RETURNING CAST({nonce} AS bigint)",
    types: {
      key: 'varchar(255) COLLATE "C"',
      payload: "bytea",
      kind: "smallint",
      number: "bigint",
      subject: 'text COLLATE "C"',
    },
  },
  mysql: {
    dialect: "mysql",
    placeholder: () => "?",
    numbered: false,
    quote: (name) => `\`${name}\``,
    // No time zone is involved, so none can be misread when clocks are turned back.
    now: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000",
    onConflict: false,
    countsChanges: true,
    // Assignments take place one after the other, so this is the payload as it is stored. No other statement overflows.
    guarded: ([payload = ["", ""], [column, value] = ["", ""], ...others]) => [
      payload,
      [
        column,
        `IF(@@autocommit = 0, ${uncommitted(payload[0])}, IF(LENGTH(${payload[0]}) = {size}, ${value}, 9223372036854775807 + LENGTH(${payload[0]})))`,
      ],
      ...others,
    ],
    committing: (key) => ` AND IF(@@autocommit = 0, ${uncommitted(key)}, 1)`,
    returning: "",
    types: {
      key: "varchar(255) CHARACTER SET ascii COLLATE ascii_bin",
      payload: "longblob",
      kind: "tinyint",
      number: "bigint",
      subject: "varbinary(1024)",
    },
  },
  sqlite: {
    dialect: "sqlite",
    placeholder: () => "?",
    numbered: false,
    quote: doubleQuoted,
    now: undefined,
    onConflict: true,
    countsChanges: false,
    guarded: asTheyAre,
    committing: always,
    returning: "",
    types: { key: "text", payload: "blob", kind: "integer", number: "integer", subject: "text" },
  },
};

/** The rules of a dialect, or a `TypeError` when it is none. */
export function rulesOf(dialect: unknown): DialectRules {
  const rules = typeof dialect === "string" && Object.hasOwn(dialects, dialect) && dialects[dialect as SqlDialect];
  if (!rules) throw wrongArgument("dialect", 'one of "postgres", "mysql" and "sqlite"', dialect);
  return rules;
}

/** SQL with the names of its values in the order the placeholders want them. */
export interface Statement {
  readonly sql: string;
  readonly names: readonly string[];
  /** It answers a nonce for each row that it writes. */
  readonly returns: boolean;
}

/** Turns `{name}` into the dialect's placeholders. */
export function statement({ numbered, placeholder }: DialectRules, text: string): Statement {
  const names: string[] = [];
  const sql = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const known = numbered ? names.indexOf(name) : -1;
    return placeholder(known === -1 ? names.push(name) : known + 1);
  });
  return { sql, names, returns: names.includes("nonce") };
}

/** Whether a statement failed because its key is taken. Nothing was changed then. */
export function isTaken(error: unknown): boolean {
  return codesOf(error).some((code) => taken.has(code));
}

/**
 * Whether a statement failed only because another was at work on the same rows or the same file: a deadlock, a
 * serialization failure, a lock on the database file. Nothing was changed; the same statement may succeed next.
 */
export function isInTheWay(error: unknown): boolean {
  return codesOf(error).some((code) => inTheWay.has(code) || /^SQLITE_(BUSY|LOCKED)/.test(code));
}

/** Whether a CREATE failed because another process was creating the same thing at the same moment. */
export function isCreating(error: unknown): boolean {
  return codesOf(error).some((code) => creating.has(code));
}

/** Whether there is no such table. Of SQLite all that tells is the text. */
export function isAbsent(error: unknown): boolean {
  return codesOf(error).some((code) => absent.has(code)) || /no such table/i.test(textsOf(error));
}

/** Whether there is no such column. */
export function isColumnAbsent(error: unknown): boolean {
  return codesOf(error).some((code) => columnAbsent.has(code)) || /no such column/i.test(textsOf(error));
}

/** Whether the role may not do that. */
export function isDenied(error: unknown): boolean {
  return codesOf(error).some((code) => denied.has(code));
}

/**
 * What the error means for the session, where that is more than the database says; else the error as it is.
 *
 * @param payload The column of the payload, for MySQL's error about a column names it.
 */
export function explained(error: unknown, payload: string): unknown {
  const codes = codesOf(error);
  const isCut = codes.includes("1406") && textsOf(error).includes(payload);
  if (isCut || codes.some((code) => tooLarge.has(code)) || /SQLITE_TOOBIG/.test(textsOf(error))) {
    const message = "The session is larger than the database takes. Keep less in the session.";
    return new SessionError("ERR_SESSION_TOO_LARGE", message, error);
  }
  if (!codes.some((code) => changed.has(code))) return error;
  if (textsOf(error).includes(mark)) return notCommitted(error);
  const message =
    "The session would have been stored with another length than it was sent with; nothing was written. Either the " +
    `column of the payload is too small, or the client or a pooler changed it: see ${docs}stores/sql.md#poolers`;
  return new Error(message, { cause: error });
}

/** Whether a payload did not arrive, or would not be stored, as it was sent. */
export function isChanged(error: unknown): boolean {
  return codesOf(error).some((code) => changed.has(code) || code === "1406");
}

/** Whether a table of MySQL's cannot have an index made while it is written. */
export function isNotOnline(error: unknown): boolean {
  return codesOf(error).some((code) => code === "1845" || code === "1846");
}

/** The error of a connection that commits nothing by itself. */
export function notCommitted(cause?: unknown): Error {
  return new Error(
    "Autocommit is off, so the database keeps nothing of what the SQL store writes. Switch it on for the store's " +
      "connections: SET autocommit = 1.",
    cause === undefined ? undefined : { cause },
  );
}

// PostgreSQL by SQLSTATE, MySQL and MariaDB by number, SQLite by number or name: no two mean the same.
const taken = new Set(["23505", "1062", "1555", "2067", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"]);
const inTheWay = new Set(["40001", "40P01", "1213", "SQLITE 5", "SQLITE 6", "SQLITE 261", "SQLITE 517"]);
const creating = new Set(["23505", "42P07", "42710", "XX000", "1050", "1061"]);
const absent = new Set(["42P01", "1146"]);
const columnAbsent = new Set(["42703", "1054"]);
const denied = new Set(["42501", "1044", "1142", "1143", "1227", "1370"]);
const tooLarge = new Set(["54000", "1153", "45046", "SQLITE_TOOBIG", "SQLITE 18"]);
const changed = new Set(["22012", "1690"]);

/** What drivers call `code`, `errno`, `errcode`, `rawCode` and `extendedCode`, of the error and of its cause. */
function codesOf(error: unknown): string[] {
  if (typeof error !== "object" || error === null) return [];
  const { code, errno, errcode, rawCode, extendedCode, cause } = error as Readonly<Record<string, unknown>>;
  const numbers = [errcode, rawCode].flatMap((number) => [`${number}`, `SQLITE ${number}`]);
  return [`${code}`, `${errno}`, `${extendedCode}`, ...numbers, ...(cause === error ? [] : codesOf(cause))];
}

function textsOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { message, cause } = error as Readonly<Record<string, unknown>>;
  return cause === error || cause === undefined ? String(message) : `${message} ${textsOf(cause)}`;
}
