/** Clients of Elasticsearch and OpenSearch by shape: the one method that all of them have, to send any request. */

import { received, SessionError } from "../../core/contracts/errors.ts";

/** A request as the store sends it. */
export interface SearchRequest {
  readonly method: string;
  readonly path: string;
  readonly querystring?: Record<string, string | number | boolean>;
  readonly body?: Record<string, unknown>;
  readonly bulkBody?: string;
}

/** A `Client` of `@elastic/elasticsearch` 7, 8 or 9 or of `@opensearch-project/opensearch` 2 or 3. */
export interface ElasticsearchClient {
  readonly transport: {
    /**
     * Sends a request and resolves to an object with `statusCode` and the answer as `body`, also for the statuses in
     * `ignore`; rejects for every other failure.
     */
    request(request: SearchRequest, options: { ignore: number[]; meta: true }): Promise<unknown>;
  };
}

/** What came back. */
export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the answer of the server, parsed.
  readonly body: any;
}

/** Sends a request. Statuses 404 and 409 are answers; so is 400 where it is asked for. */
export type Send = (request: SearchRequest, badRequests?: "answered") => Promise<Reply>;

const takes =
  "a Client of @elastic/elasticsearch 7 to 9 or @opensearch-project/opensearch 2 or 3, another object with " +
  "transport.request(), or a function that returns one";

/** The way to send a request through a client, or a `TypeError` that says what to pass instead. */
export function senderOf(client: unknown): Send {
  const { transport } = (client ?? {}) as Partial<ElasticsearchClient>;
  if (typeof transport?.request !== "function") throw new TypeError(`client must be ${takes}; ${received(client)}`);
  return async (request, badRequests) => {
    const ignore = badRequests === "answered" ? [400, 404, 409] : [404, 409];
    const reply = (await transport.request(request, { ignore, meta: true })) as Partial<Record<string, unknown>>;
    const { statusCode: status, body } = reply ?? {};
    if (typeof status !== "number" || typeof body !== "object") {
      throw new TypeError(`client must be ${takes}; received one whose transport.request() answers something else`);
    }
    if (status === 404 && (body as Reply["body"])?.error?.type === "index_not_found_exception") throw indexIsMissing();
    return { status, body };
  };
}

/** The error of a store whose index is not there. */
export function indexIsMissing(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The index for sessions is not there. Call `await store.setup()` when you deploy.",
  );
}
