/** What docs/people.md teaches, as its readers copy it: the logout that keeps the language, the end of an account, the route of the time left. */

import { createServer } from "node:http";
import type { Express } from "express";
import type { Sessions } from "sojourn";
import { afterEach, expect, test, vi } from "vitest";
import { scratch } from "../examples/demo-process.ts";
import { docModule } from "../support/doc-module.ts";
import { listen } from "../support/node-app.ts";

const page = "docs/people.md";
const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

/** The application of a block of the page, with a login and a look at the session beside it; and a browser. */
async function start(text: string) {
  // Its sessions lie in ".sessions" of the working directory, as of any application that names no store.
  const directory = await scratch();
  const cwd = vi.spyOn(process, "cwd").mockReturnValue(directory.path);
  vi.spyOn(console, "warn").mockReturnValue();
  cleaning.push(directory.remove, () => vi.restoreAllMocks());
  const { app, sessions } = (await docModule(page, text)) as {
    app: Express;
    sessions: Sessions<Record<string, unknown>>;
  };
  cwd.mockRestore();
  app.get("/test/login", async (req, res) => {
    const session = await sessions.get(req);
    Object.assign(session.data, { lang: "da", cart: ["a book"] });
    session.login("ada");
    res.end();
  });
  app.get("/test/look", async (req, res) => {
    const session = await sessions.get(req);
    res.json({ subject: session.subject ?? null, notice: session.take("notice") ?? null, data: { ...session.data } });
  });
  const running = await listen(createServer(app));
  cleaning.push(() => running.close());
  let cookie = "";
  const ask = async (path: string, method = "GET", own = cookie): Promise<unknown> => {
    const answer = await fetch(running.url + path, { method, headers: { cookie: own }, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) cookie = line.split(";")[0] as string;
    const body = await answer.text();
    return body.startsWith("{") ? JSON.parse(body) : answer.status;
  };
  return { ask, sessions, cookie: () => cookie };
}

test("its logout logs out, keeps only the language, and tells the next page so once", async () => {
  const { ask, sessions, cookie } = await start('session.logout({ keep: ["lang"] })');
  await ask("/test/login");
  const before = cookie();
  expect(await ask("/test/look")).toEqual({ subject: "ada", notice: null, data: { lang: "da", cart: ["a book"] } });
  expect(await ask("/logout", "POST")).toBe(302);
  expect(cookie()).not.toBe(before);
  expect(await ask("/test/look")).toEqual({ subject: null, notice: "You are logged out.", data: { lang: "da" } });
  expect(await ask("/test/look")).toEqual({ subject: null, notice: null, data: { lang: "da" } });
  expect(await sessions.list("ada")).toEqual([]);
  expect(await ask("/test/look", "GET", before)).toEqual({ subject: null, notice: null, data: {} });
});

test("its end of an account ends every session of the user, and the visitor has a notice and the language", async () => {
  const removed: string[] = [];
  vi.stubGlobal("removeUser", async (id: string) => void removed.push(id));
  cleaning.push(() => vi.unstubAllGlobals());
  const { ask, sessions, cookie } = await start('"/account/delete"');
  expect(await ask("/account/delete", "POST")).toBe(401); // a guest
  await ask("/test/login");
  await ask("/test/login", "GET", ""); // a second device
  const before = cookie();
  expect(await sessions.list("ada")).toHaveLength(2);
  expect(await ask("/account/delete", "POST")).toBe(302);
  expect(removed).toEqual(["ada"]);
  expect(await sessions.list("ada")).toEqual([]);
  expect(await ask("/test/look")).toEqual({ subject: null, notice: "Your account is deleted.", data: { lang: "da" } });
  expect(await ask("/test/look", "GET", before)).toEqual({ subject: null, notice: null, data: {} });
});

test("its status route extends nothing and its other one does, until the absolute end; a guest has no time left", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const { ask } = await start("timeLeft(await sessions.get(req))");
  const pass = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000);
  expect(await ask("/session")).toEqual({ left: 0, atMost: 0 });
  await ask("/test/login");
  expect(await ask("/session")).toEqual({ left: 3600, atMost: 86_400 });
  pass(58);
  expect(await ask("/session")).toEqual({ left: 120, atMost: 86_400 - 58 * 60 });
  expect(await ask("/session/stay", "POST")).toEqual({ left: 3600, atMost: 86_400 - 58 * 60 });
  pass(59);
  expect(await ask("/session")).toEqual({ left: 60, atMost: 86_400 - 117 * 60 });
  pass(1);
  expect(await ask("/session")).toEqual({ left: 0, atMost: 0 });
  expect(await ask("/session/stay", "POST")).toEqual({ left: 0, atMost: 0 });
});
