/** Flask-Session's sessions in Redis: the whole value is the encoded session, and the key's expiry its only one. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { RedisLayout } from "../../stores/redis.ts";

/** The options of {@link flaskRedis}. */
export interface FlaskRedisOptions {
  /** `SESSION_KEY_PREFIX`: listing finds keys by it. Pass the same prefix to `flaskSession`. Default `"session:"`. */
  readonly keyPrefix?: string | undefined;
}

/**
 * The `layout` of a `redisStore` that shares its sessions with Flask-Session (`SESSION_TYPE = "redis"`).
 *
 * A key contains only the value that Flask reads, so it has no room for a subject: sessions cannot be listed
 * by user. A save compares the value with the one that was read, so it detects a write by Flask in between.
 *
 * @throws `TypeError` when `keyPrefix` is no text.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskRedis, flaskSession } from "sojourn/flask";
 * import { type RedisClient, redisStore } from "sojourn/stores/redis";
 *
 * export function sessionsBesideFlask(client: RedisClient) {
 *   return createSessions({ ...flaskSession(), store: redisStore({ client, layout: flaskRedis() }) });
 * }
 * ```
 */
export function flaskRedis(options: FlaskRedisOptions = {}): RedisLayout {
  checkKnown("flaskRedis", options, ["keyPrefix"]);
  const { keyPrefix = "session:" } = options;
  if (typeof keyPrefix !== "string") throw wrongArgument("keyPrefix", "a text", keyPrefix);
  return { name: "flask-session", keyPrefix, payload: "bytes" };
}
