/** Sessions in a Durable Object: the suite inside workerd, its alarm, and what it refuses. */

import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type DurableObjectNamespaceClient,
  type DurableObjectStoreOptions,
  durableObjectStore,
} from "../../src/stores/durable-objects.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, casesIn, elsewhere, program, startWorker, workerdVersion } from "../support/workerd.ts";

reportBackend({ backend: "durable-objects", server: workerdVersion, clients: [clientVersion("miniflare")] });

let worker: Miniflare;
let namespace: DurableObjectNamespaceClient;
beforeAll(async () => {
  worker = startWorker(await bundle(program("durable-objects-program")), {
    durableObjects: { SESSIONS: { className: "WatchedObject", useSQLite: true } },
  });
  namespace = (await worker.getDurableObjectNamespace("SESSIONS")) as unknown as DurableObjectNamespaceClient;
});
afterAll(() => worker?.dispose());

const nowhere: DurableObjectNamespaceClient = { idFromName: () => ({}), get: () => ({ fetch: elsewhere }) };
const sample = durableObjectStore({ namespace: nowhere });
describeCases(
  "Durable Objects",
  casesIn(() => worker, storeConformance({ name: "", sample, open: elsewhere })),
);

const lasting = (milliseconds: number) => ({ payload: "x", expiresAt: Date.now() + milliseconds });

describe("the object", () => {
  const look = async (object: string, path: string): Promise<unknown> => {
    const stub = namespace.get(namespace.idFromName(object) as never) as unknown as {
      fetch(url: string): Promise<Response>;
    };
    return (await stub.fetch(`https://sessions.internal${path}`)).json();
  };

  test("removes expired records by its alarm, which is set while there are any", async () => {
    const store = durableObjectStore({ namespace, object: "alarm" });
    expect(await store.read("k")).toBeNull();
    expect(await look("alarm", "/look")).toEqual({ alarm: null, rows: [] });
    await store.create("ended", lasting(-1));
    await store.create("lasting", lasting(60_000));
    expect(await look("alarm", "/look")).toEqual({ alarm: expect.any(Number), rows: ["ended", "lasting"] });
    expect(await look("alarm", "/ring")).toEqual({ alarm: expect.any(Number), rows: ["lasting"] });
    await store.delete("lasting");
    await look("alarm", "/ring");
    expect(await store.create("new", lasting(60_000))).not.toBeNull();
    expect(await look("alarm", "/look")).toEqual({ alarm: expect.any(Number), rows: ["new"] });
  });

  test("of another name has other sessions", async () => {
    await durableObjectStore({ namespace, object: "one" }).create("k", lasting(60_000));
    expect(await durableObjectStore({ namespace, object: "two" }).read("k")).toBeNull();
  });

  test("that is unreachable is a failure, never a logout", async () => {
    await expect(sample.read("k")).rejects.toThrow("this case runs in workerd");
    const failing = { ok: false, status: 500, json: async () => null, body: null };
    const store = durableObjectStore({ namespace: { ...nowhere, get: () => ({ fetch: async () => failing }) } });
    await expect(store.read("k")).rejects.toThrow("the Durable Object answered 500");
  });

  test("whose listing is cut off is a failure, never fewer sessions", async () => {
    const cut = new Response('{"text":"x","expiresAt":1,"key":"a","version":1}\n{"text":');
    const store = durableObjectStore({ namespace: { ...nowhere, get: () => ({ fetch: async () => cut }) } });
    const all = async () => {
      for await (const row of store.list!()) void row;
    };
    await expect(all()).rejects.toThrow("cut off");
  });
});

test.for([
  [{}, "namespace must be a namespace of Durable Objects: a binding in env; received undefined"],
  [
    { namespace: new Map() },
    "namespace must be a namespace of Durable Objects: a binding in env; received an instance of Map",
  ],
  [{ namespace: nowhere, object: "" }, "object must be the name of an object; received a string of 0 characters"],
  [{ namespace: nowhere, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
] as const)("options %#: a TypeError that names the option", ([options, message]) => {
  expect(() => durableObjectStore(options as unknown as DurableObjectStoreOptions)).toThrow(new TypeError(message));
});
