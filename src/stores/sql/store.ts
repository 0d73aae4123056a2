/** The store itself: its methods over a link to a client and a table. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { docs } from "../../core/contracts/errors.ts";
import { pruneOptions } from "../../core/contracts/known.ts";
import type {
  ListedRecord,
  PageOptions,
  RecordPage,
  Store,
  StoreCapabilities,
  StoreRecord,
  Version,
} from "../../core/contracts/store.ts";
import { countPrefix, everyPage, lastWith, pageInOrder, pageOptions, recordsOf } from "../shared/listing.ts";
import { isSetupIncomplete } from "../shared/setup.ts";
import { refuseTooLarge } from "../shared/size.ts";
import { newNumber } from "../shared/stamp.ts";
import type { SqlResult } from "./clients.ts";
import { type DialectRules, explained, isDenied, isTaken, type Statement } from "./dialect.ts";
import type { SqlPieces, SqlValue, SqlValues } from "./layout.ts";
import { retryWhileBusy, type SqlLink } from "./link.ts";
import { isProbe, probe, serverLimit } from "./probe.ts";
import { type Send, setUp } from "./setup.ts";
import { manySize, pageSize, statementsOf } from "./statements.ts";

/** What a store is made of. */
export interface SqlStoreParts {
  /** For error messages and tables. */
  readonly name: string;
  readonly space: Store["space"];
  readonly link: SqlLink;
  readonly rules: DialectRules;
  readonly pieces: SqlPieces;
  readonly now: () => number;
  /** What `setup` does in place of creating what is missing. */
  readonly setUp?: (send: Send) => Promise<void>;
}

/** Makes a store of them. */
export function storeOn({ name, space, link, rules, pieces: layout, now, setUp: theirs }: SqlStoreParts): Store {
  const statements = statementsOf(rules, layout);
  const { instant = (at: number): SqlValue => at, latest = Number.MAX_SAFE_INTEGER } = layout;
  const endOf = (expiresAt: number): number => Math.min(Math.ceil(expiresAt), latest);

  const payloadColumn = (layout.written[0]?.[0] ?? "").slice(1, -1);
  /** The most bytes of all values, as the server is set. */
  let packet: number | undefined;

  const send = async ({ sql, names, returns }: Statement, values: SqlValues = {}): Promise<SqlResult> => {
    const connection = await link.connect();
    const { payload } = values;
    const nonce = returns ? newNumber() : 0;
    const value = (name: string): SqlValue => {
      if (name === "now") return instant(now());
      if (name === "ends") return instant(Number(values.ends));
      if (name === "left") return Math.ceil(Number(values.ends) - now());
      if (name === "nonce") return nonce;
      if (name === "size") return (payload as Uint8Array).length;
      return values[name] ?? null;
    };
    const result = await retryWhileBusy(connection.alone, () => connection.run(sql, names.map(value)));
    if (!returns) return result;
    if (result.rows.some(([answer]) => Number(answer) !== nonce)) throw mistaken();
    return { rows: [], count: result.rows.length };
  };
  const run: typeof send = async (one, values = {}) => {
    const { payload, version } = values;
    if (isBytes(payload)) {
      const { maxPayloadBytes } = await link.connect();
      // Where the version is the payload of before, that is sent too.
      const room = packet === undefined || !isBytes(version) ? packet : packet - version.length;
      refuseTooLarge(payload, smaller(smaller(layout.maxPayloadBytes, maxPayloadBytes), room), "this database");
    }
    try {
      return await send(one, values);
    } catch (error) {
      throw explained(error, payloadColumn);
    }
  };

  let checked = false;
  let checking: Promise<void> | undefined;
  const check = async (inTransaction = false): Promise<void> => {
    packet = await serverLimit(rules, send);
    const { maxPayloadBytes } = await link.connect();
    const most = smaller(smaller(layout.maxPayloadBytes, maxPayloadBytes), packet);
    if (!inTransaction && !layout.unprobed) await probe({ rules, pieces: layout, statements, send, now, encode, most });
    checked = true;
  };
  /** Before the first write, whether the table keeps what is written; again only if it did not, or could not be asked. */
  const write: typeof send = async (one, values) => {
    if (!checked) {
      const { mayBeTransaction } = await link.connect();
      checking ??= check(mayBeTransaction).finally(() => {
        checking = undefined;
      });
      await checking;
    }
    return run(one, values);
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
        return (await write(one, values)).count > 0;
      } catch (error) {
        if (!isTaken(error) || round === 5) throw error;
      }
      const { count } = await write(statements.free, { key });
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

  const page = async (options?: PageOptions): Promise<RecordPage> => {
    const { limit, cursor, subject, prefix } = pageOptions(options, layout.belongs !== undefined);
    const wanted = subject === undefined ? null : (layout.subject?.(subject) ?? null);
    // A key comes after what it begins with, in every order that a column may have.
    const rows = await select(statements.page(limit + 1, subject !== undefined), {
      key: cursor ?? prefix,
      subject: wanted,
    });
    const { records, cursor: next } = pageInOrder(rows, limit);
    const isIn = (row: ListedRecord): boolean =>
      row.key.startsWith(prefix) && !isProbe(row.key) && (subject === undefined || row.subject === subject);
    const isPast = layout.ordered === true && next !== undefined && next > lastWith(prefix);
    return { records: records.filter(isIn), cursor: isPast ? undefined : next };
  };

  const store: Store = {
    name,
    space,
    capabilities: {
      ...capabilitiesOf(rules, link.shared),
      expiryGranularity: layout.granularity,
      bySubject: layout.belongs !== undefined,
      maxPayloadBytes: smaller(layout.maxPayloadBytes, link.maxPayloadBytes),
    },

    async read(key) {
      const [row] = await select(statements.read, { key });
      if (!row) return null;
      if (row.key !== key) throw mistaken();
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
      const { count } = await write(statements.update, all);
      return count > 0 || (rules.countsChanges && isSame(version, next) && (await holds(statements.same, all)))
        ? next
        : null;
    },

    async touch(key, expiresAt) {
      const { count } = await write(statements.touch, { key, ends: endOf(expiresAt) });
      return count > 0 || (rules.countsChanges && (await holds(statements.exists, { key })));
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const { values, version: next } = encode(record);
      const all = { ...values, key: from, to, version: version as SqlValue };
      return (await take(statements.rename, to, all)) ? next : null;
    },

    async delete(key) {
      await write(statements.remove, { key });
    },

    list: () => everyPage(page),
    page,
    async count(options) {
      const prefix = countPrefix(options);
      const { rows } = await run(statements.count(prefix.length), { prefix });
      return { count: Number(rows[0]?.[0]), estimate: false };
    },

    async prune(options) {
      const { limit } = pruneOptions(options);
      const { count } = await write(statements.prune(limit));
      // The index has what ended first in front, so there is no place to go on from: only whether there may be more.
      return { removed: count, cursor: count < limit ? undefined : "more" };
    },

    examine: async () => (await import("./examine.ts")).examine(rules, layout, send, now),

    async setup() {
      let incomplete: unknown;
      if (theirs) await theirs(send);
      else {
        await setUp(rules, layout, send).catch((error: unknown) => {
          if (!isSetupIncomplete(error)) throw error;
          incomplete = error;
        });
      }
      // A role that makes tables may not be one that writes in them.
      await check().catch((error: unknown) => {
        if (!isDenied(error)) throw error;
      });
      if (incomplete !== undefined) throw incomplete;
    },
  };
  if (layout.belongs !== undefined) store.listBySubject = listBySubject;
  return store;
}

function mistaken(): Error {
  return new Error(
    `The client gave the SQL store the answer to another query. Whether the session was saved is not known. See ${docs}stores/sql.md#poolers`,
  );
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
  pages: true,
  count: "exact",
  maxPayloadBytes: undefined,
} as const satisfies Omit<StoreCapabilities, "clock" | "shared">;
