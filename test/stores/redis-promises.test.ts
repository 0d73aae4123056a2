/** Promise 3 on a real Redis: what each kind of request costs in commands, counted by the server. */

import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "../../src/core/contracts/session.ts";
import { Sessions } from "../../src/core/request/sessions.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";
import { request } from "../support/requests.ts";

const missing = redisIsMissing("redis", ["redis"]);
type Data = Record<string, unknown>;

describe.skipIf(missing)("promise 3: what a request costs on Redis", () => {
  let server: RedisServer;
  let sessions: Sessions<Data>;
  const clock = { now: Date.now() };
  const client = { current: createClient() };
  const seen: string[] = [];
  let monitor: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client.current = createClient({ url: server.url });
    await client.current.connect();
    const watcher = new Redis({ host: server.host, port: server.port });
    monitor = await watcher.monitor();
    watcher.disconnect();
    monitor.on("monitor", (_time, [command = "", ...args]: string[], source: string) => {
      if (source !== "lua") seen.push([command.toUpperCase(), ...args].join(" "));
    });
    sessions = new Sessions<Data>({
      name: "session",
      store: redisStore({ client: client.current, now: () => clock.now }),
      now: () => clock.now,
      idleTimeout: "20m",
      storeTimeout: "30s",
      touchInterval: "1m",
    });
    // Scripts are loaded once per server, not once per request.
    let { cookie } = await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }));
    await request(sessions, cookie, ({ data }) => Object.assign(data, { n: 2 }));
    ({ cookie } = await request(sessions, cookie, (session) => session.regenerate()));
    clock.now += 90_000;
    await request(sessions, cookie, ({ data }) => data.n);
  });
  afterAll(async () => {
    monitor?.disconnect();
    client.current.destroy();
    await server?.stop();
  });

  /** The commands that clients sent while `work` ran, as the server saw them; what a script calls inside is not sent. */
  async function sentBy(work: () => Promise<unknown>): Promise<number> {
    const mark = async (name: string): Promise<number> => {
      await client.current.sendCommand(["ECHO", name]);
      while (!seen.some((command) => command === `ECHO ${name}`)) await new Promise((resolve) => setImmediate(resolve));
      return seen.indexOf(`ECHO ${name}`);
    };
    seen.length = 0;
    const before = await mark("before");
    await work();
    return (await mark("after")) - before - 1;
  }

  async function costOf(cookie: string | undefined, handler: (session: Session<Data>) => unknown) {
    let answer: Awaited<ReturnType<typeof request>> | undefined;
    const commands = await sentBy(async () => {
      answer = await request(sessions, cookie, handler);
    });
    return { answer, commands };
  }

  const begin = async () => (await request(sessions, undefined, ({ data }) => Object.assign(data, { n: 1 }))).cookie;

  test("an untouched request with a cookie: 0", async () => {
    const cookie = await begin();
    const commands = await sentBy(async () => {
      const exchange = sessions.open({}, { cookie: () => cookie, secure: () => true });
      expect(exchange.commit(new Headers())).toBeUndefined();
    });
    expect(commands).toBe(0);
  });

  test("an anonymous read: 0, and no cookie", async () => {
    const { commands, answer } = await costOf(undefined, ({ data }) => data.n);
    expect([commands, answer?.setCookie]).toEqual([0, undefined]);
  });

  test("a malformed cookie: 0", async () => {
    expect((await costOf("__Host-session=../../etc", ({ data }) => data.n)).commands).toBe(0);
  });

  test("a read within the touch interval: 1, no write, no cookie", async () => {
    const { commands, answer } = await costOf(await begin(), ({ data }) => data.n);
    expect([commands, answer?.value, answer?.setCookie]).toEqual([1, 1, undefined]);
  });

  test("a read after the touch interval: 2, still no cookie", async () => {
    const cookie = await begin();
    clock.now += 61_000;
    const { commands, answer } = await costOf(cookie, ({ data }) => data.n);
    expect([commands, answer?.value, answer?.setCookie]).toEqual([2, 1, undefined]);
  });

  test("a first write: 1", async () => {
    expect((await costOf(undefined, ({ data }) => Object.assign(data, { n: 1 }))).commands).toBe(1);
  });

  test("a write: 2, GET and one script", async () => {
    const { commands, answer } = await costOf(await begin(), ({ data }) => Object.assign(data, { n: 5 }));
    expect([commands, answer?.setCookie]).toEqual([2, undefined]);
  });

  test("a write of an equal value: 1", async () => {
    expect((await costOf(await begin(), ({ data }) => Object.assign(data, { n: 1 }))).commands).toBe(1);
  });

  test("regenerate: 3, a read, the new record and the signpost", async () => {
    const { commands, answer } = await costOf(await begin(), (session) => session.regenerate());
    expect(commands).toBe(3);
    expect(answer?.setCookie).toBeDefined();
  });

  test("destroy: 3, a read, the end mark and the removal", async () => {
    expect((await costOf(await begin(), (session) => session.destroy())).commands).toBe(3);
  });
});
