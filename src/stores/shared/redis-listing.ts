/** Walking over many records in Redis, a batch at a time. */

import { SessionError } from "../../core/contracts/errors.ts";
import type { ListedRecord } from "../../core/contracts/store.ts";
import { type ReadMany, rowsOf } from "./listing.ts";
import { type RedisConnection, type Send, textOf } from "./redis-client.ts";

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

/** The names of all strings that begin with `start` on one server. */
async function* scan(send: Send, start: string): AsyncIterable<string[]> {
  const pattern = `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
  let cursor = "0";
  do {
    const options = ["MATCH", pattern, "COUNT", "100", "TYPE", "string"];
    const [next, names] = (await send(["SCAN", cursor, ...options])) as [unknown, unknown];
    yield textsOf(names);
    cursor = textOf(next) ?? "0";
  } while (cursor !== "0");
}

/** The texts in an array reply. */
export function textsOf(reply: unknown): string[] {
  return (reply as unknown[]).map((each) => textOf(each) ?? "");
}
