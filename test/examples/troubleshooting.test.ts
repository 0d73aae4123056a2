/** Every symptom of docs/troubleshooting.md on a real server: `sojourn/explain` says what the page shows, word for word. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { createSessions, encrypted, jsonFormat, type SessionOptions, type Sessions, signedToken } from "sojourn";
import { explain } from "sojourn/explain";
import { expressSessions } from "sojourn/frameworks/express";
import { memoryStore } from "sojourn/stores/memory";
import { afterEach, expect, test } from "vitest";

const page = readFileSync(new URL("../../docs/troubleshooting.md", import.meta.url), "utf8");
const secrets = ["a secret of at least 32 characters, one", "a secret of at least 32 characters, two"] as const;

/** What the page shows below a heading; `undefined` where it shows nothing. */
const shown = new Map(
  page.split(/^#{2,3} /m).flatMap((section) => {
    const [heading = ""] = section.split("\n");
    const output = /^```text\n([\s\S]*?)\n```$/m.exec(section)?.[1];
    return output === undefined ? [] : [[heading, output] as const];
  }),
);

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

type Handler = (sessions: Sessions, req: express.Request, res: express.Response) => unknown;

interface Application {
  /** Asks a route; answers its text. Keeps no cookies. */
  get(path: string, headers?: Record<string, string>): Promise<string>;
  /** Logs a user in; answers the cookie. */
  logIn(): Promise<string>;
}

/** The application of the page, with a login, and a handler that prints in place of `/why` where one is given. */
async function start(options: SessionOptions = {}, handler?: Handler, mounted = true): Promise<Application> {
  const sessions = createSessions({ store: memoryStore(), warn: false, ...options });
  const why = async (request: object): Promise<string> => {
    const { reasons } = await explain(sessions, request);
    return reasons.map(({ code, text }) => `${code}: ${text}`).join("\n");
  };
  const app = express();
  if (mounted) app.use(expressSessions(sessions));
  let said = "";
  app.get("/why", async (req, res) => {
    res.type("text").send(await why(req));
  });
  app.get("/login", async (req, res) => {
    (await sessions.get(req)).login("ada");
    res.end();
  });
  app.get("/handler", async (req, res) => {
    await handler?.(sessions, req, res);
    said = await why(req);
    res.end();
  });
  app.get("/said", (_req, res) => void res.send(said));
  const server = createServer(app);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  open.push(() => new Promise((closed) => server.close(() => closed())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> => fetch(url + path, { headers });
  return {
    get: async (path, headers) => (await ask(path, headers)).text(),
    logIn: async () => (await ask("/login")).headers.getSetCookie()[0]?.split(";")[0] ?? "",
  };
}

const https = { cookie: { secure: false } } as const;

/** What `explain` says, by the heading of the page. */
const scenes: Record<string, () => Promise<string>> = {
  "Over plain http on another host than localhost": async () => (await start()).get("/why"),
  "Behind a proxy that ends TLS": async () => (await start()).get("/why", { "x-forwarded-proto": "https" }),
  "Two cookies of one name": async () => {
    const app = await start({ cookie: { ...https.cookie, domain: "example.com" } });
    const two = `session=${"A".repeat(43)}; session=${"B".repeat(43)}`;
    return app.get("/why", { cookie: two });
  },
  "The client keeps no cookies": async () => {
    const app = await start(https);
    await app.logIn();
    return app.get("/why");
  },
  "The store did not survive the deploy": async () => {
    const cookie = await (await start(https)).logIn();
    return (await start(https)).get("/why", { cookie });
  },
  "A secret changed in one step": async () => {
    const store = memoryStore();
    const cookie = await (await start({ ...https, store, token: signedToken(secrets[0]) })).logIn();
    return (await start({ ...https, store, token: signedToken(secrets[1]) })).get("/why", { cookie });
  },
  "The key of encrypted sessions changed in one step": async () => {
    const store = memoryStore();
    const cookie = await (await start({ ...https, store, format: encrypted(jsonFormat(), secrets[0]) })).logIn();
    const after = await start({ ...https, store, format: encrypted(jsonFormat(), secrets[1]) });
    return after.get("/why", { cookie });
  },
  "The page is on another site than the API": async () =>
    (await start(https)).get("/why", { "sec-fetch-site": "cross-site" }),
  "The session was unused for the idle timeout": async () => {
    const clock = { now: 1_800_000_000_000 };
    const now = (): number => clock.now;
    const app = await start({ ...https, now, store: memoryStore({ now }) });
    const cookie = await app.logIn();
    await app.get("/why", { cookie });
    clock.now += 3_601_000;
    return app.get("/why", { cookie });
  },
  "The client sent the id from before a login": async () => {
    const app = await start(https, async (sessions, req) => (await sessions.get(req)).login("ada"));
    const cookie = await app.logIn();
    await app.get("/handler", { cookie });
    return app.get("/why", { cookie });
  },
  "Answers are 503": async () => {
    const down = { ...memoryStore(), read: () => Promise.reject(new Error("connect ECONNREFUSED 127.0.0.1:6379")) };
    return (await start({ ...https, store: down })).get("/why", { cookie: `session=${"A".repeat(43)}` });
  },
  "The handler did not use the session": () => inHandler(() => undefined),
  "The session is empty": () => inHandler((sessions, req) => sessions.get(req)),
  "The response began before the session was changed": () =>
    inHandler(async (sessions, req, res) => {
      res.write("first");
      (await sessions.get(req)).data["cart"] = ["tea"];
    }),
  "`sessions.get` throws a TypeError": async () => (await start({}, undefined, false)).get("/why"),
};

/** What a handler prints that asks why before it answers. */
async function inHandler(handler: Handler): Promise<string> {
  const app = await start({}, handler);
  await app.get("/handler").catch(() => undefined);
  return app.get("/said");
}

test.each([...shown])("%s: explain says what the page shows", async (heading, output) => {
  expect(scenes[heading], "a scene for every heading that shows what explain says").toBeDefined();
  expect(await scenes[heading]?.()).toBe(output);
});

test("the page shows what explain says of every scene", () => {
  expect([...shown.keys()].sort()).toEqual(Object.keys(scenes).sort());
});
