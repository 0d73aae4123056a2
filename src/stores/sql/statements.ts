/** Every statement of the store, made once. */

import { type DialectRules, type Statement, statement } from "./dialect.ts";
import type { SqlPieces } from "./layout.ts";

/** How many rows one answer has when there may be many. */
export const pageSize = 100;

/** How many keys one statement asks for: D1 takes 100 values, and the time is another. */
export const manySize = 90;

/** The statements by what they are for. Those that are no functions are the same at every call, so that drivers can keep them prepared. */
export interface Statements {
  readonly read: Statement;
  /** The same, whether it has ended or not. */
  readonly look: Statement;
  /** Counts 0 or fails when the key is taken. */
  readonly create: Statement;
  readonly update: Statement;
  readonly touch: Statement;
  readonly exists: Statement;
  /** The record is as the update just sent would make it. */
  readonly same: Statement;
  /** Its key, or one that the database takes for the same, is that of a live record. */
  readonly occupied: Statement;
  readonly rename: Statement;
  readonly remove: Statement;
  /** Removes what occupies `{key}` if it has ended. */
  readonly free: Statement;
  /** The live records of a subject, one more than a page at most. */
  readonly ofSubject: Statement;
  /** The keys of all of them. */
  readonly keysOfSubject: Statement;
  /** The live records under `manySize` keys, `{key0}` and so on. */
  readonly many: Statement;
  /** So many live records in the order of keys, from the one after `{key}`; with `ofSubject` only those of `{subject}`. */
  page(limit: number, ofSubject: boolean): Statement;
  /** How many live records have keys that begin with `{prefix}`, which has so many characters. */
  count(length: number): Statement;
  prune(limit: number): Statement;
}

export function statementsOf(rules: DialectRules, layout: SqlPieces): Statements {
  const { table, key, selected, ends, stands, later, belongs = "1 = 0", same = "1 = 0" } = layout;
  const { exactly = `${key} = {key}` } = layout;
  const sent = layout.unguarded ? layout.written : rules.guarded(layout.written);
  const written = sent.map(([column, value], at): readonly [string, string] =>
    at === 0 && layout.asStored ? [column, layout.asStored(value)] : [column, value],
  );
  const mine = exactly + rules.committing(key);
  const make = (text: string): Statement => statement(rules, text);
  const write = (text: string): Statement => make(text + rules.returning);
  const live = layout.live();
  const ended = layout.ended();
  const select = `SELECT ${selected} FROM ${table} WHERE ${live}`;
  const set = written.map(([column, value]) => `${column} = ${value}`).join(", ");
  const columns = [key, ...written.map(([column]) => column)].join(", ");
  const values = ["{key}", ...written.map(([, value]) => value)].join(", ");
  const excluded = written.map(([column]) => `${column} = excluded.${column}`).join(", ");
  const orReplace = ` ON CONFLICT (${key}) DO UPDATE SET ${excluded} WHERE ${layout.ended("held")}`;
  const insert = `INSERT INTO ${table}${rules.onConflict ? " AS held" : ""} (${columns}) VALUES (${values})`;
  const oldest = (limit: number): string => `WHERE ${ended} ORDER BY ${ends} LIMIT ${limit}`;
  // The condition stands twice, for what was touched between the search and the removal.
  const pruneBy: Readonly<Record<DialectRules["dialect"], (limit: number) => string>> = {
    // An array is made once, however the statement is planned, and no statement waits for rows that others are working on.
    postgres: (limit) =>
      `DELETE FROM ${table} WHERE ${ended} AND ${key} = ANY (ARRAY(SELECT ${key} FROM ${table} ${oldest(limit)} FOR UPDATE SKIP LOCKED))`,
    mysql: (limit) => `DELETE FROM ${table} ${oldest(limit)}`,
    sqlite: (limit) =>
      `DELETE FROM ${table} WHERE ${ended} AND ${key} IN (SELECT ${key} FROM ${table} ${oldest(limit)})`,
  };
  return {
    read: make(`${select} AND ${exactly}`),
    look: make(`SELECT ${selected} FROM ${table} WHERE ${exactly}`),
    create: write(rules.onConflict ? insert + orReplace : insert),
    update: write(`UPDATE ${table} SET ${set} WHERE ${mine} AND ${stands} AND ${live}`),
    touch: write(`UPDATE ${table} SET ${later} WHERE ${mine} AND ${live}`),
    exists: make(`SELECT 1 FROM ${table} WHERE ${exactly} AND ${live}`),
    same: make(`SELECT 1 FROM ${table} WHERE ${exactly} AND ${same} AND ${live}`),
    occupied: make(`SELECT 1 FROM ${table} WHERE ${key} = {key} AND ${live}`),
    rename: write(`UPDATE ${table} SET ${key} = {to}, ${set} WHERE ${mine} AND ${stands} AND ${live}`),
    remove: write(`DELETE FROM ${table} WHERE ${mine}`),
    free: write(`DELETE FROM ${table} WHERE ${key} = {key} AND ${ended}`),
    page: (limit, ofSubject) =>
      make(`${select}${ofSubject ? ` AND ${belongs}` : ""} AND ${key} > {key} ORDER BY ${key} LIMIT ${limit}`),
    count: (length) =>
      make(
        `SELECT COUNT(*) FROM ${table} WHERE ${live}${length > 0 ? ` AND substr(${key}, 1, ${length}) = {prefix}` : ""}`,
      ),
    ofSubject: make(`${select} AND ${belongs} LIMIT ${pageSize + 1}`),
    keysOfSubject: make(`SELECT ${key} FROM ${table} WHERE ${live} AND ${belongs}`),
    many: make(`${select} AND ${key} IN (${Array.from({ length: manySize }, (_, at) => `{key${at}}`).join(", ")})`),
    prune: (limit) => make(pruneBy[rules.dialect](limit)),
  };
}
