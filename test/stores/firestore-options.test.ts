/** The Firestore store's options, and what it writes and asks for on Google's emulator. */

import { Firestore, Timestamp } from "@google-cloud/firestore";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { flask2Firestore } from "../../src/flask.ts";
import { firestoreSchema, firestoreStore } from "../../src/stores/firestore.ts";
import { firestoreAt } from "../support/google-clients.ts";
import { firestoreEmulator, type RunningEmulator, startEmulator, whyNot } from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";

const nowhere = new Firestore({ projectId: "nowhere" });

describe("options of the Firestore store", () => {
  test.each<[object, string]>([
    [{ client: undefined }, "client must be a Firestore of @google-cloud/firestore or firebase-admin, or a function"],
    [{ client: nowhere.collection("x") }, "received an instance of CollectionReference"],
    [{ client: nowhere, collection: "a/b" }, "collection must be the path of a collection"],
    [{ client: nowhere, collection: "" }, "collection must be the path of a collection"],
    [{ client: nowhere, collection: 5 }, "received 5"],
    [{ client: nowhere, fields: { payload: "a.b" } }, "fields.payload must be a name of its own"],
    [{ client: nowhere, layout: { name: "x" } }, "layout must be a layout such as flask2Firestore()"],
    [{ client: nowhere, layout: flask2Firestore(), fields: {} }, "fields must be left out where there is a layout"],
    [
      { client: { collection() {}, batch() {}, getAll() {} }, layout: flask2Firestore() },
      "client must be a Firestore itself where there is a layout: one whose class has Timestamp",
    ],
    [{ client: nowhere, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ])("are checked at once: %#", (options, said) => {
    expect(() => firestoreStore(options as never)).toThrow(TypeError);
    expect(() => firestoreStore(options as never)).toThrow(said);
  });

  test("name the collection and the fields in the commands of the schema", () => {
    expect(firestoreSchema({ collection: "apps/web/sessions", fields: { expiresAt: "until" }, database: "main" })).toBe(
      "gcloud firestore fields ttls update until --collection-group=sessions --database=main --enable-ttl\n" +
        "gcloud firestore indexes fields update payload --collection-group=sessions --database=main --disable-indexes\n" +
        "gcloud firestore indexes fields update version --collection-group=sessions --database=main --disable-indexes\n",
    );
    expect(firestoreSchema({ layout: flask2Firestore() })).toBe(
      "gcloud firestore fields ttls update expiration --collection-group=flask_session --database='(default)' --enable-ttl\n" +
        "gcloud firestore indexes fields update val --collection-group=flask_session --database='(default)' --disable-indexes\n",
    );
    expect(() => firestoreSchema({ collection: "a/b" })).toThrow(TypeError);
  });
});

const why = whyNot(firestoreEmulator);

describe.skipIf(why && reportMissing("firestore", why, "cannot be had"))("in Firestore", () => {
  let emulator: RunningEmulator;
  let client: Firestore;
  beforeAll(async () => {
    emulator = await startEmulator(firestoreEmulator);
    const clients = [clientVersion("@google-cloud/firestore")];
    reportBackend({ backend: "firestore", server: emulator.version, clients, within: "in Firestore" });
    client = firestoreAt(emulator.address);
  });
  afterAll(async () => {
    await client?.terminate();
    await emulator?.stop();
  });

  test("a session is a document in any collection, with fields of any name and a timestamp for the TTL policy", async () => {
    const collection = `apps/web/s${Date.now()}`;
    const fields = { payload: "val", expiresAt: "expiration", subject: "owner", version: "etag" };
    const store = firestoreStore({ client: async () => client, collection, fields });
    const expiresAt = Date.now() + 60_000;
    const version = await store.create("__a/b__", { payload: "one", expiresAt, subject: "ada" });
    const [document] = (await client.collection(collection).get()).docs;
    expect(document?.id).toBe("__a%2Fb__".replace(/^_/, "%5F"));
    expect(document?.data()).toEqual({
      val: "one",
      expiration: Timestamp.fromMillis(expiresAt),
      owner: "ada",
      etag: expect.stringMatching(/^[\w-]{16}$/),
    });
    await document?.ref.update({ mine: 1 });
    expect(await store.update("__a/b__", { payload: "two", expiresAt }, version ?? "")).not.toBeNull();
    expect((await document?.ref.get())?.data()).toMatchObject({ val: "two", owner: null, mine: 1 });
  });

  test("a read is one request, and so are create, update, rename and delete; a touch is two", async () => {
    const store = firestoreStore({ client, collection: `s${Date.now()}` });
    const record = { payload: "one", expiresAt: Date.now() + 60_000 };
    const wire = client as unknown as Record<"request" | "requestStream", () => unknown>;
    const sent = [vi.spyOn(wire, "request"), vi.spyOn(wire, "requestStream")];
    const requests = async <Result>(call: () => Promise<Result>): Promise<[Result, number]> => {
      for (const one of sent) one.mockClear();
      const result = await call();
      return [result, sent.reduce((sum, one) => sum + one.mock.calls.length, 0)];
    };
    const [created, forCreate] = await requests(() => store.create("k", record));
    const [read, forRead] = await requests(() => store.read("k"));
    const [touched, forTouch] = await requests(() => store.touch("k", record.expiresAt + 1000));
    const [, forSecondTouch] = await requests(() => store.touch("k", record.expiresAt + 1000));
    const { version } = (await store.read("k")) ?? {};
    const [updated, forUpdate] = await requests(() => store.update("k", record, version ?? ""));
    const [renamed, forRename] = await requests(() => store.rename("k", "to", record, updated ?? ""));
    const [, forDelete] = await requests(() => store.delete("to"));
    expect([created, read, updated, renamed].includes(null)).toBe(false);
    expect(touched).toBe(true);
    expect({ forCreate, forRead, forTouch, forSecondTouch, forUpdate, forRename, forDelete }).toEqual({
      ...{ forCreate: 1, forRead: 1, forTouch: 2, forSecondTouch: 1, forUpdate: 1, forRename: 1, forDelete: 1 },
    });
    for (const one of sent) one.mockRestore();
  });

  test("a create repeated after a lost answer counts once", async () => {
    const store = firestoreStore({ client, collection: `s${Date.now()}` });
    const batch = client.batch.bind(client);
    vi.spyOn(client, "batch").mockImplementationOnce(() => {
      const one = batch();
      const commit = one.commit.bind(one);
      // As the client does it when the connection breaks before the answer: the same writes once more.
      one.commit = async () => {
        await commit();
        throw Object.assign(new Error("6 ALREADY_EXISTS"), { code: 6 });
      };
      return one;
    });
    const version = await store.create("k", { payload: "one", expiresAt: Date.now() + 60_000 });
    expect(version).not.toBeNull();
    expect(await store.update("k", { payload: "two", expiresAt: Date.now() + 60_000 }, version ?? "")).not.toBeNull();
  });

  test("errors of the client reject unchanged, and the next call works", async () => {
    const store = firestoreStore({ client, collection: `s${Date.now()}` });
    const failure = Object.assign(new Error("14 UNAVAILABLE"), { code: 14 });
    const broken = vi.spyOn(client, "batch").mockImplementationOnce(() => {
      throw failure;
    });
    const record = { payload: "one", expiresAt: Date.now() + 60_000 };
    await expect(store.create("k", record)).rejects.toBe(failure);
    broken.mockRestore();
    expect(await store.create("k", record)).not.toBeNull();
    expect(store.close).toBeUndefined();
  });
});
