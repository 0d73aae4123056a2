/** Listing by keys that an index gave, while records are renamed. */

import type { ListedRecord, StoredRecord } from "../../core/contracts/store.ts";

const batchSize = 100;

/** Reads several records, in the order of their names. */
export type ReadMany = (names: string[]) => Promise<(StoredRecord | null)[]>;

/**
 * The records of an index. A record that is renamed meanwhile is, when its turn comes, no longer under the one name and
 * perhaps not yet under the other: where something is missing the index is looked at again, until the same is missing twice.
 */
export async function* recordsOf(members: () => Promise<string[]>, readMany: ReadMany): AsyncIterable<ListedRecord> {
  const found = new Set<string>();
  let missing: string | undefined;
  for (;;) {
    const missed: string[] = [];
    const names = (await members()).filter((name) => !found.has(name));
    for await (const { name, record } of rowsOf(names, readMany)) {
      if (record) found.add(name);
      else missed.push(name);
      if (record) yield { ...record, key: name };
    }
    const stillMissing = missed.sort().join(" ");
    if (missed.length === 0 || stillMissing === missing) return;
    missing = stillMissing;
  }
}

/** Reads the records of many names, a batch at a time. */
export async function* rowsOf(
  names: readonly string[],
  readMany: ReadMany,
): AsyncIterable<{ name: string; record: StoredRecord | null }> {
  for (let at = 0; at < names.length; at += batchSize) {
    const batch = names.slice(at, at + batchSize);
    const records = await readMany(batch);
    for (const [n, name] of batch.entries()) yield { name, record: records[n] ?? null };
  }
}
