/** Memcached clients by shape: the four commands the store needs, through either of them. */

import { fromUtf8, payloadBytes } from "../../core/bytes/bytes.ts";
import { isError, wrongArgument } from "../../core/contracts/errors.ts";

type Callback<Result> = (error: unknown, result: Result) => void;

/** A client of the npm package `memcached` 2: callbacks. */
export interface CallbackMemcachedClient {
  gets(key: string, callback: Callback<unknown>): void;
  add(key: string, value: string, lifetime: number, callback: Callback<boolean>): void;
  cas(key: string, value: string, cas: string, lifetime: number, callback: Callback<boolean>): void;
  del(key: string, callback: Callback<boolean>): void;
  /** Not used; tells it from other clients. */
  getMulti(keys: string[], callback: Callback<unknown>): void;
  /** Asked once, before the first large item: the client does not say why a server refused one. */
  settings?(callback: Callback<unknown>): void;
}

/** A client of the npm package `memcache-client` 1: promises. */
export interface PromiseMemcachedClient {
  gets(key: string): Promise<unknown>;
  add(key: string, value: string, options: { lifetime: number }): Promise<unknown>;
  cas(key: string, value: string, options: { lifetime: number; casUniq: string }): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  /** Not used; tells it from other clients. */
  xsend(data: string): Promise<unknown>;
}

/** `memcachedClient()` of `sojourn/stores/memcached/client`, or one like it: the only kind that keeps bytes as they are. */
export interface ByteMemcachedClient {
  item(key: string): Promise<ByteItem | undefined>;
  add(key: string, value: string | Uint8Array, options: { lifetime: number }): Promise<boolean>;
  cas(key: string, value: string | Uint8Array, options: { lifetime: number; cas: string }): Promise<boolean>;
  delete(key: string): Promise<unknown>;
}

/** What is under a key, through a client that keeps bytes. */
export interface ByteItem {
  readonly value: Uint8Array;
  readonly cas: string;
  readonly flags: number;
  /** `undefined`: it does not end by itself. */
  readonly secondsLeft: number | undefined;
}

/** A Memcached client the store can work with: one that tells the compare-and-swap token of what it reads. */
export type MemcachedClient = CallbackMemcachedClient | PromiseMemcachedClient | ByteMemcachedClient;

/** A value as it was found, and the token that names this state of it. What else there is only a client for bytes tells. */
export interface Item extends Partial<ByteItem> {
  readonly text: string;
  readonly cas: string;
}

/** What the store sees of a client. `lifetime` is as in the protocol, in seconds. */
export interface MemcachedConnection {
  /** Values may be any bytes. Else they are single lines of text. */
  readonly keepsBytes: boolean;
  /** What the client itself puts in front of every key. */
  readonly namespace: string;
  /** An item that is no text has an empty one. */
  get(key: string): Promise<Item | undefined>;
  /** False: the key is taken. */
  add(key: string, value: string | Uint8Array, lifetime: number): Promise<boolean>;
  /** False: there is nothing under the key, or something newer; with some clients also if the server failed. */
  cas(key: string, value: string | Uint8Array, lifetime: number, cas: string): Promise<boolean>;
  delete(key: string): Promise<void>;
}

const takes =
  "a client of the npm package memcached 2 or memcache-client 1, or memcachedClient() (others, such as memjs and " +
  "memcache, cannot compare and swap: they do not tell the token of what they read), or a function that returns one";

/** Finds out what a client is. Throws a `TypeError` when the store cannot keep its promises with it. */
export function connectionOf(client: unknown): MemcachedConnection {
  if (typeof client === "object" && client !== null && ["add", "cas"].every((name) => has(client, name))) {
    if (has(client, "item") && has(client, "delete")) return overBytes(client as ByteMemcachedClient);
    if (!has(client, "gets")) throw wrongArgument("client", takes, client);
    if (has(client, "getMulti") && has(client, "del")) return overCallbacks(client as CallbackMemcachedClient);
    if (has(client, "xsend") && has(client, "delete")) return overPromises(client as PromiseMemcachedClient);
  }
  throw wrongArgument("client", takes, client);
}

function has(client: object, method: string): boolean {
  return typeof (client as Record<string, unknown>)[method] === "function";
}

function overBytes(client: ByteMemcachedClient): MemcachedConnection {
  return {
    keepsBytes: true,
    namespace: "",
    async get(key) {
      const item = await client.item(key);
      return item && { ...item, text: textOf(item.value) };
    },
    add: (key, value, lifetime) => client.add(key, value, { lifetime }),
    cas: (key, value, lifetime, cas) => client.cas(key, value, { lifetime, cas }),
    async delete(key) {
      await client.delete(key);
    },
  };
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes);
  } catch {
    return "";
  }
}

/** Values as the clients take them that know text alone: the store gives them no other. */
function line(value: string | Uint8Array): string {
  return value as string;
}

interface CallbackClientOptions {
  readonly servers?: readonly unknown[];
  readonly namespace?: string;
  readonly remove?: boolean;
  readonly failOverServers?: readonly unknown[] | null;
}

function overCallbacks(client: CallbackMemcachedClient): MemcachedConnection {
  const { servers = [], namespace = "", remove, failOverServers } = client as CallbackClientOptions;
  if (servers.length > 1 && (remove || failOverServers?.length)) {
    throw new TypeError(
      "client must be one without remove and failOverServers: a server that is back after an outage would bring back " +
        "the sessions that ended while it was away; received one with them",
    );
  }
  const call = <Result>(send: (callback: Callback<Result>) => void): Promise<Result> =>
    new Promise((resolve, reject) => {
      send((error, result) => (error ? reject(errorOf(error)) : resolve(result)));
    });
  let largest: Promise<number> | undefined;
  const ask = async (): Promise<number> => {
    const settings = await call<unknown>((callback) => client.settings?.(callback)).catch(() => {
      largest = undefined;
      return [];
    });
    return Math.min(
      ...[settings].flat().map((one) => Number((one as Settings | undefined)?.item_size_max) || unlimited),
    );
  };
  /** Rejects a value that is too large before it is sent: the client takes the server's refusal for an outage and pauses that server. */
  const refuseLarge = async (value: string | Uint8Array): Promise<void> => {
    if (value.length <= neverLarge || !client.settings) return;
    largest ??= ask();
    if (payloadBytes(value) + overhead > (await largest)) throw new Error("object too large for cache");
  };
  // It takes the key for the replacement of String.replace, in which a dollar sign stands for more than itself.
  const escaped = (key: string): string => key.replaceAll("$", "$$$$");
  return {
    keepsBytes: false,
    namespace,
    async get(key) {
      const found = await call<unknown>((callback) => client.gets(escaped(key), callback));
      if (found === undefined) return undefined;
      if (typeof found !== "object" || found === null) throw new Error("Memcached failed to read");
      const { cas, ...values } = found as Record<string, unknown>;
      const [value] = Object.values(values);
      return { text: typeof value === "string" ? value : "", cas: String(cas) };
    },
    async add(key, value, lifetime) {
      await refuseLarge(value);
      try {
        if (await call<boolean>((callback) => client.add(escaped(key), line(value), lifetime, callback))) return true;
      } catch (error) {
        if ((error as { notStored?: boolean }).notStored) return false;
        throw error;
      }
      throw new Error("Memcached failed to store");
    },
    async cas(key, value, lifetime, cas) {
      await refuseLarge(value);
      return call((callback) => client.cas(escaped(key), line(value), cas, lifetime, callback));
    },
    async delete(key) {
      await call((callback) => client.del(escaped(key), callback));
    },
  };
}

interface Settings {
  readonly item_size_max?: unknown;
}

/** In bytes: every server takes items of this size. */
const neverLarge = 8192;
/** What the key and Memcached add to a value, at most. */
const overhead = 512;
const unlimited = Number.POSITIVE_INFINITY;

/** The client gives an error, a list of errors, or a text. */
function errorOf(error: unknown): Error {
  const first: unknown = Array.isArray(error) ? error[0] : error;
  return isError(first) ? first : new Error(String(first));
}

function overPromises(client: PromiseMemcachedClient): MemcachedConnection {
  const { options } = client as { options?: { server?: { servers?: unknown } } };
  const servers = options?.server?.servers;
  if (Array.isArray(servers) && servers.length > 1) {
    throw new TypeError(
      "client must be a memcache-client with one server, for it asks any of several at random; " +
        `received one with ${servers.length}`,
    );
  }
  /** Whether a command succeeded: `false` for the given refusals, which this client throws as errors. */
  const unless = async (refusals: readonly string[], command: Promise<unknown>): Promise<boolean> => {
    try {
      await command;
      return true;
    } catch (error) {
      if (refusals.includes((error as Error).message)) return false;
      throw error;
    }
  };
  return {
    keepsBytes: false,
    namespace: "",
    async get(key) {
      const { value, casUniq } = ((await client.gets(key)) ?? {}) as { value?: unknown; casUniq?: unknown };
      if (casUniq === undefined) return undefined;
      return { text: typeof value === "string" ? value : "", cas: String(casUniq) };
    },
    add: (key, value, lifetime) => unless(["NOT_STORED"], client.add(key, line(value), { lifetime })),
    cas: (key, value, lifetime, casUniq) =>
      unless(["EXISTS", "NOT_FOUND"], client.cas(key, line(value), { lifetime, casUniq })),
    async delete(key) {
      await unless(["NOT_FOUND"], client.delete(key));
    },
  };
}
