/** Sessions in Redis or Valkey, through the client you already have. Needs Redis 7.0 or Valkey; one command to read, one to write. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Store, StoredRecord, StoreRecord, Version } from "../core/contracts/store.ts";
import { recordsOf } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { bareRedisStore, type RedisLayout } from "./shared/redis-bare.ts";
import { linkTo, type RedisClient, type RedisConnection, textOf } from "./shared/redis-client.ts";
import { everyRecord, textsOf } from "./shared/redis-listing.ts";
import { nativeLayout as layout } from "./shared/redis-record.ts";
import { redisScripts, runFor1, runScript } from "./shared/redis-scripts.ts";

export type { RedisLayout } from "./shared/redis-bare.ts";
export type {
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
  RedisCommandClient,
} from "./shared/redis-client.ts";

/** What `redisStore` takes. */
export interface RedisStoreOptions {
  /**
   * Your client, connected by you: node-redis 4 to 6 (client, pool, cluster or sentinel), ioredis 5 or 6 or iovalkey
   * (Redis or Cluster), or any object with `command(key, args)`. Or a function that returns one, or a promise of one:
   * it is called once, when the store is first used. The store never connects, configures or closes it.
   */
  readonly client: RedisClient | (() => RedisClient | Promise<RedisClient>);
  /**
   * What the names of all keys in Redis start with. Default `"sojourn:"`. Applications that share a database need
   * prefixes of which none begins with another. On a cluster a prefix with a hash tag, such as `"{sojourn}:"`, keeps
   * all sessions on one node: `rename` is atomic then, and the load is not spread.
   */
  readonly prefix?: string | undefined;
  /**
   * How another program keeps its sessions in the same Redis, to share them with it: `flaskRedis()` of
   * `sojourn/flask`. Such values have no room for a subject, so there is no `listBySubject`, and
   * `prefix` is then `""` by default. Default: this store's own layout.
   */
  readonly layout?: RedisLayout | undefined;
  /** The present in epoch milliseconds, to work out how long a record lasts. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in Redis 7.0 or later, or Valkey: alone, behind Sentinels, or in a cluster.
 *
 * Reading takes one `GET`; every write is one command, compared and written in one step on the server. Redis ends the
 * sessions by its own clock. Errors of the client reject as they are.
 *
 * @throws TypeError when `client` is none of those it takes, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { redisStore, type RedisClient } from "sojourn/stores/redis";
 *
 * export function sessionsIn(client: RedisClient) {
 *   return createSessions({ store: redisStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function redisStore(options: RedisStoreOptions): Store {
  checkOptions<RedisStoreOptions>(
    "redisStore",
    options,
    known,
    "redisStore({ client: new Redis(url) }) or, with node-redis, redisStore({ client: await createClient({ url }).connect() })",
  );
  const { client, layout: foreign, prefix = foreign === undefined ? "sojourn:" : "", now = Date.now } = options;
  if (typeof prefix !== "string") throw wrongArgument("prefix", "a string", prefix);
  if (foreign !== undefined) return bareRedisStore({ client, prefix, layout: foreign, now });
  const link = linkTo(client);
  const scripts = redisScripts(layout);
  const nameOf = (key: string): string => prefix + key;
  // No key of a record has a space in it.
  const indexOf = (subject: string): string => `${prefix}subject ${subject}`;
  const timeLeft = (expiresAt: number): number => Math.ceil(expiresAt - now());
  /** Two keys may lie on two servers: no script can hold both. */
  const apart = ({ cluster, keyPrefix }: RedisConnection): boolean =>
    cluster && !/^[^{]*\{[^}]+\}/.test(keyPrefix + prefix);

  const read = async (key: string): Promise<StoredRecord | null> => {
    const connection = await link.connect();
    return recordIn(await connection.command(nameOf(key), ["GET", nameOf(key)]));
  };

  const readMany = async (connection: RedisConnection, names: string[]): Promise<(StoredRecord | null)[]> => {
    const values = apart(connection)
      ? await Promise.all(names.map((name) => connection.command(name, ["GET", name])))
      : ((await connection.command(names[0] ?? "", ["MGET", ...names])) as unknown[]);
    return values.map(recordIn);
  };

  /** Creates (`was` is empty), updates or renames in one step, and the indexes with it where they are in reach. */
  const write = (connection: RedisConnection, change: Change): Promise<boolean> => {
    const { from, to, was, is, value, left, joins, leaves } = change;
    const index = (subject: string | undefined): string => (subject === undefined ? nameOf(from) : indexOf(subject));
    const keys = [nameOf(from), nameOf(to), index(joins), index(leaves)] as const;
    return runFor1(connection, scripts.write, [...keys], [was, is, value, String(left), from, to]);
  };

  const join = (connection: RedisConnection, subject: string, key: string, left: number): Promise<unknown> =>
    runScript(connection, scripts.join, [indexOf(subject)], [String(left), key]);

  const remove = async (connection: RedisConnection, key: string, subject: string | undefined): Promise<void> => {
    if (subject !== undefined && !apart(connection)) {
      await runScript(connection, scripts.remove, [nameOf(key), indexOf(subject)], [key]);
      return;
    }
    await connection.command(nameOf(key), ["DEL", nameOf(key)]);
    if (subject !== undefined) await connection.command(indexOf(subject), ["ZREM", indexOf(subject), key]);
  };

  const create: Store["create"] = async (key, record) => {
    const connection = await link.connect();
    const { value, version } = layout.encode(record);
    const left = timeLeft(record.expiresAt);
    const { subject } = record;
    if (left <= 0) {
      const taken = textOf(await connection.command(nameOf(key), ["EXISTS", nameOf(key)])) === "1";
      return taken ? null : version;
    }
    if (subject !== undefined && !apart(connection)) {
      const change = { from: key, to: key, was: "", is: version, value, left, joins: subject };
      return (await write(connection, change)) ? version : null;
    }
    if (subject !== undefined) await join(connection, subject, key, left);
    const set = await connection.command(nameOf(key), ["SET", nameOf(key), value, "PX", String(left), "NX"]);
    if (textOf(set) !== null) return version;
    // A client that lost the answer sends the same command again: then this very record is there.
    return (await read(key))?.version === version ? version : null;
  };

  /** A rename in two steps: the new record first, then the old one ends if its version still stands. */
  const move = async (
    connection: RedisConnection,
    from: string,
    to: string,
    record: StoreRecord,
    was: string,
  ): Promise<Version | null> => {
    const version = await create(to, record);
    if (version === null) return null;
    // Not deleted but marked, so that the same command sent again after a lost answer finds its own mark.
    const is = layout.encode(record).version;
    const value = layout.tombstone(is);
    if (await write(connection, { from, to: from, was, is, value, left: tombstoneLasts })) {
      await remove(connection, from, layout.subjectOf(was)).catch(() => {}); // It is dead already, and ends by itself.
      return version;
    }
    await remove(connection, to, record.subject);
    return null;
  };

  const store: Store = {
    name: "redis",
    get capabilities() {
      const { known } = link;
      const atomicRename = known !== undefined && !apart(known);
      return { ...capabilities, atomicRename, list: !known || known.servers !== undefined };
    },
    read,
    create,
    async update(key, record, version) {
      const connection = await link.connect();
      const { value, version: is } = layout.encode(record);
      const was = version as string;
      const [left, old, subject] = [timeLeft(record.expiresAt), layout.subjectOf(was), record.subject];
      const change = { from: key, to: key, was, is, value, left };
      if (!apart(connection)) {
        const leaves = old === subject ? undefined : old;
        return (await write(connection, { ...change, joins: subject, leaves })) ? is : null;
      }
      if (subject !== undefined) await join(connection, subject, key, left);
      // An entry under the old subject lapses by itself: removing it could cross with an update that puts it back.
      return (await write(connection, change)) ? is : null;
    },
    async touch(key, expiresAt, subject) {
      const connection = await link.connect();
      const left = timeLeft(expiresAt);
      for (let owner = subject; ; ) {
        if (owner !== undefined && apart(connection)) await join(connection, owner, key, left);
        const index = owner === undefined || apart(connection) ? nameOf(key) : indexOf(owner);
        const args = [String(left), layout.instant(expiresAt), layout.subject(owner), key];
        const reply = textOf(await runScript(connection, scripts.touch, [nameOf(key), index], args));
        if (reply === "1") return true;
        const record = reply === null || reply === "0" ? null : layout.decode(reply);
        if (!record || record.subject === owner) return false;
        // Nothing was done, for the caller knew another subject, and the right index has to last as long as the record.
        owner = record.subject;
      }
    },
    async rename(from, to, record, version) {
      const connection = await link.connect();
      if (from === to) return null;
      const was = version as string;
      if (apart(connection)) return move(connection, from, to, record, was);
      const { value, version: is } = layout.encode(record);
      const [left, joins, leaves] = [timeLeft(record.expiresAt), record.subject, layout.subjectOf(was)];
      return (await write(connection, { from, to, was, is, value, left, joins, leaves })) ? is : null;
    },
    async delete(key, subject) {
      await remove(await link.connect(), key, subject);
    },
    async *listBySubject(subject, answered) {
      const connection = await link.connect();
      const members = async (): Promise<string[]> =>
        textsOf(await runScript(connection, scripts.members, [indexOf(subject)], []));
      yield* recordsOf({ subject, members, readMany: (keys) => readMany(connection, keys.map(nameOf)), answered });
    },
  };
  if (!link.known || link.known.servers) {
    store.list = async function* () {
      const connection = await link.connect();
      yield* everyRecord(connection, prefix, (names) => readMany(connection, names));
    };
  }
  return store;
}

const known = { client: true, prefix: true, layout: true, now: true } as const;

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1,
  clock: "server",
  bySubject: true,
  shared: true,
  maxPayloadBytes: undefined,
} as const;

/** How long the mark stays that a renamed record leaves on a cluster, should it not be removed, in milliseconds. */
const tombstoneLasts = 60_000;

function recordIn(reply: unknown): StoredRecord | null {
  const value = textOf(reply);
  return value === null ? null : layout.decode(value);
}

/** What `write` is told. The index of a subject is written only where all keys are in reach of one script. */
interface Change {
  readonly from: string;
  readonly to: string;
  /** The version that must stand, or nothing for a new record. */
  readonly was: string;
  readonly is: string;
  readonly value: string;
  readonly left: number;
  readonly joins?: string | undefined;
  readonly leaves?: string | undefined;
}
