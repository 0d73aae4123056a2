/** The table of `npm test` says what ran, what did not and why, and hides nothing. */

import { describe, expect, test } from "vitest";
import { type Outcome, rowsOf } from "../../scripts/test-report.ts";

const redis = { kind: "ran", backend: "redis", server: "Redis 7", file: "redis.test.ts" } as const;

function outcome(part: Partial<Outcome>): Outcome {
  return { passed: 0, failed: 0, tests: [], failures: [], notes: [], reports: [], ...part };
}

function ran(status: string, file = "redis.test.ts", outermost = "redis"): Outcome["tests"][number] {
  return { file, outermost, status };
}

describe("rows of the table", () => {
  test("join the clients of all files that ran one server, and count each test once", () => {
    const tests = [ran("passed"), ran("passed"), ran("skipped"), ran("passed", "other.test.ts")];
    const reports = [
      { ...redis, clients: ["redis 6.3.1"] },
      { ...redis, clients: ["ioredis 6.0.0"] },
      { ...redis, file: "other.test.ts", clients: ["redis 6.3.1"] },
    ];
    expect(rowsOf([outcome({ tests, reports })], [])).toEqual([
      { backend: "redis", server: "Redis 7", clients: "ioredis 6.0.0, redis 6.3.1", tests: "3", result: "passed" },
    ]);
  });

  test("keep two servers in one file apart by their describe", () => {
    const tests = [
      ran("passed", redis.file, "old"),
      ran("failed", redis.file, "new"),
      ran("passed", redis.file, "new"),
    ];
    const reports = [
      { ...redis, within: "old" },
      { ...redis, server: "Redis 8", within: "new" },
    ];
    expect(
      rowsOf([outcome({ tests, reports })], []).map(({ server, tests, result }) => [server, tests, result]),
    ).toEqual([
      ["Redis 7", "1", "passed"],
      ["Redis 8", "2", "FAILED: 1"],
    ]);
  });

  test("say why something did not run, and name what was not tested", () => {
    const missing = { kind: "missing", file: "x.test.ts", backend: "redis", why: "no redis-server" } as const;
    const rows = rowsOf([outcome({ reports: [missing] })], ["memory", "redis"]);
    expect(rows.map(({ backend, result }) => [backend, result])).toEqual([
      ["memory", "not tested: no test file reports it"],
      ["redis", "not run: no redis-server"],
    ]);
  });

  test("do not count a backend as passed when none of its tests ran", () => {
    expect(rowsOf([outcome({ tests: [ran("skipped")], reports: [redis] })], [])[0]?.result).toBe(
      "not tested: no test ran",
    );
  });
});
