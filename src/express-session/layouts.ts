/** How the stores of express-session keep their records: the `layout` of our store that fits each. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { RedisLayout } from "../stores/redis.ts";

/** The options of {@link connectRedis}. */
export interface ConnectRedisOptions {
  /** `prefix` of connect-redis, as it is given to `expressSession` as `keyPrefix`: what listing looks for. Default `"sess:"`. */
  readonly keyPrefix?: string | undefined;
}

/**
 * The `layout` of a `redisStore` that shares its sessions with connect-redis, any version. The value is the session's
 * JSON, the key's expiry its end.
 *
 * connect-redis writes whatever is there: it can bring back a session that we ended while a request of its was under way.
 *
 * @throws `TypeError` when `keyPrefix` is no text.
 */
export function connectRedis(options: ConnectRedisOptions = {}): RedisLayout {
  const { keyPrefix = "sess:" } = options;
  if (typeof keyPrefix !== "string") throw wrongArgument("keyPrefix", "a text", keyPrefix);
  return { name: "connect-redis", keyPrefix, payload: "text" };
}
