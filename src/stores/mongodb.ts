/** Sessions in MongoDB, through the driver you already have: one document each, one operation to read, one to write. */

import { pruneOptions } from "../core/contracts/known.ts";
import type { ListedRecord, Store, StoreCapabilities, StoreRecord, Version } from "../core/contracts/store.ts";
import { collectionOf, type MongodbCollection, type MongodbDocument } from "./mongodb/collection.ts";
import { exactly, hasUniqueKey, makeIndexes } from "./mongodb/indexes.ts";
import {
  contentsOf,
  encode,
  endedBy,
  type Fields,
  fieldsOf,
  type MongodbLayout,
  newVersion,
  projectionOf,
  recordIn,
  stateOf,
} from "./mongodb/layout.ts";
import { lazily } from "./shared/lazy.ts";
import { countPrefix, lastWith, pageOptions, untilNothingNew } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { refuseTooLarge } from "./shared/size.ts";

export type { MongodbCollection, MongodbCursor, MongodbDocument } from "./mongodb/collection.ts";
export { mongodbSchema } from "./mongodb/indexes.ts";
export type { MongodbBeside, MongodbLayout, MongodbParts } from "./mongodb/layout.ts";

/** What `mongodbStore` takes. */
export interface MongodbStoreOptions {
  /**
   * The collection the sessions are in: a `Collection` of the official driver, `mongodb` 6 or 7. Or a function that
   * returns one, or a promise of one: it is called once, when the store is first used. The store never connects,
   * configures or closes its client. The store reads from the primary, even if the client has another read preference.
   */
  readonly collection: MongodbCollection | (() => MongodbCollection | Promise<MongodbCollection>);
  /**
   * Other names for the fields. Default `{ key, payload, expiresAt, subject, version }`, each named as it is. To share the
   * sessions of another program, its own: `flaskMongodb()` of `sojourn/flask`.
   */
  readonly layout?: MongodbLayout | undefined;
  /** The current time in epoch milliseconds, to compute how long a record lasts. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** A {@link Store} with all optional methods of the MongoDB store. */
export type MongodbStore = Store &
  Required<Pick<Store, "list" | "page" | "count" | "listBySubject" | "prune" | "setup">>;

/** The same with a layout that has no field for the subject: sessions cannot be found by that. */
export type MongodbBareStore = Store & Required<Pick<Store, "list" | "page" | "count" | "prune" | "setup">>;

type WithSubject = MongodbLayout & { readonly subject?: string | undefined };

/**
 * Keeps sessions in a collection of MongoDB 4.4 or later.
 *
 * The collection needs its indexes: call `await store.setup()` when you deploy, or run what `mongodbSchema`
 * prints. Without the unique one `create` rejects. MongoDB ends sessions by its own clock and removes them by a TTL
 * index. Errors of the driver are passed on unchanged.
 *
 * @throws TypeError when `collection` is not a collection, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { type MongodbCollection, mongodbStore } from "sojourn/stores/mongodb";
 *
 * export function sessionsIn(collection: MongodbCollection) {
 *   return createSessions({ store: mongodbStore({ collection }), idleTimeout: "30m" });
 * }
 * ```
 */
export function mongodbStore(
  options: MongodbStoreOptions & { readonly layout?: WithSubject | undefined },
): MongodbStore;
/** The same with a layout that has no field for the subject: without `listBySubject`. */
export function mongodbStore(options: MongodbStoreOptions): MongodbBareStore;
export function mongodbStore(options: MongodbStoreOptions): MongodbBareStore {
  checkOptions<MongodbStoreOptions>(
    "mongodbStore",
    options,
    { collection: true, layout: true, now: true },
    'mongodbStore({ collection: new MongoClient(url).db().collection("sessions") })',
  );
  const { collection, layout = {}, now = Date.now } = options;
  const fields = fieldsOf(layout);
  const connect = lazily(collection, collectionOf);
  const capabilities = capabilitiesFor(fields);
  const byKey = (key: string): MongodbDocument => ({ [fields.key]: key });
  const ended = endedBy(fields);
  const live = { $expr: { $not: [ended] } };
  const reading = { ...exactly, ...plainly, projection: projectionOf(fields) };

  const { subject: owner } = fields;

  /** In milliseconds, no further than a date reaches. */
  const timeLeft = (expiresAt: number): number => Math.ceil(Math.min(expiresAt, latest) - now());

  /** What a write sets, apart from the expiry; throws before anything is sent when it does not fit. */
  function prepare(
    record: StoreRecord,
    was?: Version,
  ): { readonly contents: MongodbDocument; readonly version: Version } {
    refuseTooLarge(record.payload, capabilities.maxPayloadBytes, "the MongoDB store");
    const version = newVersion(fields, record, was);
    return { contents: contentsOf(fields, record, version), version };
  }

  /** Worked out last, right before it is sent: the server adds it to its own time. */
  const fromNow = (expiresAt: number): MongodbDocument => ({ $add: ["$$NOW", timeLeft(expiresAt)] });

  async function* rowsOf(filter: MongodbDocument): AsyncIterable<ListedRecord> {
    // Ended ones are sorted out here: a query for the time could be answered by the index on it, in which sessions move.
    for await (const document of (await connect()).find(filter, reading)) {
      const [key, record] = [document[fields.key], recordIn(fields, document, now())];
      if (record && typeof key === "string") yield { ...record, key };
    }
  }

  /** Nothing where another document has the key. A unique index of the application's is another matter. */
  function ifTaken(error: unknown): undefined {
    const { code, keyPattern } = error as { code?: unknown; keyPattern?: MongodbDocument };
    if (code !== 11000 || (keyPattern && !(fields.key in keyPattern))) throw error;
  }

  let indexed: Promise<void> | undefined;
  /** Two requests could create one key without the unique index, so the store has to look. */
  function checkIndex(): Promise<void> {
    indexed ??= Promise.resolve(connect())
      .then((own) => hasUniqueKey(own, fields))
      .then((there) => {
        if (there) return;
        throw new Error(
          `The collection has no unique index on "${fields.key}". Call setup() of the MongoDB store when you deploy.`,
        );
      });
    indexed.catch(() => {
      indexed = undefined;
    });
    return indexed;
  }

  /** The name of a document cannot change: the new one first, then the old one goes if it is as it was. */
  async function moveTo(from: string, to: string, record: StoreRecord, version: Version): Promise<Version | null> {
    const made = await store.create(to, record);
    if (made === null) return null;
    const own = await connect();
    const { deletedCount } = await own.deleteOne({ ...byKey(from), ...stateOf(fields, version), ...live }, exactly);
    if (deletedCount > 0) return made;
    await own.deleteOne(byKey(to), exactly);
    return null;
  }

  const store: MongodbBareStore = {
    name: "mongodb",
    space: "own",
    foreign: fields.version === null ? "" : undefined,
    capabilities,
    async read(key) {
      return recordIn(fields, await (await connect()).findOne(byKey(key), reading), now());
    },
    async create(key, record) {
      const { contents, version } = prepare(record);
      await checkIndex();
      const own = await connect();
      const name = { _id: "$_id", [fields.key]: { $literal: key } };
      const replacement = { ...name, ...contents, [fields.expiresAt]: fromNow(record.expiresAt) };
      const pipeline = [{ $replaceWith: { $cond: [ended, replacement, "$$ROOT"] } }];
      const result = await own.updateOne(byKey(key), pipeline, { ...exactly, upsert: true }).catch(ifTaken);
      return result && result.upsertedCount + result.modifiedCount > 0 ? version : null;
    },
    async update(key, record, version) {
      const next = prepare(record, version);
      const own = await connect();
      const filter = { ...byKey(key), ...stateOf(fields, version), ...live };
      const pipeline = [{ $set: { ...next.contents, [fields.expiresAt]: fromNow(record.expiresAt) } }];
      const { matchedCount } = await own.updateOne(filter, pipeline, exactly);
      return matchedCount > 0 ? next.version : null;
    },
    async touch(key, expiresAt) {
      const own = await connect();
      const later = { $max: [`$${fields.expiresAt}`, fromNow(expiresAt)] };
      const pipeline = [{ $set: { [fields.expiresAt]: later } }];
      const { matchedCount } = await own.updateOne({ ...byKey(key), ...live }, pipeline, exactly);
      return matchedCount > 0;
    },
    async rename(from, to, record, version) {
      if (from === to) return null;
      if (fields.key === "_id") return moveTo(from, to, record, version);
      const next = prepare(record);
      const own = await connect();
      const filter = { ...byKey(from), ...stateOf(fields, version), ...live };
      for (;;) {
        const contents = { ...next.contents, [fields.expiresAt]: fromNow(record.expiresAt) };
        const pipeline = [{ $set: { [fields.key]: { $literal: to }, ...contents } }];
        const result = await own.updateOne(filter, pipeline, exactly).catch(ifTaken);
        if (result) return result.matchedCount > 0 ? next.version : null;
        // One that has ended is in the way until it is removed.
        const { deletedCount } = await own.deleteOne({ ...byKey(to), $expr: ended }, exactly);
        if (deletedCount === 0 && (await own.findOne(byKey(to), reading))) return null;
      }
    },
    async delete(key) {
      await (await connect()).deleteOne(byKey(key), exactly);
    },
    list: () => rowsOf({}),
    async page(options) {
      const { limit, cursor, subject, prefix } = pageOptions(options, owner !== null);
      const filter = {
        [fields.key]: { $gt: cursor ?? prefix, $lte: lastWith(prefix) },
        ...(owner !== null && subject !== undefined && { [owner]: encode(subject) }),
      };
      const rows: ListedRecord[] = [];
      let [last, seen] = ["", 0];
      const found = (await connect()).find(filter, { ...reading, sort: { [fields.key]: 1 }, limit: limit + 1 });
      for await (const document of found) {
        seen += 1;
        if (seen > limit) return { records: rows, cursor: last };
        last = String(document[fields.key]);
        const record = recordIn(fields, document, now());
        if (record) rows.push({ ...record, key: last });
      }
      return { records: rows, cursor: undefined };
    },
    async count(options) {
      const prefix = countPrefix(options);
      const own = await connect();
      const within = prefix === "" ? {} : { [fields.key]: { $gt: prefix, $lte: lastWith(prefix) } };
      const filter = { ...within, ...live };
      if (own.countDocuments) return { count: await own.countDocuments(filter, exactly), estimate: false };
      let count = 0;
      for await (const _ of own.find(filter, { ...exactly, projection: { _id: 1 } })) count += 1;
      return { count, estimate: false };
    },
    async prune(options) {
      const { limit } = pruneOptions(options);
      const own = await connect();
      const filter = { [fields.expiresAt]: { $type: "date" }, $expr: ended };
      const ids: unknown[] = [];
      for await (const { _id } of own.find(filter, { ...exactly, projection: { _id: 1 }, limit })) ids.push(_id);
      if (ids.length === 0) return { removed: 0, cursor: undefined };
      const { deletedCount } = await own.deleteMany({ _id: { $in: ids }, $expr: ended }, exactly);
      // What was seen is removed or lives again: there is no place to go on from but the beginning.
      return { removed: deletedCount, cursor: ids.length < limit ? undefined : "more" };
    },
    examine: async () => (await import("./mongodb/examine.ts")).examine(await connect(), fields, now),
    async setup() {
      await makeIndexes(await connect(), fields);
    },
  };
  if (owner !== null) {
    // Each shard of a cluster answers from a moment of its own.
    store.listBySubject = (subject) => untilNothingNew(subject, () => rowsOf({ [owner]: encode(subject) }));
  }
  return store;
}

function capabilitiesFor(fields: Fields): StoreCapabilities {
  return {
    compareAndSwap: "atomic",
    nativeExpiry: true,
    expiryGranularity: 1,
    clock: "server",
    atomicRename: fields.key !== "_id",
    list: true,
    bySubject: fields.subject !== null,
    pages: true,
    count: "exact",
    shared: true,
    // A document has 16 MiB, and so has an update; without a version it holds the old payload and the new one.
    maxPayloadBytes: fields.version === null ? 8_000_000 : 16_000_000,
  };
}

/** Reads from the primary, and returns values as the driver does by default, whatever the client's options. */
const plainly: MongodbDocument = {
  readPreference: "primary",
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: true,
  useBigInt64: false,
  raw: false,
};

/** The last instant of a date in JavaScript. */
const latest = 8_640_000_000_000_000;
