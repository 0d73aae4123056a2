/** The store itself: its methods over a link to a client and a table. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { ListedRecord, Store, StoreCapabilities, StoreRecord, Version } from "../../core/contracts/store.ts";
import { recordsOf } from "../shared/listing.ts";
import { refuseTooLarge } from "../shared/size.ts";
import type { SqlResult } from "./connection.ts";
import { type DialectRules, isCreating, isTaken, type Statement, statement } from "./dialect.ts";
import type { SqlPieces, SqlValue, SqlValues } from "./layout.ts";
import { patiently, type SqlLink } from "./link.ts";
import { manySize, pageSize, statementsOf } from "./statements.ts";

/** What a store is made of. */
export interface SqlStoreParts {
  /** For error messages and tables. */
  readonly name: string;
  readonly link: SqlLink;
  readonly rules: DialectRules;
  readonly pieces: SqlPieces;
  readonly now: () => number;
}

/** Makes a store of them. */
export function storeOn({ name, link, rules, pieces: layout, now }: SqlStoreParts): Store {
  const statements = statementsOf(rules, layout);
  const { instant = (at: number): SqlValue => at, latest = Number.MAX_SAFE_INTEGER } = layout;
  const endOf = (expiresAt: number): number => Math.min(Math.ceil(expiresAt), latest);

  const run = async ({ sql, names }: Statement, values: SqlValues = {}): Promise<SqlResult> => {
    const connection = await link.connect();
    const most = smaller(layout.maxPayloadBytes, connection.maxPayloadBytes);
    if (isBytes(values.payload)) refuseTooLarge(values.payload, most, "this database");
    const value = (name: string): SqlValue => {
      if (name === "now") return instant(now());
      if (name === "ends") return instant(Number(values.ends));
      if (name === "left") return Math.ceil(Number(values.ends) - now());
      return values[name] ?? null;
    };
    return patiently(connection.alone, () => connection.run(sql, names.map(value)));
  };
  const select = async (one: Statement, values: SqlValues): Promise<ListedRecord[]> => {
    const { rows } = await run(one, values);
    const present = now();
    return rows.map((row) => layout.decode(row, present));
  };
  const encode = (record: StoreRecord): { values: SqlValues; version: Version } => {
    const { values, version } = layout.encode(record);
    return { values: { ...values, ends: endOf(record.expiresAt) }, version };
  };
  const holds = async (one: Statement, values: SqlValues): Promise<boolean> => (await run(one, values)).rows.length > 0;
  /** Runs a write of a key that is to be new. A record that has ended there makes room. */
  const take = async (one: Statement, key: string, values: SqlValues): Promise<boolean> => {
    for (let round = 1; ; round++) {
      try {
        return (await run(one, values)).count > 0;
      } catch (error) {
        if (!isTaken(error) || round === 5) throw error;
      }
      const { count } = await run(statements.free, { key });
      if (count === 0 && (await holds(statements.occupied, { key }))) return false;
    }
  };

  const readMany = async (keys: string[]): Promise<(ListedRecord | null)[]> => {
    const values = Array.from({ length: manySize }, (_, index) => [`key${index}`, keys[index] ?? keys[0] ?? ""]);
    const records = new Map((await select(statements.many, Object.fromEntries(values))).map((one) => [one.key, one]));
    return keys.map((key) => records.get(key) ?? null);
  };
  const listBySubject = async function* (subject: string, answered?: () => void): AsyncIterable<ListedRecord> {
    const wanted = layout.subject?.(subject) ?? null;
    const first = await select(statements.ofSubject, { subject: wanted });
    answered?.();
    // One answer is of one moment. What the database takes for the same subject need not be it: "ada" and "Ada".
    if (first.length <= pageSize) {
      yield* first.filter((record) => record.subject === subject);
      return;
    }
    const members = async (): Promise<string[]> =>
      (await run(statements.keysOfSubject, { subject: wanted })).rows.map(([key]) => layout.keyOf(key));
    yield* recordsOf({ subject, members, readMany, batch: manySize, answered });
  };

  const store: Store = {
    name,
    capabilities: {
      ...capabilitiesOf(rules, link.shared),
      expiryGranularity: layout.granularity,
      bySubject: layout.belongs !== undefined,
      maxPayloadBytes: smaller(layout.maxPayloadBytes, link.maxPayloadBytes),
    },

    async read(key) {
      const [row] = await select(statements.read, { key });
      if (!row) return null;
      const { key: _, ...record } = row;
      return record;
    },

    async create(key, record) {
      const { values, version } = encode(record);
      return (await take(statements.create, key, { ...values, key })) ? version : null;
    },

    async update(key, record, version) {
      const { values, version: next } = encode(record);
      const all = { ...values, key, version: version as SqlValue };
      const { count } = await run(statements.update, all);
      return count > 0 || (rules.countsChanges && isSame(version, next) && (await holds(statements.same, all)))
        ? next
        : null;
    },

    async touch(key, expiresAt) {
      const { count } = await run(statements.touch, { key, ends: endOf(expiresAt) });
      return count > 0 || (rules.countsChanges && (await holds(statements.exists, { key })));
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const { values, version: next } = encode(record);
      const all = { ...values, key: from, to, version: version as SqlValue };
      return (await take(statements.rename, to, all)) ? next : null;
    },

    async delete(key) {
      await run(statements.remove, { key });
    },

    async *list() {
      for (let key = ""; ; ) {
        const page = await select(statements.page, { key });
        yield* page;
        const last = page.at(-1);
        if (!last || page.length < pageSize) return;
        key = last.key;
      }
    },

    async prune({ limit = 1000 } = {}) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw wrongArgument("limit", "a whole number of at least 1", limit);
      const { count } = await run(statements.prune(limit));
      // The index has what ended first in front, so there is no place to go on from: only whether there may be more.
      return { removed: count, cursor: count < limit ? undefined : "more" };
    },

    async setup() {
      for (const sql of layout.schema) {
        const create = (): Promise<SqlResult> => run(statement(rules, sql));
        // Of two processes at once PostgreSQL lets one fail, and then the thing is there.
        await create().catch((error: unknown) => {
          if (!isCreating(error)) throw error;
          return create();
        });
      }
    },
  };
  if (layout.belongs !== undefined) store.listBySubject = listBySubject;
  return store;
}

/** Two versions that are the stored bytes themselves, and the same ones. */
function isSame(one: Version, other: Version): boolean {
  if (!(isBytes(one) && isBytes(other))) return false;
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

/** What a store of this kind promises. */
export function capabilitiesOf(rules: DialectRules, shared: boolean): StoreCapabilities {
  return { ...capabilities, clock: rules.now === undefined ? "ours" : "server", shared };
}

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: false,
  expiryGranularity: 1,
  atomicRename: true,
  list: true,
  bySubject: true,
  maxPayloadBytes: undefined,
} as const satisfies Omit<StoreCapabilities, "clock" | "shared">;
