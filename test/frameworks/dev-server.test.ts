/** A dev server with a session in use: one of them here, all of them by `npm run test:dev-servers`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rowOf, rowsIn } from "../../scripts/dev-servers/table.ts";
import { projectRoot } from "../../scripts/lib.ts";
import { devServers, tryDevServer } from "../support/dev-servers.ts";
import { type RedisServer, redisProgram, startRedis } from "../support/redis-servers.ts";

const page = readFileSync(join(projectRoot, "docs", "development.md"), "utf8");

test("docs/development.md has a row for each dev server that is tested, and no other", () => {
  expect(rowsIn(page).map((row) => row.split(" | ")[0])).toEqual(devServers.map(({ name }) => `| ${name}`));
  expect(page).not.toContain("FAILED");
});

test.runIf(redisProgram)(
  "a session and its connection outlive ten edits under a dev server of Vite, as the page says",
  async () => {
    const app = devServers.find(({ example }) => example === "sveltekit")!;
    const kept = await tryDevServer(app, { keeping: "kept client", redis: redis.url, connections });
    expect(kept.connections).toEqual([1, 1]);
    expect(kept.watches[1]).toBeLessThanOrEqual(kept.watches[0] + 2);
    const cells = rowOf(app, { kept, fresh: undefined, files: kept }).split(" | ");
    const told = rowsIn(page)
      .find((row) => row.startsWith(cells[0]!))!
      .split(" | ");
    for (const at of [1, 2, 4]) expect(told[at]).toBe(cells[at]);
  },
);

let redis: RedisServer;
beforeAll(async () => {
  if (redisProgram) redis = await startRedis();
});
afterAll(() => redis?.stop());

async function connections(): Promise<number> {
  const clients = String(await redis.ask("CLIENT", "LIST"));
  return clients.trim().split("\n").length - 1; // Without the one that asks.
}
