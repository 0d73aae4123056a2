/** What every process of the process suite imports to open a Redis store of its own. */

import type { Store } from "../../src/core/contracts/store.ts";
import { redisStore } from "../../src/stores/redis.ts";
import type { OpenOptions } from "../../src/testing/index.ts";
import { type Address, clientPackages, type OpenClient } from "./redis-clients.ts";

/** Through which package, to which server, or which servers of a cluster. */
export interface ProcessArgs {
  readonly through: string;
  readonly servers: readonly Address[];
  readonly cluster: boolean;
}

const opened = new Map<Store, OpenClient>();

export async function open({ space, now }: OpenOptions, args: unknown): Promise<Store> {
  const { through, servers, cluster } = args as ProcessArgs;
  const client = clientPackages[through]!;
  const one = await (cluster ? client.cluster!({ servers }) : client.single(servers[0]!));
  const store = redisStore({ client: one.client, prefix: `${space}:`, now });
  opened.set(store, one);
  return store;
}

export async function close(store: Store): Promise<void> {
  await opened.get(store)?.close();
}
