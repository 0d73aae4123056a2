/** What another program's columns may hold: the payload as bytes, text or JSON, the end as a date or a number. */

import type { DialectRules, SqlDialect } from "./dialect.ts";

/** A column's type by dialect, or one for all. */
type ByDialect<Kind> = Kind | Partial<Readonly<Record<SqlDialect, Kind>>>;

/** What the columns of a layout hold. */
export interface SqlLayoutTypes {
  /** Default `"bytes"`. `"text"` and `"json"` are of formats that encode to text; of JSON the database may keep another form of the same. */
  readonly payload?: ByDialect<"bytes" | "text" | "json"> | undefined;
  /**
   * Default `"datetime"`: a date and time without a zone. `"timestamptz"` is PostgreSQL's with one, `"iso"` text in
   * SQLite such as `2026-12-21T06:51:33.922Z`; `"seconds"` and `"milliseconds"` are numbers since 1970.
   */
  readonly expiresAt?: ByDialect<"datetime" | "timestamptz" | "iso" | "seconds" | "milliseconds"> | undefined;
}

/** How a column says instants. `{ends}`, `{now}` and `{left}` are values. */
export interface Clock {
  readonly type: string;
  /** The present, as the column has it. */
  readonly present: string;
  /** When a record is to end, as the column has it. */
  readonly end: string;
  /** What is selected of the column `ends`: the end itself, or how long until then. */
  left(ends: string): string;
  readonly granularity: number;
  /** An instant as a value; default the number. */
  instant?(at: number): string | number;
  /** The instant in what was selected, where there is no server to say how long until then. */
  read?(selected: string): number;
}

/** The kind for a dialect. */
export function kindFor<Kind extends string>(
  kinds: ByDialect<Kind> | undefined,
  dialect: SqlDialect,
): Kind | undefined {
  return typeof kinds === "object" ? kinds[dialect] : kinds;
}

/** How a column of another kind than a date without a zone says instants; `undefined` for that. */
export function clockFor({ dialect, now }: DialectRules, { expiresAt }: SqlLayoutTypes): Clock | undefined {
  const kind = kindFor(expiresAt, dialect);
  if (kind === "timestamptz")
    return {
      type: "timestamptz",
      present: "statement_timestamp()",
      end: "statement_timestamp() + CAST({left} AS double precision) * interval '1 millisecond'",
      left: (ends) => `CAST(floor(extract(epoch FROM ${ends} - statement_timestamp()) * 1000) AS bigint)`,
      granularity: 1,
    };
  if (kind === "iso")
    return {
      type: "text",
      present: "{now}",
      end: "{ends}",
      left: (ends) => ends,
      granularity: 1,
      instant: (at) => new Date(at).toISOString(),
      read: (text) => Date.parse(text),
    };
  if (kind !== "seconds" && kind !== "milliseconds") return undefined;
  const unit = kind === "seconds" ? 1000 : 1;
  const type = kind === "seconds" && dialect === "mysql" ? "int unsigned" : "bigint";
  if (now === undefined)
    return {
      type,
      present: unit === 1 ? "{now}" : "{now} / 1000.0",
      end: unit === 1 ? "{ends}" : "CAST(({ends} + 999) / 1000 AS integer)",
      left: (ends) => (unit === 1 ? ends : `${ends} * 1000`),
      granularity: unit,
      read: Number,
    };
  const whole = dialect === "mysql" ? "SIGNED" : "bigint";
  return {
    type,
    present: `${now} / ${unit}${unit === 1 ? "" : ".0"}`,
    end: `CAST(CEILING((${now} + {left}) / ${unit}.0) AS ${whole})`,
    left: (ends) => `CAST(${ends} AS ${whole}) * ${unit} - ${now}`,
    granularity: unit,
  };
}

/** How a column of text gives and takes bytes. */
export interface TextColumn {
  readonly type: string;
  /** Its text as bytes. */
  readonly bytes: string;
  /** What it is set to, from bytes. */
  stored(bytes: string): string;
  /** The database keeps another form of it, so that its length says nothing. */
  readonly reformed: boolean;
}

/** The column of the payload, where that is text or JSON. */
export function textColumn(
  { dialect }: DialectRules,
  { payload }: SqlLayoutTypes,
  column: string,
): TextColumn | undefined {
  const kind = kindFor(payload, dialect);
  if (kind !== "text" && kind !== "json") return undefined;
  const type = kind === "json" ? "json" : dialect === "mysql" ? "mediumtext" : "text";
  if (dialect === "postgres")
    return {
      type,
      bytes: `convert_to(CAST(${column} AS text), 'UTF8')`,
      stored: (bytes) => `CAST(convert_from(${bytes}, 'UTF8') AS ${type})`,
      reformed: false,
    };
  if (dialect === "mysql")
    return {
      type,
      bytes: kind === "json" ? `CAST(CAST(${column} AS CHAR) AS BINARY)` : `CAST(${column} AS BINARY)`,
      stored: (bytes) => `CONVERT(${bytes} USING utf8mb4)`,
      reformed: kind === "json",
    };
  return {
    type: "text",
    bytes: `CAST(${column} AS BLOB)`,
    stored: (bytes) => `CAST(${bytes} AS TEXT)`,
    reformed: false,
  };
}
