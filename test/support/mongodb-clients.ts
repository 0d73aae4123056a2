/** The MongoDB drivers the store works with, and the suites over each. */

import { MongoClient } from "mongodb";
import { MongoClient as MongoClient6 } from "mongodb6";
import type { Store } from "../../src/core/contracts/store.ts";
import { type MongodbCollection, type MongodbLayout, mongodbStore } from "../../src/stores/mongodb.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";

/** Which server and through which package. */
export interface Place {
  readonly url: string;
  readonly database: string;
}

/** A collection, and how to be rid of the client below it. */
export interface OpenCollection {
  readonly collection: MongodbCollection;
  close(): Promise<void>;
}

/** The packages by the name they are installed under. */
export const clientPackages = {
  mongodb({ url, database }: Place, name: string): OpenCollection {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 });
    return { collection: client.db(database).collection(name), close: () => client.close() };
  },
  mongodb6({ url, database }: Place, name: string): OpenCollection {
    const client = new MongoClient6(url, { serverSelectionTimeoutMS: 5000 });
    return { collection: client.db(database).collection(name), close: () => client.close() };
  },
} as const;

/** `"mongodb"` or `"mongodb6"` */
export type ClientPackage = keyof typeof clientPackages;

/** What Flask-Session has in its collection, and a subject. */
export const foreignLayout = { key: "id", payload: "val", expiresAt: "expiration", version: null } as const;

interface Args extends Place {
  readonly through: ClientPackage;
  readonly layout: MongodbLayout;
}

/** The store suite through one package. `place` is asked when the cases run. */
export function mongodbHarness(through: ClientPackage, place: () => Place, layout: MongodbLayout = {}): StoreHarness {
  const { collection } = clientPackages[through]({ url: "mongodb://127.0.0.1:1", database: "unused" }, "unused");
  const sample = mongodbStore({ collection, layout });
  return { name: through, sample, open: (options) => open(options, { ...place(), through, layout }), close };
}

/** The process suite through one package. */
export function mongodbProcesses(through: ClientPackage, place: () => Place): ProcessHarness {
  const { name, sample } = mongodbHarness(through, place);
  const args = {
    through,
    layout: {},
    get url() {
      return place().url;
    },
    get database() {
      return place().database;
    },
  };
  return { name, sample, module: new URL("./mongodb-clients.ts", import.meta.url), args };
}

const opened = new Map<Store, OpenCollection>();

/** As the process suite wants it. */
export async function open({ space, now }: OpenOptions, args: unknown): Promise<Store> {
  const { through, layout, ...place } = args as Args;
  const one = clientPackages[through](place, space);
  const store = mongodbStore({ collection: one.collection, layout, now });
  await store.setup();
  opened.set(store, one);
  return store;
}

/** Closes the client below a store of `open`. */
export async function close(store: Store): Promise<void> {
  await opened.get(store)?.close();
}
