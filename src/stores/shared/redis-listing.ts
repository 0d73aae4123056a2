/** Walking over many records in Redis, a page at a time, and counting them. */

import { SessionError } from "../../core/contracts/errors.ts";
import type { ListedRecord, RecordCount, RecordPage } from "../../core/contracts/store.ts";
import { type ReadMany, rowsOf, wrongCursor } from "./listing.ts";
import { type RedisConnection, type Send, textOf } from "./redis-client.ts";

/** Where records are, and how to read them. */
export interface RedisWalk {
  readonly connection: RedisConnection;
  /** What the names of all keys of the store start with: a record's name is that and its key. */
  readonly prefix: string;
  /** What the keys of the records start with. */
  readonly keys: string;
  readonly readMany: ReadMany;
}

/** How many `SCAN`s one page takes at most, where nearly all keys of the server are others. */
const mostScans = 20;
/** How many keys one `SCAN` looks at at most: a few milliseconds of the server. */
const mostLooked = 10_000;
/** How many keys of a server `count` looks at before it estimates. */
const mostCounted = 1_000_000;

/** A page of the records with a prefix, on every server. By `SCAN`, which never keeps a server busy for long. */
export async function pageOf(walk: RedisWalk, limit: number, cursor = "0.0"): Promise<RecordPage> {
  const { connection, prefix, keys, readMany } = walk;
  const servers = await serversOf(connection, prefix);
  let [at, position] = positionIn(cursor);
  const names = new Set<string>();
  let looks = Math.max(limit, 10);
  for (let scans = 0; scans < mostScans && names.size < limit && at < servers.length; scans++) {
    const reply = await scan(servers[at] as Send, position, connection.keyPrefix + prefix + keys, looks);
    for (const name of reply.names) names.add(name.slice(connection.keyPrefix.length));
    // Where other keys are many, look at more of them; where records are, a page is not to become longer.
    looks = reply.names.length === 0 ? Math.min(looks * 4, mostLooked) : Math.max(limit - names.size, 10);
    position = reply.position;
    if (position === "0") at += 1;
  }
  const records: ListedRecord[] = [];
  for await (const { name, record } of rowsOf([...names], readMany))
    if (record) records.push({ ...record, key: name.slice(prefix.length) });
  return { records, cursor: at < servers.length ? `${at}.${position}` : undefined };
}

/** A page of the records that an index names. By `ZSCAN`, for their order in it is not that of their names. */
export async function pageOfIndex(walk: RedisWalk, index: string, limit: number, cursor = "0"): Promise<RecordPage> {
  const { connection, prefix, keys, readMany } = walk;
  const [, position] = positionIn(`0.${cursor}`);
  const reply = (await connection.command(index, ["ZSCAN", index, position, "COUNT", String(limit)])) as [
    unknown,
    unknown,
  ];
  const members = textsOf(reply[1]).filter((_, at) => at % 2 === 0);
  const names = [...new Set(members)].filter((key) => key.startsWith(keys)).map((key) => prefix + key);
  const records: ListedRecord[] = [];
  for await (const { name, record } of rowsOf(names, readMany))
    if (record) records.push({ ...record, key: name.slice(prefix.length) });
  const next = textOf(reply[0]) ?? "0";
  return { records, cursor: next === "0" ? undefined : next };
}

/** How many keys there are with a prefix; of a large server, as many as its part that was looked at lets expect. */
export async function countOf({ connection, prefix, keys }: RedisWalk, answered?: () => void): Promise<RecordCount> {
  let [count, estimate] = [0, false];
  for (const send of await serversOf(connection, prefix)) {
    let [position, found, looked] = ["0", 0, 0];
    do {
      const reply = await scan(send, position, connection.keyPrefix + prefix + keys, mostLooked);
      answered?.();
      found += reply.names.length;
      looked += mostLooked;
      position = reply.position;
    } while (position !== "0" && looked < mostCounted);
    if (position !== "0") {
      const all = Number(textOf(await send(["DBSIZE"])));
      found = Math.round((found / looked) * Math.max(all, looked));
      estimate = true;
    }
    count += found;
  }
  return { count, estimate };
}

async function serversOf(connection: RedisConnection, prefix: string): Promise<Send[]> {
  if (!connection.servers) {
    const message =
      "this Redis client does not tell the servers of its cluster, so the sessions there cannot be listed";
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }
  // A cluster client that connects when first used knows its servers only then.
  if (connection.cluster) await connection.command(prefix, ["EXISTS", prefix]);
  return connection.servers();
}

function positionIn(cursor: string): [server: number, position: string] {
  const [, server, position] = /^(\d{1,6})\.(\d{1,20})$/.exec(cursor) ?? [];
  if (server === undefined || position === undefined) throw wrongCursor();
  return [Number(server), position];
}

/** Some names of strings that begin with `start`, out of about `looks` keys. Position `"0"` is the beginning, and the end. */
async function scan(
  send: Send,
  position: string,
  start: string,
  looks: number,
): Promise<{ readonly position: string; readonly names: string[] }> {
  const pattern = `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
  const options = ["MATCH", pattern, "COUNT", String(looks), "TYPE", "string"];
  const [next, names] = (await send(["SCAN", position, ...options])) as [unknown, unknown];
  return { position: textOf(next) ?? "0", names: textsOf(names) };
}

/** The texts in an array reply. */
export function textsOf(reply: unknown): string[] {
  return (reply as unknown[]).map((each) => textOf(each) ?? "");
}
