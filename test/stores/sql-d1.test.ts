/** The SQL store on Cloudflare D1, as workerd has it: the suite inside a Worker, and what is D1's own. */

import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type D1Client, sqlStore } from "../../src/stores/sql.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, casesIn, elsewhere, program, startWorker, workerdVersion } from "../support/workerd.ts";

reportBackend({ backend: "sql (D1)", server: workerdVersion, clients: [clientVersion("miniflare")] });

let worker: Miniflare;
let database: D1Client;
beforeAll(async () => {
  worker = startWorker(await bundle(program("d1-program")), { d1Databases: ["DB"] });
  database = await worker.getD1Database("DB");
});
afterAll(() => worker?.dispose());

const claims = sqlStore({
  client: { exec: elsewhere, batch: elsewhere, prepare: () => ({ bind: elsewhere as never }) },
});
const cases = storeConformance({ name: "D1", sample: claims, open: elsewhere });
describeCases(
  "D1",
  casesIn(() => worker, cases),
);

const record = (payload: string) => ({ payload, expiresAt: Date.now() + 60_000 });

describe("D1", () => {
  test("declares what it keeps: a limit, and compare-and-swap", () => {
    expect(sqlStore({ client: database }).capabilities).toEqual(claims.capabilities);
    expect(claims.capabilities).toMatchObject({ maxPayloadBytes: 1_980_000, compareAndSwap: "atomic", shared: true });
  });

  test("passed later, still refuses a session that is too large before anything is sent", async () => {
    const store = sqlStore({ client: () => database, dialect: "sqlite", table: "later" });
    await store.setup?.();
    expect(await store.create("k", record("x"))).not.toBeNull();
    await expect(store.create("l", record("x".repeat(1_980_001)))).rejects.toMatchObject({
      code: "ERR_SESSION_TOO_LARGE",
    });
  });

  test("without its table rejects with D1's message", async () => {
    await expect(sqlStore({ client: database, table: "nowhere" }).read("k")).rejects.toThrow("no such table");
  });
});
