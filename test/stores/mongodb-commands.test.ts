/** What the MongoDB store sends and keeps: documents, indexes, commands; whose collection it may be; what it refuses. */

import { Binary, type Collection, type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import {
  type MongodbCollection,
  type MongodbLayout,
  type MongodbStore,
  mongodbSchema,
  mongodbStore,
} from "../../src/stores/mongodb.ts";
import { isSetupIncomplete } from "../../src/stores/shared/setup.ts";
import { foreignLayout } from "../support/mongodb-clients.ts";
import { type MongodbServer, noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";

const record = (payload: string | Uint8Array, subject?: string, lasts = 600_000): StoreRecord => {
  return { payload, expiresAt: Date.now() + lasts, subject };
};

const fakeCollection = (): never => {
  throw new Error("never asked");
};

describe.skipIf(noMongodb && reportMissing("mongodb", noMongodb))("MongoDB", () => {
  let server: MongodbServer;
  let client: MongoClient;
  beforeAll(async () => {
    server = await startMongodb();
    reportBackend({ backend: "mongodb", server: server.version, clients: [clientVersion("mongodb")] });
    client = new MongoClient(server.url, { monitorCommands: true });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  let count = 0;
  let collection: Collection;
  let store: MongodbStore;
  beforeEach(async () => {
    count += 1;
    collection = client.db(server.database).collection(`commands${count}`);
    store = mongodbStore({ collection });
    await store.setup();
  });

  const documents = (): Promise<Document[]> => collection.find({}, { promoteBuffers: false }).toArray();

  /** The same collection as a client with other options sees it. */
  async function elsewhere(options: object, work: (store: MongodbStore) => Promise<void>): Promise<void> {
    const other = new MongoClient(server.url, options);
    try {
      await work(mongodbStore({ collection: other.db(server.database).collection(collection.collectionName) }));
    } finally {
      await other.close();
    }
  }

  test("setup accepts an index of another name, and creates only what is missing", async () => {
    await collection.dropIndexes();
    await collection.createIndex({ key: 1 }, { unique: true, name: "by_key" });
    await collection.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0, name: "ttl" });
    await store.setup();
    await store.setup();
    const names = (await collection.indexes()).map(({ name }) => name).sort();
    expect(names).toEqual(["_id_", "by_key", "subject_1", "ttl"]);
    expect(await store.create("a", record("1", "ada"))).not.toBeNull();
  });

  test("setup creates the unique index beside one that is not unique", async () => {
    await collection.dropIndexes();
    await collection.createIndex({ key: 1 }, { name: "mine" });
    // MongoDB up to 4.4 takes one index a field only, and says so.
    await store.setup();
    expect(await store.create("a", record("1"))).not.toBeNull();
    expect((await collection.indexes()).filter(({ unique }) => unique === true)).toHaveLength(1);
  });

  test.each([
    ["that removes nothing", "expiresAt", {}, /"mine" on the same field is another one.*"expireAfterSeconds":0/],
    ["that removes an hour late", "expiresAt", { expireAfterSeconds: 3600 }, /"mine" on the same field is another one/],
  ])("setup names the index that is in the way: one %s", async (_, field, options, said) => {
    await collection.dropIndexes();
    await collection.createIndex({ [field]: 1 }, { ...options, name: "mine" });
    const error: unknown = await store.setup().catch((error: unknown) => error);
    expect(String(error)).toMatch(said);
    expect(isSetupIncomplete(error)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ["a collection in place of the options", undefined, "Write mongodbStore({ collection })"],
    ["the class of the client", { collection: MongoClient }, "Write mongodbStore({ collection: new MongoClient(url)"],
    [
      "an option that does not exist",
      { collection: fakeCollection, prefix: "a" },
      'mongodbStore: there is no option "prefix"',
    ],
    [
      "a field that does not exist",
      { collection: fakeCollection, layout: { expiry: "e" } },
      'layout: there is no option "expiry"',
    ],
  ])("the line to write is in the error for %s", (_, options, said) => {
    expect(() => mongodbStore((options ?? collection) as never)).toThrow(said);
  });

  test("a document is readable for an operator", async () => {
    await store.create("a", record('{"visits":1}', "ada"));
    await store.create("b", record(Uint8Array.of(0, 255)));
    const [a, b] = await documents();
    expect(a).toEqual({
      _id: expect.anything(),
      key: "a",
      payload: '{"visits":1}',
      subject: "ada",
      version: expect.stringMatching(/^[\w-]{16}$/),
      expiresAt: expect.any(Date),
    });
    expect(Math.abs(a!.expiresAt - Date.now() - 600_000)).toBeLessThan(2000);
    expect(Object.keys(b!)).not.toContain("subject");
    expect(b!.payload).toBeInstanceOf(Binary);
    expect((b!.payload as Binary).sub_type).toBe(0);
  });

  test("fields may have other names", async () => {
    const layout = { key: "id", payload: "val", expiresAt: "expiration", subject: "user", version: "rev" };
    const other = mongodbStore({ collection, layout });
    await collection.dropIndexes();
    await other.setup();
    await other.create("a", record("1", "ada"));
    expect(Object.keys((await documents())[0]!).sort()).toEqual(["_id", "expiration", "id", "rev", "user", "val"]);
    expect((await collection.indexes()).map(({ key }) => Object.keys(key)[0])).toEqual([
      "_id",
      "id",
      "expiration",
      "user",
    ]);
  });

  test("a read is one command and so is every write, except for a check of the indexes before the first", async () => {
    const commands: string[] = [];
    client.on("commandStarted", ({ commandName, command }) => {
      if (Object.values(command)[0] === collection.collectionName) commands.push(commandName);
    });
    const during = async (work: () => Promise<unknown>): Promise<string> => {
      commands.length = 0;
      await work();
      return commands.join();
    };
    expect(await during(() => store.create("x", record("1")))).toBe("listIndexes,update");
    expect(await during(() => store.create("a", record("1", "ada")))).toBe("update");
    const { version } = (await store.read("a"))!;
    expect(await during(() => store.read("a"))).toBe("find");
    expect(await during(() => store.touch("a", Date.now() + 700_000))).toBe("update");
    expect(await during(() => store.rename("a", "b", record("3", "ada"), version))).toBe("update");
    const renamed = (await store.read("b"))!.version;
    expect(await during(() => store.update("b", record("4"), renamed))).toBe("update");
    expect(await during(() => store.delete("b"))).toBe("delete");
    expect(await during(() => store.prune())).toBe("find");
    client.removeAllListeners("commandStarted");
  });

  test("text that has a meaning in MongoDB's language is only text", async () => {
    for (const text of ["$payload", "$$NOW", "$$REMOVE", "$", '{"$gt":""}', "a.b", "\u0000"]) {
      const key = text === "\u0000" ? "nul" : text;
      const version = await store.create(key, record(text, text));
      expect(await store.read(key)).toMatchObject({ payload: text, subject: text });
      const updated = await store.update(key, record(`${text}2`, text), version!);
      await store.rename(key, `$to${key}`, record(text, text), updated!);
      const rows: string[] = [];
      for await (const row of store.listBySubject(text)) rows.push(row.key);
      expect(rows).toEqual([`$to${key}`]);
    }
  });

  test("text with halves of surrogate pairs comes back exactly, as payload and as subject", async () => {
    const [payload, subject] = ["\ud800 \udc00\ud800", "\udfff"];
    await store.create("a", record(payload, subject));
    expect(await store.read("a")).toMatchObject({ payload, subject });
    for await (const row of store.listBySubject(subject)) expect(row.key).toBe("a");
    let rows = 0;
    for await (const _ of store.listBySubject("\ud900")) rows += 1;
    expect(rows).toBe(0);
  });

  test("nodes whose clocks are hours apart agree on when a session expires", async () => {
    const hour = 3_600_000;
    const ahead = mongodbStore({ collection, now: () => Date.now() + hour });
    const behind = mongodbStore({ collection, now: () => Date.now() - hour });
    await ahead.create("a", { payload: "1", expiresAt: Date.now() + hour + 600_000 });
    await behind.create("b", { payload: "1", expiresAt: Date.now() - hour + 600_000 });
    for (const key of ["a", "b"]) {
      expect(Math.abs((await ahead.read(key))!.expiresAt - Date.now() - hour - 600_000)).toBeLessThan(2000);
      expect(Math.abs((await behind.read(key))!.expiresAt - Date.now() + hour - 600_000)).toBeLessThan(2000);
    }
    expect(await behind.touch("a", Date.now() - hour + 700_000)).toBe(true);
    expect(Math.abs((await store.read("a"))!.expiresAt - Date.now() - 700_000)).toBeLessThan(2000);
  });

  test("the client's options for values do not matter", async () => {
    const version = await store.create("text", record("1", "ada"));
    await store.create("bytes", record(Uint8Array.of(1, 2)));
    const odd = [
      { promoteLongs: false },
      { useBigInt64: true },
      { promoteValues: false },
      { promoteBuffers: true },
      { ignoreUndefined: true },
      { raw: true },
    ];
    for (const options of odd) {
      await elsewhere(options, async (other) => {
        expect(await other.read("text")).toMatchObject({ payload: "1", subject: "ada", version });
        const { payload } = (await other.read("bytes"))!;
        expect(Buffer.from(payload as Uint8Array)).toEqual(Buffer.of(1, 2));
        expect(Math.abs((await other.read("text"))!.expiresAt - Date.now() - 600_000)).toBeLessThan(5000);
        let rows = 0;
        for await (const _ of other.list()) rows += 1;
        expect(rows).toBe(2);
      });
    }
  });

  test("reads go to the primary, whatever the client prefers", async () => {
    const asked: unknown[] = [];
    const other = new MongoClient(server.url, { readPreference: "secondaryPreferred" });
    const own = other.db(server.database).collection(collection.collectionName);
    const watched = new Proxy(own, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (name === "find" || name === "findOne") asked.push((args[1] as Document).readPreference);
          return value.apply(target, args);
        };
      },
    });
    try {
      const reading = mongodbStore({ collection: watched });
      await reading.read("a");
      for await (const _ of reading.list()) break;
      expect(asked).toEqual(["primary", "primary"]);
    } finally {
      await other.close();
    }
  });

  test("keys are exact in a collection that compares text without case", async () => {
    const own = await client
      .db(server.database)
      .createCollection(`collated${count}`, { collation: { locale: "en", strength: 2 } });
    const collated = mongodbStore({ collection: own });
    await collated.setup();
    const version = await collated.create("key", record("1", "ada"));
    expect(await collated.create("KEY", record("2", "ADA"))).not.toBeNull();
    expect(await collated.read("Key")).toBeNull();
    await collated.delete("KEY");
    expect(await collated.update("key", record("3", "ada"), version!)).not.toBeNull();
    const rows: string[] = [];
    for await (const { key } of collated.listBySubject("ADA")) rows.push(key);
    expect(rows).toEqual([]);
  });

  describe("indexes", () => {
    const shape = (indexes: Document[]): unknown[] =>
      indexes.map(({ key, unique, sparse, expireAfterSeconds }) => ({ key, unique, sparse, expireAfterSeconds }));

    test("setup() creates a unique one, one that removes expired documents, and one for subjects", async () => {
      expect(shape(await collection.indexes())).toEqual([
        { key: { _id: 1 } },
        { key: { key: 1 }, unique: true },
        { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
        { key: { subject: 1 }, sparse: true },
      ]);
    });

    test("the commands of mongodbSchema create the same ones", async () => {
      const db = {
        made: [] as Promise<unknown>[],
        getCollection: (name: string) => ({
          createIndex: (key: Record<string, 1>, options?: object) => {
            db.made.push(client.db(server.database).collection(name).createIndex(key, options));
          },
        }),
      };
      for (const layout of [{}, foreignLayout]) {
        const name = `printed${count}${JSON.stringify(layout).length}`;
        new Function("db", mongodbSchema({ collection: name, layout }))(db);
        await Promise.all(db.made);
        const made = client.db(server.database).collection(`setup${name}`);
        await mongodbStore({ collection: made, layout }).setup();
        const printed = await client.db(server.database).collection(name).indexes();
        const by = (a: Document, b: Document): number => (JSON.stringify(a.key) < JSON.stringify(b.key) ? -1 : 1);
        expect(printed.sort(by)).toEqual((await made.indexes()).sort(by));
      }
    });

    test("without the unique one nothing is created until it exists", async () => {
      const empty = (): Promise<unknown> => client.db(server.database).createCollection(collection.collectionName);
      for (const prepare of [async () => {}, empty, noUnique]) {
        await collection.drop();
        await prepare();
        const bare = mongodbStore({ collection });
        await expect(bare.create("a", record("1"))).rejects.toThrow('no unique index on "key". Call setup()');
        expect(await collection.countDocuments()).toBe(0);
        await bare.setup();
        expect(await bare.create("a", record("1"))).not.toBeNull();
      }
    });

    async function noUnique(): Promise<void> {
      await collection.createIndex({ key: 1 });
      await collection.createIndex({ key: 1, other: 1 }, { unique: true });
      await collection.dropIndex("key_1");
    }

    test("setup() rejects when two documents already have one key", async () => {
      await collection.dropIndexes();
      await collection.insertMany([{ key: "a" }, { key: "a" }]);
      await expect(store.setup()).rejects.toMatchObject({ code: 11000 });
    });

    test("a read, a listing by subject and a prune use an index", async () => {
      await store.create("a", record("1", "ada"));
      const plans: string[] = [];
      const explaining = new Proxy(collection, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (name === "find" || name === "findOne") plans.push(JSON.stringify(args[0]));
            return value.apply(target, args);
          };
        },
      });
      const watched = mongodbStore({ collection: explaining });
      await watched.read("a");
      for await (const _ of watched.listBySubject("ada")) break;
      await watched.prune();
      const stages: unknown[] = [];
      for (const filter of plans) {
        const plan = await collection
          .find(JSON.parse(filter), { collation: { locale: "simple" } })
          .explain("queryPlanner");
        stages.push(/"keyPattern":(\{[^}]*\})/.exec(JSON.stringify(plan.queryPlanner.winningPlan))?.[1]);
      }
      expect(stages).toEqual(['{"key":1}', '{"subject":1}', '{"expiresAt":1}']);
    });
  });

  test("a unique index of the application's that refuses a session is an error, not a taken key", async () => {
    await collection.createIndex({ subject: 1 }, { unique: true, sparse: true, name: "one_each" });
    await store.create("a", record("1", "ada"));
    const version = await store.create("b", record("1"));
    for (const call of [
      () => store.create("c", record("2", "ada")),
      () => store.update("b", record("2", "ada"), version!),
      () => store.rename("b", "c", record("2", "ada"), version!),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 11000 });
    }
    expect(await store.read("b")).toMatchObject({ payload: "1" });
  });

  test("a key that holds something else counts as taken", async () => {
    await collection.insertOne({ key: "to", expiresAt: new Date(Date.now() + 60_000), note: "not a session" });
    const version = await store.create("from", record("1"));
    expect(await store.create("to", record("2"))).toBeNull();
    expect(await store.rename("from", "to", record("2"), version!)).toBeNull();
    expect(await store.update("from", record("2"), version!)).not.toBeNull();
  });

  describe("expired documents that still exist", () => {
    test("do not prevent a rename", async () => {
      for (let round = 0; round < 5; round++) {
        await store.create("to", record("old", "bob", -1000));
        const version = await store.create("from", record("1", "ada"));
        const [renamed] = await Promise.all([
          store.rename("from", "to", record("2", "ada"), version!),
          ...(round > 1 ? [store.prune(), store.prune()] : []),
        ]);
        expect(renamed).not.toBeNull();
        expect(await store.read("to")).toMatchObject({ payload: "2", subject: "ada" });
        await store.delete("to");
        expect(await collection.countDocuments()).toBe(0);
      }
    });

    test("are replaced by a create, with all their content", async () => {
      await collection.insertOne({ key: "a", payload: "old", expiresAt: new Date(1), version: "v", more: "secret" });
      expect(await store.create("a", record("new"))).not.toBeNull();
      expect(await documents()).toEqual([
        { _id: expect.anything(), key: "a", payload: "new", version: expect.any(String), expiresAt: expect.any(Date) },
      ]);
    });

    test("are pruned; those without a date are not, and are no sessions either", async () => {
      await collection.insertMany([
        { key: "ended", payload: "1", version: "v", expiresAt: new Date(Date.now() - 1000) },
        { key: "null", payload: "1", version: "v", expiresAt: null },
        { key: "none", payload: "1", version: "v" },
        { key: "live", payload: "1", version: "v", expiresAt: new Date(Date.now() + 60_000) },
      ]);
      const rows: string[] = [];
      for await (const { key } of store.list()) rows.push(key);
      expect(rows).toEqual(["live"]);
      for (const key of ["ended", "null", "none"]) expect(await store.read(key)).toBeNull();
      expect(await store.prune()).toEqual({ removed: 1, cursor: undefined });
      expect(await collection.countDocuments()).toBe(3);
    });
  });

  describe("a collection shared with another program such as Flask-Session", () => {
    const session = "session:abc";
    let shared: MongodbStore;
    beforeEach(async () => {
      collection = client.db(server.database).collection(`foreign${count}`);
      await collection.createIndex({ expiration: 1 }, { expireAfterSeconds: 0 });
      shared = mongodbStore({ collection, layout: foreignLayout });
      await shared.setup();
    });

    const theyWrite = (text: string): Promise<unknown> =>
      collection.updateOne(
        { id: session },
        { $set: { id: session, val: new Binary(Buffer.from(text)), expiration: new Date(Date.now() + 60_000) } },
        { upsert: true },
      );
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

    test("its sessions are read, and its writes make ours conflict", async () => {
      await theyWrite("one");
      const found = (await shared.read(session))!;
      expect(found.payload).toEqual(bytes("one"));
      expect(await shared.touch(session, Date.now() + 700_000)).toBe(true);
      await theyWrite("two");
      expect(await shared.update(session, record(bytes("ours")), found.version)).toBeNull();
      expect(await shared.rename(session, "session:new", record(bytes("ours")), found.version)).toBeNull();
      const { version } = (await shared.read(session))!;
      expect(await shared.update(session, record(bytes("ours")), version)).not.toBeNull();
      await collection.deleteOne({ id: session });
      expect(await shared.update(session, record(bytes("ghost")), bytes("ours"))).toBeNull();
    });

    test("it reads ours, and its other fields stay", async () => {
      await shared.create(session, record(bytes("ours"), "ada"));
      await collection.updateOne({ id: session }, { $set: { theirs: 7 } });
      const { version } = (await shared.read(session))!;
      await shared.update(session, record(bytes("more"), "ada"), version);
      expect(await documents()).toEqual([
        {
          _id: expect.anything(),
          id: session,
          val: new Binary(Buffer.from("more")),
          expiration: expect.any(Date),
          subject: "ada",
          theirs: 7,
        },
      ]);
    });
  });
});

describe("options", () => {
  const collection = new MongoClient("mongodb://127.0.0.1:1").db("x").collection("y");

  test("a value that is no collection is refused with what is accepted", () => {
    const client = new MongoClient("mongodb://127.0.0.1:1");
    for (const wrong of [client, client.db("x"), {}, "sessions", undefined, null]) {
      const make = (): Store => mongodbStore({ collection: wrong as unknown as MongodbCollection });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(/collection must be a collection of the mongodb driver/);
    }
  });

  test("a collection with unacknowledged writes is refused", () => {
    const silent = new MongoClient("mongodb://127.0.0.1:1", { writeConcern: { w: 0 } }).db("x").collection("y");
    expect(() => mongodbStore({ collection: silent })).toThrow(
      /whose writes are acknowledged; received one with .*w: 0/,
    );
  });

  test("a function is called for the collection at the first use", async () => {
    let asked = 0;
    const store = mongodbStore({
      collection: async () => {
        asked += 1;
        return {} as MongodbCollection;
      },
    });
    expect(asked).toBe(0);
    await expect(store.read("a")).rejects.toThrow(TypeError);
    expect(asked).toBe(1);
  });

  test("a layout with names that cannot be fields, or one twice, is refused", () => {
    const wrong: MongodbLayout[] = [
      { key: "" },
      { payload: "a.b" },
      { payload: "$a" },
      { payload: "a\u0000b" },
      { payload: "key" },
      { subject: "payload" },
      { version: 7 as unknown as string },
      { key: null as unknown as string },
    ];
    for (const layout of wrong) {
      expect(() => mongodbStore({ collection, layout }), JSON.stringify(layout)).toThrow(/layout\.\w+ must be/);
      expect(() => mongodbSchema({ layout }), JSON.stringify(layout)).toThrow(TypeError);
    }
    expect(() => mongodbStore({ collection, layout: "key" as MongodbLayout })).toThrow(/layout must be/);
    expect(() => mongodbSchema({ collection: 7 as unknown as string })).toThrow(/collection must be/);
    expect(() => mongodbStore({ collection, now: 7 as unknown as () => number })).toThrow(/now must be/);
  });
});
