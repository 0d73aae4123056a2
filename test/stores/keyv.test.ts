/** Sessions through Keyv 5 and 6: the suite over its memory and over Redis, and what it cannot promise, shown. */

import KeyvRedis from "@keyv/redis";
import Keyv from "keyv";
import Keyv6 from "keyv6";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../../src/core/contracts/store.ts";
import { type KeyvClient, type KeyvStoreOptions, keyvStore } from "../../src/stores/keyv.ts";
import { describePlainStore, Gate, showsLostUpdate, showsResurrection } from "../support/plain-stores.ts";
import { redisIsMissing } from "../support/redis-harness.ts";
import { type RedisServer, startRedis } from "../support/redis-servers.ts";

const missing = redisIsMissing("keyv", ["keyv", "keyv6", "@keyv/redis"]);

describePlainStore({
  name: "keyv 5, Map",
  sample: keyvStore({ client: new Keyv({ throwOnErrors: true }) }),
  open: ({ now }) => keyvStore({ client: new Keyv({ throwOnErrors: true }), now }),
});

describePlainStore({
  name: "keyv 6, Map",
  sample: keyvStore({ client: new Keyv6() }),
  open: ({ now }) => keyvStore({ client: new Keyv6(), now }),
});

let server: RedisServer;
beforeAll(async () => {
  if (!missing) server = await startRedis();
});
afterAll(() => server?.stop());

function overRedis(namespace?: string): Keyv {
  const store = new KeyvRedis(server?.url ?? "redis://127.0.0.1:1");
  return new Keyv({ store, throwOnErrors: true, useKeyPrefix: false, ...(namespace && { namespace }) });
}

describe.skipIf(missing)("over Redis", () => {
  const opened = new Map<Store, Keyv>();
  describePlainStore({
    name: "keyv 5, Redis",
    sample: keyvStore({ client: overRedis(), shared: true }),
    open({ now, space }) {
      const client = overRedis(space);
      const store = keyvStore({ client, now, shared: true });
      opened.set(store, client);
      return store;
    },
    close: async (store) => {
      await opened.get(store)?.disconnect();
    },
  });

  test.each([
    ["an update", showsLostUpdate],
    ["a logout", showsResurrection],
  ] as const)(
    "%s is lost when another process writes at the same instant, as capabilities say",
    async (what, shows) => {
      const gate = new Gate();
      const space = what.replace(" ", "");
      const [one, two] = [overRedis(space), overRedis(space)];
      const stopping: KeyvClient = {
        get: (key) => one.get(key),
        set: async (key, value, ttl) => {
          await gate.pass();
          return one.set(key, value, ttl);
        },
        delete: (key) => one.delete(key),
        on: (event, listener) => one.on(event, listener),
      };
      await shows(keyvStore({ client: stopping }), gate, keyvStore({ client: two }));
      await Promise.all([one.disconnect(), two.disconnect()]);
    },
  );

  test("expired sessions are removed by Redis, and live ones stay", async () => {
    const client = overRedis("lifetimes");
    const store = keyvStore({ client });
    await store.create("k", { payload: "x", expiresAt: Date.now() + 100_000 });
    const left = Number(await server.ask("PTTL", "lifetimes::sojourn:k"));
    expect(left).toBeGreaterThan(100_000);
    expect(left).toBeLessThan(161_000);
    await client.disconnect();
  });

  test("a stopped server is a failure, never a logout and never a false save", async () => {
    const gone = await startRedis();
    const adapter = new KeyvRedis({ url: gone.url, socket: { reconnectStrategy: false } });
    const client = new Keyv({ store: adapter, throwOnErrors: true });
    const store = keyvStore({ client });
    const record = { payload: "x", expiresAt: Date.now() + 60_000 };
    const version = await store.create("k", record);
    await gone.stop();
    await expect(store.read("k")).rejects.toThrow();
    await expect(store.update("k", record, version!)).rejects.toThrow();
    await expect(store.create("l", record)).rejects.toThrow();
    await expect(store.delete("k")).rejects.toThrow();
  });
});

describe.each([
  ["keyv 5", (store: Map<string, unknown>): KeyvClient => new Keyv({ store, throwOnErrors: true })],
  ["keyv 6", (store: Map<string, unknown>): KeyvClient => new Keyv6({ store })],
])("%s whose backend fails", (_, make) => {
  class Failing extends Map<string, unknown> {
    broken = false;
    override get(key: string): unknown {
      if (this.broken) throw new Error("the backend is gone");
      return super.get(key);
    }
    override set(key: string, value: unknown): this {
      if (this.broken) throw new Error("the backend is gone");
      return super.set(key, value);
    }
    override delete(key: string): boolean {
      if (this.broken) throw new Error("the backend is gone");
      return super.delete(key);
    }
  }

  test("rejects, where Keyv alone may answer that nothing is there", async () => {
    const backend = new Failing();
    const store = keyvStore({ client: make(backend) });
    const record = { payload: "x", expiresAt: Date.now() + 60_000 };
    const version = await store.create("k", record);
    backend.broken = true;
    for (const call of [
      () => store.read("k"),
      () => store.update("k", record, version!),
      () => store.create("l", record),
      () => store.touch("k", Date.now() + 120_000),
      () => store.delete("k"),
    ]) {
      await expect(call()).rejects.toThrow("the backend is gone");
    }
    backend.broken = false;
    expect(await store.read("k")).toMatchObject({ payload: "x" });
  });
});

test("a backend that cannot be iterated has no list and no prune, and expires records itself", () => {
  const unlisted = new Map<string, string>();
  const adapter = {
    opts: {},
    get: async (key: string) => unlisted.get(key),
    set: async (key: string, value: string) => void unlisted.set(key, value),
    delete: async (key: string) => unlisted.delete(key),
    clear: async () => unlisted.clear(),
  };
  for (const client of [new Keyv({ store: adapter, throwOnErrors: true }), new Keyv6({ store: adapter as never })]) {
    const store = keyvStore({ client });
    expect(store.list).toBeUndefined();
    expect(store.prune).toBeUndefined();
    expect(store.capabilities).toMatchObject({ list: false, nativeExpiry: true });
  }
});

describe("keyvStore options", () => {
  const client = new Keyv({ throwOnErrors: true });

  test.for([
    [{}, "client must be an instance of Keyv 5 or 6; received undefined"],
    [{ client: new Map() }, "client must be an instance of Keyv 5 or 6; received an instance of Map"],
    [
      { client: new Keyv() },
      "client must be made with throwOnErrors: true; received one that hides when its backend fails",
    ],
    [
      { client, prefix: "a b" },
      "prefix must be at most 50 printable ASCII characters without spaces; received a string of 3 characters",
    ],
    [{ client, shared: 1 }, "shared must be true or false; received 1"],
    [{ client, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
  ] as const)("%#: a TypeError that names the option", ([options, message]) => {
    expect(() => keyvStore(options as unknown as KeyvStoreOptions)).toThrow(new TypeError(message));
  });
});
