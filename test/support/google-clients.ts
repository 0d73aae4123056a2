/** Google's clients for Firestore and Datastore, and the suites over each. */

import { Datastore } from "@google-cloud/datastore";
import { Firestore } from "@google-cloud/firestore";
import type { Store } from "../../src/core/contracts/store.ts";
import { datastoreStore } from "../../src/stores/datastore.ts";
import { firestoreStore } from "../../src/stores/firestore.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";

// Elsewhere than at Google a client would go looking for Google's own network.
process.env.METADATA_SERVER_DETECTION = "none";

/** Of the tests alone. Several runs at one emulator stay apart by their spaces. */
const projectId = "sojourn-tests";

/** A client for the emulator at an address. */
export function firestoreAt(address: string): Firestore {
  process.env.FIRESTORE_EMULATOR_HOST = address;
  return new Firestore({ projectId });
}

/** A client for the emulator at an address. */
export function datastoreAt(address: string): Datastore {
  process.env.DATASTORE_EMULATOR_HOST = address;
  return new Datastore({ projectId });
}

/** The stores by name: how one is opened, and how to be rid of the client below it. */
const stores = {
  firestore(address: string, { space, now }: OpenOptions): [Store, () => Promise<void>] {
    const client = firestoreAt(address);
    return [firestoreStore({ client, collection: space, now }), () => client.terminate()];
  },
  datastore(address: string, { space, now }: OpenOptions): [Store, () => Promise<void>] {
    const client = datastoreAt(address);
    return [
      datastoreStore({ client, kind: space, now }),
      async () => {
        for (const one of client.clients_.values()) await one.close();
      },
    ];
  },
} as const;

/** `"firestore"` or `"datastore"` */
export type GoogleStore = keyof typeof stores;

interface Args {
  readonly through: GoogleStore;
  readonly address: string;
}

/** The store suite. `address` is asked when the cases run. */
export function googleHarness(through: GoogleStore, address: () => string): StoreHarness {
  const [sample] = stores[through]("127.0.0.1:1", { space: "unused", now: Date.now });
  return { name: through, sample, open: (options) => open(options, { through, address: address() }), close };
}

/** The process suite. */
export function googleProcesses(through: GoogleStore, address: () => string): ProcessHarness {
  const { name, sample } = googleHarness(through, address);
  const args = {
    through,
    get address() {
      return address();
    },
  };
  return { name, sample, module: new URL("./google-clients.ts", import.meta.url), args };
}

const opened = new Map<Store, () => Promise<void>>();

/** As the process suite wants it. */
export async function open(options: OpenOptions, args: unknown): Promise<Store> {
  const { through, address } = args as Args;
  const [store, close] = stores[through](address, options);
  opened.set(store, close);
  return store;
}

/** Closes the client below a store of `open`. */
export async function close(store: Store): Promise<void> {
  await opened.get(store)?.();
}
