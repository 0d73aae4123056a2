/** Redis over Upstash's REST protocol, through `@upstash/redis`. */

import { Redis } from "@upstash/redis";
import { createSessions } from "sojourn";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { flaskRedis } from "../../src/flask/layouts/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { redisHarness, redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { describeClient } from "../support/store-tests.ts";
import { startUpstash, type UpstashServer } from "../support/upstash-server.ts";

const missing = redisIsMissing("redis", ["@upstash/redis"]);

describe.skipIf(missing)("Upstash", () => {
  let redis: RedisServer;
  let upstash: UpstashServer;
  beforeAll(async () => {
    redis = await startRedis();
    upstash = await startUpstash(redis.url);
  });
  afterAll(async () => {
    upstash?.close();
    await redis?.stop();
  });
  beforeEach(() => {
    Object.assign(upstash.faults, { losesAnswers: 0, answers: undefined });
  });

  const options = { url: "http://127.0.0.1:1", token: "none" };
  const client = (): Redis => new Redis({ url: upstash.url, token: upstash.token, enableTelemetry: false });
  const record = (payload: string) => ({ payload, subject: "ada", expiresAt: Date.now() + 600_000 });

  describeClient(redisHarness("@upstash/redis", new Redis(options), async () => ({ client: client(), close() {} })));

  test("takes the client as it is made by default: sessions are read, changed, listed and revoked", async () => {
    const sessions = createSessions<{ cart: string[]; n: number }>({
      store: redisStore({ client: client(), prefix: "shop:" }),
      storeTimeout: "30s",
    });
    const handler = fetchSessions(sessions)(async (request: Request) => {
      const session = await sessions.get(request);
      if (request.url.endsWith("/login")) session.login("42");
      session.update("cart", (cart = []) => [...cart, '{"not":"parsed"}', "17"]);
      return Response.json({ ...session.data, subject: session.subject });
    });
    const login = await handler(new Request("https://shop.test/login"));
    const cookie = `${login.headers.getSetCookie()[0]?.split(";")[0]}`;
    const next = await handler(new Request("https://shop.test/", { headers: { cookie } }));
    expect(await next.json()).toEqual({ cart: ['{"not":"parsed"}', "17", '{"not":"parsed"}', "17"], subject: "42" });
    expect(await sessions.list("42")).toHaveLength(1);
    expect(await sessions.revoke("42")).toBe(1);
    expect(await sessions.list("42")).toEqual([]);
  });

  test("a write whose answer was lost, and which the client sends again, counts once", async () => {
    const retrying = new Redis({
      url: upstash.url,
      token: upstash.token,
      enableTelemetry: false,
      retry: { retries: 2, backoff: () => 1 },
    });
    const store = redisStore({ client: retrying, prefix: "lost:" });
    upstash.faults.losesAnswers = 1;
    const version = await store.create("one", record("first"));
    expect(version).not.toBeNull();
    upstash.faults.losesAnswers = 1;
    const next = await store.update("one", record("second"), version!);
    expect(next).not.toBeNull();
    expect(await store.update("one", record("third"), version!)).toBeNull();
    expect(await store.read("one")).toMatchObject({ payload: "second", version: next });
  });

  test("a read is one request, a write is one once the server knows the script", async () => {
    const store = redisStore({ client: client(), prefix: "count:" });
    const version = await store.create("one", record("first"));
    upstash.commands.length = 0;
    await store.read("one");
    await store.update("one", record("second"), version!);
    await store.touch("one", Date.now() + 700_000, "ada");
    expect(upstash.commands.filter((name) => name !== "EVAL")).toEqual(["GET", "EVALSHA", "EVALSHA"]);
  });

  test.each([
    ["an error that quotes the command", 400, '{"error":"OOM command not allowed"}'],
    ["a page of a proxy that quotes what came", 502, "<p>my secret cart</p>"],
    ["an answer that is no JSON", 200, "my secret cart"],
  ])("%s: nothing of the session gets into the store's error", async (_title, status, body) => {
    const store = redisStore({ client: client(), prefix: "fault:" });
    upstash.faults.answers = { status, body };
    const error: unknown = await store.create("one", record("my secret cart")).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toBe("");
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain("secret");
    expect((error as Error).cause).toBeUndefined();
  });

  test("a layout of another program is refused: its values are bytes, and Upstash answers text", () => {
    expect(() => redisStore({ client: new Redis(options), layout: flaskRedis() })).toThrow(
      "layout needs a client that answers bytes",
    );
  });
});
