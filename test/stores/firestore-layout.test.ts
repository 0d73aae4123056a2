/** Documents of Flask-Session2 and of Flask-Session-Plus on Google's Firestore emulator: the suite as far as they go, and their sessions. */

import { type Firestore, GeoPoint, type QueryDocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sessions } from "../../src/core/request/sessions.ts";
import { flask2Firestore, flaskPlusFirestore, flaskSession, pickleFormat, taggedJsonFormat } from "../../src/flask.ts";
import { type FirestoreLayout, firestoreStore } from "../../src/stores/firestore.ts";
import { type StoreHarness, storeConformance } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import { firestoreAt } from "../support/google-clients.ts";
import { firestoreEmulator, type RunningEmulator, startEmulator, whyNot } from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { describeCases } from "../support/store-tests.ts";

const why = whyNot(firestoreEmulator);
const within = "In the documents of Flask";
const uuid = "0f0e0d0c-0b0a-4908-8706-050403020100";
const month = 31 * 86_400_000;

describe.skipIf(why && reportMissing("firestore", why, "cannot be had"))(within, () => {
  let emulator: RunningEmulator;
  let client: Firestore;
  beforeAll(async () => {
    emulator = await startEmulator(firestoreEmulator);
    const clients = [clientVersion("@google-cloud/firestore")];
    reportBackend({ backend: "firestore", server: emulator.version, clients, within });
    client = firestoreAt(emulator.address);
  });
  afterAll(async () => {
    await client?.terminate();
    await emulator?.stop();
  });

  for (const [layout, as] of [
    [flask2Firestore(), "bytes"],
    [flaskPlusFirestore(), "msgpack"],
  ] as const) {
    describeSuite(`the layout of ${layout.name}`, layout, as, () => emulator.address);
  }

  test("a session of Flask-Session2, in pickle under a UUID, continues in its document", async () => {
    const document = client.collection("flask_session").doc(`session:${uuid}`);
    const val = Buffer.from(
      "8004951f000000000000007d94288c0a5f7065726d616e656e7494888c07757365725f6964944b2a752e",
      "hex",
    );
    await document.set({ id: document.id, val, expiration: new Date(Date.now() + 3_600_000) });
    const store = firestoreStore({ client, layout: flask2Firestore() });
    const sessions = new Sessions<Data>({
      ...flaskSession({ ids: "uuid" }),
      format: pickleFormat(),
      store,
      storeTimeout: "30s",
    });
    const { value } = await request(sessions, `session=${uuid}`, ({ data }) => {
      const { user_id } = data;
      data.k = "v";
      return user_id;
    });
    expect(value).toBe(42);
    const fields = (await document.get()).data() as { val: Buffer; expiration: Timestamp };
    expect(Object.keys(fields).sort()).toEqual(["expiration", "id", "val"]);
    expect(fields).toMatchObject({ id: `session:${uuid}` });
    expect(fields.val.subarray(0, 2).toString("hex")).toBe("8004");
    expect(fields.val.includes("user_id")).toBe(true);
    expect(fields.expiration.toMillis()).toBeGreaterThan(Date.now() + month - 86_400_000);
  });

  type Data = Record<string, unknown>;
  let count = 0;

  /** A document of Flask-Session-Plus, and sessions in its collection. */
  async function plus(fields?: Data, own: Firestore = client) {
    const collection = `plus${Date.now()}${count++}`;
    const document = client.collection(collection).doc(`session${uuid}`);
    if (fields) await document.set({ _permanent: false, _expiration: new Date(Date.now() + 3_600_000), ...fields });
    const store = firestoreStore({ client: own, collection, layout: flaskPlusFirestore() });
    const sessions = new Sessions<Data>({
      storeTimeout: "30s",
      ...flaskSession({ ids: "uuid", keyPrefix: "session", permanent: false }),
      store,
    });
    const visit = (work: Parameters<typeof request<Data, unknown>>[2]) => request(sessions, `session=${uuid}`, work);
    const stored = async (): Promise<Data> => {
      const { _expiration, ...others } = (await document.get()).data() as Data;
      expect(_expiration).toBeInstanceOf(Timestamp);
      return others;
    };
    return { collection, document, store, sessions, visit, stored };
  }

  /** The types as Firestore has them: the client makes numbers of two of them. */
  async function typesOf(path: string): Promise<Record<string, string>> {
    const reply = await fetch(
      `http://${emulator.address}/v1/projects/sojourn-tests/databases/(default)/documents/${path}`,
      {
        headers: { authorization: "Bearer owner" },
      },
    );
    const { fields } = (await reply.json()) as { fields: Record<string, object> };
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));
  }

  /** With the types that the client cannot say. */
  async function put(path: string, fields: Record<string, object>): Promise<void> {
    const reply = await fetch(
      `http://${emulator.address}/v1/projects/sojourn-tests/databases/(default)/documents/${path}`,
      {
        method: "PATCH",
        headers: { authorization: "Bearer owner", "content-type": "application/json" },
        body: JSON.stringify({ fields }),
      },
    );
    expect(reply.status).toBe(200);
  }

  test("of Flask-Session-Plus each field is a key of the session, of any type", async () => {
    const when = new Timestamp(1_700_000_000, 123_456_000);
    const { visit, stored } = await plus({
      t: [1, 2],
      user_id: 5,
      half: 2.5,
      map: { b: true, a: null },
      bytes: Buffer.from([0, 255]),
      when,
      text: "ä",
    });
    const { value } = await visit((session) => [session.persistent, { ...session.data }]);
    expect(value).toEqual([
      false,
      {
        t: [1, 2],
        user_id: 5,
        half: 2.5,
        map: { a: null, b: true },
        bytes: Uint8Array.of(0, 255),
        when: new Date(1_700_000_000_123),
        text: "ä",
      },
    ]);
    await visit((session) => {
      session.data.added = [new Date(5000), 2n ** 60n, Uint8Array.of(7), { deep: -0.5 }];
      session.data["a.b `c`"] = new Map([["x", new Set([1])]]);
      delete session.data.t;
      session.persistent = true;
    });
    expect(await stored()).toEqual({
      _permanent: true,
      user_id: 5,
      half: 2.5,
      map: { b: true, a: null },
      bytes: Buffer.from([0, 255]),
      when,
      text: "ä",
      added: [new Timestamp(5, 0), 2 ** 60, Buffer.from([7]), { deep: -0.5 }],
      "a.b `c`": { x: [1] },
    });
  });

  test("a field that the application did not change keeps its type in Firestore", async () => {
    const { collection, document, visit } = await plus();
    const there = {
      _expiration: { timestampValue: new Date(Date.now() + 3_600_000).toISOString() },
      _permanent: { booleanValue: false },
      whole: { doubleValue: 5 },
      large: { integerValue: "1152921504606846977" },
      fine: { timestampValue: "2026-01-02T03:04:05.678901Z" },
      place: { geoPointValue: { latitude: 1, longitude: 2 } },
      mixed: {
        mapValue: { fields: { whole: { doubleValue: 5 }, fine: { timestampValue: "2026-01-02T03:04:05.678901Z" } } },
      },
    };
    await put(`${collection}/${document.id}`, there);
    const before = await typesOf(`${collection}/${document.id}`);
    const { value, error } = await visit(({ data }) => {
      const seen = { ...data };
      data.n = 1;
      return seen;
    });
    expect(error).toBeUndefined();
    expect(value).toMatchObject({ whole: 5, large: 2 ** 60, fine: new Date("2026-01-02T03:04:05.678Z") });
    expect(value).not.toHaveProperty("place");
    const after = await typesOf(`${collection}/${document.id}`);
    expect(after._expiration).not.toBe(before._expiration);
    expect(after).toEqual({ ...before, _expiration: after._expiration, n: '{"integerValue":"1"}' });
    // Of a value that changed inside, doubles that are whole are integers from then on; the instant keeps its microseconds.
    await visit(({ data }) => Object.assign(data.mixed as Data, { added: true }));
    const { mixed } = await typesOf(`${collection}/${document.id}`);
    expect(JSON.parse(mixed as string).mapValue.fields).toEqual({
      whole: { integerValue: "5" },
      fine: { timestampValue: "2026-01-02T03:04:05.678901Z" },
      added: { booleanValue: true },
    });
  });

  test("a new id keeps the hidden fields of the session, and the old document is deleted", async () => {
    const fine = new Timestamp(1_700_000_000, 123_456_000);
    const { collection, document, visit, sessions } = await plus({ n: 1, fine, place: new GeoPoint(1, 2) });
    const { cookie, error } = await visit(async (session) => {
      session.data.n = 2;
      await session.regenerate();
    });
    expect(error).toBeUndefined();
    // And not the note that says where the session has moved to.
    const docs = (await client.collection(collection).get()).docs.filter(({ id }) => !id.includes("moved:"));
    expect(docs.length).toBe(1);
    expect(docs[0]?.id).not.toBe(document.id);
    const { _expiration, ...others } = (docs[0] as QueryDocumentSnapshot).data() as Data;
    expect(others).toEqual({ _permanent: false, n: 2, fine, place: new GeoPoint(1, 2) });
    expect((await request(sessions, cookie, ({ data }) => data.n)).value).toBe(2);
  });

  test("integers beyond 2^53 are exact through a client with useBigInt", async () => {
    const own = firestoreAt(emulator.address);
    own.settings({ useBigInt: true });
    const { visit, stored } = await plus({ large: 2n ** 60n + 1n, small: 5 }, own);
    const { value } = await visit(({ data }) => {
      const seen = { ...data };
      data.larger = (data.large as bigint) + 1n;
      return seen;
    });
    expect(value).toEqual({ large: 2n ** 60n + 1n, small: 5 });
    expect((await visit(({ data }) => data.larger)).value).toBe(2n ** 60n + 2n);
    expect(await stored()).toMatchObject({ small: 5 });
    await own.terminate();
  });

  test("a save sees what Flask-Session-Plus wrote in between", async () => {
    const { document, visit, stored } = await plus({ n: 1, other: 1 });
    const { error } = await visit(async ({ data }) => {
      data.n = 2;
      await document.set({ _permanent: false, _expiration: new Date(Date.now() + 3_600_000), n: 1, theirs: true });
    });
    expect(error).toBeUndefined();
    expect(await stored()).toEqual({ _permanent: false, n: 2, theirs: true });
  });

  test("an expired session leaves no fields to the one begun under its id", async () => {
    const { document, store } = await plus({ old: true });
    await document.update({ _expiration: new Date(Date.now() - 1000) });
    const payload = Uint8Array.from(Buffer.from("81a16e01", "hex"));
    expect(await store.create(document.id, { payload, expiresAt: Date.now() + 60_000 })).not.toBeNull();
    const { _expiration, ...others } = (await document.get()).data() as Data;
    expect(others).toEqual({ _permanent: false, n: 1 });
  });

  test.each<[string, unknown, RegExp]>([
    ["an array in an array", { list: [1, [2]] }, / data\.list\[1\].*array in an array/],
    ["a name of Firestore's own", { map: { __id__: 1 } }, / data\.map\.__id__.*no field of that name/],
    ["no name", { "": 1 }, / data\[""\].*no field of that name/],
    ["the field of the expiry", { _expiration: 1 }, / data\._expiration.*the expiry there/],
    ["a key that is no text", { map: new Map([[1, 2]]) }, / data\.map\.get\(1\).*no text/],
    ["an integer of more than 64 bits", { n: 2n ** 63n }, / data\.n.*64 bits/],
  ])("%s is refused before anything is written", async (_, data, said) => {
    const { visit, stored } = await plus({ n: 1 });
    const { error } = await visit((session) => Object.assign(session.data, data));
    expect(error).toMatchObject({ code: "ERR_SESSION_NOT_STORABLE" });
    expect(String(error)).toMatch(said);
    expect(await stored()).toEqual({ _permanent: false, n: 1 });
  });

  test("another format than MessagePack is an error that says so", async () => {
    const { store } = await plus();
    const options = { ...flaskSession({ ids: "uuid", keyPrefix: "session" }), format: taggedJsonFormat() };
    const { error } = await request(
      new Sessions<Data>({ ...options, store, storeTimeout: "30s" }),
      undefined,
      ({ data }) => Object.assign(data, { n: 1 }),
    );
    const said = "flaskPlusFirestore() needs the format of flaskSession(), MessagePack";
    expect(error).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", cause: { name: "TypeError", message: said } });
  });
});

/** The groups of the suite that want no subject. */
function describeSuite(name: string, layout: FirestoreLayout, as: "bytes" | "msgpack", address: () => string): void {
  const clients = new Map<unknown, Firestore>();
  const harness: StoreHarness = {
    name,
    sample: withFormat(firestoreStore({ client: firestoreAt("127.0.0.1:1"), layout }), { as }),
    open({ space, now }) {
      const client = firestoreAt(address());
      const store = withFormat(firestoreStore({ client, collection: space, layout, now }), { as });
      clients.set(store, client);
      return store;
    },
    close: async (store) => clients.get(store)?.terminate(),
  };
  // Keys are written the same way as in the documents of this library, which the whole suite is for.
  const cases = storeConformance(harness).filter(({ group }) => group !== "listBySubject" && group !== "key");
  describeCases(name, cases);
}
