/** Sessions of another program in Redis: the value is the payload and nothing beside it, and the key's own expiry is the only one. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { Store, StoredRecord } from "../../core/contracts/store.ts";
import { linkTo, type RedisConnection, textOf } from "./redis-client.ts";
import { everyRecord } from "./redis-listing.ts";
import { runFor1, runScript, script, sha1 } from "./redis-scripts.ts";

/** How another program keeps its sessions in Redis. For Flask-Session it is `flaskRedis()` of `sojourn/flask`. */
export interface RedisLayout {
  /** A word for error messages: `"flask-session"`. */
  readonly name: string;
  /** What the keys of all its sessions begin with, to list them: `"session:"`. Keys get nothing in front by this. */
  readonly keyPrefix: string;
  /** Whether its format encodes sessions to text or to bytes. */
  readonly payload: "text" | "bytes";
  /** What stands before the payload in every value, in ASCII. Default nothing. */
  readonly mark?: string | undefined;
}

/** Everything `redisStore` takes, checked. */
export interface BareOptions {
  readonly client: unknown;
  readonly prefix: string;
  readonly layout: RedisLayout;
  readonly now: () => number;
}

/** A store over the values of another program. A version is a value itself, and what is compared is its digest: so that program takes part. */
export function bareRedisStore({ client, prefix, layout, now }: BareOptions): Store {
  checkLayout(layout);
  const link = linkTo(client, "bytes");
  const { mark = "" } = layout;
  const nameOf = (key: string): string => prefix + key;
  const timeLeft = (expiresAt: number): number => Math.ceil(expiresAt - now());
  /** Two keys may lie on two servers: no script can hold both. */
  const apart = ({ cluster, keyPrefix }: RedisConnection): boolean =>
    cluster && !/^[^{]*\{[^}]+\}/.test(keyPrefix + prefix);

  const encode = (payload: string | Uint8Array): Uint8Array => {
    const [head, body] = [encoder.encode(mark), typeof payload === "string" ? encoder.encode(payload) : payload];
    const value = new Uint8Array(head.length + body.length);
    value.set(head);
    value.set(body, head.length);
    return value;
  };
  const decode = (value: Uint8Array): string | Uint8Array | null => {
    if (encoder.encode(mark).some((byte, at) => value[at] !== byte)) return null;
    const payload = new Uint8Array(value.subarray(mark.length));
    return layout.payload === "text" ? decoder.decode(payload) : payload;
  };

  const read = async (connection: RedisConnection, name: string): Promise<StoredRecord | null> => {
    const reply = (await runScript(connection, scripts.read, [name], [])) as [unknown, unknown] | null;
    if (!reply) return null;
    const [value, left] = [bytesOf(reply[0]), Number(textOf(reply[1]))];
    const payload = decode(value);
    if (payload === null || left === 0) return null;
    return { payload, expiresAt: left < 0 ? Number.MAX_SAFE_INTEGER : now() + left, version: value };
  };

  /** Writes if the value is still the one that was read; for a rename under another key, in the same step. */
  const write = async (connection: RedisConnection, change: Change): Promise<Uint8Array | null> => {
    const { from, to, was, value, left } = change;
    const args = [await sha1(was as Uint8Array), value, String(left), await sha1(value)];
    return (await runFor1(connection, scripts.write, [nameOf(from), nameOf(to)], args)) ? value : null;
  };

  const create: Store["create"] = async (key, record) => {
    const connection = await link.connect();
    const value = encode(record.payload);
    const left = timeLeft(record.expiresAt);
    const [name, px] = [nameOf(key), String(left)];
    if (left <= 0) return textOf(await connection.command(name, ["EXISTS", name])) === "1" ? null : value;
    return (await connection.command(name, ["SET", name, value, "PX", px, "NX"])) === null ? null : value;
  };

  const store: Store = {
    name: "redis",
    get capabilities() {
      const { known } = link;
      const atomicRename = known !== undefined && !apart(known);
      return { ...capabilities, atomicRename, list: !known || known.servers !== undefined };
    },
    async read(key) {
      return read(await link.connect(), nameOf(key));
    },
    create,
    async update(key, record, version) {
      const [value, left] = [encode(record.payload), timeLeft(record.expiresAt)];
      return write(await link.connect(), { from: key, to: key, was: version, value, left });
    },
    async touch(key, expiresAt) {
      return runFor1(await link.connect(), scripts.touch, [nameOf(key)], [String(timeLeft(expiresAt))]);
    },
    async rename(from, to, record, version) {
      const connection = await link.connect();
      if (from === to) return null;
      const [value, left] = [encode(record.payload), timeLeft(record.expiresAt)];
      if (!apart(connection)) return write(connection, { from, to, was: version, value, left });
      // In two steps: the new record first, then the old one ends if nobody has changed it.
      if ((await create(to, record)) === null) return null;
      const digest = await sha1(version as Uint8Array);
      if (await runFor1(connection, scripts.remove, [nameOf(from)], [digest])) return value;
      await connection.command(nameOf(to), ["DEL", nameOf(to)]);
      return null;
    },
    async delete(key) {
      const connection = await link.connect();
      await connection.command(nameOf(key), ["DEL", nameOf(key)]);
    },
  };
  if (!link.known || link.known.servers) {
    store.list = async function* () {
      const connection = await link.connect();
      const start = prefix + layout.keyPrefix;
      const readMany = (names: string[]): Promise<(StoredRecord | null)[]> =>
        Promise.all(names.map((name) => read(connection, name)));
      for await (const row of everyRecord(connection, start, readMany))
        yield { ...row, key: layout.keyPrefix + row.key };
    };
  }
  return store;
}

const capabilities = {
  compareAndSwap: "atomic",
  nativeExpiry: true,
  expiryGranularity: 1,
  clock: "server",
  bySubject: false,
  shared: true,
  maxPayloadBytes: undefined,
} as const;

interface Change {
  readonly from: string;
  readonly to: string;
  /** The version that must stand: the value as it was read or written. */
  readonly was: unknown;
  readonly value: Uint8Array;
  readonly left: number;
}

const stands = `
local function stands(key, digest)
  local value = redis.call('GET', key)
  return value and redis.sha1hex(value) == digest
end`;

const scripts = {
  /** Value and milliseconds left, of one moment. `KEYS`: record. */
  read: script(`
local value = redis.call('GET', KEYS[1])
return value and { value, redis.call('PTTL', KEYS[1]) }`),
  /**
   * `KEYS`: from, to. `ARGV`: the digest that `from` must have, the value, milliseconds to live, the digest of the value.
   * Answers 1 when written. A rename that is sent again after a lost answer is known by its new key, which nobody else
   * has; an update is not, for others may have come to the same value by themselves.
   */
  write: script(`${stands}
local from, to, px = KEYS[1], KEYS[2], tonumber(ARGV[3])
local moved = from ~= to
if moved and redis.call('EXISTS', from) == 0 and stands(to, ARGV[4]) then
  return 1
end
if not stands(from, ARGV[1]) or moved and redis.call('EXISTS', to) == 1 then
  return 0
end
if px > 0 then
  redis.call('SET', to, ARGV[2], 'PX', ARGV[3])
end
if moved or px <= 0 then
  redis.call('DEL', from)
end
return 1`),
  /** `KEYS`: record. `ARGV`: milliseconds to live. */
  touch: script(`
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and tonumber(ARGV[1]) > left then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return left == -2 and 0 or 1`),
  /** Removes a record in a known state. `KEYS`: record. `ARGV`: its digest. */
  remove: script(`${stands}
return stands(KEYS[1], ARGV[1]) and redis.call('DEL', KEYS[1]) or 0`),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function bytesOf(reply: unknown): Uint8Array {
  if (isBytes(reply)) return reply;
  // Made to text, what is no UTF-8 would be lost.
  throw new TypeError("client must answer bytes for values when the store has a layout; it answered text");
}

function checkLayout(layout: unknown): asserts layout is RedisLayout {
  const { name, keyPrefix, payload } = (layout ?? {}) as Partial<RedisLayout>;
  const fits = typeof name === "string" && typeof keyPrefix === "string" && (payload === "text" || payload === "bytes");
  if (!fits) throw wrongArgument("layout", "a layout such as flaskRedis()", layout);
}
