/** The suites over DynamoDB: a table for every space. */

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { Store } from "../../src/core/contracts/store.ts";
import { dynamodbStore } from "../../src/stores/dynamodb.ts";
import type { OpenOptions, ProcessHarness, StoreHarness } from "../../src/testing/index.ts";
import type { DynamodbServer } from "./dynamodb-server.ts";
import { dynamodbVersion, noDynamodb } from "./dynamodb-server.ts";
import { clientVersion, reportBackend, reportMissing } from "./report.ts";

/** Reports what the calling test file runs against. True when there is nothing to run against. */
export function dynamodbIsMissing(): boolean {
  if (noDynamodb) return reportMissing("dynamodb", noDynamodb);
  reportBackend({ backend: "dynamodb", server: dynamodbVersion, clients: [clientVersion("@aws-sdk/client-dynamodb")] });
  return false;
}

/** A client of a server, or of none at all. */
export function clientAt(endpoint: string): DynamoDB {
  return new DynamoDB({ endpoint, region: "local", credentials: { accessKeyId: "tests", secretAccessKey: "tests" } });
}

const opened = new Map<Store, DynamoDB>();

/** Opens a store on a table of the space's own. */
export async function openStore(endpoint: string, { space, now }: OpenOptions): Promise<Store> {
  const client = clientAt(endpoint);
  const store = dynamodbStore({ client, table: space, now });
  opened.set(store, client);
  await store.setup!();
  return store;
}

/** Lets go of a store and of its client. */
export function closeStore(store: Store): void {
  opened.get(store)?.destroy();
}

const sample: Store = dynamodbStore({ client: clientAt("http://127.0.0.1:1") });

/** The suite. `server` is asked when the cases run. */
export function dynamodbHarness(server: () => DynamodbServer): StoreHarness {
  return {
    name: "DynamoDB",
    sample,
    open: (options) => openStore(server().endpoint, options),
    close: closeStore,
  };
}

/** The process suite. */
export function dynamodbProcesses(server: () => DynamodbServer): ProcessHarness {
  return {
    name: "DynamoDB",
    sample,
    module: new URL("./dynamodb-process.ts", import.meta.url),
    args: {
      get endpoint() {
        return server().endpoint;
      },
    },
  };
}
