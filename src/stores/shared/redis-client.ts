/** Redis clients by shape: one way to send a command through any of them. */

import { wrongArgument } from "../../core/errors.ts";

/** A client or a pool of node-redis 4, 5 or 6. */
export interface NodeRedisClient {
  /** Whether `connect()` was called. Tells it from the callback clients of old. */
  readonly isOpen: boolean;
  /** Sends a command as it is. */
  sendCommand(args: string[]): Promise<unknown>;
}

/** A cluster of node-redis 4, 5 or 6. */
export interface NodeRedisCluster {
  /** The nodes that own slots, to list sessions from. */
  readonly masters: readonly unknown[];
  /** The client of one node. */
  nodeClient(node: never): unknown;
  /** Sends a command as it is to the node that owns `firstKey`. */
  sendCommand(firstKey: string | undefined, isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
}

/** A Sentinel client of node-redis 5 or 6. */
export interface NodeRedisSentinel {
  /** The master it talks to. */
  getMasterNode(): unknown;
  /** Sends a command as it is; to the master unless `isReadonly`. */
  sendCommand(isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
}

/** ioredis 5 or 6, or iovalkey: a server, a Cluster, or a server found by Sentinels. */
export interface IoRedisClient {
  /** True for a Cluster. */
  readonly isCluster: boolean;
  /** Sends a command as it is, apart from the client's own `keyPrefix`. */
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** Any other client: one function that sends a command. */
export interface RedisCommandClient {
  /**
   * Sends a command as it is and answers the reply: text (or its bytes) for strings, numbers, `null`, arrays of
   * those. Rejects with an error whose `message` is the server's, such as `NOSCRIPT ...`.
   *
   * @param key The first key of the command, for routing in a cluster. Every key of one command is in one slot.
   * @param args The command's name and arguments.
   */
  command(key: string, args: (string | Uint8Array)[]): Promise<unknown>;
  /** The keys are spread over a Redis Cluster. Default false. */
  readonly cluster?: boolean;
}

/** A Redis client of any kind the store can work with. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoRedisClient | RedisCommandClient;

/** Sends one command to one server. */
export type Send = (args: string[]) => Promise<unknown>;

/** What the store sees of a client. */
export interface RedisConnection {
  /** Keys live on several servers, and a command reaches those of one slot only. */
  readonly cluster: boolean;
  /** What the client itself puts in front of every key. */
  readonly keyPrefix: string;
  command(key: string, args: string[]): Promise<unknown>;
  /** Every server that holds keys, or `undefined` where the client does not tell. */
  readonly servers: (() => Promise<Send[]>) | undefined;
}

/** The way to a client that may not be there yet. */
export interface RedisLink {
  /** Set from the beginning where the client was given, after the first call where a function was. */
  readonly known: RedisConnection | undefined;
  connect(): RedisConnection | Promise<RedisConnection>;
}

/** A client or a function that returns one. The function is called once, again only if it failed. */
export function linkTo(client: unknown): RedisLink {
  let known = typeof client === "function" ? undefined : connectionOf(client);
  let asked: Promise<RedisConnection> | undefined;
  const ask = async (): Promise<RedisConnection> => {
    try {
      known = connectionOf(await (client as () => unknown)());
      return known;
    } finally {
      asked = undefined;
    }
  };
  return {
    get known() {
      return known;
    },
    connect() {
      if (known) return known;
      asked ??= ask();
      return asked;
    },
  };
}

const takes =
  "a client of node-redis 4 to 6 (client, pool, cluster or sentinel), ioredis 5 or 6 or iovalkey (Redis or Cluster), " +
  "an object { command(key, args) }, or a function that returns one of these";

/** Finds out what a client is. Throws a `TypeError` when it is none of those the store knows. */
export function connectionOf(client: unknown): RedisConnection {
  if (typeof client !== "object" || client === null) throw wrongArgument("client", takes, client);
  // ioredis has a sendCommand too, and both families have a `command`: the order of these questions matters.
  if (has(client, "call")) return ioRedis(client as IoRedisClient);
  if (has(client, "sendCommand")) {
    if (has(client, "nodeClient")) return nodeRedisCluster(client as NodeRedisCluster);
    if (has(client, "getMasterNode")) return nodeRedisSentinel(client as NodeRedisSentinel);
    if ("isOpen" in client && !has(client, "release")) return nodeRedis(client as NodeRedisClient);
  } else if (has(client, "command")) {
    const { cluster = false } = client as RedisCommandClient;
    const command = (key: string, args: string[]): Promise<unknown> =>
      (client as RedisCommandClient).command(key, args);
    return { cluster, keyPrefix: "", command, servers: cluster ? undefined : one((args) => command("", args)) };
  }
  throw wrongArgument("client", takes, client);
}

/** The text of a string reply, whichever type the client was told to give; `null` when there was none. */
export function textOf(reply: unknown): string | null {
  if (reply === null || reply === undefined) return null;
  return reply instanceof Uint8Array ? decoder.decode(reply) : String(reply);
}

const decoder = new TextDecoder();

function has(client: object, method: string): boolean {
  return typeof (client as Record<string, unknown>)[method] === "function";
}

function one(send: Send): () => Promise<Send[]> {
  return async () => [send];
}

function nodeRedis(client: NodeRedisClient): RedisConnection {
  if ((client as { options?: { legacyMode?: boolean } }).options?.legacyMode) {
    throw new TypeError("client must be a node-redis client without legacyMode; received one with legacyMode: true");
  }
  const send: Send = (args) => client.sendCommand(args);
  return { cluster: false, keyPrefix: "", command: (_key, args) => send(args), servers: one(send) };
}

function nodeRedisCluster(client: NodeRedisCluster): RedisConnection {
  return {
    cluster: true,
    keyPrefix: "",
    // Never "read only": that may be answered by a replica, which does not know the newest version yet.
    command: (key, args) => client.sendCommand(key, false, args),
    servers: () =>
      Promise.all(
        client.masters.map(async (master) => {
          const node = (await client.nodeClient(master as never)) as NodeRedisClient;
          return (args: string[]) => node.sendCommand(args);
        }),
      ),
  };
}

function nodeRedisSentinel(client: NodeRedisSentinel): RedisConnection {
  const send: Send = (args) => client.sendCommand(false, args);
  return { cluster: false, keyPrefix: "", command: (_key, args) => send(args), servers: one(send) };
}

interface IoRedisCluster extends IoRedisClient {
  nodes(role: "master"): IoRedisClient[];
}

function ioRedis(client: IoRedisClient): RedisConnection {
  const { keyPrefix, scaleReads } =
    (client as { options?: { keyPrefix?: unknown; scaleReads?: unknown } }).options ?? {};
  const cluster = client.isCluster === true;
  if (cluster && scaleReads !== undefined && scaleReads !== "master") {
    const says = typeof scaleReads === "string" ? `"${scaleReads}"` : "a function";
    throw new TypeError(
      `client must be a Cluster with scaleReads: "master" (the default), for replicas answer with old sessions; received one with scaleReads: ${says}`,
    );
  }
  const sender = (node: IoRedisClient): Send => {
    return ([command = "", ...args]) => node.call(command, ...args);
  };
  const send = sender(client);
  return {
    cluster,
    keyPrefix: textOf(keyPrefix) ?? "",
    command: (_key, args) => send(args),
    servers: cluster ? async () => (client as IoRedisCluster).nodes("master").map(sender) : one(send),
  };
}
