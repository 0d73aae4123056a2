/** Sessions in DynamoDB, through the client you already have. One strongly consistent read, conditional writes, one table. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { ListedRecord, Store, StoreCapabilities, StoreRecord, Version } from "../core/contracts/store.ts";
import { bareRecords, type DynamodbLayout } from "./dynamodb/bare.ts";
import {
  type Condition,
  clientOf,
  type DynamodbClient,
  type FoundItem,
  type Item,
  type Write,
} from "./dynamodb/client.ts";
import { number } from "./dynamodb/expressions.ts";
import { dayOf, type Encoded, ownRecords, type SubjectIndex, startOf, stateOf } from "./dynamodb/items.ts";
import { listingOf, withoutKey } from "./dynamodb/listing.ts";
import { namesOf } from "./dynamodb/names.ts";
import { countItems } from "./dynamodb/reads.ts";
import { type DynamodbTableOptions, setUp, tableOf } from "./dynamodb/table.ts";
import { write } from "./dynamodb/writes.ts";
import { lazily } from "./shared/lazy.ts";
import { countPrefix, everyPage } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { isTooLarge, refuseTooLarge, tooLarge } from "./shared/size.ts";

export type { DynamodbLayout } from "./dynamodb/bare.ts";
export type { DynamodbClient } from "./dynamodb/client.ts";
export type { DynamodbAttributes } from "./dynamodb/names.ts";
export { type DynamodbTable, type DynamodbTableOptions, dynamodbTable } from "./dynamodb/table.ts";

/** What `dynamodbStore` takes. */
export interface DynamodbStoreOptions extends DynamodbTableOptions {
  /**
   * Your client: a `DynamoDB` of `@aws-sdk/client-dynamodb` 3, which is a `DynamoDBClient` with a method for every
   * operation, so you can use it wherever a `DynamoDBClient` is needed. Or an object with the methods that {@link
   * DynamodbClient} names. Or a function that returns one, or a promise of one: it is called once, when the store is
   * first used. The store never configures or destroys it.
   */
  readonly client: DynamodbClient | (() => DynamodbClient | Promise<DynamodbClient>);
  /**
   * The prefix of all partition keys, at most 500 characters. Default none. If several applications
   * share a table, no prefix may be the beginning of another one.
   */
  readonly prefix?: string | undefined;
  /**
   * The layout of another program, to share its sessions in DynamoDB: `flaskDynamodb()` of `sojourn/flask`. It names the
   * table and its attributes, so do not pass `table`, `attributes` or `prefix`. Its items have no room for a subject, so
   * there is no `listBySubject`. Default: this store's own layout.
   */
  readonly layout?: DynamodbLayout | undefined;
  /** The current time in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in a table of DynamoDB.
 *
 * A read is one strongly consistent `GetItem`. A write is one conditional request: for one item, or a transaction if
 * the index of a subject changes too. DynamoDB removes ended sessions; until then, the store ignores them. The table
 * must exist: call `await store.setup()` when you deploy, or use what {@link dynamodbTable} returns. Errors of the
 * client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { dynamodbStore, type DynamodbClient } from "sojourn/stores/dynamodb";
 *
 * export function sessionsIn(client: DynamodbClient) {
 *   return createSessions({ name: "shop", store: dynamodbStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function dynamodbStore(options: DynamodbStoreOptions): Store {
  checkOptions<DynamodbStoreOptions>("dynamodbStore", options, known, "dynamodbStore({ client: new DynamoDB({}) })");
  const { client, layout, prefix = "", now = Date.now } = options;
  if (typeof prefix !== "string" || prefix.length > 500) {
    throw wrongArgument("prefix", "text of at most 500 characters", prefix);
  }
  const connect = lazily(client, clientOf);
  if (layout !== undefined) {
    for (const name of ["table", "attributes", "prefix"] as const) {
      if (options[name] !== undefined) throw wrongArgument(name, "left out with a layout", options[name]);
    }
  }
  const records = layout
    ? bareRecords(layout, now)
    : ownRecords(tableOf(options.table), namesOf(options.attributes), prefix, now);
  const { index, table } = records;
  const { TableName } = table.createTable;
  const { when } = records.expressions;
  const isFree = (): ReturnType<typeof when> => when(records.free);
  const stands = (version: Version): ReturnType<typeof when> => when(...records.stands(version));
  const put = (item: Item, condition: Condition = {}): Write => ({ Put: { TableName, Item: item, ...condition } });
  const remove = (Key: Item, condition: Condition = {}): Write => ({ Delete: { TableName, Key, ...condition } });
  const joins = async (own: SubjectIndex, subject: string, key: string, day: number): Promise<Write> =>
    put(await own.entry(subject, key, { day }));
  const replace = (Key: Item, next: Encoded, version: Version): Write => {
    if (!records.change) return put(next.item, stands(version));
    const [UpdateExpression, values] = records.change(next);
    const [text, was] = records.stands(version);
    return { Update: { TableName, Key, UpdateExpression, ...when(text, { ...was, ...values }, UpdateExpression) } };
  };

  const encode = (key: string, record: StoreRecord): Encoded => {
    refuseTooLarge(record.payload, capabilities.maxPayloadBytes, "DynamoDB");
    return records.encode(key, record);
  };
  /** Does all of it, or nothing. A client that lost the answer sends the same again: what is there already is a success. */
  const done = async (writes: readonly Write[], next: Encoded, { payload }: StoreRecord): Promise<Version | null> => {
    const inTheWay = await write(await connect(), writes).catch((error) => {
      throw isTooLarge(error) ? tooLarge(payload, "DynamoDB keeps less in one item") : error;
    });
    const isDone = inTheWay === undefined || inTheWay.some((item) => records.isWritten(item, next));
    return isDone ? next.version : null;
  };
  const isLive = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now();
  const recordIn = (item: FoundItem | undefined): ListedRecord | null => {
    const record = item ? records.decode(item) : null;
    return record && isLive(record) ? record : null;
  };

  const listing = listingOf(records, connect, recordIn, now);

  const store: Store = {
    name: "dynamodb",
    space: !layout && options.table === undefined && options.prefix === undefined ? "common" : "own",
    foreign: layout && (layout.keyPrefix ?? ""),
    capabilities: layout ? { ...capabilities, expiryGranularity: 1000, bySubject: false } : capabilities,

    async read(key) {
      const connection = await connect();
      const { Item: item } = await connection.getItem({ TableName, Key: records.key(key), ConsistentRead: true });
      return withoutKey(recordIn(item));
    },

    async create(key, record) {
      const next = encode(key, record);
      if (!isLive(next)) return (await store.read(key)) ? null : next.version;
      const writes = [put(next.item, isFree())];
      if (index && next.subject !== undefined) writes.push(await joins(index, next.subject, key, next.day));
      return done(writes, next, record);
    },

    async update(key, record, version) {
      const next = encode(key, record);
      const stays = isLive(next);
      const Key = records.key(key);
      const writes = [stays ? replace(Key, next, version) : remove(Key, stands(version))];
      if (index) {
        const was = stateOf(version);
        const same = stays && next.subject === was.subject;
        if (stays && next.subject !== undefined && !(same && next.day <= was.day)) {
          writes.push(await joins(index, next.subject, key, next.day));
        }
        if (was.subject !== undefined && !same) writes.push(remove(await index.entryKey(was.subject, key)));
      }
      return done(writes, next, record);
    },

    async touch(key, expiresAt) {
      const Key = records.key(key);
      const { set, at } = records.prolong(expiresAt);
      const [UpdateExpression, later] = set;
      const prolong = (rule: string, value: Item = {}): Write => {
        const text = `#expiresAt > :now AND #expiresAt < :later${rule}`;
        const condition = when(text, { ...later, ...value }, UpdateExpression);
        return { Update: { TableName, Key, UpdateExpression, ...condition } };
      };
      const day = { ":day": number(startOf(dayOf(at))) };
      for (let subject: string | undefined; ; ) {
        const writes = !index
          ? [prolong("")]
          : subject === undefined
            ? // The entry in the subject's index lasts to the end of the day after: within a day it needs no change.
              [prolong(" AND (attribute_not_exists(#subject) OR #expiresAt >= :day)", day)]
            : [
                prolong(" AND #subject = :subject", { ":subject": { S: subject } }),
                await joins(index, subject, key, dayOf(at)),
              ];
        const inTheWay = await write(await connect(), writes);
        if (inTheWay === undefined) return true;
        const record = recordIn(inTheWay[0]);
        if (!record || !index || record.expiresAt >= at) return record !== null;
        subject = index.subjectIn(inTheWay[0]);
      }
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const next = encode(to, record);
      const stays = isLive(next);
      const writes: Write[] = [
        stays ? put(next.item, isFree()) : { ConditionCheck: { TableName, Key: records.key(to), ...isFree() } },
        remove(records.key(from), stands(version)),
      ];
      if (index) {
        const was = stateOf(version);
        if (stays && next.subject !== undefined) writes.push(await joins(index, next.subject, to, next.day));
        // A listing in flight may have passed the place of the new entry: the old one tells it that something moved.
        if (was.subject !== undefined) {
          writes.push(put(await index.entry(was.subject, from, { instant: now() + moving })));
        }
      }
      return done(writes, next, record);
    },

    async delete(key, subject) {
      const Key = records.key(key);
      if (!index) {
        await write(await connect(), [remove(Key)]);
        return;
      }
      for (let owner = subject === undefined ? undefined : JSON.stringify(subject); ; ) {
        const own = "attribute_not_exists(#partition) OR #subject = :subject";
        const writes =
          owner === undefined
            ? [remove(Key, when("attribute_not_exists(#subject)"))]
            : [remove(Key, when(own, { ":subject": { S: owner } })), remove(await index.entryKey(owner, key))];
        const inTheWay = await write(await connect(), writes);
        if (inTheWay === undefined) return;
        owner = index.subjectIn(inTheWay[0]);
      }
    },

    list: () => everyPage(listing.page),
    page: listing.page,
    async count(options, answered) {
      return countItems(await connect(), listing.scanning(countPrefix(options)), answered);
    },

    examine: async () => (await import("./dynamodb/examine.ts")).examine(await connect(), table),

    async setup() {
      await setUp(await connect(), table);
    },
  };
  if (listing.bySubject) store.listBySubject = listing.bySubject;
  return store;
}

const known = { client: true, table: true, attributes: true, prefix: true, layout: true, now: true } as const;

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: true,
  pages: true,
  count: "estimate",
  shared: true,
  // An item has at most 409,600 bytes. The rest is for the key, the subject and the names of the attributes.
  maxPayloadBytes: 400_000,
} as const satisfies StoreCapabilities;

/**
 * How long the old entry of a renamed record stays in its subject's index, in milliseconds: longer than the pages of one
 * listing can take. Each login leaves one, so it goes soon.
 */
const moving = 60_000;
