/** Vercel's edge runtime, with sessions in Upstash: no sockets, and nothing of Node's. */

import { EdgeRuntime, runServer } from "edge-runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { startUpstash, type UpstashServer } from "../support/upstash-server.ts";
import { bundle, program } from "../support/workerd.ts";

const missing = redisIsMissing("edge", ["edge-runtime", "@upstash/redis"]);

describe.skipIf(missing)("Vercel's edge runtime", () => {
  let redis: RedisServer;
  let upstash: UpstashServer;
  let edge: Awaited<ReturnType<typeof runServer>>;
  beforeAll(async () => {
    redis = await startRedis();
    upstash = await startUpstash(redis.url);
    const { code, imports } = await bundle(program("edge-program"));
    expect(imports).toEqual([]);
    const { url, token } = upstash;
    const runtime = new EdgeRuntime({
      initialCode: code,
      extend: (context) => Object.assign(context, { upstash: { url, token } }),
    });
    edge = await runServer({ runtime, host: "127.0.0.1", port: 0 });
  });
  afterAll(async () => {
    await edge?.close();
    upstash?.close();
    await redis?.stop();
  });

  async function ask(path: string, cookie = ""): Promise<{ text: string; cookie: string }> {
    const response = await fetch(new URL(path, edge.url), { headers: { cookie } });
    const set = response.headers.getSetCookie()[0]?.split(";")[0];
    return { text: await response.text(), cookie: set ?? cookie };
  }

  test("a session is kept, logged in and ended", async () => {
    const first = await ask("/visit");
    expect(JSON.parse(first.text)).toEqual({ visits: 1 });
    const login = await ask("/login", first.cookie);
    expect(login.cookie).not.toBe(first.cookie);
    expect(JSON.parse((await ask("/visit", login.cookie)).text)).toEqual({ visits: 2, subject: "ada" });
    await ask("/logout", login.cookie);
    expect(JSON.parse((await ask("/", login.cookie)).text)).toEqual({});
  });

  test("parallel requests keep each other's changes", async () => {
    const { cookie } = await ask("/visit");
    await Promise.all(Array.from({ length: 10 }, () => ask("/visit", cookie)));
    expect(JSON.parse((await ask("/", cookie)).text)).toEqual({ visits: 11 });
  });

  test("what changes while server-sent events go out is saved before their end", async () => {
    const { cookie } = await ask("/visit");
    expect((await ask("/events", cookie)).text).toBe("data: 1\n\n");
    expect(JSON.parse((await ask("/", cookie)).text)).toEqual({ visits: 1, seen: true });
  });
});
