/** A million sessions: the first page and the count are there at once, and a walk does not fill the memory. */

import { DatabaseSync } from "node:sqlite";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { sqlStore } from "../../src/stores/sql.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { reportBackend } from "../support/report.ts";

const million = 1_000_000;
const filler = "x".repeat(200);

// What is garbage is not in the memory for long; when it goes is the engine's own affair.
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

/** Walks over so many pages of 1000 and says how much memory that took beyond what was there, in MB, at most. */
async function walk(store: Store, pages: number): Promise<{ rows: number; most: number }> {
  gc();
  const before = process.memoryUsage().heapUsed;
  let [rows, most, cursor] = [0, 0, undefined as string | undefined];
  for (let page = 0; page < pages; page++) {
    const found = await store.page!({ limit: 1000, cursor });
    rows += found.records.length;
    if (page % 20 === 19) {
      gc();
      most = Math.max(most, process.memoryUsage().heapUsed - before);
    }
    cursor = found.cursor;
    if (cursor === undefined) break;
  }
  return { rows, most: most / 1e6 };
}

describe("a million sessions in SQLite", () => {
  const db = new DatabaseSync(":memory:");
  const store = sqlStore({ client: db });
  beforeAll(async () => {
    await store.setup!();
    db.exec(`INSERT INTO sojourn_sessions (session_key, payload, kind, expires_at, subject, version)
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ${million})
      SELECT printf('shop:%043d', i), CAST('${filler}' AS BLOB), 1, ${Date.now() + 3_600_000}, 'user' || (i % 1000), i FROM n`);
    reportBackend({ backend: "sqlite", server: "node:sqlite, a million rows" });
  }, 60_000);
  afterAll(() => db.close());

  test("are counted, also by subject, a page at a time", async () => {
    expect(await store.count!({ prefix: "shop:" })).toEqual({ count: million, estimate: false });
    const first = await store.page!({ limit: 600, subject: "user7" });
    expect(first.records).toHaveLength(600);
    expect((await store.page!({ limit: 600, subject: "user7", cursor: first.cursor })).records).toHaveLength(400);
  });

  test("are walked without filling the memory", async () => {
    const { rows, most } = await walk(store, 200);
    expect(rows).toBe(200_000);
    // One page is half a megabyte; 200,000 rows at once would be 100.
    expect(most).toBeLessThan(20);
  });
});

describe.skipIf(redisIsMissing("redis with a million sessions", ["redis"]))("a million sessions in Redis", () => {
  let server: RedisServer;
  let own: ReturnType<typeof createClient>;
  let store: Store;
  beforeAll(async () => {
    server = await startRedis();
    own = createClient({ url: server.url });
    await own.connect();
    // As the store writes them, by a script, for a million round trips take a minute.
    const value = `s1 ${String(Date.now() + 3_600_000).padStart(16, "0")} 0123456789abcdef t -\n${filler}`;
    const fill = "for i = ARGV[1], ARGV[2] do redis.call('SET', 'sojourn:shop:' .. i, ARGV[3], 'PX', 3600000) end";
    for (let at = 0; at < million; at += 50_000)
      await own.eval(fill, { keys: [], arguments: [String(at), String(at + 49_999), value] });
    store = redisStore({ client: own as never });
  }, 60_000);
  afterAll(async () => {
    own.destroy();
    await server.stop();
  });

  test("are counted within a few percent, and the first page is immediate", async () => {
    const { count } = await store.count!({ prefix: "shop:" });
    expect(count).toBeGreaterThan(million * 0.97);
    expect(count).toBeLessThan(million * 1.03);
    const start = performance.now();
    expect((await store.page!({ limit: 50, prefix: "shop:" })).records.length).toBeGreaterThanOrEqual(50);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("are walked without filling the memory", async () => {
    const { rows, most } = await walk(store, 200);
    expect(rows).toBeGreaterThan(190_000);
    expect(most).toBeLessThan(20);
  });

  test("of which few belong to one application are paged without a long wait", async () => {
    await own.set("sojourn:blog:1", `s1 ${String(Date.now() + 3_600_000).padStart(16, "0")} 0123456789abcdef t -\nx`);
    let [rows, calls, cursor] = [0, 0, undefined as string | undefined];
    do {
      const found = await store.page!({ limit: 50, prefix: "blog:", cursor });
      [rows, calls, cursor] = [rows + found.records.length, calls + 1, found.cursor];
    } while (cursor !== undefined && calls < 100);
    expect([rows, cursor]).toEqual([1, undefined]);
    expect(calls).toBeLessThan(20);
  });
});
