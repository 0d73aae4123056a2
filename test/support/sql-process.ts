/** What every process of the process suite imports to open a SQL store of its own. */

import type { Store } from "../../src/core/contracts/store.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import { type OpenClient, openStore, type Place } from "./sql-clients.ts";

const opened = new Map<Store, OpenClient>();

export async function open(options: OpenOptions, args: unknown): Promise<Store> {
  const { through, place } = args as { through: string; place: Place };
  const [store, one] = await openStore(through, place, options);
  opened.set(store, one);
  return store;
}

export async function close(store: Store): Promise<void> {
  await opened.get(store)?.close();
}
