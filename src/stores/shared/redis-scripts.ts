/** The Lua scripts of the Redis store, and how they are run. Nothing in them is newer than Redis 6.2. */

import { isError } from "../../core/contracts/errors.ts";
import { type RedisArgument, type RedisConnection, textOf } from "./redis-client.ts";

/**
 * How much longer an index entry lasts than its record, in milliseconds. On a cluster they are written one after the
 * other, and the second may have waited in the client for a connection.
 */
const grace = 3_600_000;

/** A script: every key it touches is declared, its arguments are `ARGV`. */
export interface RedisScript {
  readonly lua: string;
  sha: string | undefined;
}

/** The scripts for records kept in one way. */
export interface RedisScripts {
  /**
   * Writes a record under the condition of a version. `KEYS`: from, to, the index it joins, the index it leaves
   * (`from` where there is none). `ARGV`: the version that `from` must have (empty: it must not exist), the version
   * to be, the value, milliseconds to live, the member that leaves, the member that joins. Answers 1 when written. A
   * client that lost the answer sends the same again: what is written already is a success.
   */
  readonly write: RedisScript;
  /**
   * Prolongs a record. `KEYS`: record, index (the record again where there is none). `ARGV`: milliseconds to live, the
   * expiry, the subject it must have, the member. Answers 1 when it is live, 0 when not, and the value of a record
   * with another subject, unchanged.
   */
  readonly touch: RedisScript;
  /** Removes. `KEYS`: record, index. `ARGV`: member. */
  readonly remove: RedisScript;
  /** Adds to an index. `KEYS`: index. `ARGV`: milliseconds to live, member. */
  readonly join: RedisScript;
  /** Removes what is long gone from an index and answers its members. `KEYS`: index. */
  readonly members: RedisScript;
}

/**
 * Makes the scripts from the Lua of records. A server that is out of memory refuses a script only at its first write, and
 * only if that write needs memory. So the script of a write begins with a command that needs memory, and is refused as a
 * whole; that of a touch begins with one that needs none, and succeeds.
 */
export function redisScripts(lua: string): RedisScripts {
  return {
    write: script(`${lua}${index}
local from, to, joins, leaves = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local was, is, value, px = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if (was == '' or from ~= to) and redis.call('EXISTS', to) == 1 or was ~= '' and not stands(from, was) then
  -- Where others may come to the same state, a renamed record is still known by its new key, which no other record has.
  return (unique or from ~= to and redis.call('EXISTS', from) == 0) and stands(to, is) and 1 or 0
end
if px > 0 and joins ~= from then
  join(joins, px, ARGV[6])
end
if px > 0 then
  redis.call('SET', to, value, 'PX', ARGV[4])
end
if from ~= to or px <= 0 then
  redis.call('DEL', from)
end
if leaves ~= from then
  redis.call('ZREM', leaves, ARGV[5])
end
return 1`),
    touch: script(`${lua}${index}
local left, px = redis.call('PTTL', KEYS[1]), tonumber(ARGV[1])
if left == -2 then
  return 0
end
if not belongs(KEYS[1], ARGV[3]) then
  local value = redis.pcall('GET', KEYS[1])
  return type(value) == 'string' and value or 0
end
if left >= 0 and px > left then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  hint(KEYS[1], ARGV[2])
  if KEYS[2] ~= KEYS[1] then
    join(KEYS[2], px, ARGV[4])
  end
end
return 1`),
    remove: script(`
redis.call('DEL', KEYS[1])
return redis.call('ZREM', KEYS[2], ARGV[1])`),
    join: script(`${index}
join(KEYS[1], tonumber(ARGV[1]), ARGV[2])
return 1`),
    members: script(`${index}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', instant(0))
return redis.call('ZRANGE', KEYS[1], 0, -1)`),
  };
}

/** Runs a script in one round trip, or two where the server does not know it yet: new, restarted, flushed, failed over. */
export function runScript(
  connection: RedisConnection,
  script: RedisScript,
  keys: readonly [string, ...string[]],
  args: readonly RedisArgument[],
): Promise<unknown> {
  const [first] = keys;
  const { sha } = script;
  if (sha === undefined) return known(script).then(() => runScript(connection, script, keys, args));
  const asked = connection.command(first, ["EVALSHA", sha, String(keys.length), ...keys, ...args]);
  return asked.catch((error) => {
    if (!says(error, "NOSCRIPT")) throw explained(error);
    return connection.command(first, ["EVAL", script.lua, String(keys.length), ...keys, ...args]);
  });
}

async function known(script: RedisScript): Promise<void> {
  script.sha = await sha1(new TextEncoder().encode(script.lua));
}

/** Whether a script that answers 1 or 0 has answered 1. */
export function is1(reply: unknown): boolean {
  return reply === 1 || textOf(reply) === "1";
}

/**
 * An index is a sorted set: a member for each key, its score the instant on the server's clock when the record and
 * the grace are over, which only grows. It ends with its last member.
 */
const index = `
local function instant(later)
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + later)
end
local function join(index, px, member)
  -- What was written for a save not long ago goes on for long enough.
  local score = redis.call('ZSCORE', index, member)
  if score and tonumber(score) >= tonumber(instant(px + ${grace / 2})) then
    return
  end
  redis.call('ZADD', index, 'GT', instant(px + ${grace}), member)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', instant(0))
  redis.call('PEXPIREAT', index, redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2])
end`;

/** Whether the server's error begins with a word. */
export function says(error: unknown, word: string): boolean {
  return isError(error) && error.message.startsWith(word);
}

/** Explains `MOVED`, the error of a cluster node to a client for a single server, which does not follow redirections. Returns other errors unchanged. */
export function explained(error: unknown): unknown {
  if (!says(error, "MOVED")) return error;
  return new Error(
    "Redis answered MOVED: the server is one of a cluster, and the client knows that one alone. Pass a cluster client.",
  );
}

/** A script from its text. */
export function script(lua: string): RedisScript {
  return { lua: `${lua.trim()}\n`, sha: undefined };
}

/** The digest that Redis can make too, in hexadecimal, and what it calls a script by. */
export async function sha1(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
