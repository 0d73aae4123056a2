/** Walking over many records in Redis, a batch at a time. */

import { SessionError } from "../../core/errors.ts";
import type { ListedRecord, StoredRecord } from "../../core/store.ts";
import { type RedisConnection, type Send, textOf } from "./redis-client.ts";

const batchSize = 100;

/** Reads several records, in the order of their names. */
export type ReadMany = (names: string[]) => Promise<(StoredRecord | null)[]>;

/** Every record under a prefix, on every server. By `SCAN`, which never keeps a server busy for long. */
export async function* everyRecord(
  connection: RedisConnection,
  prefix: string,
  readMany: ReadMany,
): AsyncIterable<ListedRecord> {
  if (!connection.servers) {
    const message =
      "this Redis client does not tell the servers of its cluster, so the sessions there cannot be listed";
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }
  // A cluster client that connects when first used knows its servers only then.
  if (connection.cluster) await connection.command(prefix, ["EXISTS", prefix]);
  const { keyPrefix } = connection;
  for (const send of await connection.servers()) {
    for await (const scanned of scan(send, keyPrefix + prefix)) {
      const names = scanned.map((name) => name.slice(keyPrefix.length));
      for await (const row of rowsOf(names, readMany)) {
        if (row.record) yield { ...row.record, key: row.name.slice(prefix.length) };
      }
    }
  }
}

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

async function* rowsOf(
  names: readonly string[],
  readMany: ReadMany,
): AsyncIterable<{ name: string; record: StoredRecord | null }> {
  for (let at = 0; at < names.length; at += batchSize) {
    const batch = names.slice(at, at + batchSize);
    const records = await readMany(batch);
    for (const [n, name] of batch.entries()) yield { name, record: records[n] ?? null };
  }
}

/** The texts in an array reply. */
export function textsOf(reply: unknown): string[] {
  return (reply as unknown[]).map((each) => textOf(each) ?? "");
}
