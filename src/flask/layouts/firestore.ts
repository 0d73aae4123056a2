/** Flask-Session2's sessions in Firestore: a document each, whose fields are `id`, `val` and `expiration`. */

import { isBytes } from "../../core/bytes/bytes.ts";
import type { FirestoreLayout } from "../../stores/firestore.ts";

/**
 * The `layout` of a `firestoreStore` that shares its sessions with Flask-Session2 (`SESSION_TYPE = "firestore"`). They
 * are pickles: `createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store })`. The collection is
 * `flask_session`, unless you set the store's option `collection`.
 *
 * In released versions of Flask-Session2, every call to Firestore fails, so nothing is stored. This layout is for a
 * repaired version. A document has no room for a subject, so sessions cannot be listed by user.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flask2Firestore, flaskSession, pickleFormat } from "sojourn/flask";
 * import { type FirestoreClient, firestoreStore } from "sojourn/stores/firestore";
 *
 * export function sessionsBesideFlask(client: FirestoreClient) {
 *   const store = firestoreStore({ client, layout: flask2Firestore() });
 *   return createSessions({ ...flaskSession({ ids: "uuid" }), format: pickleFormat(), store });
 * }
 * ```
 */
export function flask2Firestore(): FirestoreLayout {
  return {
    name: "flask-session2",
    collection: "flask_session",
    expiresAt: "expiration",
    unindexed: ["val"],
    fieldsOf: (payload, key) => ({ id: key, val: payload }),
    payloadIn({ val }) {
      if (isBytes(val)) return new Uint8Array(val);
      return typeof val === "string" ? val : null;
    },
  };
}
