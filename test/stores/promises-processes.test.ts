/** Promises 1 and 2 through whole requests in two processes at once, on a real Redis and on files. */

import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import type { ProcessModule } from "../../src/testing/index.ts";
import type { WorkerJob, WorkerReport } from "../support/promise-worker.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { reportBackend } from "../support/report.ts";
import { request } from "../support/requests.ts";

reportBackend({ backend: "file", server: "none (files of this machine)", within: "files" });

type Data = Record<string, unknown>;

/** Runs the same job in two processes started before either begins, each with half of the requests. */
async function inTwoProcesses(job: Omit<WorkerJob, "from">): Promise<WorkerReport[]> {
  const worker = new URL("../support/promise-worker.ts", import.meta.url);
  const start = () => fork(worker, { execArgv: ["--conditions=sojourn-source"] });
  const children: ChildProcess[] = [start(), start()];
  await Promise.all(children.map((child) => new Promise((resolve) => child.once("message", resolve))));
  return Promise.all(
    children.map(
      (child, at) =>
        new Promise<WorkerReport>((resolve, reject) => {
          child.once("message", (report) => resolve(report as WorkerReport));
          child.once("exit", (code) => reject(new Error(`a worker ended with ${code} and no report`)));
          child.send({ ...job, from: at * job.count } satisfies WorkerJob);
        }),
    ),
  );
}

/** All promises on one backend. */
function promises(moduleUrl: string, args: () => unknown): void {
  let module: ProcessModule;
  let store: Store;
  let sessions: Sessions<Data>;
  const space = "promises";

  beforeAll(async () => {
    module = await import(moduleUrl);
    store = await module.open({ space, now: Date.now }, args());
    sessions = new Sessions<Data>({ store });
  });
  afterAll(() => module?.close?.(store));

  const begin = async (): Promise<string> => {
    const { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { base: 1 }));
    return cookie as string;
  };
  const look = (cookie: string | undefined) =>
    request(sessions, cookie, (session) => (session.isNew ? undefined : { ...session.data })).then(
      ({ value }) => value,
    );
  const job = (cookie: string, task: WorkerJob["task"], count = 50) => ({
    ...{ module: moduleUrl, args: args(), space, cookie, task, count },
  });

  test("100 parallel requests that each change a different key after a random delay: 100 of 100 survive", async () => {
    const cookie = await begin();
    const reports = await inTwoProcesses(job(cookie, "keys"));
    expect(reports.flatMap((report) => report.errors)).toEqual([]);
    const data = await look(cookie);
    expect(Object.keys(data ?? {}).filter((key) => key.startsWith("key"))).toHaveLength(100);
    expect(data?.base).toBe(1);
  });

  test("100 parallel updates of one counter: exactly 100", async () => {
    const cookie = await begin();
    const reports = await inTwoProcesses(job(cookie, "count"));
    expect(reports.flatMap((report) => report.errors)).toEqual([]);
    expect((await look(cookie))?.n).toBe(100);
  });

  for (const task of ["read", "login"] as const) {
    const what = task === "read" ? "ids are renewed" : "the user logs in again";
    test(`a user revoked while ${what} in two other processes has none of the earlier sessions`, async () => {
      const ahead = 11 * 60_000;
      const subject = `revoked-${task}`;
      const now = (): number => Date.now() + ahead;
      const later = await module.open({ space, now }, args());
      const revoking = new Sessions<Data>({ store: later, now, storeTimeout: "20s" });
      const begun = await Promise.all(
        Array.from({ length: 20 }, () => request(sessions, undefined, (session) => session.login(subject))),
      );
      const cookies = begun.map(({ cookie }) => cookie as string);
      const racing = inTwoProcesses({ ...job("", task, 40), cookies, ahead });
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 300));
      const called = now();
      await revoking.revoke(subject);
      const reports = await racing;
      expect(reports.flatMap((report) => report.errors)).toEqual([]);
      const left = await revoking.list(subject);
      if (task === "read") expect(left).toEqual([]);
      for (const { authenticatedAt } of left) expect(authenticatedAt).toBeGreaterThanOrEqual(called);
      await module.close?.(later);
    });
  }

  for (const end of ["destroy", "regenerate", "login"] as const) {
    for (const task of ["write", "read"] as const) {
      test(`${end} during slow requests that ${task}: nothing comes back, and no slow request sets a cookie`, async () => {
        const cookie = await begin();
        const racing = inTwoProcesses(job(cookie, task, 25));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
        const ending = await request(sessions, cookie, async (session) => {
          await new Promise((resolve) => setTimeout(resolve, 10));
          if (end === "login") session.login("ann");
          else session[end]();
        });
        const reports = await racing;
        expect(reports.flatMap((report) => report.errors)).toEqual([]);
        expect(reports.map((report) => report.cookies)).toEqual([0, 0]);
        expect(await look(cookie)).toBeUndefined();
        const after = await look(ending.cookie);
        if (end === "destroy") expect(after).toBeUndefined();
        else expect(after).toMatchObject({ base: 1 });
        const rows = [];
        if (store.list) for await (const row of store.list()) rows.push(row.subject);
        if (end === "login") expect(rows.filter((subject) => subject === "ann").length).toBeGreaterThan(0);
      });
    }
  }
}

const missing = redisIsMissing("redis", ["redis"]);

describe.skipIf(missing)("Redis", () => {
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

describe("files", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-promises-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  promises(new URL("./file-process.ts", import.meta.url).href, () => directory);
});
