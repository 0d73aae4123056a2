/** Walks over records: page by page, and over all of a subject while records are made, renamed, renewed and removed. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { CountOptions, ListedRecord, PageOptions, RecordPage, StoredRecord } from "../../core/contracts/store.ts";

const batchSize = 100;
/** How often an index is read in one listing, however much moves. */
const mostRounds = 20;

/** Reads several records, in the order of their names. A record with a key of its own is listed under that. */
export type ReadMany = (names: string[]) => Promise<(StoredRecord | ListedRecord | null)[]>;

/** An index of one subject, and how to read what it names. */
export interface SubjectWalk {
  readonly subject: string;
  /** The names in the index now. An entry is there before its record, and goes after it. */
  members(): Promise<readonly string[]>;
  readonly readMany: ReadMany;
  /** The most names for `readMany`. Default 100. */
  readonly batch?: number | undefined;
  /** Called after each answer of the backend. */
  readonly answered?: (() => void) | undefined;
}

/**
 * The records that an index names. A name without a record of this subject is a miss: the record may have been renamed
 * or renewed after the index was read, and is under another name now. So the index is read again, until it misses the
 * same names twice.
 */
export async function* recordsOf(walk: SubjectWalk): AsyncIterable<ListedRecord> {
  const { subject, answered } = walk;
  const found = new Set<string>();
  let missing: string | undefined;
  for (let round = 1; round <= mostRounds; round++) {
    const missed: string[] = [];
    const members = await walk.members();
    answered?.();
    const names = members.filter((name) => !found.has(name));
    for await (const { name, record } of rowsOf(names, walk.readMany, walk)) {
      if (record?.subject !== subject) {
        missed.push(name);
        continue;
      }
      found.add(name);
      yield { key: name, ...record };
    }
    const stillMissing = missed.sort().join(" ");
    if (missed.length === 0 || stillMissing === missing) return;
    missing = stillMissing;
  }
}

/**
 * The rows of a query that a backend does not answer from one moment: page by page, shard by shard. A record that moves
 * in between can be in none of them, so the query is sent twice, and again as long as it tells of records that moved.
 *
 * @param query Its rows; the key alone where a record was until it moved.
 */
export async function* untilNothingNew(
  subject: string,
  query: () => AsyncIterable<ListedRecord | string>,
): AsyncIterable<ListedRecord> {
  const seen = new Set<string>();
  for (let round = 1, hasMoved = false; round <= 2 || (hasMoved && round <= mostRounds); round++) {
    hasMoved = false;
    for await (const row of query()) {
      const isMoved = typeof row === "string";
      const name = isMoved ? `moved ${row}` : row.key;
      if (seen.has(name) || (!isMoved && row.subject !== subject)) continue;
      seen.add(name);
      hasMoved ||= isMoved;
      if (!isMoved) yield row;
    }
  }
}

/** Reads the records of many names, a batch at a time. */
export async function* rowsOf<Row = StoredRecord | ListedRecord>(
  names: readonly string[],
  readMany: (names: string[]) => Promise<readonly (Row | null)[]>,
  { batch = batchSize, answered }: Pick<SubjectWalk, "batch" | "answered"> = {},
): AsyncIterable<{ name: string; record: Row | null }> {
  for (let at = 0; at < names.length; at += batch) {
    const some = names.slice(at, at + batch);
    const records = await readMany(some);
    answered?.();
    for (const [n, name] of some.entries()) yield { name, record: records[n] ?? null };
  }
}

/** The options of a store's `page()`, checked, with their defaults. */
export function pageOptions(
  options: PageOptions = {},
  bySubject = true,
): { readonly limit: number; readonly prefix: string } & PageOptions {
  checkKnown("page", options, ["limit", "cursor", "subject", "prefix"]);
  const { limit = batchSize, cursor, subject, prefix = "" } = options;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > mostOfPage)
    throw wrongArgument("limit", `a whole number from 1 to ${mostOfPage}`, limit);
  if (cursor !== undefined && !(typeof cursor === "string" && /^[!-~]{1,2000}$/.test(cursor))) throw wrongCursor();
  if (subject !== undefined && !(typeof subject === "string" && bySubject))
    throw wrongArgument("subject", bySubject ? "a text" : "left out: this store does not know subjects", subject);
  return { limit, cursor, subject, prefix: prefixOf(prefix) };
}

/** The options of a store's `count()`, checked: the prefix. */
export function countPrefix(options: CountOptions = {}): string {
  checkKnown("count", options, ["prefix"]);
  return prefixOf(options.prefix ?? "");
}

/** What a cursor that no page has answered makes. It may hold a key, so it is not shown. */
export function wrongCursor(): TypeError {
  return new TypeError("cursor must be the cursor of the previous page; received another text");
}

function prefixOf(prefix: unknown): string {
  if (typeof prefix === "string" && /^[!-~]{0,200}$/.test(prefix)) return prefix;
  throw wrongArgument("prefix", "what the keys begin with, at most 200 printable ASCII characters", prefix);
}

/** The last text in the order of bytes that a key with this prefix can be: keys are printable ASCII. */
export function lastWith(prefix: string): string {
  return `${prefix}\x7f`;
}

/** A page of rows in the order of keys, of which one more than `limit` were asked for. */
export function pageInOrder(rows: readonly ListedRecord[], limit: number): RecordPage {
  const records = rows.slice(0, limit);
  return { records, cursor: rows.length > limit ? records.at(-1)?.key : undefined };
}

/** Every record, page by page. */
export async function* everyPage(page: (options: PageOptions) => Promise<RecordPage>): AsyncIterable<ListedRecord> {
  for (let cursor: string | undefined; ; ) {
    const { records, cursor: next } = await page({ cursor });
    yield* records;
    if (next === undefined) return;
    cursor = next;
  }
}

/** The most records of one page. */
const mostOfPage = 1000;
