/** The Memcached store when the server fails, restarts, is full, or refuses an item. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import type { Store, StoreRecord } from "../../src/core/contracts/store.ts";
import { memcachedStore } from "../../src/stores/memcached.ts";
import { clientPackages, clientTitles, type OpenClient, packages } from "../support/memcached-clients.ts";
import {
  type MemcachedServer,
  memcachedProgram,
  memcachedVersion,
  noMemcached,
  startMemcached,
} from "../support/memcached-servers.ts";
import { pause } from "../support/processes.ts";
import { reportBackend, reportMissing } from "../support/report.ts";

if (memcachedProgram) {
  reportBackend({ backend: "memcached", server: memcachedVersion, clients: clientTitles });
}

const record = (payload: string): StoreRecord => ({ payload, expiresAt: Date.now() + 600_000 });

/** What docs/stores/memcached.md tells to set; `retry` shorter, for the sake of the tests. */
const advised = { timeout: 1000, retries: 1, retry: 200, failures: 1_000_000_000 };

describe.skipIf(!memcachedProgram && reportMissing("memcached", noMemcached)).each(packages)("through %s", (name) => {
  let server: MemcachedServer;
  let one: OpenClient;
  let store: Store;

  const begin = async (args: readonly string[] = [], options: { maxItemBytes?: number } = {}): Promise<void> => {
    server = await startMemcached(args);
    one = name === "memcached" ? clientPackages[name](server.address, advised) : clientPackages[name](server.address);
    store = memcachedStore({ client: one.client, ...options });
  };
  afterEach(async () => {
    one.close();
    await server.stop();
  });

  /** Calls until the client has found its server again. */
  const recovered = async (): Promise<void> => {
    const limit = Date.now() + 10_000;
    while (
      await store.read("any").then(
        () => false,
        () => true,
      )
    ) {
      expect(Date.now()).toBeLessThan(limit);
      await pause(50);
    }
  };

  test("while the server is down calls reject; when it is back they work again, without the sessions", async () => {
    await begin();
    const version = await store.create("a", record("1"));
    await server.kill();
    for (const call of [
      () => store.read("a"),
      () => store.create("b", record("2")),
      () => store.update("a", record("2"), version!),
      () => store.touch("a", Date.now() + 700_000),
      () => store.rename("a", "c", record("2"), version!),
      () => store.delete("a"),
    ]) {
      await expect(call()).rejects.toThrow(Error);
    }
    await server.restart();
    await recovered();
    expect(await store.read("a")).toBeNull();
    expect(await store.update("a", record("2"), version!)).toBeNull();
    expect(await store.touch("a", Date.now() + 700_000)).toBe(false);
    expect(await store.create("a", record("3"))).not.toBeNull();
  });

  test("a write sent to a stopped server is done when it continues, if the caller still waits", async () => {
    await begin();
    const version = await store.create("a", record("1"));
    server.freeze();
    const update = store.update("a", record("2"), version!);
    await pause(100);
    server.thaw();
    expect(await update).not.toBeNull();
    expect(await store.read("a")).toMatchObject({ payload: "2" });
  });

  test("a call whose answer never comes is closed with its connection", async () => {
    await begin();
    await store.create("a", record("1"));
    server.freeze();
    const calls = Array.from({ length: 20 }, () => new WeakRef(forgotten(store)));
    await pause(50);
    await server.kill();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let round = 0; round < 40 && calls.some((call) => call.deref()); round++) {
      await pause(50);
      collect();
    }
    expect(calls.filter((call) => call.deref())).toHaveLength(0);
  });

  test("a full server without eviction rejects the write, and the session is unchanged", async () => {
    await begin(["-M", "-m", "2"]);
    const version = await store.create("a", record("1"));
    let refused: unknown;
    for (let index = 0; index < 200 && !refused; index++) {
      await store.create(`fill${index}`, record("x".repeat(100_000))).catch((error) => {
        refused = error;
      });
    }
    expect(refused).toBeInstanceOf(Error);
    await recovered();
    await expect(store.update("a", record("y".repeat(100_000)), version!)).rejects.toThrow(Error);
    await recovered();
    expect(await store.read("a")).toMatchObject({ payload: "1" });
    expect(await store.update("a", record("2"), version!)).not.toBeNull();
  });

  test("an item too large for the server is ERR_SESSION_TOO_LARGE, not a failure, and is unchanged", async () => {
    await begin(["-I", "512k"], { maxItemBytes: 1_000_000 });
    const tooLarge = { code: "ERR_SESSION_TOO_LARGE", message: expect.stringContaining("set maxItemBytes to it") };
    const version = await store.create("a", record("1"));
    const large = record("x".repeat(600_000));
    await expect(store.update("a", large, version!)).rejects.toMatchObject(tooLarge);
    await expect(store.create("b", large)).rejects.toMatchObject(tooLarge);
    const found = await store.read("a");
    expect(found).toMatchObject({ payload: "1" });
    await expect(store.update("a", large, found!.version)).rejects.toMatchObject(tooLarge);
    await expect(store.rename("a", "b", large, found!.version)).rejects.toMatchObject(tooLarge);
    expect(await store.read("b")).toBeNull();
    const fits = record("x".repeat(400_000));
    expect(await store.update("a", fits, found!.version)).not.toBeNull();
  });
});

/** A call nobody waits for. */
function forgotten(store: Store): Promise<unknown> {
  const call = store.read("a");
  call.catch(() => {});
  return call;
}
