/** Sessions of another program in DynamoDB: one item each under a partition key alone, the payload and the end in attributes of it. */

import { fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { Version } from "../../core/contracts/store.ts";
import type { Item, Value } from "./client.ts";
import { expressionsOf, number } from "./expressions.ts";
import type { DynamodbRecords } from "./items.ts";
import { tableInputsOf } from "./table.ts";

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
  /** The prefix that the other program puts before ids to form keys. Default nothing. */
  readonly keyPrefix?: string | undefined;
  /** Whether its format encodes sessions to text or to bytes. */
  readonly payload: "text" | "bytes";
  /** Converts its instants to and from what it stores, both in epoch milliseconds, if they differ. */
  readonly clock?: { stored(instant: number): number; instant(stored: number): number } | undefined;
}

/** Records as another program's items. A version is the payload itself, which is what is compared: so that program takes part. */
export function bareRecords(layout: DynamodbLayout, now: () => number): DynamodbRecords {
  checkLayout(layout);
  const { attributes: names } = layout;
  const { stored, instant } = layout.clock ?? asItIs;
  const ends = (expiresAt: number): number => seconds(stored(expiresAt));
  const isText = layout.payload === "text";
  const attributeOf = (payload: string | Uint8Array): Value => {
    if (isText) return { S: typeof payload === "string" ? payload : fromUtf8(payload) };
    return { B: typeof payload === "string" ? utf8(payload) : payload.slice() };
  };
  const asItStood = (version: Version): Value =>
    typeof version === "string" ? { S: version } : { B: version as Uint8Array };
  const key = (key: string): Item => ({ [names.key]: { S: key } });
  return {
    expressions: expressionsOf({ ...names }, () => stored(now()) / 1000),
    table: tableInputsOf(layout.table, [names.key], names.expiresAt),
    free: "attribute_not_exists(#key) OR #expiresAt <= :now",
    liveWith: (prefix) =>
      prefix === "" ? [live, {}] : [`${live} AND begins_with(#key, :prefix)`, { ":prefix": { S: prefix } }],
    key,
    encode(name, record) {
      const payload = attributeOf(record.payload);
      const until = ends(record.expiresAt);
      const item = { ...key(name), [names.payload]: payload, [names.expiresAt]: number(until) };
      const version = "S" in payload ? payload.S : "B" in payload ? payload.B : "";
      return { item, version, expiresAt: instant(until * 1000), subject: undefined, day: 0 };
    },
    decode(item) {
      const { S, B } = item[names.payload] ?? {};
      const payload = S ?? (B && new Uint8Array(B));
      const until = item[names.expiresAt]?.N;
      const expiresAt = until === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(instant(Number(until) * 1000));
      const name = item[names.key]?.S;
      // Text where there should be bytes, or bytes for text, is what an older program wrote: it is compared as it stands.
      return name === undefined || payload === undefined ? null : { key: name, payload, expiresAt, version: payload };
    },
    stands: (version) => [`#payload = :was AND ${live}`, { ":was": asItStood(version) }],
    // Others may come to the same payload by themselves.
    isWritten: () => false,
    prolong: (expiresAt) => ({
      at: expiresAt,
      set: ["SET #expiresAt = :later", { ":later": number(ends(expiresAt)) }],
    }),
    change: ({ item }) => [
      "SET #payload = :payload, #expiresAt = :ends",
      { ":payload": item[names.payload] as Value, ":ends": item[names.expiresAt] as Value },
    ],
    index: undefined,
  };
}

/** Throws a `TypeError` for what is no layout. */
function checkLayout(layout: unknown): asserts layout is DynamodbLayout {
  const { name, table, attributes, payload } = (layout ?? {}) as Partial<DynamodbLayout>;
  const texts = [name, table, attributes?.key, attributes?.payload, attributes?.expiresAt];
  const fits = texts.every((text) => typeof text === "string" && text !== "");
  if (!fits || (payload !== "text" && payload !== "bytes"))
    throw wrongArgument("layout", "a layout such as flaskDynamodb()", layout);
}

const asItIs = { stored: (ms: number): number => ms, instant: (ms: number): number => ms };
const live = "attribute_exists(#key) AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now)";

/** Whole seconds, up to the last of the year 9999. */
function seconds(expiresAt: number): number {
  return Math.max(0, Math.min(Math.ceil(expiresAt / 1000), 253_402_300_799));
}
