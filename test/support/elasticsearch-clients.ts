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

const opened = new Map<Store, { readonly client: ReturnType<Open>; readonly index: string }>();

/** Opens a store on an index of the space's own. */
export async function openStore(through: string, url: string, { space, now }: OpenOptions, shards = 1): Promise<Store> {
  const client = openClient(through, url);
  const store = elasticsearchStore({ client, index: space, now });
  opened.set(store, { client, index: space });
  // One that does not wait for the disk: these tests cut no power.
  const settings = { "index.translog.durability": "async", "index.number_of_shards": shards };
  const body = { ...elasticsearchIndex(), settings };
  await client.transport.request({ method: "PUT", path: `/${space}`, body }, { ignore: [400], meta: true });
  await store.setup!();
  return store;
}

/** Lets go of a store and of its client. */
export async function closeStore(store: Store): Promise<void> {
  await opened.get(store)?.client.close();
}

/** Removes the index too, for a server has room for a thousand. */
async function removeStore(store: Store): Promise<void> {
  const { client, index } = opened.get(store)!;
  await client.transport.request({ method: "DELETE", path: `/${index}` }, { ignore: [404], meta: true });
  await client.close();
}

function sample(through: string): Store {
  return elasticsearchStore({ client: openClient(through, "http://127.0.0.1:1") });
}

/** The suite over one client package, on indexes of so many shards. `server` is asked when the cases run. */
export function searchHarness(through: string, shards: number, server: () => SearchServer): StoreHarness {
  return {
    name: `${clientVersion(through)}, ${shards === 1 ? "one shard" : `${shards} shards`}`,
    sample: sample(through),
    open: (options) => openStore(through, server().url, options, shards),
    close: removeStore,
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
