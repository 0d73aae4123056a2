/** The DynamoDB client by shape: the methods the store calls, and what it needs of their inputs and outputs. */

import { received } from "../../core/contracts/errors.ts";

/** A value as the store sends it. */
export type Value = { S: string } | { N: string } | { B: Uint8Array } | { L: Value[] };

/** A value as DynamoDB gives it back. */
export interface FoundValue {
  readonly S?: string | undefined;
  readonly N?: string | undefined;
  readonly B?: Uint8Array | undefined;
  readonly L?: readonly FoundValue[] | undefined;
}

/** An item, or a part of one, as the store sends it. */
export type Item = Record<string, Value>;
/** An item as DynamoDB gives it back. */
export type FoundItem = Readonly<Record<string, FoundValue>>;

/** An expression's names and values. */
export interface Expression {
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
}

/** A condition that must hold for a write. */
export interface Condition extends Expression {
  readonly ConditionExpression?: string;
  readonly ReturnValuesOnConditionCheckFailure?: "ALL_OLD";
}

/** Writes a whole item. */
export interface PutInput extends Condition {
  readonly TableName: string;
  readonly Item: Item;
}

/** Removes an item. */
export interface DeleteInput extends Condition {
  readonly TableName: string;
  readonly Key: Item;
}

/** Looks at an item in a transaction. */
export interface CheckInput extends DeleteInput {
  readonly ConditionExpression: string;
}

/** Changes attributes of an item. */
export interface UpdateInput extends DeleteInput {
  readonly UpdateExpression: string;
}

/** One part of a transaction. */
export type Write =
  | { readonly Put: PutInput }
  | { readonly Update: UpdateInput }
  | { readonly Delete: DeleteInput }
  | { readonly ConditionCheck: CheckInput };

/** Reads many items that belong together, or all there are. */
export interface PageInput extends Expression {
  readonly TableName: string;
  readonly ConsistentRead: boolean;
  readonly KeyConditionExpression?: string;
  readonly FilterExpression?: string;
  readonly ProjectionExpression?: string;
  /** How many items to look at. */
  readonly Limit?: number;
  readonly Select?: "COUNT";
  /** As the answer before said it. */
  readonly ExclusiveStartKey?: never;
}

/** What `query` and `scan` answer. */
export interface PageOutput {
  readonly Items?: readonly FoundItem[] | undefined;
  readonly Count?: number | undefined;
  /** How many items were looked at. */
  readonly ScannedCount?: number | undefined;
  readonly LastEvaluatedKey?: unknown;
}

/** What creates the table: the input of `CreateTable`. */
export interface TableInput {
  readonly TableName: string;
  readonly BillingMode: "PAY_PER_REQUEST";
  readonly AttributeDefinitions: { readonly AttributeName: string; readonly AttributeType: "S" }[];
  readonly KeySchema: { readonly AttributeName: string; readonly KeyType: "HASH" | "RANGE" }[];
}

/** What lets DynamoDB remove what has ended: the input of `UpdateTimeToLive`. */
export interface TimeToLiveInput {
  readonly TableName: string;
  readonly TimeToLiveSpecification: { readonly AttributeName: string; readonly Enabled: true };
}

interface TableName {
  readonly TableName: string;
}

/**
 * A `DynamoDB` of `@aws-sdk/client-dynamodb` 3, or anything with these of its methods. A `DynamoDBClient` has none of
 * them: a `DynamoDB` is one that has, and does wherever a `DynamoDBClient` is wanted.
 */
export interface DynamodbClient {
  getItem(input: TableName & { Key: Item; ConsistentRead: boolean }): Promise<{ Item?: FoundItem | undefined }>;
  putItem(input: PutInput): Promise<unknown>;
  updateItem(input: UpdateInput): Promise<unknown>;
  deleteItem(input: DeleteInput): Promise<unknown>;
  transactWriteItems(input: { TransactItems: Write[] }): Promise<unknown>;
  batchGetItem(input: { RequestItems: Record<string, { Keys: Item[]; ConsistentRead: boolean }> }): Promise<{
    Responses?: Readonly<Record<string, readonly FoundItem[]>> | undefined;
    UnprocessedKeys?: unknown;
  }>;
  query(input: PageInput): Promise<PageOutput>;
  scan(input: PageInput): Promise<PageOutput>;
  /** For `setup()`, and `describeTable` for `count()` of a large table; the others from here for `setup()` only. */
  createTable?(input: TableInput): Promise<unknown>;
  describeTable?(input: TableName): Promise<{ readonly Table?: FoundTable | undefined }>;
  describeTimeToLive?(input: TableName): Promise<{ readonly TimeToLiveDescription?: FoundTimeToLive | undefined }>;
  updateTimeToLive?(input: TimeToLiveInput): Promise<unknown>;
}

interface FoundTable {
  readonly TableStatus?: string | undefined;
  readonly ItemCount?: number | undefined;
  readonly KeySchema?:
    | readonly { readonly AttributeName?: string | undefined; readonly KeyType?: string | undefined }[]
    | undefined;
}

interface FoundTimeToLive {
  readonly TimeToLiveStatus?: string | undefined;
  readonly AttributeName?: string | undefined;
}

const methods = [
  "getItem",
  "putItem",
  "updateItem",
  "deleteItem",
  "transactWriteItems",
  "batchGetItem",
  "query",
  "scan",
] as const;

/** The client, if it has the methods; a `TypeError` that says what to pass otherwise. */
export function clientOf(client: unknown): DynamodbClient {
  const given = client as Partial<Record<string, unknown>> | null | undefined;
  const has = (method: string): boolean => typeof given?.[method] === "function";
  // The clients of aws-sdk 2 have the methods, and answer something that is no promise.
  if (methods.every(has) && !has("makeRequest")) return client as DynamodbClient;
  const why = has("makeRequest")
    ? "received a client of aws-sdk 2"
    : has("send")
      ? `${received(client)}, which has no methods for the operations`
      : received(client);
  throw new TypeError(
    `client must be a DynamoDB of @aws-sdk/client-dynamodb 3 (a DynamoDBClient that has the methods), an object with ` +
      `its methods ${methods.join(", ")}, or a function that returns one; ${why}`,
  );
}
