/** The Memcached store over values of another program: the whole suite through the client that keeps bytes, and what is on the server. */

import { MemcacheClient } from "memcache-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { flaskMemcached } from "../../src/flask/layouts/memcached.ts";
import { type MemcachedClient as Client, memcachedClient } from "../../src/stores/memcached/client.ts";
import { type MemcachedClient, type MemcachedLayout, memcachedStore } from "../../src/stores/memcached.ts";
import type { StoreHarness } from "../../src/testing/index.ts";
import { withFormat } from "../support/bare-layouts.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../support/memcached-servers.ts";
import { reportBackend, reportMissing } from "../support/report.ts";
import { describeStore } from "../support/store-tests.ts";

if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: ["sojourn/stores/memcached/client"] });
}
const layout = flaskMemcached();

describe.skipIf(!memcachedProgram && reportMissing("memcached", noMemcached))("the layout of Flask-Session", () => {
  let server: MemcachedServer;
  let client: Client;
  let store: Store;
  beforeAll(async () => {
    server = await startMemcached();
    client = memcachedClient({ server: server.address });
    store = memcachedStore({ client, layout });
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });

  // The stand-in for the format takes some octets for itself: the limit has a test below.
  const claimed = (one: Store): Store => {
    return { ...withFormat(one), capabilities: { ...one.capabilities, maxPayloadBytes: undefined } };
  };
  const opened = new Map<Store, Client>();
  const harness: StoreHarness = {
    name: "whole suite",
    sample: claimed(memcachedStore({ client: memcachedClient(), layout })),
    open({ space, now }) {
      const one = memcachedClient({ server: server.address });
      const made = claimed(memcachedStore({ client: one, layout, prefix: `${space}:`, now }));
      opened.set(made, one);
      return made;
    },
    close: (made) => opened.get(made)?.close(),
  };
  describeStore(harness);

  describe("on the server", () => {
    beforeEach(async () => {
      await server.ask("flush_all\r\n");
    });
    const payload = Uint8Array.of(0x82, 0xff, 0x00, 0xc3, 0x0d, 0x0a);
    const at = (left: number): number => Date.now() + left;
    const theirs = (value: string, lifetime = 100, flags = 0): Promise<void> =>
      client.set("session:a", value, { lifetime, flags });
    const record = (text: string) => ({ payload: new TextEncoder().encode(text), expiresAt: at(60_000) });

    test("a value is the payload alone, with flags 0", async () => {
      await store.create("session:a", { payload, expiresAt: at(60_000) });
      const item = await client.item("session:a");
      expect(item).toMatchObject({ value: payload, flags: 0 });
      expect(item!.secondsLeft).toBeGreaterThan(57);
      expect(item!.secondsLeft).toBeLessThanOrEqual(61);
      expect((await store.read("session:a"))?.payload).toEqual(payload);
    });

    test("a value of another program is read with its lifetime, and its next write is a conflict for us", async () => {
      await theirs("theirs");
      const found = await store.read("session:a");
      expect(found?.payload).toEqual(new TextEncoder().encode("theirs"));
      expect(Math.abs(found!.expiresAt - at(100_000))).toBeLessThan(5000);
      await theirs("theirs, later");
      expect(await store.update("session:a", record("mine"), found!.version)).toBeNull();
      expect(await store.rename("session:a", "session:b", record("mine"), found!.version)).toBeNull();
      expect(new TextDecoder().decode((await client.item("session:a"))?.value)).toBe("theirs, later");
      expect(await client.item("session:b")).toBeUndefined();
    });

    test("another program that only extends a session, with the same value, causes no conflict", async () => {
      await theirs("theirs");
      const found = await store.read("session:a");
      await theirs("theirs", 200);
      expect(await store.update("session:a", record("mine"), found!.version)).not.toBeNull();
    });

    test("of two writers of the same value, one is known to have written it", async () => {
      const first = await store.create("session:a", record("1"));
      const both = await Promise.all([1, 2].map(() => store.update("session:a", record("2"), first!)));
      expect(both.filter((version) => version !== null)).toHaveLength(1);
    });

    test("a value without an expiry is a session that does not expire by itself", async () => {
      await theirs("theirs", 0);
      expect((await store.read("session:a"))?.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
      expect(await store.touch("session:a", at(60_000))).toBe(true);
      expect((await client.item("session:a"))?.secondsLeft).toBeUndefined();
    });

    test("text of python-memcached is a session, and its pickled objects are not", async () => {
      await theirs("{}", 100, 16);
      expect((await store.read("session:a"))?.payload).toEqual(new TextEncoder().encode("{}"));
      for (const flags of [1, 2, 4, 8]) {
        await theirs("(dp0\n.", 100, flags);
        expect(await store.read("session:a"), `flags ${flags}`).toBeNull();
        expect(await store.touch("session:a", at(600_000))).toBe(false);
        expect(await store.create("session:a", record("mine"))).toBeNull();
      }
    });

    test("payloads of every byte and of the largest size come back", async () => {
      const every = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 7) ^ (index >> 8));
      const largest = new Uint8Array(store.capabilities.maxPayloadBytes!).fill(13);
      for (const bytes of [every, largest]) {
        const version = await store.create("session:a", { payload: bytes, expiresAt: at(60_000) });
        const found = await store.read("session:a");
        expect(Buffer.from(found!.payload as Uint8Array).equals(bytes)).toBe(true);
        expect(await store.update("session:a", record("small"), version!)).not.toBeNull();
        await store.delete("session:a");
      }
      const version = await store.create("session:a", record("small"));
      const larger = { payload: new Uint8Array(largest.length + 1), expiresAt: at(60_000) };
      const refused = { code: "ERR_SESSION_TOO_LARGE" };
      await expect(store.update("session:a", larger, version!)).rejects.toMatchObject(refused);
      await expect(store.create("session:b", larger)).rejects.toMatchObject(refused);
      expect((await store.read("session:a"))?.payload).toEqual(record("small").payload);
    });

    test("a layout of text is read and written", async () => {
      const texts = memcachedStore({ client, layout: { name: "text", payload: "text" } });
      await texts.create("a", { payload: "täxt\r\n", expiresAt: at(60_000) });
      expect((await texts.read("a"))?.payload).toBe("täxt\r\n");
      await client.set("b", Uint8Array.of(0xff), { lifetime: 60 });
      expect(await texts.read("b")).toBeNull();
    });
  });
});

describe("a layout", () => {
  test.each([7, null, "flask", {}, { name: "x", payload: "json" }])("of the wrong type is a TypeError: %o", (wrong) => {
    const construct = (): unknown => memcachedStore({ client: memcachedClient(), layout: wrong as MemcachedLayout });
    expect(construct).toThrow(TypeError);
    expect(construct).toThrow(/^layout must be a layout such as flaskMemcached\(\); received /);
  });

  test("needs a client that keeps bytes", () => {
    const client = new MemcacheClient({ server: "127.0.0.1:1" }) as MemcachedClient;
    expect(() => memcachedStore({ client, layout })).toThrow(
      "client must be memcachedClient() of sojourn/stores/memcached/cl",
    );
  });

  test("has no prefix by default, and accepts a valid one", () => {
    const client = memcachedClient();
    memcachedStore({ client, layout, prefix: "app:" });
    expect(() => memcachedStore({ client, layout, prefix: "a b" })).toThrow(/prefix must be/);
  });
});
