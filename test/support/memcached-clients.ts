/** The Memcached clients the store works with, and the suites over each. */

import { MemcacheClient } from "memcache-client";
import Memcached from "memcached";
import type { Store } from "../../src/core/contracts/store.ts";
import { memcachedClient } from "../../src/stores/memcached/client.ts";
import { type MemcachedClient, memcachedStore } from "../../src/stores/memcached.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import { clientVersion } from "./report.ts";

/** A client that may be connected, and how to be rid of it. */
export interface OpenClient {
  readonly client: MemcachedClient;
  close(): void;
}

/** The packages by name. */
export const clientPackages = {
  memcached(address: string, options?: Memcached.options): OpenClient {
    const client = new Memcached(address, options);
    return { client, close: () => client.end() };
  },
  "memcache-client"(address: string): OpenClient {
    const client = new MemcacheClient({ server: address });
    return { client, close: () => client.shutdown() };
  },
  sojourn(address: string): OpenClient {
    const client = memcachedClient({ server: address });
    return { client, close: () => client.close() };
  },
} as const;

/** `"memcached"`, `"memcache-client"`, or our own. */
export type ClientPackage = keyof typeof clientPackages;

/** All of them. */
export const packages: readonly ClientPackage[] = ["memcached", "memcache-client", "sojourn"];

/** For `reportBackend`. */
export const clientTitles: readonly string[] = packages.map((name) =>
  name === "sojourn" ? "sojourn/stores/memcached/client" : clientVersion(name),
);

/** The store suite through one package. */
export function memcachedHarness(name: ClientPackage, address: () => string): StoreHarness {
  const sample = memcachedStore({ client: clientPackages[name]("127.0.0.1:1").client });
  return { name, sample, open: (options) => open(options, { name, address: address() }), close };
}

/** The process suite through one package. */
export function memcachedProcesses(name: ClientPackage, address: () => string): ProcessHarness {
  const { sample } = memcachedHarness(name, address);
  const args = {
    name,
    get address() {
      return address();
    },
  };
  return { name, sample, module: new URL("./memcached-clients.ts", import.meta.url), args };
}

const opened = new Map<Store, OpenClient>();

/** As the process suite wants it. */
export function open({ space, now }: OpenOptions, args: unknown): Store {
  const { name, address } = args as { name: ClientPackage; address: string };
  const one = clientPackages[name](address);
  const store = memcachedStore({ client: one.client, prefix: `${space}:`, now });
  opened.set(store, one);
  return store;
}

/** Closes the client below a store of `open`. */
export function close(store: Store): void {
  opened.get(store)?.close();
}
