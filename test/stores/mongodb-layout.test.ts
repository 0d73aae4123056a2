/** The MongoDB store over documents of other programs: what the layouts of the family leave out, and Flask-Session-Plus's documents. */

import { type Collection, type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flaskMongodb, flaskPlusMongodb, flaskSession, taggedJsonFormat } from "../../src/flask.ts";
import { mongodbSchema, mongodbStore } from "../../src/stores/mongodb.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { close, mongodbHarness } from "../support/mongodb-clients.ts";
import { type MongodbServer, noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { describeCases } from "../support/store-tests.ts";

describe.skipIf(noMongodb && reportMissing("mongodb", noMongodb))("MongoDB", () => {
  let server: MongodbServer;
  let client: MongoClient;
  beforeAll(async () => {
    server = await startMongodb();
    reportBackend({ backend: "mongodb", server: server.version, clients: [clientVersion("mongodb")] });
    client = new MongoClient(server.url);
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  const { sample, open } = mongodbHarness("mongodb", () => server, flaskMongodb());
  const inner = new Map<unknown, Awaited<ReturnType<typeof open>>>();
  const cases = storeConformance({
    name: "the layout of Flask-Session",
    sample: withFormat(sample),
    async open(options) {
      const store = await open(options);
      const wrapped = withFormat(store);
      inner.set(wrapped, store);
      return wrapped;
    },
    close: (store) => close(inner.get(store)!),
  });
  // The rest is in the store's own tests, with a field for the subject.
  const groups = ["update", "rename", "version", "capabilities", "list"];
  describeCases(
    "the layout of Flask-Session",
    cases.filter(({ group }) => groups.includes(group)),
  );

  test("the layout of Flask-Session has no index on a subject, and cannot list by it", () => {
    expect(mongodbSchema({ layout: flaskMongodb() }).split("\n")).toHaveLength(3);
    expect(sample.capabilities.bySubject).toBe(false);
    expect(sample.listBySubject).toBeUndefined();
  });

  describe("documents of Flask-Session-Plus", () => {
    const uuid = "0f0e0d0c-0b0a-4908-8706-050403020100";
    const id = `session${uuid}`;
    let collection: Collection;
    let sessions: Sessions<Record<string, unknown>>;
    let count = 0;
    beforeEach(async () => {
      collection = client.db(server.database).collection(`plus${++count}`);
      const store = mongodbStore({ collection, layout: flaskPlusMongodb() });
      await store.setup();
      const options = flaskSession({ ids: "uuid", keyPrefix: "session", lifetime: "1d", permanent: false });
      sessions = new Sessions({ ...options, format: taggedJsonFormat(), store, storeTimeout: "30s" });
    });
    const theyWrite = (val: string, permanent: boolean): Promise<unknown> => {
      const set = { val, _expiration: new Date(Date.now() + 60_000), _permanent: permanent };
      return collection.updateOne({ id }, { $set: set }, { upsert: true });
    };
    const document = (): Promise<Document | null> => collection.findOne({ id }, { projection: { _id: 0 } });
    const cookie = `session=${uuid}`;

    test.each([true, false])("one is read and changed, permanent: %s", async (permanent) => {
      await theyWrite('{"zeta":1.0, "t":{" t":[1,2]},"user_id":5}', permanent);
      const { value } = await request(sessions, cookie, (session) => {
        const { persistent } = session;
        const { t, user_id } = session.data;
        session.data.n = 1;
        return { persistent, t, user_id };
      });
      expect(value).toEqual({ persistent: permanent, t: [1, 2], user_id: 5 });
      const { _expiration, ...rest } = (await document())!;
      expect(rest).toEqual({
        id,
        val: '{"n":1,"t":{" t":[1,2]},"user_id":5,"zeta":1.0}',
        _permanent: permanent,
      });
      expect(_expiration.getTime()).toBeGreaterThan(Date.now() + 80_000_000);
    });

    test("one that is only read is unchanged, whatever the order of its keys", async () => {
      await theyWrite('{"b":1,"a":2}', false);
      const before = await document();
      expect((await request(sessions, cookie, ({ data }) => data.a)).value).toBe(2);
      expect((await document())?.val).toBe(before?.val);
    });

    test("its write in between is a conflict, and kept: other keys, and permanent alone", async () => {
      await theyWrite('{"a":1}', false);
      await request(sessions, cookie, async ({ data }) => {
        await theyWrite('{"a":1,"theirs":2}', true);
        data.mine = 3;
      });
      expect(await document()).toMatchObject({ val: '{"a":1,"mine":3,"theirs":2}', _permanent: true });
      await request(sessions, cookie, async ({ data }) => {
        await theyWrite('{"a":1,"mine":3,"theirs":2}', false);
        data.mine = 4;
      });
      expect(await document()).toMatchObject({ val: '{"a":1,"mine":4,"theirs":2}', _permanent: false });
    });

    test("one that begins here, is made permanent and emptied, has its form", async () => {
      const begun = await request(sessions, undefined, ({ data }) => Object.assign(data, { k: "é" }));
      const [made] = await collection.find({}, { projection: { _id: 0, _expiration: 0 } }).toArray();
      expect(made?.id).toMatch(/^session[0-9a-f-]{36}$/);
      expect(made).toEqual({ id: made?.id, val: '{"k":"\\u00e9"}', _permanent: false });
      await request(sessions, begun.cookie, (session) => {
        session.persistent = true;
        session.data.k = 1;
      });
      expect(await collection.findOne({ id: made?.id })).toMatchObject({ val: '{"k":1}', _permanent: true });
    });

    test("text that is no TaggedJSON is no session and an event, not an error", async () => {
      await theyWrite("nonsense", false);
      const events: string[] = [];
      sessions.on(({ type }) => events.push(type));
      const { value, error } = await request(sessions, cookie, ({ isNew }) => isNew);
      expect([value, error]).toEqual([true, undefined]);
      expect(events).toContain("record_refused");
    });
  });
});

test("a layout with fields beside the payload has no version", () => {
  const collection = new MongoClient("mongodb://127.0.0.1:1").db("unused").collection("unused");
  const layout = { ...flaskPlusMongodb(), version: "version" };
  expect(() => mongodbStore({ collection, layout })).toThrow(/^layout.beside must be left out/);
});
