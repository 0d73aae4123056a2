/** Express 5 and 4: the framework suite. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express5 from "express";
import express4 from "express4";
import makeFetchCookie from "fetch-cookie";
import { createSessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import { type FrameworkHarness, frameworkConformance } from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, expect, test } from "vitest";
import { startExpress } from "../support/express-app.ts";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "express",
  server: nodeServer,
  clients: [clientVersion("express"), clientVersion("express4")],
});

const root = mkdtempSync(join(tmpdir(), "sojourn-express-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const five: FrameworkHarness = { name: clientVersion("express"), start: (app) => startExpress(express5, app) };
const four: FrameworkHarness = { name: clientVersion("express4"), start: (app) => startExpress(express4, app) };
const files: FrameworkHarness = {
  ...five,
  name: `${five.name} on the file store`,
  store: () => fileStore({ directory: mkdtempSync(join(root, "sessions-")) }),
};

for (const harness of [five, four, files]) describeCases(harness.name, frameworkConformance(harness));
describeCaches(five);

test("login, cart and logout work with another cookie jar than the suite's own", async () => {
  const sessions = createSessions<{ cart: string[] }>({ store: memoryStore(), warn: () => {} });
  const app = express5();
  app.use(expressSessions(sessions));
  app.post("/add/:article", async (req, res) => {
    const session = await sessions.get(req);
    res.json(session.update("cart", (cart) => [...(cart ?? []), req.params.article]));
  });
  app.post("/login", async (req, res) => {
    (await sessions.get(req)).login("ada");
    res.redirect(303, "/");
  });
  app.post("/logout", async (req, res) => {
    (await sessions.get(req)).destroy();
    res.redirect(303, "/");
  });
  app.get("/", async (req, res) => {
    const { subject, data } = await sessions.get(req);
    res.json({ subject, cart: data.cart });
  });
  const running = await listen(createServer(app));
  try {
    const url = running.url.replace("127.0.0.1", "localhost");
    const jar = new CookieJar();
    const browser = makeFetchCookie(fetch, jar);
    const names = async (): Promise<string[]> => (await jar.getCookies(url)).map((cookie) => cookie.key);
    const post = async (path: string): Promise<unknown> => (await browser(`${url}${path}`, { method: "POST" })).json();

    expect(await (await browser(url)).json()).toEqual({});
    expect(await names()).toEqual([]);
    expect(await post("/add/book")).toEqual(["book"]);
    expect(await names()).toEqual(["__Host-session"]);
    const [before] = await jar.getCookies(url);
    expect(await post("/login")).toEqual({ subject: "ada", cart: ["book"] });
    expect((await jar.getCookies(url))[0]?.value).not.toBe(before?.value);
    expect(await post("/add/pen")).toEqual(["book", "pen"]);
    expect(await post("/logout")).toEqual({});
    expect(await names()).toEqual([]);
  } finally {
    running.close();
  }
});
