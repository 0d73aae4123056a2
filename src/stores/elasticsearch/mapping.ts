/** The index the Elasticsearch store keeps records in, making it, and making sure of it. */

import { SessionError, wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { indexIsMissing, type Reply, type Send } from "./client.ts";
import { type ElasticsearchFields, type Names, namesOf } from "./documents.ts";

/** What makes the index: the body of the request that creates it. */
export interface ElasticsearchIndex {
  readonly mappings: {
    /** Nothing else in a document is looked into. */
    readonly dynamic: false;
    readonly properties: Readonly<Record<string, { readonly type: "keyword" | "date"; readonly format?: string }>>;
  };
}

/** The name of the index, checked. */
export function indexOf(index: unknown = "sessions"): string {
  const takes = "lower-case text, an index name without wildcards";
  if (typeof index !== "string" || !/^[^A-Z\s"*+\\/?<>|,#_.-][^A-Z\s"*\\/?<>|,#]*$/.test(index)) {
    throw wrongArgument("index", takes, index);
  }
  return index;
}

export function mappingsOf(names: Names): ElasticsearchIndex["mappings"] {
  const date = { type: "date", format: "epoch_millis" } as const;
  return {
    dynamic: false,
    properties: {
      [names.key]: { type: "keyword" },
      [names.subject]: { type: "keyword" },
      [names.expiresAt]: date,
      [names.movedAt]: date,
    },
  };
}

/**
 * The index as code: the body of `PUT /sessions`, to send yourself, perhaps with `settings` of yours.
 *
 * @throws TypeError when `fields` is wrong.
 * @example
 * ```ts
 * import { elasticsearchIndex } from "sojourn/stores/elasticsearch";
 *
 * process.stdout.write(JSON.stringify({ ...elasticsearchIndex(), settings: { number_of_replicas: 2 } }, null, 2));
 * ```
 */
export function elasticsearchIndex(
  options: { readonly fields?: ElasticsearchFields | undefined } = {},
): ElasticsearchIndex {
  checkKnown("elasticsearchIndex", options, ["fields"]);
  return { mappings: mappingsOf(namesOf(options.fields)) };
}

/** Creates the index, or adds what is missing to the mapping of the one that is there; looks first, which needs no right to do so. */
export async function setUp(send: Send, index: string, names: Names): Promise<void> {
  const mappings = mappingsOf(names);
  const path = `/${encodeURIComponent(index)}`;
  const found = await send({ method: "GET", path: `${path}/_mapping` }, "answered").catch(() => undefined);
  if (found?.status === 200 && hasAll(found.body, mappings)) return;
  const created = await send({ method: "PUT", path, body: { mappings } }, "answered");
  if (created.status === 200) return;
  const type = created.body.error?.type;
  // An alias that has this name is as good.
  if (type !== "resource_already_exists_exception" && type !== "invalid_index_name_exception") throw failed(created);
  const { properties } = mappings;
  const mapped = await send({ method: "PUT", path: `${path}/_mapping`, body: { properties } }, "answered");
  if (mapped.status !== 200) throw failed(mapped);
}

function failed({ status, body }: Reply): Error {
  return new Error(`the index for sessions cannot be made: ${body.error?.reason ?? status}`);
}

/**
 * Fails unless the index is there with the mapping it needs. A server makes an index that is not there of its own
 * accord with the first document, and then a search for a subject does not find what it should.
 */
export async function checkIndex(send: Send, index: string, names: Names): Promise<void> {
  const { status, body } = await send({ method: "GET", path: `/${encodeURIComponent(index)}/_mapping` });
  if (status !== 200) throw indexIsMissing();
  for (const { mappings } of Object.values(body as Record<string, { mappings: Reply["body"] }>)) {
    for (const [field, { type }] of Object.entries(mappingsOf(names).properties)) {
      const found = mappings.properties?.[field]?.type;
      if (found === type) continue;
      throw new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        `The index for sessions has no ${type} field ${field}. Remove the index and call \`await store.setup()\`.`,
      );
    }
  }
}

/** Whether every index behind a name has the fields, as `GET /name/_mapping` answers. */
function hasAll(body: unknown, { properties }: ElasticsearchIndex["mappings"]): boolean {
  const indexes = Object.values(body as Record<string, { mappings?: { properties?: Record<string, Field> } }>);
  const has = (fields: Record<string, Field> = {}): boolean =>
    Object.entries(properties).every(
      ([name, { type, format }]) => fields[name]?.type === type && fields[name]?.format === format,
    );
  return indexes.length > 0 && indexes.every(({ mappings }) => has(mappings?.properties));
}

interface Field {
  readonly type?: unknown;
  readonly format?: unknown;
}
