/** Redis clients by shape: one way to send a command through any of them. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { isError, wrongArgument } from "../../core/contracts/errors.ts";

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

/** `@upstash/redis`, which speaks to Redis over https. */
export interface UpstashClient {
  /** Sends a command as it is. */
  exec(args: [command: string, ...args: string[]]): Promise<unknown>;
  /** Tells it from others that have an `exec`. */
  createScript(lua: string): unknown;
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
export type RedisClient =
  | NodeRedisClient
  | NodeRedisCluster
  | NodeRedisSentinel
  | IoRedisClient
  | UpstashClient
  | RedisCommandClient;

/** A word of a command. */
export type RedisArgument = string | Uint8Array;

/** Sends one command to one server. */
export type Send = (args: RedisArgument[]) => Promise<unknown>;

/** What strings are answered as: text is what clients do by themselves. */
export type Replies = "text" | "bytes";

/** What the store sees of a client. */
export interface RedisConnection {
  /** Keys live on several servers, and a command reaches those of one slot only. */
  readonly cluster: boolean;
  /** What the client itself puts in front of every key. */
  readonly keyPrefix: string;
  command(key: string, args: RedisArgument[]): Promise<unknown>;
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
export function linkTo(client: unknown, replies: Replies = "text"): RedisLink {
  let known = typeof client === "function" ? undefined : connectionOf(client, replies);
  let asked: Promise<RedisConnection> | undefined;
  const ask = async (): Promise<RedisConnection> => {
    try {
      known = connectionOf(await (client as () => unknown)(), replies);
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
  "@upstash/redis, an object { command(key, args) }, or a function that returns one of these";

/** Finds out what a client is. Throws a `TypeError` when it is none of those the store knows. */
export function connectionOf(client: unknown, replies: Replies = "text"): RedisConnection {
  if (typeof client !== "object" || client === null) throw wrongArgument("client", takes, client);
  // ioredis has a sendCommand too, and both families have a `command`: the order of these questions matters.
  if (has(client, "call")) return ioRedis(client as IoRedisClient, replies);
  if (has(client, "sendCommand")) {
    if (has(client, "nodeClient")) return nodeRedisCluster(client as NodeRedisCluster, replies);
    if (has(client, "getMasterNode")) return nodeRedisSentinel(client as NodeRedisSentinel, replies);
    if ("isOpen" in client && !has(client, "release")) return nodeRedis(client as NodeRedisClient, replies);
  } else if (has(client, "command")) {
    const { cluster = false } = client as RedisCommandClient;
    const command = (key: string, args: RedisArgument[]): Promise<unknown> =>
      (client as RedisCommandClient).command(key, args);
    return { cluster, keyPrefix: "", command, servers: cluster ? undefined : one((args) => command("", args)) };
  } else if (has(client, "exec") && has(client, "createScript")) {
    return upstash(client as UpstashClient, replies);
  }
  throw wrongArgument("client", takes, client);
}

/** The text of a string reply, whichever type the client was told to give; `null` when there was none. */
export function textOf(reply: unknown): string | null {
  if (reply === null || reply === undefined) return null;
  return isBytes(reply) ? decoder.decode(reply) : String(reply);
}

const decoder = new TextDecoder();

function has(client: object, method: string): boolean {
  return typeof (client as Record<string, unknown>)[method] === "function";
}

function one(send: Send): () => Promise<Send[]> {
  return async () => [send];
}

/** The part of node-redis that its public types here leave out: bytes sent, and options that say what is answered. */
interface BinaryNodeRedis {
  sendCommand(args: readonly RedisArgument[], options: object | undefined): Promise<unknown>;
}

interface BinaryNodeRedisCluster {
  sendCommand(
    firstKey: string,
    isReadonly: boolean,
    args: readonly RedisArgument[],
    options: object | undefined,
  ): Promise<unknown>;
}

interface BinaryNodeRedisSentinel {
  sendCommand(isReadonly: boolean, args: readonly RedisArgument[], options: object | undefined): Promise<unknown>;
}

/** Node's, where these clients run. */
interface BufferClass {
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

/** The option by which node-redis answers with bytes: by the name of version 4, and by that of those after it. 36 is RESP's `$`. */
function nodeRedisOptions(replies: Replies): object | undefined {
  return replies === "text" ? undefined : { returnBuffers: true, typeMapping: { 36: bufferClass() } };
}

function bufferClass(): BufferClass {
  return (globalThis as unknown as { Buffer: BufferClass }).Buffer;
}

/** Clients send a `Buffer` as it is, and other bytes not at all. */
function sendable(args: readonly RedisArgument[]): readonly RedisArgument[] {
  if (args.every((arg) => typeof arg === "string")) return args;
  return args.map((arg) => {
    return typeof arg === "string" ? arg : bufferClass().from(arg.buffer, arg.byteOffset, arg.byteLength);
  });
}

function nodeRedis(client: NodeRedisClient, replies: Replies): RedisConnection {
  if ((client as { options?: { legacyMode?: boolean } }).options?.legacyMode) {
    throw new TypeError("client must be a node-redis client without legacyMode; received one with legacyMode: true");
  }
  const send = nodeRedisSend(client, replies);
  return { cluster: false, keyPrefix: "", command: (_key, args) => send(args), servers: one(send) };
}

function nodeRedisSend(client: NodeRedisClient, replies: Replies): Send {
  const options = nodeRedisOptions(replies);
  return async (args) => {
    if (client.isOpen === false) throw new Error(notOpen);
    return (client as unknown as BinaryNodeRedis).sendCommand(sendable(args), options);
  };
}

const notOpen =
  "the node-redis client is not open: `await client.connect()` before its first use, and close it after its last";

function nodeRedisCluster(client: NodeRedisCluster, replies: Replies): RedisConnection {
  const options = nodeRedisOptions(replies);
  return {
    cluster: true,
    keyPrefix: "",
    // Never "read only": that may be answered by a replica, which does not know the newest version yet.
    command: (key, args) =>
      (client as unknown as BinaryNodeRedisCluster).sendCommand(key, false, sendable(args), options),
    servers: () =>
      Promise.all(
        client.masters.map(async (master) => {
          return nodeRedisSend((await client.nodeClient(master as never)) as NodeRedisClient, replies);
        }),
      ),
  };
}

function nodeRedisSentinel(client: NodeRedisSentinel, replies: Replies): RedisConnection {
  const options = nodeRedisOptions(replies);
  const send: Send = (args) =>
    (client as unknown as BinaryNodeRedisSentinel).sendCommand(false, sendable(args), options);
  return { cluster: false, keyPrefix: "", command: (_key, args) => send(args), servers: one(send) };
}

interface IoRedisCluster extends IoRedisClient {
  nodes(role: "master"): IoRedisClient[];
}

interface BinaryIoRedis {
  call(command: string, ...args: RedisArgument[]): Promise<unknown>;
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>;
}

function ioRedis(client: IoRedisClient, replies: Replies): RedisConnection {
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
    const binary = node as unknown as BinaryIoRedis;
    return ([command = "", ...args]) => {
      const name = command as string;
      return replies === "text" ? binary.call(name, ...args) : binary.callBuffer(name, ...sendable(args));
    };
  };
  const send = sender(client);
  return {
    cluster,
    keyPrefix: textOf(keyPrefix) ?? "",
    command: (_key, args) => send(args),
    servers: cluster ? async () => (client as IoRedisCluster).nodes("master").map(sender) : one(send),
  };
}

function upstash(client: UpstashClient, replies: Replies): RedisConnection {
  if (replies === "bytes")
    throw new TypeError(
      "layout needs a client that answers bytes; @upstash/redis answers text, so it cannot share them",
    );
  const send: Send = (args) =>
    client.exec(args as [string, ...string[]]).catch((error) => {
      // Its errors quote the command, or what was answered: what is in a session must not get into a log.
      const [said = ""] = (isError(error) ? error.message : "").split(/, command was: | response body: /);
      throw new Error(said || "Upstash failed");
    });
  return { cluster: false, keyPrefix: "", command: (_key, args) => send(args), servers: one(send) };
}
