/** What the stores say of options that do not exist, and of a client that was passed in another way. */

import { DatabaseSync } from "node:sqlite";
import { Firestore } from "@google-cloud/firestore";
import * as ioredis from "ioredis";
import Keyv from "keyv";
import * as redis from "redis";
import { createStorage } from "unstorage";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/core/contracts/store.ts";
import { flaskFiles } from "../../../src/flask/files.ts";
import { cachedStore } from "../../../src/stores/cached.ts";
import { cloudflareKvStore } from "../../../src/stores/cloudflare-kv.ts";
import { cookieStore } from "../../../src/stores/cookie.ts";
import { datastoreSchema, datastoreStore } from "../../../src/stores/datastore.ts";
import { durableObjectStore } from "../../../src/stores/durable-objects.ts";
import { dynamodbStore, dynamodbTable } from "../../../src/stores/dynamodb.ts";
import { elasticsearchIndex, elasticsearchStore } from "../../../src/stores/elasticsearch.ts";
import { fileStore } from "../../../src/stores/file.ts";
import { firestoreSchema, firestoreStore } from "../../../src/stores/firestore.ts";
import { keyvStore } from "../../../src/stores/keyv.ts";
import { memcachedClient } from "../../../src/stores/memcached/client.ts";
import { memcachedStore } from "../../../src/stores/memcached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { mongodbStore } from "../../../src/stores/mongodb.ts";
import { nullStore } from "../../../src/stores/null.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { sqlStore } from "../../../src/stores/sql.ts";
import { unstorageStore } from "../../../src/stores/unstorage.ts";

/** As Workers hand it out. */
const namespace = {
  get: async () => null,
  async put() {},
  async delete() {},
  list: async () => ({ keys: [], list_complete: true }),
};
const never = (): never => expect.unreachable("the client was asked for");

type Call = (options: never) => unknown;
const cached: Call = (options) => cachedStore(memoryStore(), options);

describe("an unknown option is refused by", () => {
  test.each<[string, Call, object, string]>([
    ["redisStore", redisStore, { keyPrefix: "app:" }, "client, prefix, layout, now"],
    ["memcachedStore", memcachedStore, { maxItemByte: 1 }, 'did you mean "maxItemBytes"?'],
    ["memcachedClient", memcachedClient, { servers: [] }, 'did you mean "server"?'],
    ["dynamodbStore", dynamodbStore, { tableName: "x" }, "client, table, attributes, prefix, layout, now"],
    ["dynamodbTable", dynamodbTable, { tables: "x" }, 'did you mean "table"?'],
    ["elasticsearchStore", elasticsearchStore, { indx: "x" }, 'did you mean "index"?'],
    ["elasticsearchIndex", elasticsearchIndex, { field: {} }, 'did you mean "fields"?'],
    ["firestoreStore", firestoreStore, { colection: "x" }, 'did you mean "collection"?'],
    ["firestoreSchema", firestoreSchema, { colection: "x" }, 'did you mean "collection"?'],
    ["datastoreStore", datastoreStore, { kinds: "x" }, 'did you mean "kind"?'],
    ["datastoreSchema", datastoreSchema, { kinds: "x" }, 'did you mean "kind"?'],
    ["fileStore", fileStore, { directory: "/x", durabel: true }, 'did you mean "durable"?'],
    ["memoryStore", memoryStore, { maxRecord: 5 }, 'did you mean "maxRecords"?'],
    ["keyvStore", keyvStore, { client: new Keyv(), prefx: "" }, 'did you mean "prefix"?'],
    ["unstorageStore", unstorageStore, { storage: createStorage(), share: true }, 'did you mean "shared"?'],
    ["cachedStore", cached, { stalenes: 1 }, 'did you mean "staleness"?'],
    ["cookieStore", cookieStore, { secrets: [], revocation: memoryStore() }, 'did you mean "revocations"?'],
    ["cloudflareKvStore", cloudflareKvStore, { namespace, prefx: "" }, 'did you mean "prefix"?'],
    ["durableObjectStore", durableObjectStore, { objects: "x" }, 'did you mean "object"?'],
  ])("%s", (name, call, options, said) => {
    const wrong = (): unknown => call(options as never);
    expect(wrong).toThrow(TypeError);
    expect(wrong).toThrow(`${name}: there is no option "`);
    expect(wrong).toThrow(said);
  });

  test("nullStore, which has none", () => {
    expect(() => (nullStore as (options: object) => unknown)({ readOnly: true })).toThrow(
      "the argument of nullStore() must be left out: it has no options; received an object",
    );
  });
});

describe("a client that was passed in another way shows the line to write", () => {
  const disconnected = redis.createClient();
  const bytes = memcachedClient();

  test.each<[string, () => unknown, string]>([
    ["redisStore(client)", () => redisStore(disconnected as never), "Write redisStore({ client })"],
    ["redisStore(Redis)", () => redisStore(ioredis.Redis as never), "the class Redis. Write redisStore({ client: new "],
    ["redisStore(redis)", () => redisStore(redis as never), "received a module. Write redisStore({ client: new Redis"],
    [
      "redisStore({ client: redis })",
      () => redisStore({ client: redis as never }),
      "client must be made with its package",
    ],
    ["redisStore({ client: Redis })", () => redisStore({ client: ioredis.Redis as never }), "received the class Redis"],
    ["redisStore({ command })", () => redisStore({ command() {} } as never), "Write redisStore({ client })"],
    ["memcachedStore(client)", () => memcachedStore(bytes as never), "Write memcachedStore({ client })"],
    ["firestoreStore(client)", () => firestoreStore(new Firestore() as never), "Write firestoreStore({ client })"],
    ["firestoreStore({ client: Firestore })", () => firestoreStore({ client: Firestore as never }), "new Firestore()"],
    ["keyvStore(client)", () => keyvStore(new Keyv() as never), "Write keyvStore({ client })"],
    ["unstorageStore(storage)", () => unstorageStore(createStorage() as never), "Write unstorageStore({ storage })"],
    ["dynamodbStore(() => client)", () => dynamodbStore((() => null) as never), "Write dynamodbStore({ client })"],
  ])("%s", (_, call, said) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(said);
  });

  test("and other arguments are refused as options", () => {
    expect(() => fileStore("/var/lib/sessions" as never)).toThrow(
      "the argument of fileStore() must be an object of options, such as { directory }; received a string of 17 characters",
    );
    expect(() => redisStore(undefined as never)).toThrow(
      "an object of options, such as { client }; received undefined",
    );
  });

  test("a function that returns a client is called for it later", () => {
    function connect(): never {
      throw new Error("asked");
    }
    expect(redisStore({ client: connect }).name).toBe("redis");
    expect(redisStore({ client: async () => connect() }).name).toBe("redis");
  });
});

describe("prune() refuses unknown or invalid options, before anything is sent, of", () => {
  const directory = "/nowhere/at/all";
  const stores: readonly Store[] = [
    cloudflareKvStore({ namespace }),
    datastoreStore({ client: never }),
    elasticsearchStore({ client: never }),
    fileStore({ directory }),
    firestoreStore({ client: never }),
    flaskFiles({ directory }),
    keyvStore({ client: new Keyv({ throwOnErrors: true }) }),
    memoryStore(),
    mongodbStore({ collection: never }),
    sqlStore({ client: new DatabaseSync(":memory:") }),
    unstorageStore({ storage: createStorage() }),
  ];
  test.each(stores.map((store) => [store.name, store] as const))("the %s store", async (_, store) => {
    const prune = store.prune?.bind(store) as (options: unknown) => Promise<unknown>;
    await expect(prune({ limits: 5 })).rejects.toThrow('prune: there is no option "limits"; did you mean "limit"?');
    for (const limit of [0, 1.5, "5", null, Number.NaN]) {
      await expect(prune({ limit })).rejects.toThrow("limit must be a whole number of at least 1; received");
    }
    await expect(prune({ cursor: 7 })).rejects.toThrow("cursor must be the cursor that the call before this one");
    await expect(prune(null)).rejects.toThrow("the argument of prune() must be an object of options");
  });
});
