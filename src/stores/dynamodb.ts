/** Sessions in DynamoDB, through the client you already have. One strongly consistent read, conditional writes, one table. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { ListedRecord, Store, StoreCapabilities, StoredRecord, StoreRecord } from "../core/contracts/store.ts";
import { bareDynamodbStore, checkLayout, type DynamodbLayout } from "./dynamodb/bare.ts";
import {
  type Condition,
  clientOf,
  type DynamodbClient,
  type FoundItem,
  type Item,
  type Value,
  type Write,
} from "./dynamodb/client.ts";
import { expressionsOf, number } from "./dynamodb/expressions.ts";
import {
  dayOf,
  type Encoded,
  instantOf,
  itemsOf,
  namesOf,
  type State,
  session,
  startOf,
  stateOf,
  versionOf,
} from "./dynamodb/items.ts";
import { itemsAt, itemsBy } from "./dynamodb/reads.ts";
import { type DynamodbTableOptions, setUp, tableInputs, tableOf } from "./dynamodb/table.ts";
import { write } from "./dynamodb/writes.ts";
import { lazily } from "./shared/lazy.ts";
import { recordsOf } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { isTooLarge, refuseTooLarge, tooLarge } from "./shared/size.ts";

export type { DynamodbLayout } from "./dynamodb/bare.ts";
export type { DynamodbClient } from "./dynamodb/client.ts";
export type { DynamodbAttributes } from "./dynamodb/items.ts";
export { type DynamodbTable, type DynamodbTableOptions, dynamodbTable } from "./dynamodb/table.ts";

/** What `dynamodbStore` takes. */
export interface DynamodbStoreOptions extends DynamodbTableOptions {
  /**
   * Your client: a `DynamoDB` of `@aws-sdk/client-dynamodb` 3, which is a `DynamoDBClient` with a method for every
   * operation and does wherever one is wanted. Or an object with the methods that {@link DynamodbClient} names. Or a
   * function that returns one, or a promise of one: it is called once, when the store is first used. The store never
   * configures or destroys it.
   */
  readonly client: DynamodbClient | (() => DynamodbClient | Promise<DynamodbClient>);
  /**
   * What the partition keys of all items start with, at most 500 characters. Default none. Applications that share a
   * table need prefixes of which none begins with another.
   */
  readonly prefix?: string | undefined;
  /**
   * How another program keeps its sessions in DynamoDB, to share them with it: `flaskDynamodb()` of
   * `sojourn/flask`. It names the table and its attributes, so `table`, `attributes` and `prefix` are not
   * given then. Such items have no room for a subject, so there is no `listBySubject`. Default: this store's own layout.
   */
  readonly layout?: DynamodbLayout | undefined;
  /** The present in epoch milliseconds, which decides when a session has ended. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in a table of DynamoDB.
 *
 * Reading is one strongly consistent `GetItem`, every write one request with a condition: an item, or a transaction
 * where the index of a subject changes with it. DynamoDB removes what has ended; until it does, the store does not see
 * it. The table has to be there: call `await store.setup()` when you deploy, or use what {@link dynamodbTable} returns.
 * Errors of the client reject as they are.
 *
 * @throws TypeError when `client` is none of those it takes, or another option is wrong.
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
    checkLayout(layout);
    for (const name of ["table", "attributes", "prefix"] as const) {
      if (options[name] !== undefined) throw wrongArgument(name, "left out with a layout", options[name]);
    }
    return bareDynamodbStore({ connect, layout, now, most: capabilities.maxPayloadBytes });
  }
  const TableName = tableOf(options.table);
  const names = namesOf(options.attributes);
  const items = itemsOf(names, prefix);
  const { words, when } = expressionsOf(names, now);
  const isFree = (): ReturnType<typeof when> => when("attribute_not_exists(#partition) OR #expiresAt <= :now");
  const stands = ({ stamp }: State): ReturnType<typeof when> =>
    when("#version = :was AND #expiresAt > :now", { ":was": { S: stamp } });
  const put = (item: Item, condition: Condition = {}): Write => ({ Put: { TableName, Item: item, ...condition } });
  const remove = (Key: Item, condition: Condition = {}): Write => ({ Delete: { TableName, Key, ...condition } });
  const joins = async (subject: string, key: string, day: number): Promise<Write> =>
    put(await items.entry(subject, key, { day }));

  const encode = (key: string, record: StoreRecord): Encoded => {
    refuseTooLarge(record.payload, capabilities.maxPayloadBytes, "DynamoDB");
    return items.encode(key, record);
  };
  /** Does all of it, or nothing. A client that lost the answer sends the same again: what is there already is a success. */
  const done = async (writes: readonly Write[], { stamp }: State, { payload }: StoreRecord): Promise<boolean> => {
    const inTheWay = await write(await connect(), writes).catch((error) => {
      throw isTooLarge(error) ? tooLarge(payload, "DynamoDB keeps less in one item") : error;
    });
    return inTheWay === undefined || inTheWay.some((item) => item[names.version]?.S === stamp);
  };
  const isLive = ({ expiresAt }: { expiresAt: number }): boolean => expiresAt > now();
  const recordIn = (item: FoundItem | undefined): ListedRecord | null => {
    const record = item && items.decode(item);
    return record && isLive(record) ? record : null;
  };
  const readMany = async (keys: string[]): Promise<(StoredRecord | null)[]> => {
    const records = (await itemsAt(await connect(), TableName, keys.map(items.key))).map(recordIn);
    return keys.map((key) => withoutKey(records.find((record) => record?.key === key)));
  };

  const store: Store = {
    name: "dynamodb",
    space: options.table === undefined && options.prefix === undefined ? "common" : "own",
    capabilities,

    async read(key) {
      const connection = await connect();
      const { Item: item } = await connection.getItem({ TableName, Key: items.key(key), ConsistentRead: true });
      return withoutKey(recordIn(item));
    },

    async create(key, record) {
      const next = encode(key, record);
      if (!isLive(next)) return (await store.read(key)) ? null : versionOf(next);
      const writes = [put(next.item, isFree())];
      if (next.subject !== undefined) writes.push(await joins(next.subject, key, next.day));
      return (await done(writes, next, record)) ? versionOf(next) : null;
    },

    async update(key, record, version) {
      const was = stateOf(version as string);
      const next = encode(key, record);
      const stays = isLive(next);
      const writes = [stays ? put(next.item, stands(was)) : remove(items.key(key), stands(was))];
      const same = stays && next.subject === was.subject;
      if (stays && next.subject !== undefined && !(same && next.day <= was.day)) {
        writes.push(await joins(next.subject, key, next.day));
      }
      if (was.subject !== undefined && !same) writes.push(remove(await items.entryKey(was.subject, key)));
      return (await done(writes, next, record)) ? versionOf(next) : null;
    },

    async touch(key, expiresAt) {
      const at = instantOf(expiresAt);
      const Key = items.key(key);
      const UpdateExpression = "SET #expiresAt = :later, #ttl = :ttl";
      const { expiresAt: later, ttl } = items.expiry(at);
      const prolong = (rule: string, value: Item): Write => {
        const text = `#expiresAt > :now AND #expiresAt < :later AND ${rule}`;
        const condition = when(text, { ":later": later, ":ttl": ttl, ...value }, UpdateExpression);
        return { Update: { TableName, Key, UpdateExpression, ...condition } };
      };
      const day = { ":day": number(startOf(dayOf(at))) };
      for (let subject: string | undefined; ; ) {
        // The entry in the subject's index lasts to the end of the day after: within a day it needs no change.
        const writes =
          subject === undefined
            ? [prolong("(attribute_not_exists(#subject) OR #expiresAt >= :day)", day)]
            : [prolong("#subject = :subject", { ":subject": { S: subject } }), await joins(subject, key, dayOf(at))];
        const inTheWay = await write(await connect(), writes);
        if (inTheWay === undefined) return true;
        const record = recordIn(inTheWay[0]);
        if (!record || record.expiresAt >= at) return record !== null;
        subject = inTheWay[0]?.[names.subject]?.S;
      }
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const was = stateOf(version as string);
      const next = encode(to, record);
      const stays = isLive(next);
      const writes: Write[] = [
        stays ? put(next.item, isFree()) : { ConditionCheck: { TableName, Key: items.key(to), ...isFree() } },
        remove(items.key(from), stands(was)),
      ];
      if (stays && next.subject !== undefined) writes.push(await joins(next.subject, to, next.day));
      // Whoever lists right now may have passed the place of the new entry: the old one tells that something moved.
      if (was.subject !== undefined) {
        writes.push(put(await items.entry(was.subject, from, { instant: now() + moving })));
      }
      return (await done(writes, next, record)) ? versionOf(next) : null;
    },

    async delete(key, subject) {
      for (let owner = subject === undefined ? undefined : JSON.stringify(subject); ; ) {
        const own = "attribute_not_exists(#partition) OR #subject = :subject";
        const writes =
          owner === undefined
            ? [remove(items.key(key), when("attribute_not_exists(#subject)"))]
            : [
                remove(items.key(key), when(own, { ":subject": { S: owner } })),
                remove(await items.entryKey(owner, key)),
              ];
        const inTheWay = await write(await connect(), writes);
        if (inTheWay === undefined) return;
        owner = inTheWay[0]?.[names.subject]?.S;
      }
    },

    async *list() {
      const filter = "#sort = :session AND #expiresAt > :now";
      const FilterExpression = prefix === "" ? filter : `${filter} AND begins_with(#partition, :prefix)`;
      const values = { ":session": { S: session }, ":prefix": { S: prefix } };
      const input = { TableName, FilterExpression, ...words(FilterExpression, values) };
      for await (const item of itemsBy(await connect(), "scan", input)) {
        const record = recordIn(item);
        if (record) yield record;
      }
    },

    async *listBySubject(subject, answered) {
      const { [names.partition]: index } = await items.entryKey(JSON.stringify(subject), "any");
      const KeyConditionExpression = "#partition = :index";
      const FilterExpression = "#ttl > :seconds";
      const members = async (): Promise<string[]> => {
        const values = { ":index": index as Value, ":seconds": number(Math.floor(now() / 1000)) };
        const expression = words(`${KeyConditionExpression} ${FilterExpression}`, values);
        const input = { TableName, KeyConditionExpression, FilterExpression, ...expression };
        const keys: string[] = [];
        for await (const item of itemsBy(await connect(), "query", input, answered)) {
          keys.push(item[names.sort]?.S ?? "");
        }
        return keys;
      };
      yield* recordsOf({ subject, members, readMany, answered });
    },

    async setup() {
      await setUp(await connect(), tableInputs(TableName, names));
    },
  };
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
  shared: true,
  // An item has at most 409,600 octets. The rest is for the key, the subject and the names of the attributes.
  maxPayloadBytes: 400_000,
} as const satisfies StoreCapabilities;

/**
 * How long the old entry of a renamed record stays in its subject's index, in milliseconds: longer than the pages of one
 * listing can take. Each login leaves one, so it goes soon.
 */
const moving = 60_000;

function withoutKey(listed: ListedRecord | null | undefined): StoredRecord | null {
  if (!listed) return null;
  const { key: _, ...record } = listed;
  return record;
}
