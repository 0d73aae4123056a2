/** workerd, the engine of Cloudflare Workers: the suites inside it, and nothing of Node's in what it loads. */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Miniflare } from "miniflare";
import { memoryStore } from "sojourn/stores/memory";
import { type ConformanceCase, frameworkConformance, storeConformance } from "sojourn/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { everywhere } from "../../scripts/checks/layers.ts";
import { caseQuery } from "../support/case-requests.ts";
import { workerdLacks } from "../support/fetch-app.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, startWorker } from "../support/workerd.ts";

const { version } = createRequire(import.meta.resolve("miniflare"))("workerd/package.json") as { version: string };
reportBackend({ backend: "workerd", server: `workerd ${version}`, clients: [clientVersion("miniflare")] });

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const elsewhere = (): Promise<never> => Promise.reject(new Error("this case runs in workerd"));

/** The same cases, each run by a request. */
function byRequest(cases: readonly ConformanceCase[], ask: (query: string) => Promise<string>): ConformanceCase[] {
  return cases.map((one) => ({ ...one, run: async () => expect(await ask(caseQuery(one))).toBe("passed") }));
}

describe("without any of Node's modules", () => {
  let worker: Miniflare;
  beforeAll(async () => {
    worker = startWorker(await bundle(path("store-program.ts")));
  });
  afterAll(() => worker?.dispose());

  const ask = async (query: string): Promise<string> =>
    (await worker.dispatchFetch(`https://shop.test/case?${query}`)).text();
  const cases = storeConformance({ name: "memory", sample: memoryStore(), open: elsewhere });
  describeCases("memory", byRequest(cases, ask));

  test("a session that is its cookie, sealed by WebCrypto, and ended for its user", async () => {
    let cookie = "";
    const visit = async (path: string): Promise<unknown> => {
      const response = await worker.dispatchFetch(`https://shop.test${path}`, { headers: { cookie } });
      cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
      return response.json();
    };
    expect(await visit("/visit")).toEqual({ visits: 1 });
    expect(await visit("/visit")).toEqual({ visits: 2 });
    expect(await visit("/login")).toEqual({ visits: 2, subject: "ada" });
    const before = cookie;
    expect(await visit("/visit")).toEqual({ visits: 3, subject: "ada" });
    await visit("/revoke");
    cookie = before;
    expect(await visit("/")).toEqual({});
  });
});

describe("a fetch handler", () => {
  let worker: Miniflare;
  let url: URL;
  beforeAll(async () => {
    const client = path("../support/workerd-client.ts");
    worker = startWorker(await bundle(path("fetch-program.ts"), { "./client.ts": client }), {
      compatibilityFlags: ["nodejs_compat"], // For the suite.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    });
    url = await worker.unsafeGetDirectURL();
  });
  afterAll(() => worker?.dispose());

  const ask = async (query: string): Promise<string> =>
    (await worker.dispatchFetch(`https://suite.test/case?${query}&at=${url.origin}`)).text();
  const cases = frameworkConformance({ name: "fetch", lacks: workerdLacks, start: elsewhere });
  describeCases("fetch", byRequest(cases, ask));
});

describe("what is bundled for it", () => {
  test.each(everywhere)("%s imports nothing", async (entry) => {
    expect((await bundle(entry)).imports).toEqual([]);
  });

  test("an entry that is for Node alone shows that it would be seen", async () => {
    expect((await bundle("src/stores/file.ts")).imports).toContain("node:fs/promises");
  });
});
