/** Walking over many records in Redis, a batch at a time. */

import type { ListedRecord, StoredRecord } from "../../core/store.ts";
import { type RedisConnection, type Send, textOf } from "./redis-client.ts";

const batchSize = 100;

/** Reads the records under several names in Redis. */
export type ReadMany = (connection: RedisConnection, names: string[]) => Promise<(StoredRecord | null)[]>;

/** Every record under a prefix, on every server. By `SCAN`, which never keeps a server busy for long. */
export async function* everyRecord(
  connection: RedisConnection,
  prefix: string,
  readMany: ReadMany,
): AsyncIterable<ListedRecord> {
  // A cluster client that connects when first used knows its servers only then.
  if (connection.cluster) await connection.command(prefix, ["EXISTS", prefix]);
  const start = connection.keyPrefix.length;
  for (const send of (await connection.servers?.()) ?? []) {
    for await (const scanned of scan(send, connection.keyPrefix + prefix)) {
      for (const names of batches(scanned.map((name) => name.slice(start)))) {
        const records = await readMany(connection, names);
        for (const [at, name] of names.entries()) {
          const record = records[at];
          if (record) yield { ...record, key: name.slice(prefix.length) };
        }
      }
    }
  }
}

/** The names of all strings that begin with `start` on one server. */
async function* scan(send: Send, start: string): AsyncIterable<string[]> {
  const pattern = `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const options = ["MATCH", pattern, "COUNT", String(batchSize), "TYPE", "string"];
    const [next, names] = (await send(["SCAN", cursor, ...options])) as [unknown, unknown];
    yield textsOf(names);
    cursor = textOf(next) ?? "0";
  } while (cursor !== "0");
}

/** The texts in an array reply. */
export function textsOf(reply: unknown): string[] {
  return (reply as unknown[]).map((each) => textOf(each) ?? "");
}

/** A list in parts of at most a hundred. */
export function* batches<T>(all: readonly T[]): Iterable<T[]> {
  for (let at = 0; at < all.length; at += batchSize) yield all.slice(at, at + batchSize);
}
