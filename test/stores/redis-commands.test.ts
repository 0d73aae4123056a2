/** What the Redis store sends to the server, and what it leaves there. */

import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Session } from "../../src/core/contracts/session.ts";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { createSessions } from "../../src/create.ts";
import { connectRedis, expressSession } from "../../src/express-session.ts";
import { flaskRedis } from "../../src/flask/layouts/redis.ts";
import { redisStore } from "../../src/stores/redis.ts";
import { clientPackages, type OpenClient } from "../support/redis-clients.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";

const missing = redisIsMissing("redis", ["redis", "ioredis"]);
const record = (payload: string, subject?: string, lasts = 600_000): StoreRecord => {
  return { payload, expiresAt: Date.now() + lasts, subject };
};

describe.skipIf(missing)("what the Redis store sends and keeps", () => {
  let server: RedisServer;
  let opened: OpenClient;
  let store: Store;
  let monitor: Redis;
  const seen: string[] = [];

  beforeAll(async () => {
    server = await startRedis();
    const watcher = new Redis({ host: server.host, port: server.port });
    monitor = await watcher.monitor();
    watcher.disconnect();
    monitor.on("monitor", (_time, [command = "", ...args]: string[], source: string) => {
      if (source !== "lua") seen.push([command.toUpperCase(), ...args].join(" "));
    });
  });
  beforeEach(async () => {
    opened = await clientPackages.redis!.single(server);
    store = redisStore({ client: opened.client });
  });
  afterEach(async () => {
    await opened.close();
    await server.ask("FLUSHALL");
  });
  afterAll(async () => {
    monitor?.disconnect();
    await server?.stop();
  });

  test.each(["own records", "values of another program"])(
    "a key of another type is no session, over %s",
    async (kept) => {
      const layout = kept === "own records" ? undefined : { ...flaskRedis(), keyPrefix: "" };
      store = redisStore({ client: opened.client, prefix: "sojourn:", layout });
      const bytes = { payload: layout ? Uint8Array.of(1) : "x", expiresAt: Date.now() + 60_000, subject: "ada" };
      const version = (await store.create("other", bytes))!;
      for (const [key, ...command] of [
        ["list", "RPUSH", "sojourn:list", "1"],
        ["hash", "HSET", "sojourn:hash", "s1 ", "1"],
        ["set", "ZADD", "sojourn:set", "1", "1"],
      ] as [string, ...string[]][]) {
        await server.ask(...command);
        expect(await store.read(key)).toBeNull();
        expect(await store.touch(key, Date.now() + 60_000, "ada")).toBe(false);
        expect(await server.ask("TTL", `sojourn:${key}`)).toBe(-1);
        expect(await store.create(key, bytes)).toBeNull();
        expect(await store.create(key, { ...bytes, subject: undefined })).toBeNull();
        expect(await store.update(key, bytes, version)).toBeNull();
        expect(await store.rename(key, "new", bytes, version)).toBeNull();
        expect(await store.rename("other", key, bytes, version)).toBeNull();
        expect(await server.ask("TYPE", `sojourn:${key}`)).not.toBe("string");
      }
      const keys: string[] = [];
      for await (const row of store.list!()) keys.push(row.key);
      expect(keys).toEqual(["other"]);
    },
  );

  /** The commands that `work` sends, each by its first word. */
  async function sentBy(work: () => Promise<unknown>): Promise<string[]> {
    const mark = async (name: string): Promise<number> => {
      await server.ask("ECHO", name);
      for (;;) {
        const at = seen.indexOf(`ECHO ${name}`);
        if (at >= 0) return at;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const [begin, end] = [`begin ${Math.random()}`, `end ${Math.random()}`];
    const from = await mark(begin);
    await work();
    const to = await mark(end);
    const connecting = /^(HELLO|CLIENT|ECHO)/;
    return seen
      .slice(from + 1, to)
      .filter((line) => !connecting.test(line))
      .map((line) => line.split(" ")[0]!);
  }

  test.each([
    ["without a subject", undefined, ["SET"]],
    ["with a subject", "ada", ["EVALSHA"]],
  ])("read, create, update, touch, rename and delete are one command each %s", async (_title, subject, creates) => {
    await everyScriptOnce(store);
    let version: NonNullable<unknown> | null = null;
    const sent = {
      create: await sentBy(async () => (version = await store.create("a", record("1", subject)))),
      read: await sentBy(() => store.read("a")),
      update: await sentBy(async () => (version = await store.update("a", record("2", subject), version!))),
      touch: await sentBy(() => store.touch("a", Date.now() + 700_000, subject)),
      rename: await sentBy(async () => (version = await store.rename("a", "b", record("3", subject), version!))),
      delete: await sentBy(() => store.delete("b", subject)),
    };
    expect(version).not.toBeNull();
    expect(sent).toEqual({
      create: creates,
      read: ["GET"],
      update: ["EVALSHA"],
      touch: ["EVALSHA"],
      rename: ["EVALSHA"],
      delete: subject === undefined ? ["DEL"] : ["EVALSHA"],
    });
  });

  test("a request that renews its id costs two commands: GET and one script", async () => {
    await everyScriptOnce(store);
    await store.create("a", record("1"));
    const sent = await sentBy(async () => {
      const found = await store.read("a");
      expect(await store.rename("a", "b", record("1"), found!.version)).not.toBeNull();
    });
    expect(sent).toEqual(["GET", "EVALSHA"]);
  });

  test("listing a subject costs one script and one MGET", async () => {
    await everyScriptOnce(store);
    for (const key of ["a", "b", "c"]) await store.create(key, record(key, "ada"));
    let rows: unknown[] = [];
    const sent = await sentBy(async () => (rows = await collect(store.listBySubject!("ada"))));
    expect(rows).toHaveLength(3);
    expect(sent).toEqual(["EVALSHA", "MGET"]);
  });

  test("listing everything scans in steps and never sends KEYS", async () => {
    for (let n = 0; n < 1000; n++) await store.create(`k${n}`, record("x"));
    const rows = new Set<string>();
    const sent = await sentBy(async () => {
      for await (const { key } of store.list!()) rows.add(key);
    });
    expect(rows.size).toBe(1000);
    expect(new Set(sent)).toEqual(new Set(["SCAN", "MGET"]));
    expect(sent.length).toBeGreaterThan(10);
  });

  test("a server that lost its scripts costs one command more, and loses no write", async () => {
    const version = await store.create("a", record("1"));
    const second = await store.update("a", record("2"), version!);
    await server.ask("SCRIPT", "FLUSH");
    let third: unknown;
    expect(await sentBy(async () => (third = await store.update("a", record("3"), second!)))).toEqual([
      "EVALSHA",
      "EVAL",
    ]);
    expect(third).not.toBeNull();
    expect(await sentBy(() => store.update("a", record("4"), third!))).toEqual(["EVALSHA"]);
    expect((await store.read("a"))?.payload).toBe("4");
  });

  test("a record is one string that an operator can read, and its lifetime is the key's", async () => {
    await store.create("a", { payload: '{"visits":1}', expiresAt: 1_900_000_000_000, subject: "ada" });
    const value = String(await server.ask("GET", "sojourn:a"));
    expect(value).toMatch(/^s1 0001900000000000 [\w-]{16} t "ada"\n\{"visits":1\}$/);
    const ends = Date.now() + Number(await server.ask("PTTL", "sojourn:a"));
    expect(Math.abs(ends - 1_900_000_000_000)).toBeLessThan(1000);
    await store.touch("a", 1_900_000_060_000, "ada");
    expect(String(await server.ask("GET", "sojourn:a"))).toBe(value.replace("1900000000000", "1900000060000"));
  });

  test("nodes whose clocks differ by an hour give a session the same lifetime", async () => {
    const lasts = async (): Promise<number> => Number(await server.ask("PTTL", "sojourn:a"));
    for (const skew of [-3_600_000, 3_600_000]) {
      const now = (): number => Date.now() + skew;
      const node = redisStore({ client: opened.client, now });
      const version = await node.create("a", { payload: "1", expiresAt: now() + 60_000 });
      expect(Math.abs((await lasts()) - 60_000)).toBeLessThan(1000);
      await node.update("a", { payload: "2", expiresAt: now() + 90_000 }, version!);
      expect(Math.abs((await lasts()) - 90_000)).toBeLessThan(1000);
      await node.touch("a", now() + 120_000);
      expect(Math.abs((await lasts()) - 120_000)).toBeLessThan(1000);
      expect((await store.read("a"))?.payload).toBe("2");
      await node.delete("a");
    }
  });

  test("another program's value is no session, and is unchanged", async () => {
    await server.ask("SET", "sojourn:a", "somebody else's");
    await server.ask("SET", "sojourn:b", "-- 0001900000000000 0123456789abcdef t -\n");
    for (const key of ["a", "b"]) {
      expect(await store.read(key)).toBeNull();
      expect(await store.touch(key, Date.now() + 700_000)).toBe(false);
      expect(await store.create(key, record("1"))).toBeNull();
    }
    expect(await collect(store.list!())).toEqual([]);
    expect(await server.ask("GET", "sojourn:a")).toBe("somebody else's");
    expect(await server.ask("PTTL", "sojourn:a")).toBe(-1);
  });

  test("stores with different prefixes do not see each other, whatever the prefix contains", async () => {
    const prefixes = ["a:", "b:", "*:", "[ab]:", "a\\:", "é:", ""];
    for (const prefix of prefixes) await redisStore({ client: opened.client, prefix }).create("k", record(prefix));
    for (const prefix of prefixes.filter((one) => one !== "")) {
      const rows = await collect(redisStore({ client: opened.client, prefix }).list!());
      expect(rows.map(({ key, payload }) => [key, payload])).toEqual([["k", prefix]]);
    }
  });

  describe("the index of a subject", () => {
    const index = "sojourn:subject ada";
    const members = async (): Promise<unknown> => server.ask("ZRANGE", index, "0", "-1");
    const indexLasts = async (): Promise<number> => Number(await server.ask("PTTL", index));

    test("lasts an hour longer than its longest session, and follows a touch", async () => {
      await store.create("a", record("1", "ada", 60_000));
      await store.create("b", record("1", "ada", 30_000));
      expect(Math.abs((await indexLasts()) - 3_660_000)).toBeLessThan(1000);
      await store.touch("b", Date.now() + 7_200_000, "ada");
      expect(Math.abs((await indexLasts()) - 10_800_000)).toBeLessThan(1000);
    });

    test("is not rewritten while it lasts half an hour longer than the session", async () => {
      const version = await store.create("a", record("1", "ada", 60_000));
      const next = await store.update("a", record("2", "ada", 1_800_000), version!);
      expect(Math.abs((await indexLasts()) - 3_660_000)).toBeLessThan(1000);
      expect(await store.update("a", record("3", "ada", 1_900_000), next!)).not.toBeNull();
      expect(Math.abs((await indexLasts()) - 5_500_000)).toBeLessThan(1000);
    });

    test("follows a touch by a caller who knows an older subject, or none", async () => {
      await store.create("a", record("1", "ada", 60_000));
      expect(await store.touch("a", Date.now() + 7_200_000)).toBe(true);
      expect(Math.abs((await indexLasts()) - 10_800_000)).toBeLessThan(1000);
      expect(await store.touch("a", Date.now() + 14_400_000, "eve")).toBe(true);
      expect(Math.abs((await indexLasts()) - 18_000_000)).toBeLessThan(1000);
      expect(await server.ask("EXISTS", "sojourn:subject eve")).toBe(0);
    });

    test("loses only entries long expired when a session joins or it is listed", async () => {
      await store.create("a", record("1", "ada"));
      await server.ask("ZADD", index, String(Date.now() - 1000), "over", String(Date.now() + 60_000), "about-to-be");
      await store.create("b", record("1", "ada"));
      expect(new Set((await members()) as string[])).toEqual(new Set(["a", "b", "about-to-be"]));
      await server.ask("ZADD", index, String(Date.now() - 1000), "over");
      expect((await collect(store.listBySubject!("ada"))).map((row) => row.key).sort()).toEqual(["a", "b"]);
      expect(new Set((await members()) as string[])).toEqual(new Set(["a", "b", "about-to-be"]));
    });

    test("is removed with its last session", async () => {
      await store.create("a", record("1", "ada"));
      await store.delete("a", "ada");
      expect(await server.ask("EXISTS", index)).toBe(0);
    });

    test("lasts until a far date, with scores that are whole numbers", async () => {
      const far = Date.now() + 2_000_000_000_000_000;
      expect(await store.create("a", { payload: "1", expiresAt: far, subject: "ada" })).not.toBeNull();
      await server.ask("ZADD", index, "3000000000000000", "b");
      expect(await store.create("c", record("1", "ada"))).not.toBeNull();
      expect(await server.ask("PEXPIRETIME", index)).toBe(3_000_000_000_000_000);
    });

    test("cannot be mistaken for a session of any key, nor a session for it", async () => {
      await store.create("subject", record("1", "ada"));
      await store.create("subject:ada", record("1", "ada"));
      expect(await collect(store.list!())).toHaveLength(2);
      expect(await collect(store.listBySubject!("ada"))).toHaveLength(2);
    });
  });

  test("a user with the documented permissions can do everything, and nothing outside the prefix", async () => {
    const permissions =
      "~sojourn:* +get +set +del +exists +mget +scan +evalsha +eval +getrange +setrange +pttl +pexpire +pexpireat +zadd +zrem +zrange +zscore +zremrangebyscore +time";
    // And what an account for administrators needs besides: `+dbsize` only beyond a million keys.
    const forClients = "+hello +info +client +zscan";
    await server.ask("ACL", "SETUSER", "app", "on", ">secret", ...`${permissions} ${forClients}`.split(" "));
    const problems: unknown[] = [];
    const node = createClient({ url: server.url, username: "app", password: "secret" });
    node.on("error", (error) => problems.push(error));
    await node.connect();
    const io = new Redis({ host: server.host, port: server.port, username: "app", password: "secret" });
    io.on("error", (error) => problems.push(error));
    try {
      for (const client of [node, io]) {
        await server.ask("SCRIPT", "FLUSH");
        const limited = redisStore({ client });
        await everyScriptOnce(limited);
        expect(await limited.create("k", record("1"))).not.toBeNull();
        expect(await limited.create("past", record("1", undefined, -1))).not.toBeNull();
        expect(await collect(limited.list!())).toHaveLength(1);
        expect(await limited.count!()).toEqual({ count: 1, estimate: false });
        expect((await limited.page!({ subject: "ada" })).records).toEqual([]);
        await limited.delete("k");
        await expect(redisStore({ client, prefix: "other:" }).read("k")).rejects.toThrow(/NOPERM/);
      }
      expect(problems).toEqual([]);
    } finally {
      node.destroy();
      io.disconnect();
    }
  });

  test("beside connect-redis, an account needs keys of its prefix and moved:*, and no others", async () => {
    const commands = "+get +set +del +exists +pttl +pexpire +evalsha +eval +hello +info +client";
    const rights = `on >secret ~sess:* ${commands}`.split(" ");
    await server.ask("ACL", "SETUSER", "express", ...rights);
    const client = createClient({ url: server.url, username: "express", password: "secret" });
    await client.connect();
    const sessions = createSessions({
      ...expressSession({ secret: "keyboard cat", keyPrefix: "sess:", subjectKey: "userId" }),
      store: redisStore({ client, layout: connectRedis() }),
      warn: false,
    });
    const send = async (cookie: string | undefined, handler: (session: Session) => void): Promise<string> => {
      const exchange = sessions.open({ cookie }, { cookie: (request) => request.cookie, secure: () => true });
      const headers = new Headers();
      handler(await exchange.get());
      await exchange.commit(headers);
      return headers.getSetCookie()[0]?.split(";")[0] ?? "";
    };
    const logIn = (session: Session): void => session.login("ada");
    try {
      const guest = await send(undefined, (session) => session.flash("cart", "tea"));
      await expect(send(guest, logIn)).rejects.toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE" });
      await server.ask("ACL", "SETUSER", "express", "~moved:*");
      const user = await send(guest, logIn);
      await send(user, ({ subject, data }) =>
        expect({ subject, ...data }).toMatchObject({ subject: "ada", cart: "tea" }),
      );
      await send(user, (session) => session.destroy());
      const [note] = (await server.ask("KEYS", "*")) as string[];
      expect(note).toMatch(/^moved:[\w-]{30}$/);
      const left = Number(await server.ask("PTTL", note as string));
      expect(left).toBeGreaterThan(290_000);
      expect(left).toBeLessThanOrEqual(300_000);
    } finally {
      client.destroy();
    }
  });

  test("an error of the server rejects unchanged", async () => {
    await server.ask("SET", "sojourn:subject ada", "not an index");
    await expect(store.create("a", record("1", "ada"))).rejects.toThrow(/WRONGTYPE/);
    expect(await store.read("a")).toBeNull();
  });

  test.each([undefined, "ada"])(
    "a server out of memory refuses whole writes, and still reads and touches",
    async (subject) => {
      const version = await store.create("a", record("1", subject));
      await server.ask("CONFIG", "SET", "maxmemory", "1");
      try {
        await expect(store.create("b", record("2", subject))).rejects.toThrow(/OOM/);
        await expect(store.update("a", record("2", subject), version!)).rejects.toThrow(/OOM/);
        await expect(store.rename("a", "b", record("2", subject), version!)).rejects.toThrow(/OOM/);
        expect(await store.touch("a", Date.now() + 700_000, subject)).toBe(true);
        expect((await store.read("a"))?.payload).toBe("1");
      } finally {
        await server.ask("CONFIG", "SET", "maxmemory", "0");
      }
      expect(await store.read("b")).toBeNull();
      expect(await store.rename("a", "b", record("2", subject), version!)).not.toBeNull();
    },
  );
});

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** So that the server knows all scripts; leaves nothing behind. */
async function everyScriptOnce(store: Store): Promise<void> {
  const version = await store.create("x", record("1", "xa"));
  await store.touch("x", Date.now() + 700_000, "xa");
  await store.rename("x", "y", record("2", "xb"), version!);
  for await (const row of store.listBySubject!("xb")) await store.delete(row.key, "xb");
}
