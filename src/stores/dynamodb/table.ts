/** The table the DynamoDB store keeps records in, and making it. */

import { ticks } from "../../core/contracts/clock.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { setupIncomplete } from "../shared/setup.ts";
import type { DynamodbClient, TableInput, TimeToLiveInput } from "./client.ts";
import { type DynamodbAttributes, type Names, namesOf } from "./names.ts";

/** Which table, and what things are called in it. */
export interface DynamodbTableOptions {
  /** The name or the ARN of the table. Default `"sessions"`. */
  readonly table?: string | undefined;
  /** The names of the attributes. Default: see `DynamodbAttributes`. */
  readonly attributes?: DynamodbAttributes | undefined;
}

/** What makes the table: the inputs of two operations. */
export interface DynamodbTable {
  /** Of `CreateTable`. */
  readonly createTable: TableInput;
  /** Of `UpdateTimeToLive`, once the table is there. */
  readonly updateTimeToLive: TimeToLiveInput;
}

/** The name of the table, checked. */
export function tableOf(table: unknown = "sessions"): string {
  if (typeof table !== "string" || table === "") throw wrongArgument("table", "non-empty text", table);
  return table;
}

/** The inputs for one table of this store's own. */
export function tableInputs(table: string, { partition, sort, ttl }: Names): DynamodbTable {
  return tableInputsOf(table, [partition, sort], ttl);
}

/** The inputs for a table with a partition key, and perhaps a sort key. */
export function tableInputsOf(table: string, keys: readonly string[], ttl: string): DynamodbTable {
  return {
    createTable: {
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: keys.map((AttributeName, at) => ({ AttributeName, KeyType: at === 0 ? "HASH" : "RANGE" })),
    },
    updateTimeToLive: { TableName: table, TimeToLiveSpecification: { AttributeName: ttl, Enabled: true } },
  };
}

/**
 * The inputs of `CreateTable` and `UpdateTimeToLive`, to create the table yourself or by your infrastructure code.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { dynamodbTable } from "sojourn/stores/dynamodb";
 *
 * const { createTable, updateTimeToLive } = dynamodbTable({ table: "sessions" });
 * process.stdout.write(JSON.stringify([createTable, updateTimeToLive], null, 2));
 * ```
 */
export function dynamodbTable(options: DynamodbTableOptions = {}): DynamodbTable {
  checkKnown("dynamodbTable", options, ["table", "attributes"]);
  return tableInputs(tableOf(options.table), namesOf(options.attributes));
}

/** How long a new table may take to become active, in milliseconds. */
const patience = 300_000;

/** Creates the table and lets DynamoDB remove what has ended, as far as that is not done; looks first, which needs no right to do so. */
export async function setUp(client: DynamodbClient, { createTable, updateTimeToLive }: DynamodbTable): Promise<void> {
  const { TableName, KeySchema } = createTable;
  if (!client.createTable || !client.describeTable || !client.describeTimeToLive || !client.updateTimeToLive) {
    throw new TypeError("setup() needs createTable, describeTable, describeTimeToLive and updateTimeToLive of client");
  }
  const tableExists = await client.describeTable({ TableName }).then(
    () => true,
    (error: unknown) => {
      if ((error as Error).name !== "ResourceNotFoundException") throw error;
      return false;
    },
  );
  if (!tableExists) {
    await client.createTable(createTable).catch((error) => {
      if ((error as Error).name !== "ResourceInUseException") throw error; // Another process creates it.
    });
  }
  for (const limit = ticks() + patience; ; ) {
    const { Table } = await client.describeTable({ TableName });
    const has = (Table?.KeySchema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`);
    const wanted = KeySchema.map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`);
    if (has.join() !== wanted.join()) {
      throw new Error(
        `the DynamoDB table is there with the keys ${has.join(", ")}; the store needs ${wanted.join(", ")}`,
      );
    }
    if (Table?.TableStatus === "ACTIVE") break;
    if (ticks() > limit) throw new Error(`the DynamoDB table is ${Table?.TableStatus} after five minutes`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const isEnabled = async (): Promise<boolean> => {
    const { TimeToLiveDescription: found } = (await client.describeTimeToLive?.({ TableName })) ?? {};
    if (found?.TimeToLiveStatus !== "ENABLED" && found?.TimeToLiveStatus !== "ENABLING") return false;
    const { AttributeName } = updateTimeToLive.TimeToLiveSpecification;
    if (found.AttributeName === AttributeName) return true;
    throw new Error(
      `the DynamoDB table has its time to live in ${found.AttributeName}; the store needs ${AttributeName}`,
    );
  };
  if (await isEnabled()) return;
  await client.updateTimeToLive(updateTimeToLive).catch(async (error) => {
    if (await isEnabled()) return; // Another process was faster.
    if ((error as Error).name !== "AccessDeniedException") throw error;
    const message = `the DynamoDB table has no time to live, and this user may not set it: sessions work, and what has ended stays. Let an administrator enable it on ${updateTimeToLive.TimeToLiveSpecification.AttributeName}`;
    throw setupIncomplete(message, error);
  });
}
