/** Flask-Session-Plus's sessions in MongoDB: TaggedJSON, and beside it whether the session is permanent. */

import { fromUtf8 } from "../../core/bytes/bytes.ts";
import type { MongodbLayout, MongodbParts } from "../../stores/mongodb.ts";
import { isTruthy, type PyDict, type PyEntry, pyDict } from "../pickle/values.ts";
import { readTagged, type TaggedText } from "../tagged-json/read.ts";
import { writeTagged } from "../tagged-json/write.ts";

/**
 * The `layout` of a `mongodbStore` that shares its sessions with Flask-Session-Plus (`session_type="mongodb"`). The ids
 * are UUIDs, the prefix of the keys has no colon, and the format is TaggedJSON:
 * `createSessions({ ...flaskSession({ ids: "uuid", keyPrefix: "session" }), format: taggedJsonFormat(), store })`.
 *
 * The option `lifetime` replaces both its `session_lifetime` (for sessions that are not permanent) and its
 * `session_permanent_lifetime`.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flaskPlusMongodb, flaskSession, taggedJsonFormat } from "sojourn/flask";
 * import { type MongodbCollection, mongodbStore } from "sojourn/stores/mongodb";
 *
 * export function sessionsBesideFlask(collection: MongodbCollection) {
 *   const store = mongodbStore({ collection, layout: flaskPlusMongodb() });
 *   return createSessions({
 *     ...flaskSession({ ids: "uuid", keyPrefix: "session", lifetime: "1d", permanent: false }),
 *     format: taggedJsonFormat(),
 *     store,
 *   });
 * }
 * ```
 */
export function flaskPlusMongodb(): MongodbLayout {
  return {
    key: "id",
    payload: "val",
    expiresAt: "_expiration",
    subject: null,
    version: null,
    beside: { fields: [permanent], split, join },
  };
}

const permanent = "_permanent";

/** Each value as it stands, except for `_permanent`. */
function split(payload: string | Uint8Array): MongodbParts {
  const { root, textOf } = read(payload);
  const isPermanent = ([key]: PyEntry): boolean => key.kind === "str" && key.value === permanent;
  const found = root.entries.findLast(isPermanent)?.[1];
  const others = root.entries.filter((entry) => !isPermanent(entry));
  const text = others.length === root.entries.length ? asText(payload) : writeTagged(pyDict([...others]), textOf);
  return { payload: text, fields: { [permanent]: found !== undefined && isTruthy(found) } };
}

/** As Flask-Session-Plus keeps sessions in Redis: with `_permanent` in front. */
function join({ payload, fields }: MongodbParts): string {
  const { root } = read(payload);
  const text = asText(payload).trim();
  const front = `{"${permanent}":${fields[permanent] === true}`;
  return root.entries.length === 0 ? `${front}}` : `${front},${text.slice(1)}`;
}

function read(payload: string | Uint8Array): TaggedText & { readonly root: PyDict } {
  const { root, textOf } = readTagged(asText(payload));
  if (root.kind !== "dict") throw new TypeError("not a session: the payload holds no object");
  return { root, textOf };
}

function asText(payload: string | Uint8Array): string {
  return typeof payload === "string" ? payload : fromUtf8(payload);
}
