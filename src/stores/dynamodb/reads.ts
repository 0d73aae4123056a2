/** Reading more than one item: answer by answer until there is no more. Always strongly consistent, except for counting. */

import { base64url, fromBase64url, fromUtf8, utf8 } from "../../core/bytes/bytes.ts";
import type { RecordCount } from "../../core/contracts/store.ts";
import { wrongCursor } from "../shared/listing.ts";
import type { DynamodbClient, FoundItem, Item, PageInput } from "./client.ts";

/** Every item of a query or of the table. `answered` is called after each page. */
export async function* itemsBy(
  client: DynamodbClient,
  operation: "query" | "scan",
  input: Omit<PageInput, "ConsistentRead">,
  answered?: () => void,
): AsyncIterable<FoundItem> {
  let start: unknown;
  do {
    const page = await client[operation]({
      ...input,
      ConsistentRead: true,
      ...(start !== undefined && { ExclusiveStartKey: start as never }),
    });
    answered?.();
    yield* page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

/** The items under up to a hundred keys, in any order. */
export async function itemsAt(client: DynamodbClient, table: string, keys: Item[]): Promise<FoundItem[]> {
  const found: FoundItem[] = [];
  let wanted: Parameters<DynamodbClient["batchGetItem"]>[0]["RequestItems"] = {
    [table]: { Keys: keys, ConsistentRead: true },
  };
  for (let pause = 10; Object.keys(wanted).length > 0; ) {
    const { Responses = {}, UnprocessedKeys = {} } = await client.batchGetItem({ RequestItems: wanted });
    const some = Object.values(Responses).flat();
    found.push(...some);
    wanted = UnprocessedKeys as typeof wanted;
    // An answer without items means that the table is busy.
    if (some.length === 0 && Object.keys(wanted).length > 0) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, 1000);
    }
  }
  return found;
}

/** How many items a scan looks at for each that a page wants, where records are few among other items. */
const mostLooked = 1000;
/** How many answers of a page may have nothing in them. */
const mostAnswers = 10;

/** Some items of a query or of the table, and where to go on: the primary key of the last one that was looked at. */
export async function pageOfItems(
  client: DynamodbClient,
  operation: "query" | "scan",
  input: Omit<PageInput, "ConsistentRead">,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly items: FoundItem[]; readonly cursor: string | undefined }> {
  const items: FoundItem[] = [];
  let start = cursor === undefined ? undefined : keyIn(cursor);
  let Limit = limit;
  for (let answers = 0; answers < mostAnswers && items.length < limit; answers++) {
    const { Items = [], LastEvaluatedKey } = await client[operation]({
      ...input,
      Limit,
      ConsistentRead: true,
      ...(start !== undefined && { ExclusiveStartKey: start as never }),
    });
    items.push(...Items);
    start = LastEvaluatedKey;
    if (start === undefined) return { items, cursor: undefined };
    Limit = Items.length === 0 ? Math.min(Limit * 4, mostLooked) : Math.max(limit - items.length, 1);
  }
  return { items, cursor: base64url(utf8(JSON.stringify(start))) };
}

/** The primary key in a cursor: one or two attributes that are text. */
function keyIn(cursor: string): unknown {
  try {
    const key: unknown = JSON.parse(fromUtf8(fromBase64url(cursor) as Uint8Array));
    const values = Object.values(Object(key) as Record<string, { S?: unknown } | null>);
    if (values.length > 0 && values.length < 3 && values.every((value) => typeof value?.S === "string")) return key;
  } catch {}
  throw wrongCursor();
}

/** How many answers `count` reads, of up to a megabyte each, before it estimates. */
const mostCounted = 20;

/** How many items fit; of a large table, as many as the part that was read lets expect. */
export async function countItems(
  client: DynamodbClient,
  input: Omit<PageInput, "ConsistentRead">,
  answered?: () => void,
): Promise<RecordCount> {
  let [count, looked] = [0, 0];
  let start: unknown;
  for (let answers = 0; answers < mostCounted; answers++) {
    const page = await client.scan({
      ...input,
      Select: "COUNT",
      ConsistentRead: false,
      ...(start !== undefined && { ExclusiveStartKey: start as never }),
    });
    answered?.();
    count += page.Count ?? 0;
    looked += page.ScannedCount ?? 0;
    start = page.LastEvaluatedKey;
    if (start === undefined) return { count, estimate: false };
  }
  // DynamoDB itself counts items every six hours.
  const { Table } = (await client.describeTable?.({ TableName: input.TableName })) ?? {};
  return { count: Math.round((count / looked) * Math.max(Table?.ItemCount ?? looked, looked)), estimate: true };
}
