/** The MongoDB store when the server fails and comes back. */

import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoreRecord } from "../../src/core/contracts/store.ts";
import { type MongodbStore, mongodbStore } from "../../src/stores/mongodb.ts";
import { isOurs, type MongodbServer, noMongodb, startMongodb } from "../support/mongodb-servers.ts";
import { clientVersion, reportBackend, reportMissing } from "../support/report.ts";

const record = (payload: string): StoreRecord => ({ payload, expiresAt: Date.now() + 600_000 });

describe.skipIf((noMongodb && reportMissing("mongodb", noMongodb)) || !isOurs)("MongoDB, killed", () => {
  let server: MongodbServer;
  let client: MongoClient;
  let store: MongodbStore;
  beforeAll(async () => {
    server = await startMongodb();
    reportBackend({ backend: "mongodb", server: server.version, clients: [clientVersion("mongodb")] });
    // A write is answered when it is in the journal: without a replica set that is what makes it last.
    client = new MongoClient(server.url, { serverSelectionTimeoutMS: 500, writeConcern: { w: 1, journal: true } });
    store = mongodbStore({ collection: client.db(server.database).collection("sessions") });
    await store.setup();
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  test("while the server is down calls reject; when it is back they work again and the sessions are there", async () => {
    const version = await store.create("a", record("1"));
    await server.kill();
    const calls = [
      () => store.read("a"),
      () => store.create("b", record("2")),
      () => store.update("a", record("2"), version!),
      () => store.touch("a", Date.now() + 700_000),
      () => store.rename("a", "c", record("2"), version!),
      () => store.delete("a"),
      () => store.prune(),
      async () => {
        for await (const _ of store.list()) break;
      },
    ];
    const outcomes = await Promise.allSettled(calls.map((call) => call()));
    expect(outcomes.map(({ status }) => status)).toEqual(calls.map(() => "rejected"));
    await server.restart();
    await expect.poll(() => store.read("a").catch(() => null), { timeout: 15_000 }).toMatchObject({ payload: "1" });
    expect(await store.update("a", record("2"), version!)).not.toBeNull();
  });

  test("after a kill during writes, the server has every acknowledged one", async () => {
    const answered = new Map<string, string>();
    let going = true;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let step = 0; going; step++) {
        const key = `w${writer}.${step % 5}`;
        const found = await store.read(key).catch(() => undefined);
        if (found === undefined) return;
        const payload = `${writer} ${step}`;
        const done = found
          ? await store.update(key, record(payload), found.version).catch(() => undefined)
          : await store.create(key, record(payload)).catch(() => undefined);
        if (done) answered.set(key, payload);
        else answered.delete(key); // Nobody knows.
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await server.kill();
    going = false;
    await Promise.all(writers);
    expect(answered.size).toBeGreaterThan(20);
    await server.restart();
    await expect
      .poll(
        () =>
          store.read("a").then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true);
    for (const [key, payload] of answered) expect((await store.read(key))?.payload, key).toBe(payload);
  });
});
