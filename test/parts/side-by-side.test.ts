/** Two kinds of session in one application, for users and for administrators: neither knows of the other. */

import { createServer } from "node:http";
import express from "express";
import makeFetchCookie from "fetch-cookie";
import { createSessions } from "sojourn";
import { expressSessions } from "sojourn/frameworks/express";
import { createPartsSessions } from "sojourn/parts";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { countedStore } from "sojourn/testing";
import { CookieJar } from "tough-cookie";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../support/node-app.ts";

test("users and administrators side by side on Express, one store, one of them in parts", async () => {
  const store = countedStore(memoryStore());
  const users = createPartsSessions<{ name: string; cart: string[] }>({
    current: true,
    parts: {
      login: { store, fields: ["name"] },
      cart: { cookie: { name: "cart" }, store: cookieStore({ secrets: "x".repeat(32) }), fields: ["cart"] },
    },
    warn: () => {},
  });
  const admins = createSessions<{ name: string }>({
    store,
    cookie: { name: "admin", sameSite: "strict" },
    idleTimeout: "5m",
    current: true,
    warn: () => {},
  });
  const app = express();
  app.use(expressSessions(users), expressSessions(admins));
  app.get("/shop", async (req, res) => {
    const session = await users.get(req);
    session.login("ada");
    Object.assign(session.data, { name: "Ada", cart: ["tea"] });
    res.end("shop");
  });
  app.get("/admin", async (req, res) => {
    const session = await admins.get(req);
    session.login("root");
    session.data.name = "Root";
    res.end("admin");
  });
  app.get("/both", async (_req, res) => {
    const [user, admin] = await Promise.all([users.current(), admins.current()]);
    res.json([user.subject, { ...user.data }, admin.subject, { ...admin.data }]);
  });
  app.get("/leave", async (req, res) => {
    (await users.get(req)).destroy();
    res.end("left");
  });
  const server = await listen(createServer(app));
  onTestFinished(() => void server.close());
  const jar = new CookieJar();
  const browser = makeFetchCookie(fetch, jar);
  const text = async (path: string) => (await browser(server.url + path)).text();
  const names = async () => (await jar.getCookies(server.url)).map(({ key }) => key).sort();

  expect(await text("/shop")).toBe("shop");
  expect(await names()).toEqual(["__Host-cart", "__Host-session"]);
  expect(await text("/admin")).toBe("admin");
  expect(await names()).toEqual(["__Host-admin", "__Host-cart", "__Host-session"]);
  store.reset();
  const both = ["ada", { name: "Ada", cart: ["tea"] }, "root", { name: "Root" }];
  expect(JSON.parse(await text("/both"))).toEqual(both);
  expect(store.calls).toEqual({ read: 2 });

  expect([(await users.list("ada")).length, (await users.list("root")).length]).toEqual([1, 0]);
  expect([(await admins.list("ada")).length, (await admins.list("root")).length]).toEqual([0, 1]);
  expect(await users.revoke("root")).toBe(0);
  expect(JSON.parse(await text("/both"))).toEqual(both);
  expect(await text("/leave")).toBe("left");
  expect(await names()).toEqual(["__Host-admin"]);
  expect(JSON.parse(await text("/both"))).toEqual([null, {}, "root", { name: "Root" }]);
});
