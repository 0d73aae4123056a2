/** Sessions in Datastore, through the client you already have: one entity each, one request to read, a transaction to write. */

import { isBytes } from "../core/bytes/bytes.ts";
import { limitOfCall } from "../core/contracts/call-limit.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { pruneOptions } from "../core/contracts/known.ts";
import type { ListedRecord, PageOptions, RecordPage, Store, StoreRecord, Version } from "../core/contracts/store.ts";
import {
  clientOf,
  type DatastoreClient,
  type DatastoreEntity,
  type DatastoreKey,
  type DatastoreQuery,
  type DatastoreReader,
  type DatastoreWrite,
  strongly,
} from "./datastore/client.ts";
import { countEntities } from "./datastore/counting.ts";
import { checkKind, type DatastoreProperties, defaultKind } from "./datastore/schema.ts";
import { codeOf, commit, inTransaction, type Work } from "./datastore/transaction.ts";
import {
  bareNamesOf,
  encodeText,
  googleCapabilities,
  idOf,
  instantOf,
  keyOf,
  type Prepared,
  prepare,
  recordIn,
  standingIn,
} from "./shared/google-record.ts";
import { lazily } from "./shared/lazy.ts";
import { countPrefix, everyPage, lastWith, pageOptions, untilNothingNew } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { queueOf } from "./shared/queue.ts";

export type {
  DatastoreClient,
  DatastoreEntity,
  DatastoreKey,
  DatastoreQuery,
  DatastoreReader,
  DatastoreTransaction,
  DatastoreWrite,
} from "./datastore/client.ts";
export { type DatastoreProperties, datastoreSchema } from "./datastore/schema.ts";

/** What `datastoreStore` takes. */
export interface DatastoreStoreOptions {
  /**
   * Your client: a `Datastore` of `@google-cloud/datastore`. Or a function that returns one, or a promise of one: it
   * is called once, when the store is first used. The store never configures or closes it.
   */
  readonly client: DatastoreClient | (() => DatastoreClient | Promise<DatastoreClient>);
  /** The kind of the entities. Default `"sojourn_sessions"`. Do not use it for anything else. */
  readonly kind?: string | undefined;
  /** The namespace of the entities. Default the client's. */
  readonly namespace?: string | undefined;
  /**
   * Other names for the properties. Default `{ payload, expiresAt, subject, version }`, each named as it is. To share
   * another program's sessions, pass its names and its `kind`: `flask2Datastore()` of `sojourn/flask`.
   */
  readonly properties?: DatastoreProperties | undefined;
  /** The current time in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} with all optional methods of the Datastore store. */
export type DatastoreStore = Store & Required<Pick<Store, "list" | "page" | "count" | "listBySubject" | "prune">>;

/** The same with `properties` that have none for the subject: sessions cannot be found by subject. */
export type DatastoreBareStore = Store & Required<Pick<Store, "list" | "page" | "count" | "prune">>;

type WithSubject = DatastoreProperties & { readonly subject?: string | undefined };

/**
 * Keeps sessions in entities of one kind, in Datastore, which today is Firestore in Datastore mode.
 *
 * Nothing has to be created; run what {@link datastoreSchema} prints once, so that Datastore removes what has ended.
 * Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type DatastoreClient, datastoreStore } from "sojourn/stores/datastore";
 *
 * export function sessionsIn(client: DatastoreClient) {
 *   return createSessions({ name: "shop", store: datastoreStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function datastoreStore(
  options: DatastoreStoreOptions & { readonly properties?: WithSubject | undefined },
): DatastoreStore;
/** The same with properties of which none is for the subject: without `listBySubject`. */
export function datastoreStore(options: DatastoreStoreOptions): DatastoreBareStore;
export function datastoreStore(options: DatastoreStoreOptions): DatastoreBareStore {
  checkOptions<DatastoreStoreOptions>("datastoreStore", options, known, "datastoreStore({ client: new Datastore() })");
  const { client, kind = defaultKind, namespace, properties = {}, now = Date.now } = options;
  const names = bareNamesOf("properties", properties);
  checkKind(kind);
  if (namespace !== undefined && !(typeof namespace === "string" && /^[\w.-]{1,100}$/.test(namespace))) {
    throw wrongArgument("namespace", "1 to 100 letters, digits, dots, dashes or underscores", namespace);
  }
  const connect = lazily(client, clientOf);
  const prepared = (record: StoreRecord): Prepared => prepare(names, "Datastore", record);

  const at = (own: DatastoreClient, key: string): DatastoreKey => {
    const path = [kind, idOf(key)];
    return namespace === undefined ? own.key(path) : own.key({ namespace, path });
  };
  const query = (own: DatastoreClient, ...filters: DatastoreQuery["filters"]): DatastoreQuery => {
    const all = namespace === undefined ? own.createQuery(kind) : own.createQuery(namespace, kind);
    all.filters.push(...filters);
    return all;
  };

  /** An entity to store. Bytes have to be a Buffer. */
  const entity = (key: DatastoreKey, values: DatastoreEntity): DatastoreWrite => {
    const payload = values[names.payload];
    const stored = isBytes(payload) && NodeBuffer ? NodeBuffer.from(payload) : payload;
    const excludeFromIndexes = [names.payload, ...(names.version === null ? [] : [names.version])];
    return { key, data: { ...values, [names.payload]: stored }, excludeFromIndexes };
  };

  /** What is there under each key. The client answers in any order. */
  async function look(own: DatastoreClient, reader: DatastoreReader, ...keys: string[]): Promise<Found[]> {
    const [entities] = await reader.get(keys.map((key) => at(own, key)) as never);
    return keys.map((key) => {
      const values = entities.find((one) => nameOf(own, one) === idOf(key));
      const standing = standingIn(names, values);
      return { values, stamp: standing?.stamp, live: standing !== null && standing.expiresAt > now() };
    });
  }

  /** Runs transactions on the same keys one after another in this process, so that they do not conflict. */
  async function transact<Answer>(keys: readonly string[], work: Work<Answer>): Promise<Answer> {
    // Known only while the call begins.
    const limit = limitOfCall();
    const own = await connect();
    const places = keys.map((key) => `${namespace ?? ""} ${kind} ${key}`);
    return queueOf(own).run(places, () => inTransaction(own, work), limit);
  }

  /** Writes `next` to `to`, which was free or in the state `was`, and deletes `from` in the same transaction. */
  function write(next: Prepared, to: string, was: Version | null, from?: string): Promise<Version | null> {
    const keys = from === undefined ? [to] : [to, from];
    return transact(keys, async (transaction, own) => {
      const [there, source = there] = await look(own, transaction, ...keys);
      // Only a commit whose answer was lost can have written this; but others may come to the same payload.
      if (names.version !== null && there?.stamp === next.stamp) return next.stamp;
      if (was !== null && !(source?.live && source.stamp === was)) return null;
      if (there?.live && (was === null || from !== undefined)) return null;
      transaction.save(entity(at(own, to), next.values));
      if (from !== undefined) transaction.delete(at(own, from));
      return commit(next.stamp);
    });
  }

  function* rowsOf(own: DatastoreClient, entities: readonly DatastoreEntity[]): Iterable<ListedRecord> {
    for (const one of entities) {
      const key = keyOf(nameOf(own, one) ?? "");
      const [record, standing] = [recordIn(names, one), standingIn(names, one)];
      if (key && record && standing && record.expiresAt > now()) yield { ...record, version: standing.stamp, key };
    }
  }

  const page = async (options?: PageOptions): Promise<RecordPage> => {
    const { limit, cursor, subject, prefix } = pageOptions(options, names.subject !== null);
    const own = await connect();
    const theirs = { name: names.subject ?? "", op: "=", val: encodeText(subject ?? "") };
    const some = query(own, ...(subject === undefined ? [] : [theirs])).limit(limit);
    const [entities, { endCursor }] = await own.runQuery(cursor === undefined ? some : some.start(cursor), strongly);
    const rows = [...rowsOf(own, entities)].filter(
      ({ key, subject: owner }) => key.startsWith(prefix) && (subject === undefined || owner === subject),
    );
    return { records: rows, cursor: entities.length < limit ? undefined : endCursor };
  };

  const store: DatastoreBareStore = {
    name: "datastore",
    space: options.kind === undefined && namespace === undefined ? "common" : "own",
    capabilities: { ...googleCapabilities, bySubject: names.subject !== null },
    async read(key) {
      const own = await connect();
      const [found] = await look(own, own, key);
      const record = found?.live ? recordIn(names, found.values) : null;
      return record && { ...record, version: found?.stamp as string };
    },
    async create(key, record) {
      const next = prepared(record);
      const own = await connect();
      const inserted = await own.insert(entity(at(own, key), next.values)).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === alreadyExists) return false;
          throw error;
        },
      );
      return inserted ? next.stamp : write(next, key, null);
    },
    async update(key, record, version) {
      return write(prepared(record), key, version);
    },
    async touch(key, expiresAt) {
      const later = instantOf(expiresAt);
      return transact([key], async (transaction, own) => {
        const [found] = await look(own, transaction, key);
        if (!found?.live) return false;
        if ((found.values?.[names.expiresAt] as Date) >= later) return true;
        transaction.save(entity(at(own, key), { ...found.values, [names.expiresAt]: later }));
        return commit(true);
      });
    },
    async rename(from, to, record, version) {
      return from === to ? null : write(prepared(record), to, version, from);
    },
    async delete(key) {
      const own = await connect();
      await own.delete(at(own, key));
    },
    list: () => everyPage(page),
    page,
    async count(options, answered) {
      const prefix = countPrefix(options);
      const own = await connect();
      // Two ranges in one query would need an index of the user's; what has ended goes soon where there is a TTL policy.
      const filters =
        prefix === ""
          ? [{ name: names.expiresAt, op: ">", val: new Date(now()) }]
          : [
              { name: "__key__", op: ">", val: at(own, prefix) },
              { name: "__key__", op: "<", val: at(own, lastWith(prefix)) },
            ];
      return { count: await countEntities(own, () => query(own, ...filters), answered), estimate: prefix !== "" };
    },
    async prune(options) {
      const { limit } = pruneOptions(options);
      const own = await connect();
      const ended = query(own, { name: names.expiresAt, op: "<=", val: new Date(now()) });
      const [entities] = await own.runQuery(ended.select("__key__").limit(limit), strongly);
      const keys = entities.flatMap((one) => keyOf(nameOf(own, one) ?? "") ?? []);
      let removed = 0;
      for (let start = 0; start < keys.length; start += pruneSize) {
        const some = keys.slice(start, start + pruneSize);
        removed += await inTransaction(own, async (transaction) => {
          const found = await look(own, transaction, ...some);
          const over = some.filter((_, index) => found[index]?.stamp !== undefined && !found[index].live);
          for (const key of over) transaction.delete(at(own, key));
          return over.length > 0 ? commit(over.length) : 0;
        });
      }
      // What was seen is removed or lives again: there is no place to go on from but the beginning.
      return { removed, cursor: entities.length < limit ? undefined : "more" };
    },
  };
  const { subject: owner } = names;
  if (owner !== null) {
    // A large answer comes in several parts, each from a moment of its own.
    store.listBySubject = (subject) =>
      untilNothingNew(subject, async function* () {
        const own = await connect();
        const theirs = query(own, { name: owner, op: "=", val: encodeText(subject) });
        const [entities] = await own.runQuery(theirs, strongly);
        yield* rowsOf(own, entities);
      });
  }
  return store;
}

/** What is under a key. */
interface Found {
  readonly values: DatastoreEntity | undefined;
  readonly stamp: string | undefined;
  readonly live: boolean;
}

/** Not by its name: the types of this file are to be had where there is no Node. */
const NodeBuffer = (globalThis as { Buffer?: { from(bytes: Uint8Array): Uint8Array } }).Buffer;

const known = { client: true, kind: true, namespace: true, properties: true, now: true } as const;

/** Whole entities are read before they are removed. */
const pruneSize = 25;

const alreadyExists = 6;

function nameOf(own: DatastoreClient, one: DatastoreEntity): string | undefined {
  return (one[own.KEY] as DatastoreKey | undefined)?.name;
}
