/** workerd, the engine of Cloudflare Workers: the suites inside it, and nothing of Node's in what it loads. */

import type { Miniflare } from "miniflare";
import { memoryStore } from "sojourn/stores/memory";
import { frameworkConformance, storeConformance } from "sojourn/testing";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { everywhere } from "../../scripts/checks/layers.ts";
import { fetchLacks } from "../support/fetch-app.ts";
import { clientVersion, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";
import { bundle, casesIn, elsewhere, program, startWorker, workerdVersion } from "../support/workerd.ts";

reportBackend({ backend: "workerd", server: workerdVersion, clients: [clientVersion("miniflare")] });

describe("without any of Node's modules", () => {
  let worker: Miniflare;
  beforeAll(async () => {
    worker = startWorker(await bundle(program("memory-program")));
  });
  afterAll(() => worker?.dispose());

  const cases = storeConformance({ name: "memory", sample: memoryStore(), open: elsewhere });
  describeCases(
    "memory",
    casesIn(() => worker, cases),
  );

  test("a session kept in its cookie, sealed by WebCrypto, works, and is revoked with its user", async () => {
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
  let at = "";
  beforeAll(async () => {
    worker = startWorker(await bundle(program("fetch-program"), { "./client.ts": program("client") }), {
      compatibilityFlags: ["nodejs_compat"], // For the suite.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    });
    at = `&at=${(await worker.unsafeGetDirectURL()).origin}`;
  });
  afterAll(() => worker?.dispose());

  const cases = frameworkConformance({ name: "fetch", lacks: fetchLacks, start: elsewhere });
  describeCases(
    "fetch",
    casesIn(
      () => worker,
      cases,
      () => at,
    ),
  );
});

describe("the bundle for it", () => {
  test.each(everywhere)("%s imports nothing", async (entry) => {
    expect((await bundle(entry)).imports).toEqual([]);
  });

  test("an entry that is for Node alone does import them", async () => {
    expect((await bundle("src/stores/file.ts")).imports).toContain("node:fs/promises");
  });
});

describe("a stream of events whose client disconnects", () => {
  test.each(["/fetch", "/hono"])("%s: the changes until then are saved", async (base) => {
    const worker = startWorker(await bundle(program("events-program")), {
      kvNamespaces: ["SESSIONS"],
      // Nothing in between that would keep the Worker running.
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    });
    onTestFinished(() => worker.dispose());
    const url = (path: string): URL => new URL(base + path, origin);
    const { origin } = await worker.unsafeGetDirectURL();
    const cookie = (await fetch(url("/begin"))).headers.getSetCookie()[0]?.split(";")[0] as string;
    const abort = new AbortController();
    const response = await fetch(url("/events"), { headers: { cookie }, signal: abort.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let piece = 0; piece < 3; piece++) await reader.read();
    abort.abort();
    const read = async (): Promise<string> => (await fetch(url("/read"), { headers: { cookie } })).text();
    await expect.poll(read, { timeout: 20_000, interval: 100 }).toBe("seen");
  });
});
