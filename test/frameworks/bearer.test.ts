/** Sessions over the `Authorization` header: the framework suite, and real clients of an Express API. */

import { createServer } from "node:http";
import express from "express";
import { createSessions } from "sojourn";
import { bearer, handOut } from "sojourn/bearer";
import { expressSessions } from "sojourn/frameworks/express";
import { memoryStore } from "sojourn/stores/memory";
import { frameworkConformance } from "sojourn/testing";
import { describe, expect, test } from "vitest";
import { bearerHarness } from "../support/bearer-app.ts";
import { listen } from "../support/node-app.ts";
import { nodeServer, reportBackend } from "../support/report.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({ backend: "bearer", server: nodeServer });

/** Cases about what only cookies have. */
const onlyCookies: Readonly<Record<string, string>> = {
  "a browser registers, refreshes and learns of the logout before any handler": "browsers bind cookies",
  "a Secure cookie causes one warning over plain http, and none over https": "there is no cookie to be dropped",
  "a cookie that browsers drop is an event instead of a warning where the application listens":
    "there is no cookie to be dropped",
  "logout without a session sets no cookie; with a stale cookie it removes the cookie": "the client forgets its token",
  "a user who is remembered has a cookie that lasts as long as the session, and is listed with the device":
    "a token has no lifetime of its own",
  "a persistent login has a Max-Age, another one ends with the browser": "a token has no lifetime of its own",
  "a login after the first chunk is an error in the handler, and the stream continues": "a token may be in the stream",
  "a session that begins after the first chunk aborts the response, with an event": "a token may be in the stream",
  "two kinds of session side by side: each has its cookie and its data": "a request has one Authorization header",
  "of two kinds of session one cannot be saved: a 503, and the cookie of the saved one is sent":
    "a request has one Authorization header",
  'with onError: "save" a failed save is an error, and is not repeated for the error response':
    "handOut() is a save of the handler's own",
  "one that discards and answers 200 changes nothing and begins no session; a logout is carried out":
    "handOut() is a save of the handler's own",
  "the page after the redirect of a login sees it, with a store that takes 300 ms": "a redirect carries no token",
};

const cases = frameworkConformance(bearerHarness);
describeCases(
  bearerHarness.name,
  cases.map((one) => (onlyCookies[one.name] ? { ...one, skip: onlyCookies[one.name] as string } : one)),
);
test("each case that is skipped exists", () => {
  const names = cases.map(({ name }) => name);
  for (const name of Object.keys(onlyCookies)) expect(names).toContain(name);
});

describe("an Express API", () => {
  test("hands out a token at login, finds the session by it, renews it on request, and forgets it at logout", async () => {
    const clock = { now: 1_800_000_000_000 };
    const store = memoryStore({ now: () => clock.now });
    const sessions = createSessions<{ visits: number }>({
      store,
      transport: bearer(),
      renewAfter: "10m",
      now: () => clock.now,
    });
    const api = express().use(expressSessions(sessions));
    api.post("/login", async (req, res) => {
      const session = await sessions.get(req);
      session.login("ada");
      res.json({ token: await handOut(session) });
    });
    api.post("/refresh", async (req, res) => {
      res.json({ token: await handOut(await sessions.get(req)) });
    });
    api.post("/logout", async (req, res) => {
      (await sessions.get(req)).destroy();
      res.json({});
    });
    api.get("/", async (req, res) => {
      const session = await sessions.get(req);
      res.json({ subject: session.subject ?? null, visits: session.update("visits", (n = 0) => n + 1) });
    });
    api.get("/who", async (req, res) => {
      res.json({ subject: (await sessions.get(req)).subject ?? null });
    });
    const { url, close } = await listen(createServer(api));
    const call = async (method: string, path: string, token?: string) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(url + path, { method, headers });
      expect(response.headers.get("set-cookie")).toBeNull();
      const body = (await response.json()) as { token?: string; subject?: string | null; visits?: number };
      return { response, body };
    };
    try {
      const login = await call("POST", "/login");
      const token = login.body.token as string;
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(login.response.headers.get("cache-control")).toBe("no-store");
      expect(login.response.headers.get("vary")).toBe("Authorization");
      const first = await call("GET", "/", token);
      expect(first.body).toEqual({ subject: "ada", visits: 1 });
      expect([first.response.headers.get("vary"), first.response.headers.get("cache-control")]).toEqual([
        "Authorization",
        "private",
      ]);
      expect((await call("GET", "/who")).body).toEqual({ subject: null });
      clock.now += 11 * 60_000;
      expect((await call("GET", "/", token)).body).toEqual({ subject: "ada", visits: 2 });
      const renewed = (await call("POST", "/refresh", token)).body.token as string;
      expect(renewed).not.toBe(token);
      expect((await call("POST", "/refresh", renewed)).body).toEqual({});
      expect((await call("GET", "/", renewed)).body).toEqual({ subject: "ada", visits: 3 });
      clock.now += 2 * 60_000;
      expect((await call("GET", "/who", token)).body).toEqual({ subject: null });
      await call("POST", "/logout", renewed);
      expect((await call("GET", "/who", renewed)).body).toEqual({ subject: null });
    } finally {
      close();
    }
  });
});
