/** Express 5 and 4: the framework suite. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import express5, { type ErrorRequestHandler, type RequestHandler, type Response } from "express";
import express4 from "express4";
import makeFetchCookie from "fetch-cookie";
import { createSessions } from "sojourn";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { fileStore } from "sojourn/stores/file";
import { memoryStore } from "sojourn/stores/memory";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { afterAll, expect, test } from "vitest";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "express",
  server: nodeServer,
  clients: [clientVersion("express"), clientVersion("express4")],
});

function reply(res: Response, given: Reply): void {
  for (const [name, value] of given.headers ?? []) res.append(name, value);
  if (given.kind === "text") res.status(given.status ?? 200).send(given.text);
  else if (given.kind === "redirect") res.redirect(given.status ?? 302, given.location);
  else if (given.kind === "file") res.sendFile(given.path);
  // It rejects when the client goes away; nobody is left to be told.
  else pipeline(Readable.from(given.chunks), res).catch(() => {});
}

function start(express: typeof express5, { sessions, attach, handle, onError }: TrialApp): Promise<RunningApp> {
  const app = express();
  app.set("env", "test"); // Otherwise Express prints the errors that are meant.
  for (const one of sessions) app.use(expressSessions(one, { attach }));
  app.use(express.text({ type: () => true, limit: "1mb" }));
  const route: RequestHandler = (req, res, next) => {
    const given = handle(req, req.originalUrl, async () => (typeof req.body === "string" ? req.body : ""));
    given.then((one) => reply(res, one)).catch(next);
  };
  const failed: ErrorRequestHandler = (error, req, res, next) => {
    if (res.headersSent) return next(error);
    onError(error, req).then((one) => reply(res, one), next);
  };
  app.use(route);
  app.use(expressSessionErrors());
  app.use(failed);
  return listen(createServer(app));
}

const root = mkdtempSync(join(tmpdir(), "sojourn-express-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const five: FrameworkHarness = { name: clientVersion("express"), start: (app) => start(express5, app) };
const four: FrameworkHarness = { name: clientVersion("express4"), start: (app) => start(express4, app) };
const files: FrameworkHarness = {
  ...five,
  name: `${five.name} on the file store`,
  store: () => fileStore({ directory: mkdtempSync(join(root, "sessions-")) }),
};

for (const harness of [five, four, files]) describeCases(harness.name, frameworkConformance(harness));

test("login, cart, logout with another cookie jar than the suite's own", async () => {
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
