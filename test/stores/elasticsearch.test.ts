/** The Elasticsearch store on Elasticsearch and on OpenSearch: the whole suite through the newest client of each, its heart through older ones, and from two processes. */

import { afterAll, beforeAll, describe } from "vitest";
import { storeConformance } from "../../src/testing/index.ts";
import { packagesFor, searchHarness, searchIsMissing, searchProcesses } from "../support/elasticsearch-clients.ts";
import { type SearchServer, startSearch } from "../support/elasticsearch-server.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

for (const [product, title] of [
  ["elasticsearch", "Elasticsearch"],
  ["opensearch", "OpenSearch"],
] as const) {
  describe.skipIf(searchIsMissing(product, title))(title, () => {
    let server: SearchServer;
    beforeAll(async () => {
      server = await startSearch(product);
    }, 180_000);
    afterAll(() => server?.stop());

    const [newest, older = newest] = packagesFor(product);
    describeStore(searchHarness(newest, 1, () => server));
    describeProcesses(searchProcesses(newest, () => server));
    // What a shard alone cannot show, and what a client can get wrong.
    const groups = ["read", "create", "update", "touch", "delete", "rename", "version", "listBySubject", "prune"];
    const harness = searchHarness(older, 4, () => server);
    describeCases(
      harness.name,
      storeConformance(harness).filter((one) => groups.includes(one.group)),
    );
  });
}
