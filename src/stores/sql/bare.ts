/** Sessions of another program in a table of its own: the payload as bytes, and the end as a date and time without a zone. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { DialectRules, SqlDialect } from "./dialect.ts";
import { type Clock, clockFor, type SqlLayoutTypes, textColumn } from "./foreign-types.ts";
import { bytesOf, ownBytes, type SqlPieces, textOf, utf8 } from "./layout.ts";
import { nameOf, type TableDefinition } from "./schema.ts";
import { identifier } from "./table.ts";

/** How another program keeps its sessions in a table. For Flask-Session it is `flaskSqlalchemy()` of `sojourn/flask`. */
export interface SqlLayout {
  /** A word for error messages: `"flask-session"`. */
  readonly name: string;
  /** The table. At most 48 letters, digits and underscores. */
  readonly table: string;
  /** The schema of the table. Default: the connection's own. */
  readonly schema?: string | undefined;
  readonly columns: {
    /** Text, unique: what a session is kept under. */
    readonly key: string;
    /** Bytes: the encoded session. */
    readonly payload: string;
    /** A date and time without a zone: when it ends. NULL: it has ended. */
    readonly expiresAt: string;
    /** A number the database gives to each row, where that and not the key is the primary key. */
    readonly id?: string | undefined;
  };
  /** What the columns hold. Default: the payload as bytes, the end as a date and time without a zone. */
  readonly types?: SqlLayoutTypes | undefined;
  /** Columns that get the time of each write, in the same form as `expiresAt`. Default none. */
  readonly stamped?: readonly string[] | undefined;
  /** Other columns for `setup()` to create, each with its type in SQL. The store leaves them alone. Default none. */
  readonly others?: Readonly<Record<string, string>> | undefined;
  /** The time zone that `expiresAt` is in. Default `"UTC"`; another one in PostgreSQL only. */
  readonly timeZone?: string | undefined;
  /** The maximum size of the payload column in bytes, by dialect. Default: no limit. */
  readonly maxPayloadBytes?: Partial<Readonly<Record<SqlDialect, number>>> | undefined;
}

/** The last second of the year 9999: no program's date goes beyond. */
const latest = 253_402_300_799_000;

/** How each database says dates without a zone, and its types for the other columns. */
function clockOf(
  { dialect, types, now }: DialectRules,
  timeZone: string,
): Clock & { readonly id: string; readonly key: string } {
  if (dialect === "postgres") {
    const present = `(statement_timestamp() AT TIME ZONE '${timeZone}')`;
    return {
      type: "timestamp",
      id: "serial",
      key: "varchar(255)",
      present,
      end: `${present} + CAST({left} AS double precision) * interval '1 millisecond'`,
      left: (ends) => `CAST(floor(extract(epoch FROM ${ends} - ${present}) * 1000) AS bigint)`,
      granularity: 1,
    };
  }
  if (dialect === "mysql") {
    return {
      type: "datetime",
      id: "integer AUTO_INCREMENT",
      key: types.key,
      present: "UTC_TIMESTAMP(6)",
      // A column without a fraction would round to the nearest second.
      end: `TIMESTAMPADD(SECOND, CEILING((${now} + {left}) / 1000), TIMESTAMP '1970-01-01 00:00:00')`,
      left: (ends) => `TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), ${ends}) DIV 1000`,
      granularity: 1000,
    };
  }
  // As text, with a fraction or without: both sort by time.
  return {
    type: "datetime",
    id: "integer",
    key: "varchar(255)",
    present: "{now}",
    end: "{ends}",
    left: (ends) => ends,
    granularity: 1,
    read: instantIn,
  };
}

/** The pieces for such a table. A version is the payload itself, which is what is compared: so that program takes part. */
export function foreignTable(rules: DialectRules, layout: SqlLayout): SqlPieces {
  checkLayout(rules, layout);
  const quoted = (column: string): string => identifier(rules, "a column of layout", column, 63);
  const { timeZone = "UTC", others = {} } = layout;
  const [key, payload, ends] = [layout.columns.key, layout.columns.payload, layout.columns.expiresAt].map(quoted) as [
    string,
    string,
    string,
  ];
  const dates = clockOf(rules, timeZone);
  const clock: Clock = clockFor(rules, layout.types ?? {}) ?? { instant: dateText, ...dates };
  const text = textColumn(rules, layout.types ?? {}, payload);
  const stored = text?.bytes ?? payload;
  const stamped = (layout.stamped ?? []).map(quoted);
  identifier(rules, "layout.table", layout.table, 48);
  if (layout.schema !== undefined) identifier(rules, "layout.schema", layout.schema, 63);
  const { id } = layout.columns;
  const isUnique = id === undefined ? "NOT NULL PRIMARY KEY" : "NOT NULL UNIQUE";
  const columns = [
    ...(id === undefined ? [] : [`${quoted(id)} ${dates.id} NOT NULL PRIMARY KEY`]),
    `${key} ${dates.key} ${isUnique}`,
    `${payload} ${text?.type ?? rules.types.payload}`,
    `${ends} ${clock.type}`,
    ...stamped.map((column) => `${column} ${clock.type}`),
    ...Object.entries(others).map(([column, type]) => `${quoted(column)} ${type}`),
  ];
  const definition: TableDefinition = {
    schema: layout.schema,
    table: layout.table,
    columns,
    indexes: [
      { name: `${layout.table}_${layout.columns.expiresAt}_idx`, column: layout.columns.expiresAt, sparse: false },
    ],
    engine: "",
  };
  const of = (table: string | undefined): string => (table ? `${table}.${ends}` : ends);
  return {
    table: nameOf(rules, definition),
    definition,
    key,
    // A collation may take two keys for one that differ in case or in spaces at the end.
    ...(rules.dialect === "mysql" && { exactly: `${key} = {key} AND CAST(${key} AS BINARY) = {key}` }),
    selected: [key, stored, `${clock.left(ends)} AS ends`].join(),
    written: [
      [payload, "{payload}"],
      [ends, clock.end],
      ...stamped.map((column): [string, string] => [column, clock.present]),
    ],
    ...(text && { asStored: text.stored, unguarded: text.reformed, unprobed: true }),
    ends,
    live: (table) => `${of(table)} > ${clock.present}`,
    ended: (table) => `(${of(table)} IS NULL OR ${of(table)} <= ${clock.present})`,
    later: `${ends} = CASE WHEN ${ends} < ${clock.end} THEN ${clock.end} ELSE ${ends} END`,
    stands: `${stored} = {version}`,
    same: `${stored} = {payload}`,
    ...(clock.instant && { instant: clock.instant }),
    latest,
    granularity: clock.granularity,
    maxPayloadBytes: layout.maxPayloadBytes?.[rules.dialect],
    encode(record) {
      const bytes = typeof record.payload === "string" ? utf8(record.payload) : ownBytes(record.payload);
      return { values: { payload: bytes }, version: bytes };
    },
    keyOf: textOf,
    decode([name, bytes, end], now) {
      const stored = bytesOf(bytes ?? "");
      const expiresAt =
        rules.now === undefined ? (clock.read ?? Number)(String(isText(end) ? textOf(end) : end)) : now + Number(end);
      return { key: textOf(name), payload: new Uint8Array(stored), expiresAt, version: ownBytes(stored) };
    },
  };
}

function isText(value: unknown): boolean {
  return typeof value === "string" || isBytes(value);
}

/** `2026-12-21 06:51:33.922000`, in UTC. */
function dateText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 23).replace("T", " ")}000`;
}

function instantIn(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}Z`);
}

function checkLayout({ dialect }: DialectRules, layout: unknown): void {
  const { name, table, columns, timeZone = "UTC" } = (layout ?? {}) as Partial<SqlLayout>;
  if (typeof name !== "string" || typeof table !== "string" || typeof columns !== "object" || columns === null)
    throw wrongArgument("layout", "a layout such as flaskSqlalchemy()", layout);
  checkKnown("layout", layout, [
    ..."name table schema columns types stamped others timeZone maxPayloadBytes".split(" "),
  ]);
  checkKnown("layout.columns", columns, ["key", "payload", "expiresAt", "id"]);
  if (typeof timeZone !== "string" || !/^[\w+/:-]{1,60}$/.test(timeZone))
    throw wrongArgument("layout.timeZone", 'the name of a time zone such as "Europe/Paris"', timeZone);
  if (timeZone !== "UTC" && dialect !== "postgres")
    throw wrongArgument("layout.timeZone", '"UTC" but in PostgreSQL', timeZone);
}
