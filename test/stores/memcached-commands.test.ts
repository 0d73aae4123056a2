/** What the Memcached store sends: lifetimes, keys, sizes; which clients and options it refuses. */

import { Memcache } from "memcache";
import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import { Client as Memjs } from "memjs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { type MemcachedClient, memcachedStore } from "../../src/stores/memcached.ts";
import { clientPackages, clientTitles, type OpenClient, packages } from "../support/memcached-clients.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../support/memcached-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";

if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: clientTitles });
}
const missing = !memcachedProgram && reportMissing("memcached", noMemcached);

const day = 86_400_000;
const record = (payload: string | Uint8Array, subject?: string, lasts = 600_000): StoreRecord => {
  return { payload, expiresAt: Date.now() + lasts, subject };
};

describe.skipIf(missing)("commands", () => {
  let server: MemcachedServer;
  beforeAll(async () => {
    server = await startMemcached();
  });
  afterAll(() => server?.stop());
  beforeEach(() => server.ask("flush_all\r\n"));

  describe.each(packages)("through %s", (name) => {
    let one: OpenClient;
    let store: Store;
    beforeAll(() => {
      one = clientPackages[name](server.address);
      store = memcachedStore({ client: one.client });
    });
    afterAll(() => one?.close());

    /** Seconds Memcached will keep the item, as it tells itself. */
    const left = async (key: string): Promise<number> =>
      Number(/^HD t(\d+)$/.exec(await server.ask(`mg sojourn:${key} t\r\n`))?.[1]);

    test("a record lasts its lifetime and a few seconds more, on both sides of thirty days", async () => {
      for (const lasts of [
        500,
        999,
        1000,
        1001,
        60_000,
        30 * day - 1500,
        30 * day - 500,
        30 * day,
        31 * day,
        400 * day,
      ]) {
        const key = `k${lasts}`;
        const { expiresAt } = record("", undefined, lasts);
        await store.create(key, { payload: "", expiresAt });
        const over = Date.now() + (await left(key)) * 1000 - expiresAt;
        expect(over, `${lasts} ms`).toBeGreaterThanOrEqual(0);
        expect(over, `${lasts} ms`).toBeLessThan(4000);
      }
    });

    test("touch, update and rename give the item its new lifetime", async () => {
      const version = await store.create("a", record("1", undefined, 60_000));
      await store.touch("a", Date.now() + 40 * day);
      expect(await left("a")).toBeGreaterThan((40 * day) / 1000 - 2);
      const updated = await store.update("a", record("2", undefined, 100_000), version!);
      expect(await left("a")).toBeLessThan(103);
      await store.rename("a", "b", record("3", undefined, 50 * day), updated!);
      expect(await left("b")).toBeGreaterThan((50 * day) / 1000 - 2);
      expect(await server.ask("mg sojourn:a t\r\n")).toBe("EN");
    });

    test("a lifetime beyond the 32 bits of the protocol ends in January 2038", async () => {
      const expiresAt = Date.UTC(2050, 0);
      expect(await store.create("a", { payload: "", expiresAt })).not.toBeNull();
      expect(await store.read("a")).toMatchObject({ expiresAt });
      expect(Math.abs(Date.now() / 1000 + (await left("a")) - 2 ** 31)).toBeLessThan(3);
    });

    test("keys with dollar signs are sent unchanged, and have separate records", async () => {
      const keys = ["a$$b", "a$b", "a$&b", "a$`b", "a$'b", "$$$$", "$1$<x>", `${"$".repeat(200)}`];
      for (const key of keys) expect(await store.create(key, record(`of ${key}`))).not.toBeNull();
      for (const key of keys.slice(0, -1)) expect(await left(key), key).toBeGreaterThan(0);
      for (const key of keys) {
        const found = await store.read(key);
        expect(found?.payload).toBe(`of ${key}`);
        expect(await store.update(key, record(`new of ${key}`), found!.version)).not.toBeNull();
        expect(await store.touch(key, Date.now() + day)).toBe(true);
        await store.delete(key);
        expect(await store.read(key)).toBeNull();
      }
    });

    test("an item that is no record is no session, and occupies the key", async () => {
      await server.ask("set sojourn:text 0 0 5\r\nhello\r\n");
      await server.ask("set sojourn:number 8 0 1\r\n7\r\n");
      await server.ask(Buffer.from("set sojourn:bytes 4 0 2\r\n\xff\xfe\r\n", "latin1"));
      const value = "s1 0000000000000000 abcdefghijklmnop b -\t!";
      await server.ask(`set sojourn:cut 0 0 ${value.length}\r\n${value}\r\n`);
      for (const key of ["text", "number", "bytes", "cut"]) {
        expect(await store.read(key), key).toBeNull();
        expect(await store.touch(key, Date.now() + day), key).toBe(false);
        expect(await store.update(key, record("x"), { stamp: "abcdefghijklmnop", cas: "1" }), key).toBeNull();
        expect(await store.create(key, record("x")), key).toBeNull();
        await store.delete(key);
        expect(await store.create(key, record("x")), key).not.toBeNull();
      }
    });

    test("text with halves of surrogate pairs comes back exactly, as payload and as subject", async () => {
      await store.create("a", record("\ud800 \udc00\ud800\n", "\udfff"));
      expect(await store.read("a")).toMatchObject({ payload: "\ud800 \udc00\ud800\n", subject: "\udfff" });
    });

    test("payloads of the largest size fit with the longest key and prefix, whatever they contain", async () => {
      const prefix = `${"p".repeat(49)}:`;
      const longest = memcachedStore({ client: one.client, prefix });
      const size = longest.capabilities.maxPayloadBytes!;
      expect(size).toBeGreaterThan(780_000);
      const payloads = ["x".repeat(size), "\n".repeat(size), "ä\r".repeat(size / 3), new Uint8Array(size).fill(10)];
      const key = "k".repeat(200);
      for (const payload of payloads) {
        const version = await longest.create(key, record(payload, "漢".repeat(300)));
        expect(version).not.toBeNull();
        const found = await longest.read(key);
        expect(found?.payload.length).toBe(payload.length);
        expect(Buffer.from(found!.payload as string).equals(Buffer.from(payload as string))).toBe(true);
        expect(await longest.update(key, record(payload, "漢".repeat(300)), version!)).not.toBeNull();
        await longest.delete(key);
      }
    });

    test("a subject that makes the item too large is refused, and the session stays", async () => {
      const version = await store.create("a", record("1", "ada"));
      const large = record("x".repeat(store.capabilities.maxPayloadBytes!), "x".repeat(300_000));
      await expect(store.update("a", large, version!)).rejects.toMatchObject({ code: "ERR_SESSION_TOO_LARGE" });
      expect(await store.read("a")).toMatchObject({ payload: "1", subject: "ada" });
    });
  });

  test("each client reads, touches and updates what another wrote", async () => {
    const clients = packages.map((name) => clientPackages[name](server.address));
    const stores = clients.map(({ client }) => memcachedStore({ client }));
    try {
      for (const payload of ["text", "a\r\nb\\\n", "ä漢🍪", new Uint8Array([0, 10, 13, 255])]) {
        for (const [at, writer] of stores.entries()) {
          const reader = stores[(at + 1) % stores.length]!;
          await writer.create("a", record(payload, "ada"));
          const found = await reader.read("a");
          expect(found).toMatchObject({ payload, subject: "ada" });
          expect(await writer.touch("a", Date.now() + day)).toBe(true);
          expect(await reader.update("a", record(payload), found!.version)).not.toBeNull();
          expect(await writer.update("a", record("stale"), found!.version)).toBeNull();
          expect(await writer.read("a")).toMatchObject({ payload });
          await reader.delete("a");
        }
      }
    } finally {
      for (const { close } of clients) close();
    }
  });

  test("a namespace of the client precedes the prefix, and must leave room for keys", async () => {
    const { client, close } = clientPackages.memcached(server.address, { namespace: "app." });
    try {
      const store = memcachedStore({ client });
      const version = await store.create("a", record("1"));
      expect(await server.ask("mg app.sojourn:a k\r\n")).toBe("HD kapp.sojourn:a");
      expect(await store.update("a", record("2"), version!)).not.toBeNull();
      expect(await store.read("a")).toMatchObject({ payload: "2" });
      const { client: long } = clientPackages.memcached(server.address, { namespace: "n".repeat(43) });
      expect(() => memcachedStore({ client: long })).toThrow(/namespace of at most 42 characters/);
    } finally {
      close();
    }
  });

  test("a server started with -I accepts larger sessions, once maxItemBytes says so", async () => {
    const larger = await startMemcached(["-I", "4m"]);
    const { client, close } = clientPackages["memcache-client"](larger.address);
    try {
      const store = memcachedStore({ client, maxItemBytes: 4 * 1_048_576 });
      const payload = "x".repeat(store.capabilities.maxPayloadBytes!);
      expect(payload.length).toBeGreaterThan(3_100_000);
      expect(await store.create("a", record(new TextEncoder().encode(payload)))).not.toBeNull();
      expect((await store.read("a"))?.payload.length).toBe(payload.length);
    } finally {
      close();
      await larger.stop();
    }
  });
});

describe("options", () => {
  const { client } = clientPackages["memcache-client"]("127.0.0.1:1");

  test("a client without compare-and-swap is refused by name, with the ones that have it", () => {
    const others = [Memjs.create("127.0.0.1:1"), new Memcache("127.0.0.1:1"), {}, "127.0.0.1:11211", undefined, null];
    for (const other of others) {
      const make = (): Store => memcachedStore({ client: other as MemcachedClient });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(
        /npm package memcached 2 or memcache-client 1, or memcachedClient\(\) .*cannot compare and swap/,
      );
    }
  });

  test("a client that asks several servers at random is refused; one that hashes keys to servers is accepted", () => {
    const servers = ["127.0.0.1:1", "127.0.0.1:2"];
    const random = new MemcacheClient({ server: { servers: servers.map((server) => ({ server })) } });
    expect(() => memcachedStore({ client: random })).toThrow(/one server, for it asks any of several at random/);
    expect(() => memcachedStore({ client: new Memcached(servers) })).not.toThrow();
  });

  test("a client that moves keys to other servers and back is refused", () => {
    const servers = ["127.0.0.1:1", "127.0.0.1:2"];
    for (const options of [{ remove: true }, { failOverServers: ["127.0.0.1:3"] }]) {
      expect(() => memcachedStore({ client: new Memcached(servers, options) })).toThrow(/bring back the sessions/);
    }
  });

  test("a function is called for the client once, and again only if that failed", async () => {
    let asked = 0;
    const store = memcachedStore({
      client: async () => {
        asked += 1;
        if (asked === 1) throw new Error("not yet");
        return {} as MemcachedClient;
      },
    });
    expect(asked).toBe(0);
    await expect(store.read("a")).rejects.toThrow("not yet");
    await expect(store.read("a")).rejects.toThrow(/client must be/);
    expect(asked).toBe(2);
    const given = memcachedStore({
      client: () => {
        asked += 1;
        return client;
      },
    });
    await Promise.allSettled([given.read("a"), given.read("a")]);
    await given.read("a").catch(() => {});
    expect(asked).toBe(3);
  });

  test("a prefix that could make a key illegal or ambiguous is refused", () => {
    for (const prefix of ["", "a b:", "a\n:", "ä:", "cas", "_", `${"p".repeat(50)}:`, 7 as unknown as string]) {
      expect(() => memcachedStore({ client, prefix }), JSON.stringify(prefix)).toThrow(/prefix must be/);
    }
    for (const prefix of [":", "app.", "a/b-", `${"p".repeat(49)}:`]) memcachedStore({ client, prefix });
  });

  test("other options of the wrong type are refused", () => {
    for (const maxItemBytes of [0, 8191, 1.5, Number.NaN, "1m" as unknown as number]) {
      expect(() => memcachedStore({ client, maxItemBytes })).toThrow(/maxItemBytes must be/);
    }
    expect(() => memcachedStore({ client, now: 7 as unknown as () => number })).toThrow(/now must be/);
  });
});
