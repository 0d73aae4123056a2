/** What the DynamoDB store sends and keeps: requests per operation, items, the index, the table; and what may go wrong on the way. */

import { DynamoDBClient, TransactionConflictException } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ListedRecord, Store, StoreRecord } from "../../src/core/contracts/store.ts";
import {
  type DynamodbClient,
  type DynamodbStoreOptions,
  dynamodbStore,
  dynamodbTable,
} from "../../src/stores/dynamodb.ts";
import { clientAt, dynamodbIsMissing } from "../support/dynamodb-harness.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb-server.ts";
import { pause } from "../support/processes.ts";
import { seeded } from "../support/random.ts";
import { sessionsHoldOver } from "../support/sessions-over.ts";

const missing = dynamodbIsMissing();
const nowhere = clientAt("http://127.0.0.1:1");
const day = 86_400_000;

describe("a client of the wrong shape", () => {
  const refused: [string, unknown, string][] = [
    ["nothing", undefined, "received undefined"],
    ["a URL", "http://user:secret@localhost:8000", "received a string of 33 characters"],
    ["an object without methods", {}, "received an object"],
    [
      "a client without methods for the operations",
      new DynamoDBClient({ region: "local" }),
      "received an instance of DynamoDBClient, which has no methods for the operations",
    ],
    [
      "a client of aws-sdk 2",
      Object.assign(Object.create(nowhere), { makeRequest() {} }),
      "received a client of aws-sdk 2",
    ],
  ];

  test.each(refused)("is a TypeError at construction: %s", (_title, client, says) => {
    const construct = (): unknown => dynamodbStore({ client: client as DynamodbClient });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(/^client must be a DynamoDB of @aws-sdk\/client-dynamodb 3/);
    expect(construct).toThrow(says);
    expect(construct).not.toThrow(/secret/);
  });

  test("is a compile error too", () => {
    // @ts-expect-error A DynamoDBClient has no methods for the operations.
    expect(() => dynamodbStore({ client: new DynamoDBClient({ region: "local" }) })).toThrow(TypeError);
  });

  test("from a function rejects when the store is first used, and the next use calls it again", async () => {
    let asked = 0;
    const client = (): DynamodbClient => {
      asked += 1;
      return {} as DynamodbClient;
    };
    const store = dynamodbStore({ client });
    expect(asked).toBe(0);
    await expect(store.read("k")).rejects.toThrow(/^client must be .* received an object$/);
    await expect(store.read("k")).rejects.toThrow(TypeError);
    expect(asked).toBe(2);
  });
});

test.each([
  [{ table: "" }, /^table must be non-empty text; received a string of 0 characters$/],
  [{ prefix: 7 }, /^prefix must be text of at most 500 characters; received 7$/],
  [{ now: 7 }, /^now must be a function that returns epoch milliseconds; received 7$/],
  [{ attributes: 7 }, /^attributes must be an object; received 7$/],
  [{ attributes: { sort: "" } }, /^attributes.sort must be non-empty text; received a string of 0 characters$/],
  [{ attributes: { expires: "e" } }, /^attributes has no field expires: it names partition, sort, payload/],
  [{ attributes: { ttl: "expiresAt" } }, /^attributes must name every attribute differently/],
])("a wrong option is a TypeError: %o", (options, says) => {
  const construct = (): unknown => dynamodbStore({ client: nowhere, ...(options as object) });
  expect(construct).toThrow(TypeError);
  expect(construct).toThrow(says);
});

describe.skipIf(missing)("in DynamoDB", () => {
  let server: DynamodbServer;
  beforeAll(async () => {
    server = await startDynamodb();
  }, 90_000);
  afterAll(() => server?.stop());

  let tables = 0;
  interface World {
    readonly store: Store;
    readonly table: string;
    /** The names of all operations since they were taken last. */
    sent(): string[];
    items(): Promise<Record<string, unknown>[]>;
    /** Hands calls of one operation to a function that may or may not make them. */
    meddle(operation: string, instead: (call: () => Promise<unknown>) => Promise<unknown>): void;
    time: number;
    record(payload: string | Uint8Array, subject?: string, lasts?: number): StoreRecord;
  }

  async function world(options: Partial<DynamodbStoreOptions> = {}): Promise<World> {
    const client = clientAt(server.endpoint);
    const table = options.table ?? `table${++tables}`;
    let operations: string[] = [];
    const instead = new Map<string, (call: () => Promise<unknown>) => Promise<unknown>>();
    const watched = new Proxy(client, {
      get(target, name: string) {
        const method = Reflect.get(target, name) as unknown;
        if (typeof method !== "function" || name === "send") return method;
        return (input: object) => {
          operations.push(name);
          const call = async (): Promise<unknown> => method.call(target, input);
          return (instead.get(name) ?? ((one) => one()))(call);
        };
      },
    });
    const one: World = {
      // A whole second of tomorrow: rounding can be seen, and DynamoDB removes nothing meanwhile.
      time: Math.floor(Date.now() / day) * day + day + 3_600_000,
      store: dynamodbStore({ client: watched, table, now: () => one.time, ...options }),
      table,
      sent() {
        const all = operations;
        operations = [];
        return all;
      },
      items: async () => (await client.scan({ TableName: table, ConsistentRead: true })).Items ?? [],
      meddle: (operation, how) => void instead.set(operation, how),
      record: (payload, subject, lasts = 600_000) => ({ payload, expiresAt: one.time + lasts, subject }),
    };
    await one.store.setup!();
    one.sent();
    return one;
  }

  async function collect(rows: AsyncIterable<ListedRecord>): Promise<string[]> {
    const keys: string[] = [];
    for await (const row of rows) keys.push(row.key);
    return keys.sort();
  }

  test("every operation is one request; a listing is one for the keys and one per hundred of them", async () => {
    const { store, sent, record } = await world();
    await store.read("a");
    expect(sent()).toEqual(["getItem"]);
    const anonymous = await store.create("a", record("1"));
    expect(sent()).toEqual(["putItem"]);
    await store.update("a", record("2"), anonymous!);
    expect(sent()).toEqual(["putItem"]);
    await store.touch("a", record("", undefined, 700_000).expiresAt);
    expect(sent()).toEqual(["updateItem"]);
    await store.delete("a");
    expect(sent()).toEqual(["deleteItem"]);

    let version = await store.create("b", record("1", "ada"));
    expect(sent()).toEqual(["transactWriteItems"]);
    version = await store.update("b", record("2", "ada"), version!);
    expect(sent()).toEqual(["putItem"]);
    await store.touch("b", record("", undefined, 700_000).expiresAt, "ada");
    expect(sent()).toEqual(["updateItem"]);
    version = await store.update("b", record("3", "bob"), version!);
    expect(sent()).toEqual(["transactWriteItems"]);
    await store.rename("b", "c", record("4", "bob"), version!);
    expect(sent()).toEqual(["transactWriteItems"]);
    expect(await collect(store.listBySubject!("nobody"))).toEqual([]);
    expect(sent()).toEqual(["query"]);
    await store.delete("c", "bob");
    expect(sent()).toEqual(["transactWriteItems"]);
  });

  test("a record is one item: exact milliseconds, and whole seconds rounded up for DynamoDB's own removal", async () => {
    const { store, items, time } = await world();
    await store.create("k", { payload: "text", expiresAt: time + 1001 });
    const [item] = await items();
    expect(item).toEqual({
      pk: { S: "k" },
      sk: { S: "session" },
      payload: { S: "text" },
      expiresAt: { N: String(time + 1001) },
      ttl: { N: String(time / 1000 + 2) },
      version: { S: expect.stringMatching(/^[\w-]{16}$/) },
    });
  });

  test("a subject is a second item, which outlives the first by at least a day", async () => {
    const { store, items, record, time } = await world();
    await store.create("k", record(Uint8Array.of(1, 2), "ada"));
    const [entry, item] = (await items()).sort((a, b) => Object.keys(a).length - Object.keys(b).length);
    expect(item).toMatchObject({ payload: { B: Uint8Array.of(1, 2) }, subject: { S: '"ada"' } });
    expect(entry).toEqual({
      pk: { S: 'subject "ada"' },
      sk: { S: "k" },
      ttl: { N: String((Math.floor(time / day) + 2) * 86_400) },
    });
  });

  test("names, prefix and table are options; stores with several prefixes share a table and do not see each other", async () => {
    const attributes = {
      partition: "Key",
      sort: "Type",
      payload: "Values",
      expiresAt: "Timestamp",
      version: "Order",
      subject: "User",
      ttl: "Expires at",
    };
    const one = await world({ prefix: "one ", attributes });
    const two = await world({ prefix: "two ", attributes, table: one.table });
    const version = await one.store.create("k", one.record("1", "ada"));
    expect(await two.store.read("k")).toBeNull();
    expect(await two.store.create("k", one.record("2", "ada"))).not.toBeNull();
    expect(await one.store.touch("k", one.time + 3 * day)).toBe(true);
    expect(await one.store.rename("k", "to", one.record("3", "ada"), version!)).not.toBeNull();
    expect(await collect(one.store.list!())).toEqual(["to"]);
    expect(await collect(one.store.listBySubject!("ada"))).toEqual(["to"]);
    expect(await collect(two.store.listBySubject!("ada"))).toEqual(["k"]);
    await one.store.delete("to", "ada");
    const left = (await one.items()).map((item) => item.Key);
    expect(left).toEqual(expect.arrayContaining([{ S: 'two subject "ada"' }, { S: "two k" }]));
  });

  test("in any order of operations, every live record of a subject has an index entry that outlives it", async () => {
    const { store, items, record, ...one } = await world();
    const random = seeded(20261120);
    const versions = new Map<string, unknown>();
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    const keys = ["a", "b", "c", "d", "e", "f"];
    for (let step = 0; step < 300; step++) {
      const [key, to, subject] = [pick(keys), pick(keys), pick(["ada", "bob", undefined])];
      const next = record(`${step}`, subject, pick([-1000, 1000, 600_000, day, 3 * day]));
      const version = versions.get(key);
      const turn = pick(["create", "update", "update", "touch", "touch", "rename", "delete", "read"]);
      if (turn === "create") await store.create(key, next);
      if (turn === "update" && version) await store.update(key, next, version);
      if (turn === "touch") await store.touch(key, next.expiresAt);
      if (turn === "rename" && version) await store.rename(key, to, next, version);
      if (turn === "delete" && random() < 0.3) await store.delete(key, pick(["ada", "bob", undefined]));
      // A version may be from before a touch, or of a record that is gone.
      const found = await store.read(key);
      if (found && random() < 0.7) versions.set(key, found.version);
      if (step % 10 > 0) continue;
      const all = (await items()) as Record<string, { S?: string; N?: string }>[];
      for (const item of all) {
        if (!item.subject || Number(item.expiresAt!.N) <= one.time) continue;
        const entry = all.find((other) => other.pk!.S === `subject ${item.subject!.S}` && other.sk!.S === item.pk!.S);
        expect(entry, `the entry of ${item.pk!.S} after step ${step}`).toBeDefined();
        expect(Number(entry!.ttl!.N) * 1000).toBeGreaterThanOrEqual(Number(item.expiresAt!.N) + day);
      }
    }
  });

  test("a touch that takes the record past the day of its index entry extends the entry", async () => {
    const one = await world();
    const { store, sent, items } = one;
    let { expiresAt } = one.record("1", "ada");
    await store.create("k", one.record("1", "ada"));
    sent();
    for (let touches = 0; touches < 3; touches++) {
      one.time = expiresAt - 1;
      expiresAt = one.time + day;
      expect(await store.touch("k", expiresAt)).toBe(true);
      expect(sent()).toEqual(["updateItem", "transactWriteItems"]);
      expect(await store.touch("k", expiresAt + 1000)).toBe(true);
      expect(sent()).toEqual(["updateItem"]);
    }
    const entry = (await items()).find((item) => (item.sk as { S: string }).S === "k");
    expect(entry!.ttl).toEqual({ N: String((Math.floor(expiresAt / day) + 2) * 86_400) });
    expect(await collect(store.listBySubject!("ada"))).toEqual(["k"]);
  });

  test("DynamoDB itself removes expired items, and the index entry of a live record stays", async () => {
    const { store, items } = await world({ now: Date.now });
    await store.create("brief", { payload: "", expiresAt: Date.now() + 1000, subject: "ada" });
    await store.create("long", { payload: "", expiresAt: Date.now() + 600_000, subject: "ada" });
    const keys = async (): Promise<unknown[]> => (await items()).map((item) => (item.pk as { S: string }).S).sort();
    expect(await keys()).toEqual(["brief", "long", 'subject "ada"', 'subject "ada"']);
    for (const limit = Date.now() + 40_000; (await keys()).length > 3 && Date.now() < limit; await pause(500)) {}
    expect(await keys()).toEqual(["long", 'subject "ada"', 'subject "ada"']);
    expect(await collect(store.listBySubject!("ada"))).toEqual(["long"]);
  });

  test("subjects too long for a key, half surrogate pairs and the empty text are distinguished and found", async () => {
    const { store, record } = await world();
    const subjects = ["", "\ud800", "\udc00", "\ufffd", "ä".repeat(2000), `${"ä".repeat(1999)}a`];
    for (const [at, subject] of subjects.entries()) await store.create(`k${at}`, record("x", subject));
    for (const [at, subject] of subjects.entries()) {
      expect(await collect(store.listBySubject!(subject))).toEqual([`k${at}`]);
      expect((await store.read(`k${at}`))!.subject).toBe(subject);
    }
  });

  test("a payload with half a surrogate pair comes back exactly", async () => {
    const { store, record } = await world();
    for (const payload of ["\ud83c", "a\udf6ab", '["\ud83c"]']) {
      await store.create("k", record(payload));
      expect((await store.read("k"))!.payload).toBe(payload);
      await store.delete("k");
    }
  });

  test("the largest payload fits beside the longest key and a long subject", async () => {
    const { store, record } = await world({ prefix: "p".repeat(500) });
    const { maxPayloadBytes } = store.capabilities;
    const subject = "s".repeat(4000);
    expect(await store.create("k".repeat(200), record("x".repeat(maxPayloadBytes!), subject))).not.toBeNull();
    const bytes = new Uint8Array(maxPayloadBytes!).fill(7);
    expect(await store.create("l".repeat(200), record(bytes, subject))).not.toBeNull();
  });

  test("a listing larger than one answer is complete: 20 MB of one subject, and of the store", async () => {
    const { store, record, sent } = await world();
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`).sort();
    for (const key of keys) await store.create(key, record("x".repeat(350_000), "ada"));
    sent();
    expect(await collect(store.listBySubject!("ada"))).toEqual(keys);
    expect(sent().filter((operation) => operation === "batchGetItem").length).toBeGreaterThan(1);
    expect(await collect(store.list!())).toEqual(keys);
    expect(sent().length).toBeGreaterThan(1);
  }, 60_000);

  test("a repeated write whose first answer was lost is a success", async () => {
    const one = await world();
    const { store, record } = one;
    const twice = async (call: () => Promise<unknown>): Promise<unknown> => {
      await call();
      return call();
    };
    one.meddle("putItem", twice);
    let version = await store.create("a", record("1"));
    expect(version).not.toBeNull();
    version = await store.update("a", record("2"), version!);
    expect(version).not.toBeNull();
    expect(await store.update("a", record("3"), "another")).toBeNull();
    one.meddle("transactWriteItems", twice);
    version = await store.rename("a", "b", record("4", "ada"), version!);
    expect(version).not.toBeNull();
    expect(await store.create("c", record("5", "ada"))).not.toBeNull();
    expect(await store.create("b", record("6", "ada"))).toBeNull();
    expect((await store.read("b"))!.version).toBe(version);
  });

  test("a write that meets a transaction on the same item is retried; when it never succeeds it rejects", async () => {
    const one = await world();
    const { store, record } = one;
    const version = await store.create("k", record("1"));
    let conflicts = 3;
    const conflict = async (call: () => Promise<unknown>): Promise<unknown> => {
      if (conflicts-- > 0) throw new TransactionConflictException({ message: "conflict", $metadata: {} });
      return call();
    };
    one.meddle("putItem", conflict);
    const next = await store.update("k", record("2"), version!);
    expect(next).not.toBeNull();
    conflicts = Number.POSITIVE_INFINITY;
    await expect(store.update("k", record("3"), next!)).rejects.toThrow(TransactionConflictException);
    expect((await store.read("k"))!.payload).toBe("2");
  });

  test("fifty parallel logins and logouts of one subject leave exactly the logged-in sessions", async () => {
    const { store, record } = await world();
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const version = await store.create(`k${index}`, record("1"));
        await store.rename(`k${index}`, `l${index}`, record("2", "ada"), version!);
        if (index % 2) await store.delete(`l${index}`, "ada");
      }),
    );
    const expected = Array.from({ length: 25 }, (_, index) => `l${index * 2}`).sort();
    expect(await collect(store.listBySubject!("ada"))).toEqual(expected);
  });

  test("thirty parallel requests of one session keep all changes, and revoking a subject ends its sessions", async () => {
    await sessionsHoldOver((await world({ now: Date.now })).store);
  });

  test("setup creates what dynamodbTable describes: an on-demand table with its time to live enabled", async () => {
    const { table } = await world();
    const client = clientAt(server.endpoint);
    const { createTable, updateTimeToLive } = dynamodbTable({ table });
    const { Table } = await client.describeTable({ TableName: table });
    expect(Table).toMatchObject({ KeySchema: createTable.KeySchema });
    expect(Table!.BillingModeSummary!.BillingMode).toBe("PAY_PER_REQUEST");
    const { TimeToLiveDescription } = await client.describeTimeToLive({ TableName: table });
    expect(TimeToLiveDescription).toEqual({
      AttributeName: updateTimeToLive.TimeToLiveSpecification.AttributeName,
      TimeToLiveStatus: "ENABLED",
    });
  });

  test("setup reports an existing table with another layout", async () => {
    const { table } = await world();
    const other = (attributes: DynamodbStoreOptions["attributes"]): Promise<void> =>
      dynamodbStore({ client: clientAt(server.endpoint), table, attributes }).setup!();
    await expect(other({ sort: "range" })).rejects.toThrow(
      "the DynamoDB table is there with the keys pk HASH, sk RANGE; the store needs pk HASH, range RANGE",
    );
    await expect(other({ ttl: "ends" })).rejects.toThrow(
      "the DynamoDB table has its time to live in ttl; the store needs ends",
    );
  });

  test("a missing table is a rejection by every method, never an absent record", async () => {
    const store = dynamodbStore({ client: clientAt(server.endpoint), table: "absent" });
    const record = { payload: "x", expiresAt: Date.now() + 60_000, subject: "ada" };
    const name = { name: "ResourceNotFoundException" };
    await expect(store.read("k")).rejects.toMatchObject(name);
    await expect(store.create("k", record)).rejects.toMatchObject(name);
    await expect(store.update("k", record, "v 0 ")).rejects.toMatchObject(name);
    await expect(store.touch("k", record.expiresAt)).rejects.toMatchObject(name);
    await expect(store.rename("k", "l", record, "v 0 ")).rejects.toMatchObject(name);
    await expect(store.delete("k")).rejects.toMatchObject(name);
    await expect(collect(store.listBySubject!("ada"))).rejects.toMatchObject(name);
    await expect(collect(store.list!())).rejects.toMatchObject(name);
  });

  test("a stopped server is a rejection, and the same store works once it is back", async () => {
    const own = await startDynamodb();
    try {
      const store = dynamodbStore({ client: clientAt(own.endpoint), table: "sessions" });
      await store.setup!();
      await store.create("k", { payload: "x", expiresAt: Date.now() + 60_000 });
      await own.kill();
      await expect(store.read("k")).rejects.toThrow();
      await expect(store.touch("k", Date.now() + 70_000)).rejects.toThrow();
      await own.restart();
      await store.setup!(); // It kept nothing.
      expect(await store.create("k", { payload: "x", expiresAt: Date.now() + 60_000 })).not.toBeNull();
    } finally {
      await own.stop();
    }
  }, 120_000);
});
