/**
 * Sessions move from one real server to another while four processes read, write, log in and out, and the mover and one of
 * them are killed. `SESSIONS=100000` runs it with as many; in `npm test` there are a few hundred.
 */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { movingStore } from "../../src/stores/moving.ts";
import type { ServerJob, Used } from "../support/moving/server.ts";
import { pause } from "../support/processes.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { reportMissing } from "../support/report.ts";
import { request } from "../support/requests.ts";
import { noPostgres, postgresProgram, type SqlServer, startPostgres } from "../support/sql-servers.ts";

const total = Number(process.env.SESSIONS ?? 400);
const users = Math.ceil(total / 10);
const leaving = 5;
const directory = mkdtempSync(join(tmpdir(), "sojourn-house-"));
const url = (path: string): string => new URL(`../support/moving/${path}`, import.meta.url).href;
const execArgv = ["--conditions=sojourn-source"];

let redis: RedisServer | undefined;
let postgres: SqlServer | undefined;
const noRedis = redisIsMissing("moving", ["redis"]);
const without = noRedis || (!postgresProgram && reportMissing("moving to PostgreSQL", noPostgres));

beforeAll(async () => {
  if (noRedis) return;
  redis = await startRedis();
  process.env.MOVING_REDIS = redis.url;
  process.env.MOVING_FILES = join(directory, "files");
  if (without) return;
  postgres = await startPostgres();
  const { host, port, user, database } = postgres;
  process.env.MOVING_POSTGRES = JSON.stringify({ host, port, user, database });
}, 60_000);
const opened = new Set<Opened>();
afterAll(async () => {
  for (const { close } of opened) await close();
  await redis?.stop();
  await postgres?.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Opened {
  readonly store: Store;
  close(): unknown;
}

/** Sessions of `total` logins in the old store. */
async function begin(store: Store): Promise<{ cookies: string[]; handles: string[] }> {
  const sessions = new Sessions<Used>({ store, name: "house", storeTimeout: "60s", warn: false });
  const cookies: string[] = [];
  const handles: string[] = [];
  for (let at = 0; at < total; at += 50) {
    const some = Array.from({ length: Math.min(50, total - at) }, async (_, i) => {
      const { cookie, value } = await request(sessions, undefined, (session) => {
        session.login(`user${(at + i) % users}`);
        session.data.n = 0;
        return () => session.handle;
      });
      cookies[at + i] = cookie as string;
      handles[at + i] = value?.() as string;
    });
    await Promise.all(some);
  }
  return { cookies, handles };
}

async function startServer(job: ServerJob): Promise<ChildProcess> {
  const child = fork(fileURLToPath(url("server.ts")), { execArgv });
  child.send(job);
  await once(child, "message");
  return child;
}

/** Runs `sojourn move`; kills it after so many milliseconds, if that is given. */
async function runMover(from: string, to: string, killAfter?: number): Promise<{ code: number | null; out: string }> {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const path = (name: string): string => fileURLToPath(url(name));
  const args = [...execArgv, main, "move", "--from", path(from), "--to", path(to), "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  return { code, out };
}

async function houseMoves(fromName: string, toName: string): Promise<void> {
  const modules = (await Promise.all([fromName, toName].map((name) => import(url(name))))) as Opened[];
  for (const one of modules) opened.add(one);
  const [from, to] = modules.map(({ store }) => store) as [Store, Store];
  for (const store of [from, to]) await store.setup?.();
  const { cookies, handles } = await begin(from);
  const logs = [0, 1, 2, 3].map((at) => join(directory, `${fromName}-${at}.log`));
  const jobs = logs.map((log, at) => ({
    ...{ from: url(fromName), to: url(toName), at, of: 4, cookies, leaving, log },
  }));
  const servers = await Promise.all(jobs.map(startServer));
  const patience = Math.max(700, total / 10);

  // Devices and lists are right at every moment.
  const watching = new Sessions<Used>({
    store: movingStore({ from, to }),
    name: "house",
    storeTimeout: "60s",
    warn: false,
  });
  let isOver = false;
  let looks = 0;
  const watch = async (): Promise<void> => {
    for (; !isOver; looks++) {
      const user = Math.floor(Math.random() * users);
      const listed = (await watching.list(`user${user}`)).map(({ handle }) => handle);
      expect(new Set(listed).size).toBe(listed.length);
      for (let at = user; at < total; at += users) if (at % leaving !== 0) expect(listed).toContain(handles[at]);
    }
  };
  const watched = watch();
  watched.catch(() => {});

  await pause(patience / 2);
  const killed = await runMover(fromName, toName, patience);
  // A few hundred may have moved before it was killed.
  if (total > 10_000) expect(killed.code).toBeNull();
  servers[3]?.kill("SIGKILL");
  await runMover(fromName, toName, patience * 1.5);
  servers[3] = await startServer({ ...(jobs[3] as ServerJob), log: `${logs[3]}` });
  const last = await runMover(fromName, toName);
  expect(last.code).toBe(0);
  expect(JSON.parse(last.out)).toMatchObject({ left: 0 });
  await pause(patience / 2);
  for (const server of servers) server.send("stop");
  await Promise.all(servers.map((server) => server.exitCode ?? once(server, "exit")));
  isOver = true;
  await watched;
  expect(looks).toBeGreaterThan(0);

  // Nothing is left, and nothing is doubled.
  for await (const row of from.list!()) expect(row).toBeUndefined();
  const lines = logs.flatMap((log) => readFileSync(log, "utf8").split("\n"));
  expect(lines.filter((line) => line.startsWith("wrong"))).toEqual([]);
  const tally = (word: string): Map<number, number> => {
    const counts = new Map<number, number>();
    for (const line of lines) {
      const [what, at] = line.split(" ");
      if (what === word) counts.set(Number(at), (counts.get(Number(at)) ?? 0) + 1);
    }
    return counts;
  };
  const [uses, used, leaves, left] = ["uses", "used", "leaves", "left"].map(tally) as [
    Map<number, number>,
    Map<number, number>,
    Map<number, number>,
    Map<number, number>,
  ];
  const after = new Sessions<Used>({ store: to, name: "house", storeTimeout: "60s", warn: false });
  let alive = 0;
  const check = async (at: number): Promise<void> => {
    const { value } = await request(after, cookies[at], (session) =>
      session.subject ? { ...session.data } : undefined,
    );
    if (left.has(at)) return expect(value).toBeUndefined();
    // A server was killed in its logout, or in its use: it may have taken effect or not.
    if (leaves.has(at) && value === undefined) return;
    alive += 1;
    expect(value?.n).toBeGreaterThanOrEqual(used.get(at) ?? 0);
    expect(value?.n).toBeLessThanOrEqual(uses.get(at) ?? 0);
    const sum = [0, 1, 2, 3].reduce((all, server) => all + (value?.[`s${server}`] ?? 0), 0);
    expect(value?.n).toBe(sum);
  };
  for (let at = 0; at < total; at += 50)
    await Promise.all(Array.from({ length: Math.min(50, total - at) }, (_, i) => check(at + i)));
  const logins = lines.filter((line) => line.startsWith("login "));
  for (const line of logins.slice(-200)) {
    const [, subject, cookie] = line.split(" ");
    expect((await request(after, cookie, (session) => session.subject)).value).toBe(subject);
  }
  let stored = 0;
  for await (const { key, subject } of to.list!()) if (key.startsWith("house:") && subject !== undefined) stored += 1;
  // A server that was killed may have stored a login that it was not answered.
  expect(stored - alive - logins.length).toBeGreaterThanOrEqual(0);
  expect(stored - alive - logins.length).toBeLessThanOrEqual(4);
  const sum = [...used.values()].reduce((a, b) => a + b, 0);
  console.info(
    `${fromName} → ${toName}: ${total} sessions, ${sum} saves, ${left.size} logouts, ${logins.length} logins, ${looks} lists while they moved`,
  );
}

describe("moving to another store", { timeout: 60_000 + total * 10 }, () => {
  test.skipIf(noRedis)("from files to Redis: nothing is lost, doubled or brought back", () =>
    houseMoves("files.ts", "redis.ts"),
  );
  test.skipIf(without)("from Redis to PostgreSQL: nothing is lost, doubled or brought back", async () => {
    await redis?.ask("FLUSHALL");
    await houseMoves("redis.ts", "postgres.ts");
  });
});
