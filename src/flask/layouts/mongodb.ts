/** Flask-Session's sessions in MongoDB: a document each, whose fields are `id`, `val` and `expiration`. */

import type { MongodbLayout } from "../../stores/mongodb.ts";

/**
 * The `layout` of a `mongodbStore` that shares its sessions with Flask-Session (`SESSION_TYPE = "mongodb"`). Flask's
 * own names are `client.db("flask_session").collection("sessions")`: `SESSION_MONGODB_DB`, `SESSION_MONGODB_COLLECT`.
 *
 * A document has no room for a subject, so sessions cannot be listed by user. A save compares `val` with the value that
 * was read, so it detects a write by Flask in between. Ended sessions are never returned, although Flask returns them
 * until MongoDB removes them. Flask creates no index on `id`, so it reads the whole collection at every request: call
 * `await store.setup()` once to create the index.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskMongodb, flaskSession } from "sojourn/flask";
 * import { type MongodbCollection, mongodbStore } from "sojourn/stores/mongodb";
 *
 * export function sessionsBesideFlask(collection: MongodbCollection) {
 *   return createSessions({ ...flaskSession(), store: mongodbStore({ collection, layout: flaskMongodb() }) });
 * }
 * ```
 */
export function flaskMongodb(): MongodbLayout {
  return { key: "id", payload: "val", expiresAt: "expiration", subject: null, version: null };
}
