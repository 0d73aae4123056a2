/** Flask-Session's sessions in Memcached: the whole value is the encoded session, and the item's end its only one. */

import type { MemcachedLayout } from "../../stores/memcached.ts";

/**
 * The `layout` of a `memcachedStore` that shares its sessions with Flask-Session (`SESSION_TYPE = "memcached"`). The
 * client must keep all bytes unchanged: use `memcachedClient()` of `sojourn/stores/memcached/client`.
 *
 * A save compares the value with the one that was read, so it detects a write by Flask in between.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskMemcached, flaskSession } from "sojourn/flask";
 * import { memcachedClient } from "sojourn/stores/memcached/client";
 * import { memcachedStore } from "sojourn/stores/memcached";
 *
 * const store = memcachedStore({ client: memcachedClient(), layout: flaskMemcached() });
 * export const sessions = createSessions({ ...flaskSession(), store });
 * ```
 */
export function flaskMemcached(): MemcachedLayout {
  // 16 is what python-memcached puts beside text, which Flask-Session-Plus stores. Other numbers are Python objects.
  return { name: "flask-session", payload: "bytes", flags: [0, 16] };
}
