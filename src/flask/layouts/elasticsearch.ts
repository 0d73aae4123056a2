/** Flask-Session2's sessions in Elasticsearch: a document each, the session in it an object. */

import type { ElasticsearchLayout } from "../../stores/elasticsearch.ts";

/**
 * The `layout` of an `elasticsearchStore` that shares its sessions with Flask-Session2
 * (`SESSION_TYPE = "elasticsearch"`). Their format is JSON:
 * `createSessions({ ...flaskSession({ format: "json", ids: "uuid" }), store })`.
 *
 * Clients of Elasticsearch turn numbers into JavaScript numbers, so `1.0` becomes `1` when the session is written
 * again. A session with an integer beyond 2^53 is refused, on reading and on writing, rather than changed.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { flask2Elasticsearch, flaskSession } from "sojourn/flask";
 * import { type ElasticsearchClient, elasticsearchStore } from "sojourn/stores/elasticsearch";
 *
 * export function sessionsBesideFlask(client: ElasticsearchClient) {
 *   const store = elasticsearchStore({ client, layout: flask2Elasticsearch() });
 *   return createSessions({ ...flaskSession({ format: "json", ids: "uuid" }), store });
 * }
 * ```
 */
export function flask2Elasticsearch(): ElasticsearchLayout {
  return { name: "flask-session2", fields: { key: "id", payload: "val", expiresAt: "expiration" } };
}
