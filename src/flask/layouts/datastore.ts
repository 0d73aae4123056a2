/** Flask-Session2's sessions in Google's Datastore: an entity each. */

import type { DatastoreProperties } from "../../stores/datastore.ts";

/**
 * The `kind` and the `properties` of a `datastoreStore` that shares its sessions with Flask-Session2
 * (`SESSION_TYPE = "datastore"`). They are pickles:
 * `createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store })`.
 *
 * An entity has no room for a subject, so sessions cannot be listed by user. A save compares `data` with the value that
 * was read, so it detects a write by Flask in between.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flask2Datastore, flaskSession, pickleFormat } from "sojourn/flask";
 * import { type DatastoreClient, datastoreStore } from "sojourn/stores/datastore";
 *
 * export function sessionsBesideFlask(client: DatastoreClient) {
 *   const store = datastoreStore({ client, ...flask2Datastore() });
 *   return createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store });
 * }
 * ```
 */
export function flask2Datastore(): { readonly kind: string; readonly properties: DatastoreProperties } {
  return { kind: "session", properties: { payload: "data", expiresAt: "expiry", subject: null, version: null } };
}
