/** Sending writes with conditions: one as it is, several as one transaction. */

import type { DynamodbClient, FoundItem, Write } from "./client.ts";

/**
 * Does all of it or nothing. Answers nothing when it is done, and when a condition did not hold the items that were in
 * the way, as many as there are. Writes that meet a transaction on the same items are tried again, for about a
 * second. Every other failure rejects.
 */
export async function write(
  client: DynamodbClient,
  writes: readonly Write[],
): Promise<readonly FoundItem[] | undefined> {
  for (let pause = 5; ; pause *= 2) {
    try {
      await send(client, writes);
      return undefined;
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) return refusal;
      if (pause > 1000 || !isInTheWay(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}

function send(client: DynamodbClient, writes: readonly Write[]): Promise<unknown> {
  const [first] = writes;
  if (writes.length > 1 || first === undefined || "ConditionCheck" in first) {
    return client.transactWriteItems({ TransactItems: [...writes] });
  }
  if ("Put" in first) return client.putItem(first.Put);
  return "Update" in first ? client.updateItem(first.Update) : client.deleteItem(first.Delete);
}

/** The parts of the SDK's errors that are looked at. */
interface Failure {
  readonly name?: string;
  readonly Item?: FoundItem;
  readonly CancellationReasons?: readonly { readonly Code?: string; readonly Item?: FoundItem }[];
}

/** The items of the conditions that did not hold, or nothing when the failure is another one. */
function refusalOf(error: unknown): readonly FoundItem[] | undefined {
  const { name, Item, CancellationReasons = [] } = error as Failure;
  if (name === "ConditionalCheckFailedException") return Item ? [Item] : [];
  if (name !== "TransactionCanceledException") return undefined;
  const failed = CancellationReasons.filter((reason) => reason.Code === "ConditionalCheckFailed");
  return failed.length === 0 ? undefined : failed.flatMap((reason) => (reason.Item ? [reason.Item] : []));
}

const passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

function isInTheWay(error: unknown): boolean {
  const { name, CancellationReasons = [] } = error as Failure;
  if (name === "TransactionConflictException" || name === "TransactionInProgressException") return true;
  const codes = CancellationReasons.map((reason) => reason.Code ?? "None").filter((code) => code !== "None");
  return name === "TransactionCanceledException" && codes.length > 0 && codes.every((code) => passing.includes(code));
}
