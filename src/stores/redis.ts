/** Sessions in Redis or Valkey, through the client you already have. Needs Redis 7.0 or Valkey; one command to read, one to write. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { PageOptions, RecordPage, Store, StoredRecord, StoreRecord, Version } from "../core/contracts/store.ts";
import { countPrefix, everyPage, pageOptions, recordsOf } from "./shared/listing.ts";
import { checkOptions } from "./shared/options.ts";
import { bareRecords, type RedisLayout } from "./shared/redis-bare.ts";
import { linkTo, type RedisArgument, type RedisClient, type RedisConnection, textOf } from "./shared/redis-client.ts";
import { countOf, pageOf, pageOfIndex, type RedisWalk, textsOf } from "./shared/redis-listing.ts";
import { nativeRecords, redisCapabilities, subjectText } from "./shared/redis-record.ts";
import { explained, is1, redisScripts, runScript, says } from "./shared/redis-scripts.ts";
import { instantText } from "./shared/text.ts";

export type { RedisLayout } from "./shared/redis-bare.ts";
export type {
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
  RedisCommandClient,
  UpstashClient,
} from "./shared/redis-client.ts";

/** What `redisStore` takes. */
export interface RedisStoreOptions {
  /**
   * Your client, connected by you: node-redis 4 to 6 (client, pool, cluster or sentinel), ioredis 5 or 6 or iovalkey
   * (Redis or Cluster), `@upstash/redis`, or any object with `command(key, args)`. Or a function that returns one, or a promise of one:
   * it is called once, when the store is first used. The store never connects, configures or closes it.
   */
  readonly client: RedisClient | (() => RedisClient | Promise<RedisClient>);
  /**
   * The prefix of all keys in Redis. Default `"sojourn:"`. If several applications share a database, no prefix may be
   * the beginning of another one. On a cluster a prefix with a hash tag, such as `"{sojourn}:"`, keeps all sessions on
   * one server. Then `rename` is atomic, and that server has all the load.
   */
  readonly prefix?: string | undefined;
  /**
   * The layout of another program, to share its sessions in Redis: `flaskRedis()` of `sojourn/flask`. Its values
   * have no room for a subject, so there is no `listBySubject`. With a layout `prefix` is `""` by default. Default: this
   * store's own layout.
   */
  readonly layout?: RedisLayout | undefined;
  /** The current time in epoch milliseconds, to compute how long a record lasts. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Keeps sessions in Redis 7.0 or later, or Valkey: alone, behind Sentinels, or in a cluster.
 *
 * A read is one `GET`. A write is one command, which compares and writes in one step on the server. Redis ends the
 * sessions by its own clock. Errors of the client are passed on unchanged.
 *
 * @throws TypeError when `client` is not supported, or another option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { redisStore, type RedisClient } from "sojourn/stores/redis";
 *
 * export function sessionsIn(client: RedisClient) {
 *   return createSessions({ name: "shop", store: redisStore({ client }), idleTimeout: "30m" });
 * }
 * ```
 */
export function redisStore(options: RedisStoreOptions): Store {
  checkOptions<RedisStoreOptions>(
    "redisStore",
    options,
    known,
    "redisStore({ client: new Redis(url) }) or, with node-redis, redisStore({ client: () => createClient({ url }).connect() })",
  );
  const { client, layout: foreign, prefix = foreign === undefined ? "sojourn:" : "", now = Date.now } = options;
  if (typeof prefix !== "string") throw wrongArgument("prefix", "a string", prefix);
  const records = foreign === undefined ? nativeRecords : bareRecords(foreign, now);
  const link = linkTo(client, records.replies);
  const scripts = redisScripts(records.lua);
  const nameOf = (key: string): string => prefix + key;
  // No key of a record has a space in it.
  const indexOf = (subject: string): string => `${prefix}subject ${subject}`;
  const timeLeft = (expiresAt: number): number => Math.ceil(expiresAt - now());
  const subjectOf = (subject: string | undefined): string | undefined => (records.bySubject ? subject : undefined);

  /** One endpoint may stand for many servers, which it says when a command names keys of two. */
  let spread = false;
  /** Two keys may lie on two servers: no command can name both. */
  const apart = ({ cluster, keyPrefix }: RedisConnection): boolean =>
    (cluster || spread) && !/^[^{]*\{[^}]+\}/.test(keyPrefix + prefix);

  /**
   * Does something, and once more when only now it is known that keys lie apart: what was refused for that did nothing.
   *
   * @param use What is made of the answer, in the same step. Default: nothing.
   */
  function reach<T, R = T>(work: (connection: RedisConnection) => Promise<T>, use?: (answer: T) => R): Promise<R> {
    const connection = link.known;
    if (!connection) return Promise.resolve(link.connect()).then(() => reach(work, use));
    const known = apart(connection);
    return work(connection).then(use as (answer: T) => R, (error) => {
      if (!says(error, "CROSSSLOT") || known) throw explained(error);
      spread = true;
      return work(connection).then(use as (answer: T) => R);
    });
  }

  /** Creates (`was` is empty), updates or renames in one step, and the indexes with it where they are in reach. Answers 1 when written. */
  const write = (connection: RedisConnection, change: Change): Promise<unknown> => {
    const { from, to, was, is, value, left, joins, leaves } = change;
    const index = (subject: string | undefined): string => (subject === undefined ? nameOf(from) : indexOf(subject));
    const keys = [nameOf(from), nameOf(to), index(joins), index(leaves)] as const;
    return runScript(connection, scripts.write, keys, [was, is, value, String(left), from, to]);
  };

  const join = (connection: RedisConnection, subject: string, key: string, left: number): Promise<unknown> =>
    runScript(connection, scripts.join, [indexOf(subject)], [String(left), key]);

  const joined = async (
    connection: RedisConnection,
    subject: string | undefined,
    key: string,
    left: number,
  ): Promise<void> => {
    if (subject !== undefined) await join(connection, subject, key, left);
  };

  const remove = async (connection: RedisConnection, key: string, subject: string | undefined): Promise<void> => {
    if (subject !== undefined && !apart(connection)) {
      await runScript(connection, scripts.remove, [nameOf(key), indexOf(subject)], [key]);
      return;
    }
    await connection.command(nameOf(key), ["DEL", nameOf(key)]);
    if (subject !== undefined) await connection.command(indexOf(subject), ["ZREM", indexOf(subject), key]);
  };

  const create = async (connection: RedisConnection, key: string, record: StoreRecord): Promise<Version | null> => {
    const { value, version } = records.encode(record);
    const left = timeLeft(record.expiresAt);
    const joins = subjectOf(record.subject);
    if (left <= 0) {
      const taken = textOf(await connection.command(nameOf(key), ["EXISTS", nameOf(key)])) === "1";
      return taken ? null : version;
    }
    if (joins !== undefined && !apart(connection)) {
      const is = await records.stateOf(version);
      return is1(await write(connection, { from: key, to: key, was: "", is, value, left, joins })) ? version : null;
    }
    await joined(connection, joins, key, left);
    const set = await connection.command(nameOf(key), ["SET", nameOf(key), value, "PX", String(left), "NX"]);
    if (textOf(set) !== null) return version;
    // A client that lost the answer sends the same command again: then this very record is there.
    return (await records.read(connection, nameOf(key)))?.version === version ? version : null;
  };

  /** A rename in two steps: the new record first, then the old one ends if its version still stands. */
  const move = async (
    connection: RedisConnection,
    from: string,
    to: string,
    record: StoreRecord,
    version: Version,
  ): Promise<Version | null> => {
    const created = await create(connection, to, record);
    if (created === null) return null;
    const [was, is] = [await records.stateOf(version), await records.stateOf(records.encode(record).version)];
    // Marked where there is a mark, so that the same command sent again after a lost answer finds its own.
    const [value, left] = records.tombstone ? [records.tombstone(is), tombstoneLasts] : ["", 0];
    if (is1(await write(connection, { from, to: from, was, is, value, left }))) {
      // It is dead already, and a mark ends by itself.
      if (records.tombstone) await remove(connection, from, records.subjectOf(version)).catch(() => {});
      return created;
    }
    await remove(connection, to, subjectOf(record.subject));
    return null;
  };

  const readMany = (names: string[]): Promise<(StoredRecord | null)[]> =>
    reach((connection) => records.readMany(connection, names, apart(connection)));

  /** What was last told. Each write asks. */
  let told = redisCapabilities(records.bySubject, false, true);
  const store: Store = {
    name: "redis",
    space: options.prefix === undefined && foreign === undefined ? "common" : "own",
    foreign: foreign?.keyPrefix,
    get capabilities() {
      const { known } = link;
      const atomicRename = known !== undefined && !apart(known);
      const list = !known || known.servers !== undefined;
      if (told.atomicRename !== atomicRename || told.list !== list)
        told = redisCapabilities(records.bySubject, atomicRename, list);
      return told;
    },
    read(key) {
      const { known } = link;
      // The client's own promise, with one step more.
      return known ? records.read(known, nameOf(key)) : reach((connection) => records.read(connection, nameOf(key)));
    },
    create: (key, record) => reach((connection) => create(connection, key, record)),
    update(key, record, version) {
      const { value, version: next } = records.encode(record);
      const [left, old, joins] = [timeLeft(record.expiresAt), records.subjectOf(version), subjectOf(record.subject)];
      const leaves = old === joins ? undefined : old;
      const whole = (was: string, is: string): Promise<Version | null> => {
        const change = { from: key, to: key, was, is, value, left, joins, leaves };
        const writing = (connection: RedisConnection): Promise<unknown> => {
          if (!apart(connection)) return write(connection, change);
          // An entry under the old subject lapses by itself: removing it could cross with an update that puts it back.
          const alone = { ...change, joins: undefined, leaves: undefined };
          return joined(connection, joins, key, left).then(() => write(connection, alone));
        };
        return reach(writing, (reply) => (is1(reply) ? next : null));
      };
      const [was, is] = [records.stateOf(version), records.stateOf(next)];
      if (typeof was === "string" && typeof is === "string") return whole(was, is);
      return Promise.all([was, is]).then(([was, is]) => whole(was, is));
    },
    touch: (key, expiresAt, subject) =>
      reach(async (connection) => {
        const left = timeLeft(expiresAt);
        for (let owner = subjectOf(subject); ; ) {
          if (apart(connection)) await joined(connection, owner, key, left);
          const index = owner === undefined || apart(connection) ? nameOf(key) : indexOf(owner);
          const args = [String(left), instantText(expiresAt), subjectText(owner), key];
          const reply = textOf(await runScript(connection, scripts.touch, [nameOf(key), index], args));
          if (reply === "1") return true;
          const found = reply === null || reply === "0" ? null : records.subjectIn(reply);
          if (found === null || found === owner) return false;
          // Nothing was done, for the caller knew another subject, and the right index has to last as long as the record.
          owner = found;
        }
      }),
    async rename(from, to, record, version) {
      if (from === to) return null;
      const { value, version: next } = records.encode(record);
      const [was, is] = [await records.stateOf(version), await records.stateOf(next)];
      const [left, joins, leaves] = [timeLeft(record.expiresAt), subjectOf(record.subject), records.subjectOf(version)];
      return reach(async (connection) => {
        if (apart(connection)) return move(connection, from, to, record, version);
        return is1(await write(connection, { from, to, was, is, value, left, joins, leaves })) ? next : null;
      });
    },
    examine: async () => (await import("./shared/redis-examine.ts")).examine(await link.connect(), now),
    delete: (key, subject) => reach((connection) => remove(connection, key, subjectOf(subject))),
  };
  if (records.bySubject) {
    store.listBySubject = async function* (subject, answered) {
      const members = async (): Promise<string[]> =>
        textsOf(await reach((connection) => runScript(connection, scripts.members, [indexOf(subject)], [])));
      yield* recordsOf({ subject, members, readMany: (keys) => readMany(keys.map(nameOf)), answered });
    };
  }
  if (!link.known || link.known.servers) {
    /** Walks the keys that begin with `asked`, but never leaves the key prefix of the records, which may be another program's. */
    const walk = async (asked: string): Promise<RedisWalk> => {
      const keys = asked.startsWith(records.keyPrefix) ? asked : records.keyPrefix;
      return { connection: await link.connect(), prefix, keys, readMany };
    };
    const page = async (options?: PageOptions): Promise<RecordPage> => {
      const { limit, cursor, subject, prefix: asked } = pageOptions(options, records.bySubject);
      const within = await walk(asked);
      if (subject === undefined) return pageOf(within, limit, cursor);
      const found = await pageOfIndex(within, indexOf(subject), limit, cursor);
      return { ...found, records: found.records.filter((record) => record.subject === subject) };
    };
    store.page = page;
    store.list = () => everyPage(page);
    store.count = async (options, answered) => countOf(await walk(countPrefix(options)), answered);
  }
  return store;
}

const known = { client: true, prefix: true, layout: true, now: true } as const;

/** On a cluster, a renamed record leaves a mark. How long it stays if it is not removed, in milliseconds. */
const tombstoneLasts = 60_000;

/** The arguments of `write`. The index of a subject is written only where all keys are in reach of one script. */
interface Change {
  readonly from: string;
  readonly to: string;
  /** The version that must stand, or nothing for a new record. */
  readonly was: string;
  readonly is: string;
  readonly value: RedisArgument;
  readonly left: number;
  readonly joins?: string | undefined;
  readonly leaves?: string | undefined;
}
