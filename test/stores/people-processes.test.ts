/** What users' sessions promise across two processes, on a real Redis, a real PostgreSQL and on files. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openProcessStore, type People, startPeople } from "../support/people-processes.ts";
import type { PeopleSetup } from "../support/people-worker.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import { noPostgres, postgresProgram, type SqlServer, startPostgres } from "../support/sql-servers.ts";

reportBackend({ backend: "file", server: "none (files of this machine)", within: "files" });

const loginsEach = 12;

function promises(module: string, args: () => unknown): void {
  const setup = (options: PeopleSetup["options"], space = "people"): PeopleSetup => ({
    ...{ module, args: args(), space, options },
  });

  let people: People;
  afterEach(() => people?.end());

  for (const excess of ["end-oldest", "refuse"] as const) {
    test(`limit, ${excess}: ${2 * loginsEach} parallel logins where 3 are allowed leave exactly 3`, async () => {
      const perSubject = 3;
      const ours = setup({ limit: { perSubject, excess }, conflictTimeout: "30s" });
      people = await startPeople(ours);
      const subject = `limited-${excess}`;
      const [earlier] = (await people.one(0, { do: "logins", subject, count: 1 })).cookies;
      const reports = await people.all({ do: "logins", subject, count: loginsEach });
      const told = reports.flatMap(({ cookies }) => cookies);
      const codes = reports.flatMap(({ errors }) => errors);
      const { subjects } = await people.one(1, { do: "look", cookies: [earlier as string, ...told] });
      const live = subjects.filter((one) => one === subject);
      expect(live).toHaveLength(perSubject);
      if (excess === "refuse") {
        // Nobody who was told to be in was put out, and everybody else was told.
        expect(subjects[0]).toBe(subject);
        expect(told).toHaveLength(perSubject - 1);
        expect(codes).toEqual(Array(2 * loginsEach - told.length).fill("ERR_SESSION_LIMIT"));
      } else {
        expect(subjects[0]).toBeNull();
        expect(codes).toEqual([]);
      }
      const { store, close } = await openProcessStore(ours);
      const rows: string[] = [];
      for await (const row of store.listBySubject?.(subject) ?? []) rows.push(row.key);
      await close();
      expect(rows).toHaveLength(perSubject);
    });
  }

  test("revokeEverybody: no process accepts a session from before once the call returned, and a later login stays", async () => {
    const within = "500ms";
    people = await startPeople({ ...setup({}, "everybody"), everybody: within });
    const logins = { do: "logins", subject: "ada", count: 3 } as const;
    const before = (await people.all(logins)).flatMap(({ cookies }) => cookies);
    const look = async (cookies: readonly string[]) =>
      (await people.all({ do: "look", cookies })).flatMap(({ subjects }) => subjects);
    expect(await look(before)).toEqual(Array(12).fill("ada"));
    await people.one(0, { do: "revokeEverybody" });
    expect(await look(before)).toEqual(Array(12).fill(null));
    const after = (await people.all(logins)).flatMap(({ cookies }) => cookies);
    expect(await look(after)).toEqual(Array(12).fill("ada"));
  });
}

describe.skipIf(redisIsMissing("redis", ["redis"]))("Redis", { timeout: 60_000 }, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());
  promises(new URL("../support/redis-process.ts", import.meta.url).href, () => ({
    through: "redis",
    servers: [{ host: server.host, port: server.port, url: server.url }],
    cluster: false,
  }));
});

const noServer = postgresProgram ? false : reportMissing("sql (PostgreSQL)", noPostgres);

describe.skipIf(noServer)("PostgreSQL", { timeout: 60_000 }, () => {
  let server: SqlServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  promises(new URL("../support/sql-process.ts", import.meta.url).href, () => {
    const { host, port, user, database } = server;
    return { through: "pg Pool", place: { host, port, user, database } };
  });
});

describe("files", { timeout: 60_000 }, () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-people-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  promises(new URL("./file-process.ts", import.meta.url).href, () => directory);
});
