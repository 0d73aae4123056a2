/** What the Elasticsearch store sends and keeps: requests per operation, documents, the index; and what may go wrong on the way. */

import { Client } from "@elastic/elasticsearch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSessionError } from "../../src/core/contracts/errors.ts";
import type { ListedRecord, Store, StoreRecord, Version } from "../../src/core/contracts/store.ts";
import {
  type ElasticsearchClient,
  type ElasticsearchStoreOptions,
  elasticsearchIndex,
  elasticsearchStore,
} from "../../src/stores/elasticsearch.ts";
import { openClient, packagesFor, searchIsMissing } from "../support/elasticsearch-clients.ts";
import { type SearchServer, startSearch } from "../support/elasticsearch-server.ts";
import { sessionsHoldOver } from "../support/sessions-over.ts";

const nowhere = new Client({ node: "http://127.0.0.1:1" });

describe("a client of the wrong shape", () => {
  const refused: [string, unknown, string][] = [
    ["nothing", undefined, "received undefined"],
    ["null", null, "received null"],
    ["a URL", "http://user:secret@localhost:9200", "received a string of 33 characters"],
    ["an object without a transport", { search() {} }, "received an object"],
  ];

  test.each(refused)("is a TypeError at construction: %s", (_title, client, says) => {
    const construct = (): unknown => elasticsearchStore({ client: client as ElasticsearchClient });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(/^client must be a Client of @elastic\/elasticsearch 7 to 9 or @opensearch-project/);
    expect(construct).toThrow(says);
    expect(construct).not.toThrow(/secret/);
  });

  test("is a compile error too", () => {
    // @ts-expect-error A URL is no client.
    expect(() => elasticsearchStore({ client: "http://localhost:9200" })).toThrow(TypeError);
  });

  test("is noticed at the first answer when it gives no status", async () => {
    const client: ElasticsearchClient = { transport: { request: async () => ({ found: false }) } };
    const store = elasticsearchStore({ client });
    await expect(store.read("k")).rejects.toThrow(/whose transport.request\(\) answers something else$/);
  });

  test("from a function rejects when the store is first used, and the next use calls it again", async () => {
    let asked = 0;
    const client = (): ElasticsearchClient => {
      asked += 1;
      return {} as ElasticsearchClient;
    };
    const store = elasticsearchStore({ client });
    expect(asked).toBe(0);
    await expect(store.read("k")).rejects.toThrow(/^client must be .* received an object$/);
    await expect(store.read("k")).rejects.toThrow(TypeError);
    expect(asked).toBe(2);
  });
});

test.each([
  [{ index: "" }, /^index must be lower-case text, an index name without wildcards; received a string of 0/],
  [{ index: "Sessions" }, /^index must be /],
  [{ index: "sessions*" }, /^index must be /],
  [{ index: "a,b" }, /^index must be /],
  [{ index: "_all" }, /^index must be /],
  [{ index: ".." }, /^index must be /],
  [{ now: 7 }, /^now must be a function that returns epoch milliseconds; received 7$/],
  [{ fields: 7 }, /^fields must be an object; received 7$/],
  [{ fields: { key: "a.b" } }, /^fields.key must be non-empty text without dots that does not begin with _; received/],
  [{ fields: { expires: "e" } }, /^fields has no field expires: it names key, payload, bytes, expiresAt/],
  [{ fields: { version: "key" } }, /^fields must name every field differently/],
])("a wrong option is a TypeError: %o", (options, says) => {
  const construct = (): unknown => elasticsearchStore({ client: nowhere, ...(options as object) });
  expect(construct).toThrow(TypeError);
  expect(construct).toThrow(says);
});

for (const [product, title] of [
  ["elasticsearch", "In Elasticsearch"],
  ["opensearch", "In OpenSearch"],
] as const) {
  describe.skipIf(searchIsMissing(product, title))(title, () => {
    let server: SearchServer;
    beforeAll(async () => {
      server = await startSearch(product);
    }, 180_000);
    afterAll(() => server?.stop());

    type Request = Parameters<ElasticsearchClient["transport"]["request"]>[0];
    interface Found {
      readonly hits: { readonly hits: readonly { readonly _source: Record<string, unknown> }[] };
    }
    type Instead = (call: () => Promise<unknown>, request: Request) => Promise<unknown>;
    interface World {
      readonly store: Store;
      readonly index: string;
      time: number;
      /** Every request since they were taken last: its method, and its path without the index. */
      sent(): string[];
      ask<Answer>(method: string, path: string, body?: Record<string, unknown>): Promise<Answer>;
      /** Every document. */
      documents(): Promise<Record<string, unknown>[]>;
      /** Hands requests to a function that may or may not send them. */
      meddle(instead: Instead): void;
      record(payload: string | Uint8Array, subject?: string, lasts?: number): StoreRecord;
    }

    let indexes = 0;
    function world(options: Partial<ElasticsearchStoreOptions> = {}): World {
      const client = openClient(packagesFor(product)[0], server.url);
      const index = options.index ?? `index${++indexes}`;
      let requests: string[] = [];
      let instead: Instead = (call) => call();
      const watched: ElasticsearchClient = {
        transport: {
          request(request, how) {
            requests.push(`${request.method} ${request.path.replace(`/${index}`, "")}`);
            return instead(() => client.transport.request(request, how), request);
          },
        },
      };
      const one: World = {
        time: 1_900_000_000_000,
        store: elasticsearchStore({ client: watched, index, now: () => one.time, ...options }),
        index,
        sent() {
          const all = requests;
          requests = [];
          return all;
        },
        async ask(method, path, body) {
          const request = { method, path, ...(body && { body }) };
          return ((await client.transport.request(request, { ignore: [400, 404], meta: true })) as { body: never })
            .body;
        },
        async documents() {
          await one.ask("POST", `/${index}/_refresh`);
          const { hits } = await one.ask<Found>("GET", `/${index}/_search`);
          return hits.hits.map((hit) => hit._source);
        },
        meddle(how) {
          instead = how;
        },
        record: (payload, subject, lasts = 600_000) => ({ payload, expiresAt: one.time + lasts, subject }),
      };
      return one;
    }
    async function ready(options: Partial<ElasticsearchStoreOptions> = {}): Promise<World> {
      const one = world(options);
      await one.store.setup!();
      await one.store.read("warm up");
      one.sent();
      return one;
    }
    async function collect(rows: AsyncIterable<ListedRecord>): Promise<string[]> {
      const keys: string[] = [];
      for await (const row of rows) keys.push(row.key);
      return keys.sort();
    }
    async function sessionError(work: Promise<unknown>): Promise<{ code: string; message: string }> {
      const error = await work.then(() => undefined).catch((reason: unknown) => reason);
      if (!isSessionError(error)) throw new Error(`expected a SessionError, got ${String(error)}`);
      return { code: error.code, message: error.message };
    }

    test("a read or write is one request, a touch two, and a write after a touch three, for it moved the document", async () => {
      const { store, sent, record } = await ready();
      await store.read("a");
      expect(sent()).toEqual(["GET /_doc/s%3Aa"]);
      let version = await store.create("a", record("1", "ada"));
      expect(sent()).toEqual(["PUT /_create/s%3Aa"]);
      version = await store.update("a", record("2", "ada"), version!);
      expect(sent()).toEqual(["PUT /_doc/s%3Aa"]);
      expect(await store.touch("a", record("", "", 700_000).expiresAt)).toBe(true);
      expect(sent()).toEqual(["GET /_doc/s%3Aa", "POST /_update/s%3Aa"]);
      version = await store.update("a", record("3", "ada"), version!);
      expect(version).not.toBeNull();
      expect(sent()).toEqual(["PUT /_doc/s%3Aa", "GET /_doc/s%3Aa", "PUT /_doc/s%3Aa"]);
      expect(await store.rename("a", "b", record("4", "ada"), version!)).not.toBeNull();
      expect(sent()).toEqual(["PUT /_create/s%3Ab", "POST /_update/s%3Aa"]);
      await store.delete("b");
      expect(sent()).toEqual(["DELETE /_doc/s%3Ab"]);
    });

    test("the first request of a store is preceded by one that checks the index", async () => {
      const one = await ready();
      const second = world({ index: one.index });
      await Promise.all([second.store.read("a"), second.store.read("b")]);
      expect(second.sent().filter((request) => request.endsWith("_mapping"))).toHaveLength(1);
    });

    test("a record is one document, with key, subject and expiry indexed; a touch changes only the expiry", async () => {
      const { store, documents, record, ask, index, time } = await ready();
      const version = await store.create("k", record("text", "ada"));
      await store.touch("k", time + 700_000);
      expect((await store.read("k"))!.expiresAt).toBe(time + 700_000);
      expect(await documents()).toEqual([
        {
          key: "k",
          payload: "text",
          expiresAt: time + 700_000,
          version: String(version).split(" ")[3],
          subject: "ada",
        },
      ]);
      await store.create("l", record(Uint8Array.of(251, 255)));
      expect((await documents()).find((document) => document.key === "l")).toMatchObject({ bytes: "-_8" });
      const { [index]: found } = await ask<Record<string, unknown>>("GET", `/${index}/_mapping`);
      const { properties } = elasticsearchIndex().mappings;
      expect(found).toEqual({ mappings: { dynamic: "false", properties } });
    });

    test("names are options, and so is an alias in place of the index", async () => {
      const fields = {
        key: "id",
        payload: "val",
        expiresAt: "expiration",
        subject: "user",
        version: "v",
        movedAt: "m",
      };
      const one = await ready({ fields });
      await one.ask("POST", "/_aliases", { actions: [{ add: { index: one.index, alias: `${one.index}-alias` } }] });
      const two = await ready({ fields, index: `${one.index}-alias` });
      const version = await two.store.create("k", one.record("1", "ada"));
      expect(await one.store.rename("k", "to", one.record("2", "ada"), version!)).not.toBeNull();
      expect(await collect(two.store.listBySubject!("ada"))).toEqual(["to"]);
      expect((await one.documents()).find((document) => document.id === "to")).toMatchObject({ val: "2", user: "ada" });
    });

    test("a missing index is a rejection by every method, and none of them creates it", async () => {
      const { store, ask, index, record } = world();
      const expected = {
        code: "ERR_SESSION_STORE_UNAVAILABLE",
        message: "The index for sessions is not there. Call `await store.setup()` when you deploy.",
      };
      for (const call of [
        () => store.read("k"),
        () => store.create("k", record("1", "ada")),
        () => store.update("k", record("1"), "0 1 2000000000000 x k"),
        () => store.touch("k", 2_000_000_000_000),
        () => store.rename("k", "l", record("1"), "0 1 2000000000000 x k"),
        () => store.delete("k"),
        () => collect(store.list!()),
        () => collect(store.listBySubject!("ada")),
        () => store.prune!(),
      ]) {
        expect(await sessionError(call())).toEqual(expected);
      }
      expect(await ask("GET", `/${index}`)).toMatchObject({ error: { type: "index_not_found_exception" } });
      await store.setup!();
      expect(await store.create("k", record("1"))).not.toBeNull();
    });

    test("an index with another mapping is a rejection, also when it was created while the store was in use", async () => {
      const { store, ask, index, record } = await ready();
      await ask("DELETE", `/${index}`);
      // The server makes an index for a document that has none, and looks into all its fields.
      await store.create("k", record("1", "ada@example.com"));
      const { code, message } = await sessionError(collect(store.listBySubject!("ada@example.com")));
      expect(code).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      expect(message).toMatch(/^The index for sessions has no keyword field key\. Remove the index and call/);
      const second = world({ index });
      expect((await sessionError(second.store.read("k"))).code).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      await expect(second.store.setup!()).rejects.toThrow(/^the index for sessions cannot be made: mapper \[/);
    });

    test("setup of an existing index sends nothing that needs the right to create one", async () => {
      const { store, sent } = await ready();
      sent();
      await store.setup!();
      expect(sent()).toEqual(["GET /_mapping"]);
    });

    test("two documents of different shards with equal sequence numbers are distinguished", async () => {
      const one = world();
      await one.ask("PUT", `/${one.index}`, { ...elasticsearchIndex(), settings: { "index.number_of_shards": 8 } });
      const keys = Array.from({ length: 16 }, (_, index) => `k${index}`);
      const versions = new Map<string, Version>();
      for (const key of keys) versions.set(key, (await one.store.create(key, one.record(key)))!);
      const counts = [...versions.values()].map((version) => String(version).split(" ").slice(0, 2).join(" "));
      expect(new Set(counts).size).toBeLessThan(keys.length);
      for (const key of keys) {
        for (const [other, version] of versions) {
          if (other !== key) expect(await one.store.update(key, one.record("ghost"), version)).toBeNull();
        }
        expect((await one.store.read(key))!.payload).toBe(key);
      }
    });

    test("a repeated write whose first answer was lost is a success", async () => {
      const one = await ready();
      const { store, record } = one;
      one.meddle(async (call, { method }) => {
        if (method !== "GET") await call();
        return call();
      });
      let version = await store.create("a", record("1", "ada"));
      expect(version).not.toBeNull();
      version = await store.update("a", record("2", "ada"), version!);
      expect(version).not.toBeNull();
      expect(await store.touch("a", record("", "", 700_000).expiresAt)).toBe(true);
      version = await store.rename("a", "b", record("3", "ada"), version!);
      expect(version).not.toBeNull();
      expect(await store.read("a")).toBeNull();
      expect((await store.read("b"))!.version).toBe(version);
      one.time += 600_000;
      expect(await store.create("b", record("4", "ada"))).not.toBeNull();
      expect(await store.prune!()).toEqual({ removed: 0, cursor: undefined });
    });

    test("a write always preceded by touches gives up with ERR_SESSION_CONFLICT, and nothing is lost", async () => {
      const one = await ready();
      const { store, record, time } = one;
      const version = await store.create("k", record("1", "ada"));
      const toucher = (await ready({ index: one.index })).store;
      let touches = 0;
      one.meddle(async (call, { method }) => {
        if (method === "PUT") await toucher.touch("k", time + 700_000 + ++touches);
        return call();
      });
      const { code } = await sessionError(store.update("k", record("2", "ada"), version!));
      expect(code).toBe("ERR_SESSION_CONFLICT");
      expect(touches).toBe(100);
      expect(await toucher.read("k")).toMatchObject({ payload: "1", expiresAt: time + 700_100 });
    });

    test("the signpost of a rename is no session, helps listings for ten minutes, and is pruned then", async () => {
      const one = await ready();
      const { store, record, documents } = one;
      const version = await store.create("from", record("1", "ada"));
      await store.rename("from", "to", record("2", "ada"), version!);
      expect((await documents()).find((document) => document.key === "from")).toMatchObject({
        payload: null,
        expiresAt: 0,
        movedAt: one.time,
        subject: "ada",
      });
      expect(await store.prune!()).toEqual({ removed: 0, cursor: undefined });
      one.time += 599_999;
      expect((await store.prune!()).removed).toBe(0);
      expect(await collect(store.listBySubject!("ada"))).toEqual(["to"]);
      one.time += 1;
      expect((await store.prune!()).removed).toBe(2);
      expect(await documents()).toEqual([]);
    });

    test("a key whose session was renamed away can be created again at once", async () => {
      const { store, record } = await ready();
      const version = await store.create("from", record("1", "ada"));
      await store.rename("from", "to", record("2", "ada"), version!);
      expect(await store.create("from", record("3", "bob"))).not.toBeNull();
      expect(await collect(store.listBySubject!("ada"))).toEqual(["to"]);
      expect(await collect(store.listBySubject!("bob"))).toEqual(["from"]);
    });

    test("long subjects, half surrogate pairs and the empty text are distinguished and found; payloads come back exactly", async () => {
      const { store, record } = await ready();
      const subjects = [
        "",
        "\ud800",
        "\udc00",
        "\ufffd",
        "\\ud800",
        'DOMAIN\\ada "x"',
        "ä".repeat(10_000),
        `${"ä".repeat(9999)}a`,
      ];
      for (const [at, subject] of subjects.entries()) await store.create(`k${at}`, record(subject, subject));
      for (const [at, subject] of subjects.entries()) {
        expect(await collect(store.listBySubject!(subject))).toEqual([`k${at}`]);
        expect(await store.read(`k${at}`)).toMatchObject({ payload: subject, subject });
      }
    });

    test("thirty parallel requests of one session keep all changes, and revoking a subject ends its sessions", async () => {
      await sessionsHoldOver((await ready({ now: Date.now })).store);
    });

    test("every acknowledged write is there after a crash, with versions that can still be written", async () => {
      const { store, record } = await ready();
      const versions: Version[] = [];
      for (let index = 0; index < 20; index++) versions.push((await store.create(`k${index}`, record("1", "ada")))!);
      await store.touch("k0", record("", "", 700_000).expiresAt);
      await server.kill();
      await expect(store.read("k0")).rejects.not.toSatisfy(isSessionError);
      await server.restart();
      expect(await collect(store.listBySubject!("ada"))).toHaveLength(20);
      for (const [index, version] of versions.entries()) {
        expect(await store.update(`k${index}`, record("2", "ada"), version)).not.toBeNull();
      }
    }, 180_000);
  });
}
