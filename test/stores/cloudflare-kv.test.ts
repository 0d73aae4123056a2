/** Sessions in Cloudflare KV: the suite inside workerd, and what KV cannot promise, shown. Its caches are not in miniflare. */

import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  type CloudflareKvStoreOptions,
  cloudflareKvStore,
  type KvNamespaceClient,
} from "../../src/stores/cloudflare-kv.ts";
import { storeConformance } from "../../src/testing/index.ts";
import { Gate, showsLostUpdate, showsResurrection } from "../support/plain-stores.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, casesIn, elsewhere, program, startWorker, workerdVersion } from "../support/workerd.ts";
import { withinOneProcess } from "../support/workers/one-process.ts";

reportBackend({ backend: "cloudflare-kv", server: workerdVersion, clients: [clientVersion("miniflare")] });

let worker: Miniflare;
let namespace: KvNamespaceClient;
beforeAll(async () => {
  worker = startWorker(await bundle(program("kv-program")), { kvNamespaces: ["SESSIONS"] });
  namespace = (await worker.getKVNamespace("SESSIONS")) as unknown as KvNamespaceClient;
});
afterAll(() => worker?.dispose());

const nowhere: KvNamespaceClient = { get: elsewhere, put: elsewhere, delete: elsewhere, list: elsewhere };
const sample = cloudflareKvStore({ namespace: nowhere });
const alone = withinOneProcess(sample);
describeCases(
  "KV",
  casesIn(() => worker, storeConformance({ name: "", sample, open: elsewhere })),
);
describeCases(
  "KV, within one Worker",
  casesIn(
    () => worker,
    storeConformance({ name: "", sample: alone, open: elsewhere }),
    () => "&alone",
  ),
);

/** The namespace of the tests, where something is watched or stopped. */
function instead(part: Partial<KvNamespaceClient>): KvNamespaceClient {
  return {
    get: (key) => namespace.get(key),
    put: (...values) => namespace.put(...values),
    delete: (key) => namespace.delete(key),
    list: (options) => namespace.list(options),
    ...part,
  };
}

describe("what two Workers can lose, as capabilities say", () => {
  test("the capability is declared", () => {
    expect(sample.capabilities).toMatchObject({ compareAndSwap: "none", atomicRename: false, bySubject: false });
  });

  test.each([
    ["an update", "lost:", showsLostUpdate],
    ["a logout", "back:", showsResurrection],
  ] as const)("%s is lost when the other writes at the same instant", async (_, prefix, shows) => {
    const gate = new Gate();
    const put: KvNamespaceClient["put"] = async (...values) => {
      await gate.pass();
      await namespace.put(...values);
    };
    const slow = cloudflareKvStore({ namespace: instead({ put }), prefix });
    await shows(slow, gate, cloudflareKvStore({ namespace: instead({}), prefix }));
  });
});

// The queue waited for a write whose request had ended, and each that waited was waited for in turn.
test.each(["is answered with 503", "goes away"])(
  "a write of three seconds whose request %s: later requests save, and log out",
  async (how) => {
    const own = startWorker(await bundle(program("kv-slow-program")), { kvNamespaces: ["SESSIONS"] });
    onTestFinished(() => own.dispose());
    const url = await own.ready;
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(new URL(path, url), { ...init, headers: { cookie } });
      return [answer.status, await answer.text()];
    };
    let cookie = "";
    cookie = (await fetch(new URL("/?a=0", url))).headers.getSetCookie()[0]?.split(";")[0] as string;
    if (how === "goes away") {
      await expect(ask("/slow?a=1", { signal: AbortSignal.timeout(300) })).rejects.toThrow();
      // It came when the first one was still in line for all it knew.
      await expect(ask("/?a=2", { signal: AbortSignal.timeout(300) })).rejects.toThrow();
      // Its request ends with its limit at the latest.
      await new Promise((resolve) => setTimeout(resolve, 2000));
    } else {
      expect((await ask("/slow?a=1"))[0]).toBe(503);
    }
    for (const a of ["3", "4", "5", "6"]) expect([a, ...(await ask(`/?a=${a}`))]).toEqual([a, 200, a]);
    expect(await ask("/")).toEqual([200, "6"]);
    expect((await ask("/logout"))[0]).toBe(200);
    expect(await ask("/")).toEqual([200, "undefined"]);
  },
  30_000,
);

test("any lifetime is accepted, though KV requires 60 seconds at least", async () => {
  const lifetimes: number[] = [];
  const put: KvNamespaceClient["put"] = async (key, value, options) => {
    lifetimes.push(options.expirationTtl);
    await namespace.put(key, value, options);
  };
  const store = cloudflareKvStore({ namespace: instead({ put }), prefix: "lifetimes:", now: () => 1_800_000_000_000 });
  for (const expiresAt of [1_799_000_000_000, 1_800_000_000_500, 1_800_000_010_000, Number.MAX_SAFE_INTEGER])
    expect(await store.create(`k${expiresAt}`, { payload: "x", expiresAt })).not.toBeNull();
  expect(lifetimes).toEqual([60, 61, 70, 315_360_000]);
});

test("a listing of more than a page of KV is complete", async () => {
  const store = cloudflareKvStore({ namespace, prefix: "pages:" });
  const value = { sojourn: 1, key: "k", stamp: "x", expiresAt: Date.now() + 600_000, text: "x" };
  const put = (key: string) => namespace.put(`pages:${key}`, JSON.stringify({ ...value, key }), { expirationTtl: 600 });
  await Promise.all(Array.from({ length: 1100 }, (_, index) => put(`k${index}`)));
  const keys = new Set<string>();
  for await (const { key } of store.list!()) keys.add(key);
  expect(keys.size).toBe(1100);
});

test("an unreachable KV is a failure, never a logout", async () => {
  await expect(sample.read("k")).rejects.toThrow("this case runs in workerd");
});

const takes = "namespace must be a namespace of Cloudflare KV: a binding in env";
test.for([
  [{}, `${takes}; received undefined`],
  [{ namespace: new Map() }, `${takes}; received an instance of Map`],
  [{ namespace: { ...nowhere, head: elsewhere } }, `${takes}; received an object`],
  [
    { namespace: nowhere, prefix: "ä" },
    "prefix must be at most 50 printable ASCII characters without spaces; received a string of 1 characters",
  ],
  [{ namespace: nowhere, now: 5 }, "now must be a function that returns epoch milliseconds; received 5"],
] as const)("options %#: a TypeError that names the option", ([options, message]) => {
  expect(() => cloudflareKvStore(options as unknown as CloudflareKvStoreOptions)).toThrow(new TypeError(message));
});
