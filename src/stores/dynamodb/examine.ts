/** Looks at how the table is set up for sessions: its keys and its time to live. Changes nothing. */

import type { Finding } from "../../core/contracts/store.ts";
import { asked, fault, good } from "../shared/findings.ts";
import type { DynamodbClient } from "./client.ts";
import type { DynamodbTable } from "./table.ts";

const cure = "sojourn setup, or what dynamodbTable() answers in your infrastructure";

/** What there is to say. */
export async function examine(
  client: DynamodbClient,
  { createTable, updateTimeToLive }: DynamodbTable,
): Promise<Finding[]> {
  const { TableName, KeySchema } = createTable;
  const table = await asked("table", async () => {
    const { Table } = (await client.describeTable?.({ TableName })) ?? {};
    if (!Table) throw new Error("the client has no describeTable");
    const keys = (Table.KeySchema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`).join(", ");
    const wanted = KeySchema.map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`).join(", ");
    if (keys !== wanted)
      return [fault("table", `its keys are ${keys}; the store needs ${wanted}`, "Name another table")];
    return [good("table", `${Table.TableStatus}, about ${(Table.ItemCount ?? 0).toLocaleString("en-US")} items`)];
  });
  const ttl = await asked("time to live", async () => {
    const { TimeToLiveDescription } = (await client.describeTimeToLive?.({ TableName })) ?? {};
    const { TimeToLiveStatus = "DISABLED", AttributeName } = TimeToLiveDescription ?? {};
    const wanted = updateTimeToLive.TimeToLiveSpecification.AttributeName;
    if (!TimeToLiveStatus.startsWith("ENABL"))
      return [fault("time to live", "off: sessions that have ended stay for ever", cure)];
    if (AttributeName === wanted) return [good("time to live", `on ${wanted}`)];
    return [fault("time to live", `on ${AttributeName}; the store needs it on ${wanted}`, cure)];
  });
  return [...table, ...ttl];
}
