/** The sessions of a table, page by page: all of them, or those of a subject. */

import type { ListedRecord, PageOptions, RecordPage, Store, StoredRecord } from "../../core/contracts/store.ts";
import { pageOptions, recordsOf, rowsOf } from "../shared/listing.ts";
import type { DynamodbClient, FoundItem, PageInput } from "./client.ts";
import { number } from "./expressions.ts";
import type { DynamodbRecords, SubjectIndex } from "./items.ts";
import { itemsAt, itemsBy, pageOfItems } from "./reads.ts";

/** How sessions are listed. */
export interface DynamodbListing {
  /** The scan for the live records whose keys begin so. */
  scanning(keys: string): Omit<PageInput, "ConsistentRead">;
  page(options?: PageOptions): Promise<RecordPage>;
  /** Absent where items have no room for a subject. */
  readonly bySubject: Store["listBySubject"];
}

/** @param recordIn The live record in an item. */
export function listingOf(
  records: DynamodbRecords,
  connect: () => DynamodbClient | Promise<DynamodbClient>,
  recordIn: (item: FoundItem | undefined) => ListedRecord | null,
  now: () => number,
): DynamodbListing {
  const { index, table } = records;
  const { TableName } = table.createTable;
  const { words } = records.expressions;

  /** The scan for the live records whose keys begin so. */
  const scanning = (keys: string): Omit<PageInput, "ConsistentRead"> => {
    const [FilterExpression, values] = records.liveWith(keys);
    return { TableName, FilterExpression, ...words(FilterExpression, values) };
  };
  /** The query for the entries of a subject. */
  const entriesOf = async (own: SubjectIndex, subject: string): Promise<Omit<PageInput, "ConsistentRead">> => {
    const KeyConditionExpression = "#partition = :index";
    const FilterExpression = "#ttl > :seconds";
    const partition = await own.partition(JSON.stringify(subject));
    const values = { ":index": partition, ":seconds": number(Math.floor(now() / 1000)) };
    const expression = words(`${KeyConditionExpression} ${FilterExpression}`, values);
    return { TableName, KeyConditionExpression, FilterExpression, ...expression };
  };
  const readMany = async (keys: string[]): Promise<(StoredRecord | null)[]> => {
    const found = (await itemsAt(await connect(), TableName, keys.map(records.key))).map(recordIn);
    return keys.map((key) => withoutKey(found.find((record) => record?.key === key)));
  };

  const page = async (options?: PageOptions): Promise<RecordPage> => {
    const { limit, cursor, subject, prefix } = pageOptions(options, index !== undefined);
    const connection = await connect();
    if (!index || subject === undefined) {
      const { items, cursor: next } = await pageOfItems(connection, "scan", scanning(prefix), limit, cursor);
      return { records: items.flatMap((item) => recordIn(item) ?? []), cursor: next };
    }
    const found = await pageOfItems(connection, "query", await entriesOf(index, subject), limit, cursor);
    const keys = found.items.map((item) => item[index.sort]?.S ?? "").filter((key) => key.startsWith(prefix));
    const all: ListedRecord[] = [];
    for await (const { name, record } of rowsOf(keys, readMany))
      if (record?.subject === subject) all.push({ ...record, key: name });
    return { records: all, cursor: found.cursor };
  };

  if (!index) return { scanning, page, bySubject: undefined };
  return {
    scanning,
    page,
    bySubject(subject, answered) {
      const members = async (): Promise<string[]> => {
        const keys: string[] = [];
        for await (const item of itemsBy(await connect(), "query", await entriesOf(index, subject), answered)) {
          keys.push(item[index.sort]?.S ?? "");
        }
        return keys;
      };
      return recordsOf({ subject, members, readMany, answered });
    },
  };
}

/** A record as reading its key gives it. */
export function withoutKey(listed: ListedRecord | null | undefined): StoredRecord | null {
  if (!listed) return null;
  const { key: _, ...record } = listed;
  return record;
}
