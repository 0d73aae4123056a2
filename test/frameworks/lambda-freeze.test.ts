/** AWS Lambda freezes a function between requests: what that does to saves, connections and timers. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createClient } from "redis";
import type { RunningApp } from "sojourn/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { listenLambda } from "../support/lambda-front.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";

const missing = redisIsMissing("lambda", ["redis", "ioredis", "hono"]);

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

interface Instance extends RunningApp {
  readonly child: ChildProcess;
  /** How many timers were under way at each answer. */
  readonly timers: readonly number[];
}

/** One instance of the function. It runs only while it has a request. */
async function instance(through: string, redis: RedisServer): Promise<Instance> {
  const program = new URL("../support/lambda-program.ts", import.meta.url);
  const child = fork(program, [through, redis.url], { execArgv: ["--conditions=sojourn-source"] });
  await once(child, "spawn");
  const waiting = new Map<number, (result: unknown) => void>();
  const timers: number[] = [];
  let last = 0;
  child.on("message", ([id, result, underWay]: [number, unknown, number]) => {
    timers.push(underWay);
    if (waiting.size === 1) child.kill("SIGSTOP");
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  child.on("exit", () => {
    for (const resolve of waiting.values()) resolve({ statusCode: 502, body: "the function has ended" });
  });
  const running = await listenLambda((event, context) => {
    child.kill("SIGCONT");
    const id = ++last;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      child.send([id, event, JSON.parse(JSON.stringify(context))]);
    });
  });
  cleaning.push(async () => {
    running.close();
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return { ...running, child, timers };
}

async function count({ url }: RunningApp, cookie = ""): Promise<{ text: string; cookie: string }> {
  const response = await fetch(`${url}/count`, { headers: { cookie }, signal: AbortSignal.timeout(20_000) });
  const set = response.headers.getSetCookie()[0]?.split(";")[0];
  return { text: `${response.status} ${await response.text()}`, cookie: set ?? cookie };
}

describe.skipIf(missing)("a function that is frozen after each answer", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  test("has no timer of a request under way when it answers", async () => {
    const one = await instance("memory", redis);
    const { cookie } = await count(one);
    expect((await count(one, cookie)).text).toBe("200 2");
    expect(one.timers).toEqual([0, 0]);
  });

  test.each(["redis", "ioredis"])(
    "has saved when it answers, and goes on with a new connection: %s",
    async (through) => {
      const [one, other] = await Promise.all([instance(through, redis), instance(through, redis)]);
      const { text, cookie } = await count(one);
      expect(text).toBe("200 1");
      expect((await count(other, cookie)).text).toBe("200 2");
      const admin = await createClient({ url: redis.url }).connect();
      cleaning.push(() => admin.destroy());
      for (const visit of [3, 4, 5]) {
        // As a server or a firewall closes what was idle for too long: the function cannot notice while it is frozen.
        expect(Number(await admin.sendCommand(["CLIENT", "KILL", "TYPE", "normal"]))).toBeGreaterThan(0);
        expect((await count(one, cookie)).text).toBe(`200 ${visit}`);
      }
    },
  );
});
