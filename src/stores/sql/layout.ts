/** How a record is kept in a row: the pieces that statements are made of, and those of this store's own table. */

import { isBytes } from "../../core/bytes/bytes.ts";
import type { ListedRecord, StoreRecord, Version } from "../../core/contracts/store.ts";
import { refuseLongSubject } from "../shared/size.ts";
import { newNumber } from "../shared/stamp.ts";
import { asItWas, wellFormed } from "../shared/text.ts";
import type { DialectRules } from "./dialect.ts";
import type { TableDefinition } from "./schema.ts";
import type { SqlTable } from "./table.ts";

/** A value of a statement. */
export type SqlValue = string | number | Uint8Array | null;

/** Values of a statement by name. */
export type SqlValues = Readonly<Record<string, SqlValue>>;

/**
 * The pieces of SQL that know the columns, and both ways between a record and its row. In every piece `{name}` is a
 * value; `{now}`, `{left}` and `{ends}` are there in every statement.
 */
export interface SqlPieces {
  readonly table: string;
  /** What makes it. */
  readonly definition: TableDefinition;
  /** The column of the key. */
  readonly key: string;
  /** The order of keys is that of their bytes. */
  readonly ordered?: boolean;
  /** What holds for the record under `{key}`, compared octet by octet. Default: that the column is equal. */
  readonly exactly?: string;
  /** The columns `decode` takes, in its order. */
  readonly selected: string;
  /** Columns that a write sets, the key aside, and what to. */
  readonly written: readonly (readonly [column: string, value: string])[];
  /** What the column of the payload, the first that is written, is set to; from bytes, where it holds something else. */
  asStored?(bytes: string): string;
  /** The database keeps another form of the payload, so that its length says nothing. */
  readonly unguarded?: boolean;
  /** Another program made the table: nothing is written there to try it. */
  readonly unprobed?: boolean;
  /** The column a session's end is in, for an index to be used by. */
  readonly ends: string;
  /** What holds for a record that is live; with a name of the table if `of` is given. */
  live(of?: string): string;
  /** What holds for a record that has ended. */
  ended(of?: string): string;
  /** Sets a later end, and leaves a later one alone. */
  readonly later: string;
  /** What holds while the record is in the state that `version` names. */
  readonly stands: string;
  /** What holds for a record of the subject; without it sessions cannot be found by that. */
  readonly belongs?: string;
  /** What holds for a record that an update would leave as it is; without it each update leaves another version. */
  readonly same?: string;
  /** An instant in epoch milliseconds as a value. Default: the number. */
  instant?(at: number): SqlValue;
  /** The last instant that fits, in epoch milliseconds. Default: that of whole numbers. */
  readonly latest?: number;
  /** In milliseconds. */
  readonly granularity: number;
  /** The most bytes of a payload, where that is a limit that matters. */
  readonly maxPayloadBytes?: number | undefined;
  /** The values of a record, and the version it is about to have. */
  encode(record: StoreRecord): { readonly values: SqlValues; readonly version: Version };
  /** The key in a column of a row. */
  keyOf(column: unknown): string;
  /** The value of a subject that is looked for. */
  subject?(subject: string): SqlValue;
  /** The record in a row. */
  decode(row: readonly unknown[], now: number): ListedRecord;
}

/** The table of this store: {@link SqlColumns}. */
export function nativePieces(rules: DialectRules, own: SqlTable): SqlPieces {
  const { name, columns, definition } = own;
  const { key, payload, kind, expiresAt, subject, version } = columns;
  const { now } = rules;
  const present = now ?? "{now}";
  const end = now === undefined ? "{ends}" : `${now} + {left}`;
  const of = (table: string | undefined, column: string): string => (table ? `${table}.${column}` : column);
  return {
    table: name,
    definition,
    granularity: 1,
    ordered: true,
    key,
    selected: [
      key,
      payload,
      kind,
      now === undefined ? expiresAt : `${expiresAt} - ${now} AS ends`,
      subject,
      version,
    ].join(),
    written: [
      [payload, "{payload}"],
      [kind, "{kind}"],
      [expiresAt, end],
      [subject, "{subject}"],
      [version, "{next}"],
    ],
    ends: expiresAt,
    live: (table) => `${of(table, expiresAt)} > ${present}`,
    ended: (table) => `${of(table, expiresAt)} <= ${present}`,
    later: `${expiresAt} = CASE WHEN ${expiresAt} < ${end} THEN ${end} ELSE ${expiresAt} END`,
    stands: `${version} = {version}`,
    belongs: `${subject} = {subject}`,
    encode(record) {
      const next = newNumber();
      const [bytes, kind] = encodePayload(record.payload);
      const subject = record.subject === undefined ? null : storable(subjectOf(rules, record.subject));
      return { values: { payload: bytes, kind, subject, next }, version: next };
    },
    keyOf: textOf,
    subject: (wanted) => subjectOf(rules, wanted),
    decode([key, payload, kind, ends, subject, version], now) {
      return {
        key: textOf(key),
        payload: decodePayload(bytesOf(payload), Number(kind)),
        expiresAt: Number(ends) + (rules.now === undefined ? 0 : now),
        ...(subject !== null && { subject: fromSubject(textOf(subject)) }),
        version: Number(version),
      };
    },
  };
}

/** Always bytes of the store's own: drivers may send them later. */
function encodePayload(payload: string | Uint8Array): [bytes: Uint8Array, kind: number] {
  if (typeof payload !== "string") return [ownBytes(payload), 0];
  const [text, isJson] = wellFormed(payload);
  return [utf8(text), isJson ? 2 : 1];
}

function decodePayload(bytes: Uint8Array, kind: number): string | Uint8Array {
  if (kind === 0) return new Uint8Array(bytes);
  return asItWas(decoder.decode(bytes), kind === 2);
}

/** A subject as text without what text in a database cannot hold: NUL, and halves of surrogate pairs. */
function subjectOf({ dialect }: DialectRules, subject: string): string | Uint8Array {
  const text = subject.replace(/[\\\0]|\p{Surrogate}/gu, (one) =>
    one === "\\" ? "\\\\" : `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return dialect === "mysql" ? utf8(text) : text;
}

function fromSubject(text: string): string {
  return text.replace(/\\(\\|u([0-9a-f]{4}))/g, (_, one: string, code: string) =>
    one === "\\" ? one : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** An index entry has to fit into a page, in MySQL and in PostgreSQL. */
function storable(subject: string | Uint8Array): string | Uint8Array {
  refuseLongSubject(subject, 1024, "the SQL store");
  return subject;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** MySQL's drivers take bytes only as a Buffer of Node's; where there is none, neither are they. */
const NodeBuffer = (
  globalThis as { Buffer?: { from(bytes: Uint8Array): Uint8Array & { toString(as: "base64"): string } } }
).Buffer;

/** For clients that need Node's Buffer themselves. */
export function base64(bytes: Uint8Array): string {
  if (!NodeBuffer) throw new TypeError("postgres.js needs a runtime with Node's Buffer");
  return NodeBuffer.from(bytes).toString("base64");
}

export function ownBytes(bytes: Uint8Array): Uint8Array {
  return NodeBuffer ? NodeBuffer.from(bytes) : new Uint8Array(bytes);
}

export function utf8(text: string): Uint8Array {
  return ownBytes(encoder.encode(text));
}

export function bytesOf(value: unknown): Uint8Array {
  if (isBytes(value)) return value;
  return typeof value === "object" && value !== null
    ? new Uint8Array(value as ArrayBuffer)
    : encoder.encode(`${value}`);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : decoder.decode(bytesOf(value));
}
