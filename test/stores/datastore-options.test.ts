/** The Datastore store's options, and what it writes and asks for on Google's emulator. */

import { Datastore } from "@google-cloud/datastore";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type DatastoreClient, datastoreSchema, datastoreStore } from "../../src/stores/datastore.ts";
import { datastoreAt } from "../support/google-clients.ts";
import { datastoreEmulator, type RunningEmulator, startEmulator, whyNot } from "../support/google-emulators.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";

const nowhere = new Datastore({ projectId: "nowhere" });

describe("options of the Datastore store", () => {
  test.each<[object, string]>([
    [{ client: undefined }, "client must be a Datastore of @google-cloud/datastore, or a function that returns one"],
    [{ client: nowhere.transaction() }, "received an instance of Transaction"],
    [{ client: nowhere, kind: "__kind__" }, "kind must be the name of a kind"],
    [{ client: nowhere, namespace: "a b" }, "namespace must be 1 to 100 letters"],
    [{ client: nowhere, namespace: 5 }, "received 5"],
    [{ client: nowhere, properties: { subject: "payload" } }, "properties.subject must be a name of its own"],
    [{ client: nowhere, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ])("are checked at once: %#", (options, said) => {
    expect(() => datastoreStore(options as never)).toThrow(TypeError);
    expect(() => datastoreStore(options as never)).toThrow(said);
  });

  test("name the kind and the property in the command of the schema", () => {
    expect(datastoreSchema({ kind: "WebSession", properties: { expiresAt: "until" } })).toBe(
      "gcloud firestore fields ttls update until --collection-group=WebSession --database='(default)' --enable-ttl\n",
    );
  });
});

const methods = ["lookup", "commit", "beginTransaction", "rollback", "runQuery"] as const;
type Method = (typeof methods)[number];

const why = whyNot(datastoreEmulator);

describe.skipIf(why && reportMissing("datastore", why, "cannot be had"))("in Datastore", () => {
  let emulator: RunningEmulator;
  let client: Datastore;
  beforeAll(async () => {
    emulator = await startEmulator(datastoreEmulator);
    const clients = [clientVersion("@google-cloud/datastore")];
    reportBackend({ backend: "datastore", server: emulator.version, clients, within: "in Datastore" });
    client = datastoreAt(emulator.address);
  });
  afterAll(async () => {
    for (const one of client?.clients_.values() ?? []) await one.close();
    await emulator?.stop();
  });

  const record = (payload: string | Uint8Array, subject?: string) => {
    return { payload, expiresAt: Date.now() + 60_000, subject };
  };

  test("a session is an entity in any namespace, with properties of any name, and only two of them indexed", async () => {
    const properties = { payload: "val", expiresAt: "expiration", subject: "owner", version: "etag" };
    const kind = `s${Date.now()}`;
    const store = datastoreStore({ client: async () => client, kind, namespace: "web", properties });
    const large = record("x".repeat(5000), "ada"); // More than an indexed property takes.
    expect(await store.create("k", large)).not.toBeNull();
    const [entity] = await client.get(client.key({ namespace: "web", path: [kind, "k"] }));
    expect(Object.fromEntries(Object.entries(entity))).toEqual({
      val: large.payload,
      expiration: new Date(large.expiresAt),
      owner: "ada",
      etag: expect.stringMatching(/^[\w-]{16}$/),
    });
    const keys = async <Row extends { key: string }>(rows: AsyncIterable<Row>): Promise<string[]> => {
      const found: string[] = [];
      for await (const { key } of rows) found.push(key);
      return found;
    };
    expect(await keys(store.list())).toEqual(["k"]);
    expect(await keys(store.listBySubject("ada"))).toEqual(["k"]);
    expect(await keys(datastoreStore({ client, kind, properties }).list())).toEqual([]);
  });

  test("queries print nothing on the console", async () => {
    const warned = vi.spyOn(process, "emitWarning");
    const store = datastoreStore({ client, kind: `s${Date.now()}` });
    for await (const _ of store.listBySubject("ada")) throw new Error("somebody is there");
    await store.prune();
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  test("a read is one request, and so are create and delete; a change is begin, read and commit", async () => {
    const store = datastoreStore({ client, kind: `s${Date.now()}` });
    await store.read("k"); // Makes the connection.
    const [wire] = client.clients_.values() as Iterable<Record<Method, () => unknown>>;
    const sent = methods.map((method) => vi.spyOn(wire!, method));
    const requests = async <Result>(call: () => Promise<Result>): Promise<[Result, number]> => {
      for (const one of sent) one.mockClear();
      const result = await call();
      return [result, sent.reduce((sum, one) => sum + one.mock.calls.length, 0)];
    };
    const [created, forCreate] = await requests(() => store.create("k", record("one")));
    const [read, forRead] = await requests(() => store.read("k"));
    const [touched, forTouch] = await requests(() => store.touch("k", Date.now() + 120_000));
    const [updated, forUpdate] = await requests(() => store.update("k", record("two"), created ?? ""));
    const [renamed, forRename] = await requests(() => store.rename("k", "to", record("three"), updated ?? ""));
    const [, forDelete] = await requests(() => store.delete("to"));
    for (const one of sent) one.mockRestore();
    expect([created, read, updated, renamed].includes(null)).toBe(false);
    expect(touched).toBe(true);
    expect({ forCreate, forRead, forTouch, forUpdate, forRename, forDelete }).toEqual({
      ...{ forCreate: 1, forRead: 1, forTouch: 3, forUpdate: 3, forRename: 3, forDelete: 1 },
    });
  });

  test("a conflicting transaction runs again, and in the end its error is the answer", async () => {
    const aborted = Object.assign(new Error("10 ABORTED: too much contention"), { code: 10 });
    const store = datastoreStore({ client, kind: `s${Date.now()}` });
    const version = await store.create("k", record("one"));
    const begin = client.transaction.bind(client);
    const disturbed = vi.spyOn(client, "transaction").mockImplementationOnce(() => {
      const transaction = begin();
      transaction.commit = (async () => {
        throw aborted;
      }) as never;
      return transaction;
    });
    expect(await store.update("k", record("two"), version ?? "")).not.toBeNull();
    expect(disturbed).toHaveBeenCalledTimes(2);
    expect((await store.read("k"))?.payload).toBe("two");
    disturbed.mockRestore();
  });

  test("errors of the client reject unchanged, and the next call works", async () => {
    const failure = new Error("13 INTERNAL");
    const store = datastoreStore({ client: client as DatastoreClient, kind: `s${Date.now()}` });
    const version = await store.create("k", record("one"));
    const broken = vi.spyOn(client, "transaction").mockImplementationOnce(() => {
      throw failure;
    });
    await expect(store.update("k", record("two"), version ?? "")).rejects.toBe(failure);
    broken.mockRestore();
    expect(await store.update("k", record("two"), version ?? "")).not.toBeNull();
    expect(store.close).toBeUndefined();
  });
});
