/** Values of another program in Redis: the payload and nothing beside it, and the key's own expiry is the only one. */

import { isBytes } from "../../core/bytes/bytes.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { textOf } from "./redis-client.ts";
import type { RedisRecords } from "./redis-record.ts";
import { runScript, script, sha1 } from "./redis-scripts.ts";

/** How another program keeps its sessions in Redis. For Flask-Session it is `flaskRedis()` of `sojourn/flask`. */
export interface RedisLayout {
  /** A word for error messages: `"flask-session"`. */
  readonly name: string;
  /** The prefix of its keys, to list them: `"session:"`. It is not added to keys. */
  readonly keyPrefix: string;
  /** Whether its format encodes sessions to text or to bytes. */
  readonly payload: "text" | "bytes";
  /** A prefix of the payload in every value, in ASCII. Default nothing. */
  readonly mark?: string | undefined;
}

/**
 * Records as another program's values. A version is a value itself, and what is compared is its digest: so that program
 * takes part. It belongs to no single record, for others may come to the same value by themselves.
 */
export function bareRecords(layout: RedisLayout, now: () => number): RedisRecords {
  const { keyPrefix, payload, mark = "" } = checked(layout);
  const head = encoder.encode(mark);

  const decode = (value: Uint8Array): string | Uint8Array | null => {
    if (head.some((byte, at) => value[at] !== byte)) return null;
    const body = new Uint8Array(value.subarray(head.length));
    return payload === "text" ? decoder.decode(body) : body;
  };

  const records: RedisRecords = {
    replies: "bytes",
    bySubject: false,
    keyPrefix,
    lua: `
local unique = false
local function stands(key, digest)
  local value = redis.pcall('GET', key)
  return type(value) == 'string' and redis.sha1hex(value) == digest
end
local function belongs(key, subject)
  return type(redis.pcall('GET', key)) == 'string'
end
local function hint(key, expiresAt)
end`,
    encode(record) {
      const body = typeof record.payload === "string" ? encoder.encode(record.payload) : record.payload;
      const value = new Uint8Array(head.length + body.length);
      value.set(head);
      value.set(body, head.length);
      return { value, version: value };
    },
    stateOf: (version) => sha1(version as Uint8Array),
    subjectOf: () => undefined,
    async read(connection, name) {
      const reply = (await runScript(connection, readScript, [name], [])) as [unknown, unknown] | null;
      if (!reply) return null;
      const [value, left] = [bytesOf(reply[0]), Number(textOf(reply[1]))];
      const found = decode(value);
      if (found === null || left === 0) return null;
      return { payload: found, expiresAt: left < 0 ? Number.MAX_SAFE_INTEGER : now() + left, version: value };
    },
    readMany: (connection, names) => Promise.all(names.map((name) => records.read(connection, name))),
    subjectIn: () => undefined,
  };
  return records;
}

/** Value and milliseconds left, of one moment. `KEYS`: record. */
const readScript = script(`
local value = redis.pcall('GET', KEYS[1])
return type(value) == 'string' and { value, redis.call('PTTL', KEYS[1]) }`);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function bytesOf(reply: unknown): Uint8Array {
  if (isBytes(reply)) return reply;
  // Made to text, what is no UTF-8 would be lost.
  throw new TypeError("client must answer bytes for values when the store has a layout; it answered text");
}

function checked(layout: unknown): RedisLayout {
  const { name, keyPrefix, payload } = (layout ?? {}) as Partial<RedisLayout>;
  const fits = typeof name === "string" && typeof keyPrefix === "string" && (payload === "text" || payload === "bytes");
  if (fits) return layout as RedisLayout;
  throw wrongArgument("layout", "a layout such as flaskRedis()", layout);
}
