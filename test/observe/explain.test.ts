/** `sojourn/explain` on Express, Fastify and Hono; on Next it is in `test/frameworks/next.test.ts`, which builds one. */

import express from "express";
import fastify from "fastify";
import { createSessions } from "sojourn";
import { everybody } from "sojourn/everybody";
import { explain, explainHeader } from "sojourn/explain";
import expressSession from "sojourn/express-session";
import { createPartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { afterEach, expect, test, vi } from "vitest";
import { shop, who } from "../device-bound/setup.ts";
import { startExpress } from "../support/express-app.ts";
import { startFastify } from "../support/fastify-app.ts";
import { startHono } from "../support/hono-app.ts";
import { describeExplain } from "./explain-cases.ts";
import { visitor } from "./visitor.ts";

describeExplain("Express", (app) => startExpress(express, app));
describeExplain("Fastify", (app) => startFastify(fastify() as never, app));
describeExplain("Hono", startHono);

afterEach(() => void vi.unstubAllEnvs());

const reader = { cookie: ({ cookie }: { cookie: string | undefined }) => cookie, secure: () => true };

test("a new session after the headers were sent gets no cookie: headers_sent", async () => {
  const sessions = createSessions({ store: memoryStore(), warn: false });
  const request = { cookie: undefined };
  const exchange = sessions.open(request, reader);
  const session = await sessions.get(request);
  exchange.headersGone();
  expect((await explain(sessions, request)).reasons.map(({ code }) => code)).toContain("headers_sent");
  expect(session.isNew).toBe(true);
});

test("it changes nothing: no touch, no event, no end of a session whose old id was reused", async () => {
  const calls: string[] = [];
  const inner = memoryStore();
  const store = new Proxy(inner, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        calls.push(String(name));
        return value.apply(target, given);
      };
    },
  });
  const sessions = createSessions({ store, warn: false, onIdReuse: "end" });
  const events: string[] = [];
  sessions.on(({ type }) => events.push(type));
  const request = { cookie: `__Host-session=${"A".repeat(43)}` };
  sessions.open(request, reader);
  await explain(sessions, request);
  expect(new Set(calls)).toEqual(new Set(["read"]));
  expect(events).toEqual([]);
});

test("a bound session without the proof of its browser: binding_violated, and nothing is noted", async () => {
  const { bound, sessions, violations, clock } = shop();
  const ada = await bound();
  await who(ada);
  clock.now += 12 * 60_000;
  const request = { cookie: `__Host-session=${ada.jar.get("__Host-session")}` };
  sessions.open(request, reader);
  expect((await sessions.get(request)).subject).toBe(undefined);
  expect(violations()).toHaveLength(1);
  const { found, reasons } = await explain(sessions, request);
  expect([found, reasons.map(({ code }) => code)]).toEqual([false, ["binding_violated"]]);
  expect(violations()).toHaveLength(1);
});

test("a session from before everybody was revoked: revoked", async () => {
  const sessions = createSessions({ store: memoryStore(), warn: false, everybody: everybody({ within: "100ms" }) });
  let cookie = "";
  await visitor(sessions)(
    (session) => session.login("ada"),
    "",
    (sent) => {
      cookie = sent;
    },
  );
  const codes = async (): Promise<string[]> => {
    const request = { cookie };
    sessions.open(request, reader);
    await sessions.get(request);
    return (await explain(sessions, request)).reasons.map(({ code }) => code);
  };
  expect(await codes()).toEqual(["found"]);
  await sessions.revokeEverybody();
  expect(await codes()).toEqual(["revoked"]);
});

test("each part of a session in parts has its own reason", async () => {
  const secrets = "a secret of at least 32 characters, one";
  const sessions = createPartsSessions<{ user: string; theme: string }>({
    parts: {
      login: { cookie: { name: "login" }, store: memoryStore(), fields: ["user"] },
      rest: { cookie: { name: "rest" }, store: cookieStore({ secrets }), fields: ["theme"] },
    },
    warn: false,
  });
  const request = { cookie: "__Host-rest=junk" };
  sessions.open(request, reader);
  const { found, reasons } = await explain(sessions, request);
  expect(found).toBe(false);
  expect(reasons.map(({ code, part }) => [code, part])).toEqual([
    ["no_cookie", "login"],
    ["malformed", "rest"],
    ["not_asked", undefined],
  ]);
});

test("with explain, an outage still writes its line to stderr", async () => {
  const said: string[] = [];
  const store = { ...memoryStore(), read: () => Promise.reject(new Error("down")) };
  const sessions = createSessions({ store, warn: (line) => said.push(line) });
  const request = { cookie: `__Host-session=${"A".repeat(43)}` };
  sessions.open(request, reader);
  await explain(sessions, request);
  expect(said).toEqual([]);
  await sessions.get(request).catch(() => {});
  expect(said).toHaveLength(1);
});

test("in production the header must be enabled explicitly", () => {
  const sessions = createSessions({ store: memoryStore() });
  vi.stubEnv("NODE_ENV", "production");
  expect(() => explainHeader(sessions)).toThrow("NODE_ENV is production");
  explainHeader(sessions, { production: true })();
});

test("wrong arguments are refused by name", async () => {
  const sessions = createSessions({ store: memoryStore() });
  expect(() => explainHeader(sessions, { nam: "x" } as never)).toThrow('did you mean "name"?');
  expect(() => explainHeader(sessions, { name: "a b" })).toThrow("name must be the name of a header");
  expect(() => explainHeader({} as never)).toThrow("the first argument of explainHeader()");
  await expect(explain(memoryStore() as never, {})).rejects.toThrow("the first argument of explain()");
  const { sessions: dropIn } = expressSession({ secret: "s", resave: false, saveUninitialized: false }) as never as {
    sessions: typeof sessions;
  };
  await expect(explain(dropIn, {})).rejects.toThrow(TypeError);
});
