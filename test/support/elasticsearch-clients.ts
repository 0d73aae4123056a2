/** Every client the Elasticsearch store works with, opened against a node of the tests; and the suites over them. */

import { Client as Elasticsearch9 } from "@elastic/elasticsearch";
import { Client as OpenSearch3 } from "@opensearch-project/opensearch";
import { Client as Elasticsearch7 } from "elasticsearch7";
import { Client as Elasticsearch8 } from "elasticsearch8";
import { Client as OpenSearch2 } from "opensearch2";
import type { Store } from "../../src/core/contracts/store.ts";
import { type ElasticsearchClient, elasticsearchIndex, elasticsearchStore } from "../../src/stores/elasticsearch.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import { type SearchProduct, type SearchServer, searchVersion } from "./elasticsearch-server.ts";
import { clientVersion, reportBackend, reportMissing } from "./report.ts";

type Open = (node: string) => ElasticsearchClient & { close(): Promise<void> };

/** How each is opened, by the name its package is installed under. */
const openers: Readonly<Record<string, Open>> = {
  "@elastic/elasticsearch": (node) => new Elasticsearch9({ node }),
  elasticsearch8: (node) => new Elasticsearch8({ node }),
  elasticsearch7: (node) => new Elasticsearch7({ node }),
  "@opensearch-project/opensearch": (node) => new OpenSearch3({ node }),
  opensearch2: (node) => new OpenSearch2({ node }),
};

/** The packages that speak to the node that is here; the first is tested most. */
export function packagesFor(product: SearchProduct): readonly [string, ...string[]] {
  if (product === "opensearch") return ["@opensearch-project/opensearch", "opensearch2"];
  const version = searchVersion(product);
  return "title" in version && / 7\./.test(version.title)
    ? ["elasticsearch7"]
    : ["@elastic/elasticsearch", "elasticsearch8"];
}

/** Reports what one `describe` of the calling test file runs against. True when there is nothing to run against. */
export function searchIsMissing(product: SearchProduct, within: string): boolean {
  const version = searchVersion(product);
  if ("missing" in version) return reportMissing("elasticsearch", version.missing);
  const clients = packagesFor(product).map((name) => clientVersion(name));
  reportBackend({ backend: "elasticsearch", server: version.title, clients, within });
  return false;
}

/** A client of one of the packages. */
export function openClient(through: string, url: string): ReturnType<Open> {
  return openers[through]!(url);
}

const clients = new Map<Store, ReturnType<Open>>();

/** Opens a store on an index of the space's own. */
export async function openStore(through: string, url: string, options: OpenOptions, shards = 1): Promise<Store> {
  const store = storeOn(through, url, options.space, options);
  // One that does not wait for the disk: these tests cut no power.
  const settings = { "index.translog.durability": "async", "index.number_of_shards": shards };
  const body = { ...elasticsearchIndex(), settings };
  const { transport } = clients.get(store)!;
  await transport.request({ method: "PUT", path: `/${options.space}`, body }, { ignore: [400], meta: true });
  await store.setup!();
  return store;
}

function storeOn(through: string, url: string, index: string, { now }: OpenOptions): Store {
  const client = openClient(through, url);
  const store = elasticsearchStore({ client, index, now });
  clients.set(store, client);
  return store;
}

/** Lets go of a store and of its client. */
export async function closeStore(store: Store): Promise<void> {
  await clients.get(store)?.close();
}

/** Deletes the documents of an index. `false` when there are too many for one request. */
async function emptied(index: string): Promise<boolean> {
  const send = async (path: string, body: string): Promise<unknown> => {
    const headers = { "content-type": "application/x-ndjson" };
    return (await fetch(`${index}/${path}`, { method: "POST", ...(body && { headers, body }) })).json();
  };
  await send("_refresh", "");
  const found = (await send("_search?size=1000&_source=false", "")) as { hits: { hits: readonly { _id: string }[] } };
  const { hits } = found.hits;
  if (hits.length === 0) return true;
  const lines = hits.map(({ _id }) => `${JSON.stringify({ delete: { _id } })}\n`).join("");
  const { errors } = (await send("_bulk?refresh=true", lines)) as { errors: boolean };
  return hits.length < 1000 && !errors;
}

function sample(through: string): Store {
  return elasticsearchStore({ client: openClient(through, "http://127.0.0.1:1") });
}

/** The suite over one client package, on indexes of so many shards. `server` is asked when the cases run. */
export function searchHarness(through: string, shards: number, server: () => SearchServer): StoreHarness {
  /** Empty indexes that other tests left: a node makes ten in a second at best. */
  const left: string[] = [];
  const places = new Map<string, { index: string; stores: Set<Store> }>();
  return {
    name: `${clientVersion(through)}, ${shards === 1 ? "one shard" : `${shards} shards`}`,
    sample: sample(through),
    async open(options) {
      const { url } = server();
      const known = places.get(options.space)?.index ?? left.pop();
      const index = known ?? options.space;
      const store = await (known ? storeOn(through, url, known, options) : openStore(through, url, options, shards));
      const place = places.get(options.space) ?? { index, stores: new Set() };
      places.set(options.space, place);
      place.stores.add(store);
      return store;
    },
    async close(store) {
      for (const [space, { index, stores }] of places) {
        if (!stores.delete(store) || stores.size > 0) continue;
        places.delete(space);
        const path = `${server().url}/${index}`;
        if (await emptied(path)) left.push(index);
        else await fetch(path, { method: "DELETE" });
      }
      await closeStore(store);
    },
  };
}

/** The process suite over one client package. */
export function searchProcesses(through: string, server: () => SearchServer): ProcessHarness {
  return {
    name: clientVersion(through),
    sample: sample(through),
    module: new URL("./elasticsearch-process.ts", import.meta.url),
    args: {
      through,
      get url() {
        return server().url;
      },
    },
  };
}
