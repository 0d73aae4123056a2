/** Writes a few rows, reads them back, compares them and removes them: whether a table keeps what the store promises. */

import { equalBytes, isBytes } from "../../core/bytes/bytes.ts";
import type { ListedRecord, StoreRecord } from "../../core/contracts/store.ts";
import { type DialectRules, isChanged, isTaken, notCommitted, statement } from "./dialect.ts";
import type { SqlPieces } from "./layout.ts";
import type { Send } from "./setup.ts";
import type { Statements } from "./statements.ts";

/** What is looked at, and through what. */
export interface Probed {
  readonly rules: DialectRules;
  readonly pieces: SqlPieces;
  readonly statements: Statements;
  readonly send: Send;
  readonly now: () => number;
  /** The values that write a record. */
  encode(record: StoreRecord): ReturnType<SqlPieces["encode"]>;
  /** The most bytes of a payload. */
  readonly most: number | undefined;
}

/** Keys of rows that are none of a session's. They are there for a moment, and end after ten minutes if a process dies. */
export const isProbe = (key: string): boolean => key.startsWith(prefix);

const prefix = "sojourn:probe:";
const lasts = 600_000;
/** More than a BLOB of MySQL holds, and every octet there is. */
const size = 70_000;

/** How MySQL and MariaDB are set: rejects when nothing would be committed, and answers the most bytes of a statement. */
export async function serverLimit(rules: DialectRules, send: Send): Promise<number | undefined> {
  if (rules.dialect !== "mysql") return undefined;
  const { rows } = await send(statement(rules, "SELECT @@autocommit, @@max_allowed_packet"));
  const [commits, packet] = rows[0] ?? [];
  if (Number(commits) !== 1) throw notCommitted();
  // Names, numbers and the statement's own text need little.
  return Number(packet) - 8192;
}

/** Rejects with what the table does not keep. */
export async function probe(probed: Probed): Promise<void> {
  const { pieces, statements, send } = probed;
  const { table } = pieces;
  const wrong = (what: string, cause?: unknown): Error =>
    new Error(
      `The table ${table} does not keep what the SQL store writes: ${what}. Make it as sqlSchema() prints it.`,
      cause === undefined ? undefined : { cause },
    );
  const rows = rowsFor(probed);
  const [first] = rows as [Row, ...Row[]];
  const began = performance.now();
  const remove = ({ key }: Row): Promise<{ count: number }> => send(statements.remove, { key });
  const insert = async ({ key, values }: Row): Promise<number> =>
    (await send(statements.create, { ...values, key })).count;
  try {
    await allDone(
      rows.map(async (row) => {
        const count = await insert(row).catch((error: unknown) => {
          if (isTaken(error)) return 0;
          throw isChanged(error) ? wrong(`a payload of ${row.record.payload.length} octets`, error) : error;
        });
        if (count !== 1)
          throw wrong("two keys that differ in upper and lower case only are one to it, or a new row is none");
      }),
    );
    const again = insert({ ...first, values: (rows[1] ?? first).values }).catch((error: unknown) => {
      if (!isTaken(error)) throw error;
      return 0;
    });
    const looks = rows.map(async ({ key, record, version }) => {
      const present = probed.now();
      const found = await send(statements.look, { key });
      const [row] = found.rows;
      if (found.rows.length !== 1 || !row) throw wrong(`${found.rows.length} rows where one was written`);
      const late = performance.now() - began;
      const sent = { ...record, key, version };
      const what = difference(sent, pieces.decode(row, present), pieces, late * 2 + 2000);
      if (what) throw wrong(`${what} comes back changed`);
    });
    const live = send(statements.read, { key: first.key });
    const of = keysOf(...(first.subject === undefined ? [] : [first.subject]));
    const ofOther = keysOf(...(first.otherSubjects ?? []));
    await allDone([again, live, of, ofOther, ...looks]);
    if ((await again) !== 0) throw wrong("a key can be there twice; it has to be the primary key, alone");
    if ((await live).rows.length !== 1) throw wrong("what was written a moment ago has ended");
    if (first.subject !== undefined && (await of).size !== 2) throw wrong("a subject's sessions are not found by it");
    if ((await ofOther).size !== 0) throw wrong("subjects that differ in case or in an accent are one to it");
    const next = probed.encode({ ...first.record, payload: Uint8Array.of(1, 2, 3) });
    const changed = await send(statements.update, { ...next.values, key: first.key, version: first.version }).catch(
      (error: unknown) => {
        throw isChanged(error) ? wrong("an update of the payload is seen before it is made", error) : error;
      },
    );
    if (changed.count !== 1) throw wrong("an update of a row changes none");
    const removed = await Promise.all(rows.map(remove));
    if (removed.some(({ count }) => count !== 1)) throw wrong("a row that is deleted stays");
  } catch (error) {
    await Promise.all(rows.map(remove)).catch(() => {});
    throw error;
  }

  /** The keys of the rows of any of these subjects, by the database's own comparison. */
  async function keysOf(...subjects: string[]): Promise<Set<string>> {
    const found = subjects.map((subject) => send(statements.ofSubject, { subject: pieces.subject?.(subject) ?? null }));
    const rows = (await Promise.all(found)).flatMap((one) => one.rows);
    return new Set(rows.map((row) => pieces.decode(row, probed.now()).key));
  }
}

/** Waits for all, so that none is in flight when its row is removed; then throws what the first one threw. */
async function allDone(all: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}

interface Row {
  readonly key: string;
  readonly record: StoreRecord;
  readonly values: ReturnType<SqlPieces["encode"]>["values"];
  readonly version: never;
  readonly subject?: string | undefined;
  /** What a column without case, or without accents, takes for the same. */
  readonly otherSubjects?: readonly string[] | undefined;
}

/** One row; where there is a column for the subject, two of one subject whose keys differ in case, and one without subject. */
function rowsFor({ pieces, encode, now, most }: Probed): Row[] {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  const key = `${prefix}${id}`.padEnd(198, "-");
  const payload = Uint8Array.from({ length: Math.min(size, most ?? size) }, (_, at) => at % 256);
  const make = (end: string, record: Omit<StoreRecord, "expiresAt">, later = 0): Row => {
    const whole = { ...record, expiresAt: now() + lasts + later };
    const { values, version } = encode(whole);
    return { key: key + end, record: whole, values, version: version as never };
  };
  if (pieces.belongs === undefined) return [make("Aa", { payload })];
  const subject = `Probe É ${id} `.padEnd(1023, "s");
  const first = {
    ...make("Aa", { payload, subject }),
    subject,
    otherSubjects: [`p${subject.slice(1)}`, `Probe E${subject.slice(7)}`],
  };
  // Half a surrogate pair is kept in a way of its own.
  return [first, make("aA", { payload: "\ud800", subject }, 7777), make("--", { payload: "é" }, 77_777)];
}

/** What of a record is not as it was written. */
function difference(
  sent: StoreRecord & Pick<ListedRecord, "key" | "version">,
  got: ListedRecord,
  pieces: SqlPieces,
  late: number,
): string | undefined {
  if (got.key !== sent.key) return "the key";
  if (!isSame(sent.payload, got.payload)) return "the payload";
  if (!isSame(sent.version, got.version)) return "the version";
  if (pieces.belongs !== undefined && got.subject !== sent.subject) return "the subject";
  return Math.abs(got.expiresAt - sent.expiresAt) > pieces.granularity + late ? "the end" : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return isBytes(one) && isBytes(other) ? equalBytes(one, other) : one === other;
}
