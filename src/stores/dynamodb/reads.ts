/** Reading more than one item: answer by answer until there is no more. Always strongly consistent. */

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
