/** The index the Elasticsearch store keeps records in, making it, and making sure of it. */

import { SessionError, wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import { indexIsMissing, type Reply, type Send } from "./client.ts";
import {
  type ElasticsearchFields,
  type ElasticsearchRecords,
  type Fields,
  namesOf,
  propertiesOf,
} from "./documents.ts";

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

/**
 * The body of `PUT /sessions`, which creates the index, to send yourself, perhaps with your own `settings`.
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
  return { mappings: { dynamic: false, properties: propertiesOf(namesOf(options.fields)) } };
}

/** Creates the index, or adds what is missing to the mapping of the one that is there; looks first, which needs no right to do so. */
export async function setUp(send: Send, index: string, records: ElasticsearchRecords): Promise<void> {
  const { properties, search } = records;
  const mappings = { ...(search && { dynamic: false }), properties };
  const path = `/${encodeURIComponent(index)}`;
  const found = await send({ method: "GET", path: `${path}/_mapping` }, "answered").catch(() => undefined);
  if (found?.status === 200 && hasAll(found.body, records)) return;
  const created = await send({ method: "PUT", path, body: { mappings } }, "answered");
  if (created.status === 200) return;
  const type = created.body.error?.type;
  // An alias that has this name is as good.
  if (type !== "resource_already_exists_exception" && type !== "invalid_index_name_exception") throw failed(created);
  // The index of another program stays as that made it.
  if (!search) return checkIndex(send, index, records);
  const mapped = await send({ method: "PUT", path: `${path}/_mapping`, body: { properties } }, "answered");
  if (mapped.status !== 200) throw failed(mapped);
}

function failed({ status, body }: Reply): Error {
  return new Error(`the index for sessions cannot be made: ${body.error?.reason ?? status}`);
}

/**
 * Fails unless the index is there with the mapping it needs. A server makes an index that is not there of its own
 * accord with the first document, and then a search does not find what it should.
 */
export async function checkIndex(send: Send, index: string, { wrongWith }: ElasticsearchRecords): Promise<void> {
  const { status, body } = await send({ method: "GET", path: `/${encodeURIComponent(index)}/_mapping` });
  if (status !== 200) throw indexIsMissing();
  for (const fields of fieldsIn(body)) {
    const wrong = wrongWith(fields);
    if (wrong) throw new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `The index for sessions ${wrong}.`);
  }
}

/** Whether every index behind a name has the fields. */
function hasAll(body: unknown, { properties }: ElasticsearchRecords): boolean {
  const has = (fields: Fields): boolean =>
    Object.entries(properties).every(
      ([name, { type, format }]) => fields[name]?.type === type && fields[name]?.format === format,
    );
  const indexes = fieldsIn(body);
  return indexes.length > 0 && indexes.every(has);
}

/** The fields of every index behind a name, as `GET /name/_mapping` answers. */
function fieldsIn(body: unknown): Fields[] {
  const indexes = body as Record<string, { readonly mappings?: { readonly properties?: Fields } }>;
  return Object.values(indexes).map(({ mappings }) => mappings?.properties ?? {});
}
