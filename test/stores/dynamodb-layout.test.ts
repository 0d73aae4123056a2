/** The DynamoDB store over tables of other programs: the whole suite, and what is in the items. */

import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flask2Dynamodb, flaskDynamodb, flaskSession } from "../../src/flask.ts";
import { tableInputsOf } from "../../src/stores/dynamodb/table.ts";
import { type DynamodbLayout, dynamodbStore } from "../../src/stores/dynamodb.ts";
import { isSetupIncomplete } from "../../src/stores/shared/setup.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { clientAt, dynamodbIsMissing } from "../support/dynamodb-harness.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb-server.ts";
import { request } from "../support/requests.ts";
import { describeCases, describeStore } from "../support/store-tests.ts";

const nowhere = clientAt("http://127.0.0.1:1");

describe.skipIf(dynamodbIsMissing())("DynamoDB", () => {
  let server: DynamodbServer;
  let client: DynamoDB;
  beforeAll(async () => {
    server = await startDynamodb();
    client = clientAt(server.endpoint);
  }, 90_000);
  afterAll(async () => {
    client?.destroy();
    await server?.stop();
  });

  const harness = (name: string, layout: DynamodbLayout): StoreHarness => {
    const as = layout.payload;
    return {
      name,
      sample: withFormat(dynamodbStore({ client: nowhere, layout }), { as }),
      async open({ space, now }) {
        const own = { ...layout, table: `${as}-${space}` };
        const store = withFormat(dynamodbStore({ client, layout: own, now }), { as });
        await store.setup!();
        return store;
      },
    };
  };
  describeStore(harness("the layout of Flask-Session", flaskDynamodb()));
  const groups = ["read", "update", "rename", "version", "payload"];
  const text = storeConformance(harness("of text", flask2Dynamodb())).filter(({ group }) => groups.includes(group));
  describeCases("the layout of Flask-Session2", text);

  describe("items of Flask-Session", () => {
    const now = Date.parse("2026-11-20T06:51:33.900Z");
    const seconds = now / 1000;
    const payload = Uint8Array.from(Buffer.from("82aa5f7065726d616e656e74c3a16ba176", "hex"));
    const key = { id: { S: `session:${"A".repeat(43)}` } };
    const id = key.id.S;
    const TableName = "Sessions";
    let store: Store;
    beforeAll(async () => {
      store = dynamodbStore({ client, layout: flaskDynamodb(), now: () => now });
      await store.setup!();
    });
    /** The request that Flask-Session sends. */
    const theyWrite = (val: Uint8Array, expiration: string): Promise<unknown> =>
      client.updateItem({
        TableName,
        Key: key,
        UpdateExpression: "SET val = :value, expiration = :exp",
        ExpressionAttributeValues: { ":value": { B: val }, ":exp": { N: expiration } },
      });
    const item = async () => (await client.getItem({ TableName, Key: key })).Item;

    test("an item that Flask wrote is read, changed, and written with whole seconds", async () => {
      await theyWrite(payload, "1797835897.7250730991363525390625");
      const found = (await store.read(id))!;
      expect(found.payload).toEqual(payload);
      expect(found.expiresAt).toBe(1797835897725);
      expect(await store.update(id, { payload: "x", expiresAt: now + 100 }, found.version)).not.toBeNull();
      expect(await item()).toEqual({ ...key, val: { B: Uint8Array.of(120) }, expiration: { N: "1795157494" } });
    });

    test.each([
      [String(seconds + 0.001), true],
      [String(seconds), false],
      ["0", false],
    ])("an item that ends at %s is live: %s", async (expiration, live) => {
      await theyWrite(payload, expiration);
      expect((await store.read(id)) !== null).toBe(live);
      expect(await store.touch(id, now + 1000)).toBe(live);
      expect((await store.create(id, { payload, expiresAt: now + 1000 })) === null).toBe(live);
    });

    test("a write by Flask since the read is a conflict; the same data with another expiry is none", async () => {
      await theyWrite(payload, "1797835897.5");
      const { version } = (await store.read(id))!;
      await theyWrite(payload, "1797835999.5");
      const next = await store.update(id, { payload: "x", expiresAt: now + 1000 }, version);
      expect(next).not.toBeNull();
      await theyWrite(payload, "1797835999.5");
      expect(await store.update(id, { payload: "y", expiresAt: now + 1000 }, next!)).toBeNull();
      expect(await store.rename(id, "session:b", { payload: "y", expiresAt: now + 1000 }, next!)).toBeNull();
      expect((await item())?.val?.B).toEqual(payload);
    });

    test("an item without an expiry does not expire, and gets an expiry with the next save", async () => {
      await client.putItem({ TableName, Item: { ...key, val: { B: payload } } });
      const found = (await store.read(id))!;
      expect(found.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
      expect(await store.touch(id, now + 1000)).toBe(true);
      expect(await item()).toEqual({ ...key, val: { B: payload } });
      expect(await store.update(id, { payload, expiresAt: now + 1000 }, found.version)).not.toBeNull();
      expect((await item())?.expiration).toEqual({ N: "1795157495" });
    });

    test("setup of an existing table needs no right to create one, and says which rights are missing", async () => {
      const denied = async (): Promise<never> => {
        throw Object.assign(new Error("not authorized"), { name: "AccessDeniedException" });
      };
      const reader = Object.assign(Object.create(client) as DynamoDB, {
        createTable: denied,
        updateTimeToLive: denied,
      });
      await dynamodbStore({ client: reader, layout: flaskDynamodb() }).setup!();
      const table = "no-right-to-expire";
      await client.createTable(tableInputsOf(table, ["id"], "expiration").createTable);
      const limited = dynamodbStore({ client: reader, layout: flaskDynamodb({ table }) });
      const error = await limited.setup!().catch((one: unknown) => one);
      expect(isSetupIncomplete(error)).toBe(true);
      expect((error as Error).message).toMatch(/may not set it: sessions work.*enable it on expiration/);
    });

    test("setup lets DynamoDB remove by `expiration`, which Flask-Session does not", async () => {
      const { TimeToLiveDescription } = await client.describeTimeToLive({ TableName });
      expect(TimeToLiveDescription).toMatchObject({ AttributeName: "expiration", TimeToLiveStatus: "ENABLED" });
    });
  });

  test("a session of Flask-Session2 continues in its table, as JSON text under a UUID", async () => {
    // The local server takes "sessions" and "Sessions" for one.
    const TableName = "flask-session2";
    const store = dynamodbStore({ client, layout: flask2Dynamodb({ table: TableName }) });
    await store.setup!();
    const uuid = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const key = { SessionId: { S: `session:${uuid}` } };
    // As `json.dumps` writes it.
    const text = '{"_permanent": true, "k": "\\u00e9", "price": 1.0}';
    await client.putItem({ TableName, Item: { ...key, Session: { S: text } } });
    const config = flaskSession({ format: "json", ids: "uuid", cookie: { secure: false } });
    const sessions = new Sessions<Record<string, unknown>>({ ...config, store, storeTimeout: "30s" });
    const { value } = await request(sessions, `session=${uuid}`, ({ data }) => {
      data.n = 7;
      return data.k;
    });
    expect(value).toBe("é");
    const { Item } = await client.getItem({ TableName, Key: key });
    expect(Item?.Session?.S).toBe('{"_permanent":true,"k":"\\u00e9","price":1.0,"n":7}');
    expect(Number(Item?.expiration?.N)).toBeGreaterThan(Date.now() / 1000 + 30 * 86_400);
    await request(sessions, undefined, ({ data }) => Object.assign(data, { fresh: true }));
    const { Items = [] } = await client.scan({ TableName });
    const begun = Items.find((one) => one.Session?.S?.includes("fresh"));
    expect(begun?.SessionId?.S).toMatch(/^session:[0-9a-f-]{36}$/);
    expect(begun?.Session?.S).toBe('{"_permanent":true,"fresh":true}');
  });
});

describe("a layout", () => {
  test.each([7, {}, { ...flaskDynamodb(), payload: "json" }, { ...flaskDynamodb(), attributes: {} }])(
    "of the wrong type is a TypeError: %o",
    (layout) => {
      const construct = (): unknown => dynamodbStore({ client: nowhere, layout: layout as DynamodbLayout });
      expect(construct).toThrow(TypeError);
      expect(construct).toThrow("layout must be a layout such as flaskDynamodb(); received ");
    },
  );

  test("names the table and the attributes alone", () => {
    for (const own of [{ table: "a" }, { attributes: {} }, { prefix: "a" }]) {
      const construct = (): unknown => dynamodbStore({ client: nowhere, layout: flaskDynamodb(), ...own });
      expect(construct).toThrow(/must be left out with a layout/);
    }
    expect(() => flaskDynamodb({ table: "" })).toThrow("table must be the name of a table");
  });
});
