/** The Elasticsearch store on Elasticsearch and on OpenSearch: the whole suite through the newest client of each, the cases of a client through older ones, and from two processes. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flask2Elasticsearch, flaskSession } from "../../src/flask.ts";
import { elasticsearchStore } from "../../src/stores/elasticsearch.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import {
  openClient,
  packagesFor,
  searchHarness,
  searchIsMissing,
  searchProcesses,
} from "../support/elasticsearch-clients.ts";
import { type SearchServer, startSearch } from "../support/elasticsearch-server.ts";
import { request } from "../support/requests.ts";
import { describeCases, describeProcesses, describeStore } from "../support/store-tests.ts";

/** The documents of Flask-Session2: the suite as far as it goes, and one of them. */
function describeFlask(through: string, server: () => SearchServer): void {
  const layout = flask2Elasticsearch();
  const clients = new Map<unknown, ReturnType<typeof openClient>>();
  const harness: StoreHarness = {
    name: "the documents of Flask-Session2",
    sample: withFormat(elasticsearchStore({ client: openClient(through, "http://127.0.0.1:1"), layout }), {
      as: "json",
    }),
    async open({ space, now }) {
      const client = openClient(through, server().url);
      const store = withFormat(elasticsearchStore({ client, index: space, layout, now }), { as: "json" });
      await store.setup!();
      clients.set(store, client);
      return store;
    },
    async close(store) {
      await clients.get(store)?.close();
    },
    parallel: 10,
  };
  const groups = ["read", "create", "update", "touch", "rename", "version", "prune"];
  const cases = storeConformance(harness).filter(({ group }) => groups.includes(group));
  // Nothing in it depends on the product.
  if (through.startsWith("@elastic")) describeCases(harness.name, cases);

  describe("a session of Flask-Session2", () => {
    const uuid = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const id = `session:${uuid}`;
    const [path, cookie] = [`/flask2/_doc/${encodeURIComponent(id)}`, `session=${uuid}`];
    let client: ReturnType<typeof openClient>;
    let store: Store;
    let sessions: Sessions<Record<string, unknown>>;
    beforeAll(async () => {
      client = openClient(through, server().url);
      store = elasticsearchStore({ client, index: "flask2", layout });
      await store.setup!();
      sessions = new Sessions({ ...flaskSession({ format: "json", ids: "uuid" }), store, storeTimeout: "30s" });
    });
    afterAll(() => client?.close());
    const send = async (method: string, body?: object): Promise<Record<string, unknown>> => {
      const request = { method, path, ...(body !== undefined && { body: body as never }) };
      const reply = await client.transport.request(request, { ignore: [], meta: true });
      return (reply as { body: { _source: Record<string, unknown> } }).body._source;
    };

    test("is read, merged with what Flask wrote in between, and stays its own document", async () => {
      const val = { _permanent: true, k: "é", deep: { list: [1, null] } };
      const expiration = "2100-01-01T00:00:00.922550+0000";
      await send("PUT", { id, val, expiration });
      expect((await store.read(id))?.expiresAt).toBe(Date.parse("2100-01-01T00:00:00.922Z"));
      const { value } = await request(sessions, cookie, async ({ data }) => {
        await send("PUT", { id, val: { ...val, theirs: 1 }, expiration });
        data.mine = 2;
        return data.k;
      });
      expect(value).toBe("é");
      const found = await send("GET");
      expect(found).toEqual({ id, val: { ...val, theirs: 1, mine: 2 }, expiration: found.expiration });
      expect(found.expiration).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}\+0000$/);
    });

    test.each([null, "2026-01-01T00:00:00.000000+0000", "2026-01-01T05:30:00.5+05:30"])(
      "that ended %s is not found",
      async (expiration) => {
        await send("PUT", { id, val: { k: 1 }, expiration });
        expect(await store.read(id)).toBeNull();
      },
    );

    test("with an integer that no client reads exactly is refused, not changed", async () => {
      const body = `{"id":"${id}","val":{"user":9007199254740993},"expiration":"2100-01-01T00:00:00Z"}`;
      const headers = { "content-type": "application/json" };
      expect((await fetch(server().url + path, { method: "PUT", headers, body })).ok).toBe(true);
      const events: string[] = [];
      sessions.on(({ type }) => events.push(type));
      expect((await request(sessions, cookie, ({ data }) => data.user)).value).toBeUndefined();
      expect(events).toContain("record_refused");
      const large = { user: 9007199254740993n };
      const { error } = await request(sessions, undefined, ({ data }) => Object.assign(data, large));
      expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
    });
  });
}

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
    // What a shard alone cannot show: each counts versions, and lists, by itself.
    const groups = ["create", "update", "rename", "version", "list", "listBySubject", "prune"];
    const shards = searchHarness(older, 4, () => server);
    describeCases(
      shards.name,
      storeConformance(shards).filter((one) => groups.includes(one.group)),
    );
    describeFlask(newest, () => server);
  });
}
