/** Sessions of another program in DynamoDB: one item each under a partition key alone, the payload and the end in attributes of it. */

import { fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type {
  ListedRecord,
  Store,
  StoreCapabilities,
  StoredRecord,
  StoreRecord,
  Version,
} from "../../core/contracts/store.ts";
import type { Lazy } from "../shared/lazy.ts";
import { refuseTooLarge } from "../shared/size.ts";
import type { Condition, DynamodbClient, FoundItem, Item, Value, Write } from "./client.ts";
import { expressionsOf, number } from "./expressions.ts";
import { itemsBy } from "./reads.ts";
import { type DynamodbTable, setUp, tableInputsOf } from "./table.ts";
import { write } from "./writes.ts";

/** How another program keeps its sessions in DynamoDB. For Flask-Session it is `flaskDynamodb()` of `sojourn/flask`. */
export interface DynamodbLayout {
  /** A word for error messages: `"flask-session"`. */
  readonly name: string;
  /** The name or the ARN of the table. */
  readonly table: string;
  /** The attributes by what they hold. */
  readonly attributes: {
    /** Text: the table's partition key, and the only one. */
    readonly key: string;
    /** The encoded session, `B` or `S` as `payload` says. */
    readonly payload: string;
    /** A number: when the session ends, in epoch seconds. An item without it has no end. */
    readonly expiresAt: string;
  };
  /** Whether its format encodes sessions to text or to bytes. */
  readonly payload: "text" | "bytes";
  /** How its instants stand in the table, in epoch milliseconds, where that is not as they are. */
  readonly clock?: { stored(instant: number): number; instant(stored: number): number } | undefined;
}

/** Everything `dynamodbStore` takes, checked. */
export interface BareOptions {
  readonly connect: Lazy<DynamodbClient>;
  readonly layout: DynamodbLayout;
  readonly now: () => number;
  /** The most octets of a payload. */
  readonly most: number;
}

/** What makes the table of a layout. */
export function bareTable({ table, attributes }: DynamodbLayout): DynamodbTable {
  return tableInputsOf(table, [attributes.key], attributes.expiresAt);
}

/** A store over the items of another program. A version is the payload itself, which is what is compared: so that program takes part. */
export function bareDynamodbStore({ connect, layout, now, most }: BareOptions): Store {
  const { table: TableName, attributes: names } = layout;
  const { stored, instant } = layout.clock ?? asItIs;
  const { words, when } = expressionsOf({ ...names }, () => stored(now()) / 1000);
  const secondsOf = (expiresAt: number): number => seconds(stored(expiresAt));
  const keyOf = (key: string): Item => ({ [names.key]: { S: key } });
  const isText = layout.payload === "text";
  const attributeOf = (payload: string | Uint8Array): Value => {
    if (isText) return { S: typeof payload === "string" ? payload : fromUtf8(payload) };
    return { B: typeof payload === "string" ? utf8(payload) : payload.slice() };
  };
  const asItStood = (version: Version): Value =>
    typeof version === "string" ? { S: version } : { B: version as Uint8Array };
  const versionOf = (value: Value): Version => ("S" in value ? value.S : "B" in value ? value.B : "");
  const stands = (version: Version): Condition & { ConditionExpression: string } =>
    when(`#payload = :was AND ${live}`, { ":was": asItStood(version) });
  const isFree = (): Condition & { ConditionExpression: string } =>
    when("attribute_not_exists(#key) OR #expiresAt <= :now");

  const prepare = (record: StoreRecord): Prepared => {
    refuseTooLarge(record.payload, most, "DynamoDB");
    const payload = attributeOf(record.payload);
    const ends = secondsOf(record.expiresAt);
    return { payload, ends: number(ends), stays: instant(ends * 1000) > now(), version: versionOf(payload) };
  };
  const itemOf = (key: string, { payload, ends }: Prepared): Item => ({
    ...keyOf(key),
    [names.payload]: payload,
    [names.expiresAt]: ends,
  });
  const recordIn = (item: FoundItem | undefined): ListedRecord | null => {
    const key = item?.[names.key]?.S;
    const { S, B } = item?.[names.payload] ?? {};
    const payload = S ?? (B && new Uint8Array(B));
    const ends = item?.[names.expiresAt]?.N;
    const expiresAt = ends === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(instant(Number(ends) * 1000));
    if (key === undefined || payload === undefined || !(expiresAt > now())) return null;
    // Text where there should be bytes, or bytes for text, is what an older program wrote: it is compared as it stands.
    return { key, payload, expiresAt, version: payload };
  };
  const done = async (...writes: Write[]): Promise<boolean> => (await write(await connect(), writes)) === undefined;

  const read = async (key: string): Promise<StoredRecord | null> => {
    const { Item: item } = await (await connect()).getItem({ TableName, Key: keyOf(key), ConsistentRead: true });
    const record = recordIn(item);
    return record && { payload: record.payload, expiresAt: record.expiresAt, version: record.version };
  };

  return {
    name: "dynamodb",
    space: "own",
    capabilities: { ...capabilities, maxPayloadBytes: most },
    read,

    async create(key, record) {
      const next = prepare(record);
      if (!next.stays) return (await read(key)) ? null : next.version;
      return (await done({ Put: { TableName, Item: itemOf(key, next), ...isFree() } })) ? next.version : null;
    },

    async update(key, record, version) {
      const next = prepare(record);
      const Key = keyOf(key);
      if (!next.stays) return (await done({ Delete: { TableName, Key, ...stands(version) } })) ? next.version : null;
      const UpdateExpression = "SET #payload = :payload, #expiresAt = :ends";
      const values = { ":was": asItStood(version), ":payload": next.payload, ":ends": next.ends };
      const condition = when(`#payload = :was AND ${live}`, values, UpdateExpression);
      return (await done({ Update: { TableName, Key, UpdateExpression, ...condition } })) ? next.version : null;
    },

    async touch(key, expiresAt) {
      const UpdateExpression = "SET #expiresAt = :later";
      const values = { ":later": number(secondsOf(expiresAt)) };
      const condition = when("#expiresAt > :now AND #expiresAt < :later", values, UpdateExpression);
      const update = { TableName, Key: keyOf(key), UpdateExpression, ...condition };
      const inTheWay = await write(await connect(), [{ Update: update }]);
      return inTheWay === undefined || recordIn(inTheWay[0]) !== null;
    },

    async rename(from, to, record, version) {
      if (from === to) return null;
      const next = prepare(record);
      const there: Write = next.stays
        ? { Put: { TableName, Item: itemOf(to, next), ...isFree() } }
        : { ConditionCheck: { TableName, Key: keyOf(to), ...isFree() } };
      const gone = { Delete: { TableName, Key: keyOf(from), ...stands(version) } };
      return (await done(there, gone)) ? next.version : null;
    },

    async delete(key) {
      await (await connect()).deleteItem({ TableName, Key: keyOf(key) });
    },

    async *list() {
      const input = { TableName, FilterExpression: live, ...words(live) };
      for await (const item of itemsBy(await connect(), "scan", input)) {
        const record = recordIn(item);
        if (record) yield record;
      }
    },

    async setup() {
      await setUp(await connect(), bareTable(layout));
    },
  };
}

/** Throws a `TypeError` for what is no layout. */
export function checkLayout(layout: unknown): asserts layout is DynamodbLayout {
  const { name, table, attributes, payload } = (layout ?? {}) as Partial<DynamodbLayout>;
  const texts = [name, table, attributes?.key, attributes?.payload, attributes?.expiresAt];
  const fits = texts.every((text) => typeof text === "string" && text !== "");
  if (!fits || (payload !== "text" && payload !== "bytes"))
    throw wrongArgument("layout", "a layout such as flaskDynamodb()", layout);
}

const asItIs = { stored: (ms: number): number => ms, instant: (ms: number): number => ms };
const live = "attribute_exists(#key) AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now)";

interface Prepared {
  readonly payload: Value;
  readonly ends: Value;
  /** It has not ended yet. */
  readonly stays: boolean;
  readonly version: Version;
}

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1000,
  clock: "ours",
  atomicRename: true,
  list: true,
  bySubject: false,
  shared: true,
} as const satisfies Omit<StoreCapabilities, "maxPayloadBytes">;

/** Whole seconds, up to the last of the year 9999. */
function seconds(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt / 1000), 253_402_300_799));
}
