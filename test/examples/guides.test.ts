/** The guides to CSRF, single-page apps, mobile apps, subdomains, several applications and tenants: their programs do what they say. */

import type { Express } from "express";
import type { FastifyInstance } from "fastify";
import type { Hono } from "hono";
import type Koa from "koa";
import type { Sessions, Store } from "sojourn";
import { createSessions } from "sojourn";
import { memoryStore } from "sojourn/stores/memory";
import { loggedIn } from "sojourn/testing";
import request from "supertest";
import { expect, test } from "vitest";
import { docModule } from "../support/doc-module.ts";

const cookieOf = (answer: { headers: Record<string, unknown> }): string =>
  String((answer.headers["set-cookie"] as string[] | undefined)?.[0]).split(";", 1)[0] ?? "";

test("single-page app: login, cart and logout over the API; a form of another site is refused before it has a session", async () => {
  const { app } = (await docModule("docs/guides/single-page-app.md", "sameOriginOnly")) as { app: Express };
  expect((await request(app).get("/api/me")).body).toEqual({ user: null, cart: [] });
  expect((await request(app).post("/api/cart").send({ article: "tea" })).status).toBe(401);
  const cookie = cookieOf(await request(app).post("/api/login").send({ name: "ada" }));
  await Promise.all(
    ["tea", "pot", "cup"].map((article) => request(app).post("/api/cart").set("cookie", cookie).send({ article })),
  );
  const { body } = await request(app).get("/api/me").set("cookie", cookie);
  expect([body.user, body.cart.sort()]).toEqual(["ada", ["cup", "pot", "tea"]]);
  const foreign = await request(app).post("/api/logout").set("cookie", cookie).set("sec-fetch-site", "cross-site");
  expect([foreign.status, foreign.headers["set-cookie"]]).toEqual([403, undefined]);
  await request(app).post("/api/logout").set("cookie", cookie);
  expect((await request(app).get("/api/me").set("cookie", cookie)).body).toEqual({ user: null, cart: [] });
});

test("mobile app: a token for the login, none when it stays, a label in the list of devices", async () => {
  const { api, sessions } = (await docModule("docs/guides/mobile.md", "handOut")) as { api: Hono; sessions: Sessions };
  const post = async (path: string, token?: string, body?: object) => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await api.request(path, { method: "POST", headers, body: JSON.stringify(body ?? {}) });
    return { status: answer.status, body: (await answer.json()) as { token?: string } };
  };
  const { token = "" } = (await post("/login", undefined, { name: "ada", device: "Ada's phone" })).body;
  expect(token).toMatch(/^[\w-]{43}$/);
  expect((await post("/refresh", token)).body).toEqual({});
  expect((await sessions.list("ada")).map(({ label }) => label)).toContain("Ada's phone");
  await post("/logout", token);
  expect((await post("/refresh", token)).status).toBe(401);
});

test("subdomains: the cookie is __Secure- and goes to the domain", async () => {
  const { sessions } = (await docModule("docs/guides/subdomains.md", "domain")) as { sessions: Sessions };
  expect(await loggedIn(sessions, "ada")).toMatch(/^__Secure-shop=/);
});

test("several applications: each has its cookie, its users and its revocations in one store", async () => {
  const made = await docModule("docs/guides/several-applications.md", "shopOver");
  const { shopOver, forumOver } = made as Record<"shopOver" | "forumOver", (store: Store) => Sessions>;
  const store = memoryStore();
  const [shop, forum] = [shopOver(store), forumOver(store)];
  expect(await loggedIn(shop, "ada")).toMatch(/^__Host-shop=/);
  expect(await loggedIn(forum, "ada")).toMatch(/^__Host-forum=/);
  expect(await shop.revoke("ada")).toBe(1);
  expect(await forum.list("ada")).toHaveLength(1);
  const shared: Store = { ...memoryStore(), capabilities: { ...memoryStore().capabilities, shared: true } };
  expect(() => createSessions({ store: shared })).toThrow(/name/);
});

test("tenants: a session of one is none at another, also under the other cookie's name", async () => {
  const { app } = (await docModule("docs/guides/multi-tenant.md", "tenants")) as { app: Express };
  const at = (host: string, cookie: string) => request(app).get("/").set("host", host).set("cookie", cookie);
  const login = await request(app).post("/login").set("host", "acme.shop.example");
  const cookie = cookieOf(login);
  expect(cookie).toMatch(/^__Host-acme=/);
  expect((await at("acme.shop.example", cookie)).text).toBe("Hello ada\n");
  expect((await at("globex.shop.example", cookie)).text).toBe("Hello guest\n");
  expect((await at("globex.shop.example", cookie.replace("acme", "globex"))).text).toBe("Hello guest\n");
  expect((await at("other.shop.example", cookie)).status).toBe(404);
});

test("CSRF: Fastify, Koa and Hono refuse what another site sends, and nothing else", async () => {
  const page = "docs/guides/csrf.md";
  const { fastifyApp } = (await docModule(page, "fastifyApp")) as { fastifyApp: FastifyInstance };
  const { koaApp } = (await docModule(page, "koaApp")) as { koaApp: Koa };
  const { honoApp } = (await docModule(page, "honoApp")) as { honoApp: Hono };
  const host = "shop.example";
  const apps = {
    fastify: async (headers: Record<string, string>) =>
      (await fastifyApp.inject({ method: "POST", url: "/", headers: { host, ...headers } })).statusCode,
    koa: async (headers: Record<string, string>) =>
      (
        await request(koaApp.callback())
          .post("/")
          .set({ host, ...headers })
      ).status,
    hono: async (headers: Record<string, string>) =>
      (await honoApp.request(`http://${host}/`, { method: "POST", headers: { host, ...headers } })).status,
  };
  for (const [name, post] of Object.entries(apps)) {
    const status = async (headers: Record<string, string>) => [name, headers, await post(headers)];
    for (const good of [{}, { "sec-fetch-site": "same-origin" }, { origin: `https://${host}` }])
      expect(await status(good)).toEqual([name, good, 200]);
    const foreign = { origin: "https://evil.example" };
    const crossSite = { "sec-fetch-site": "cross-site", origin: `https://${host}` };
    for (const bad of [foreign, crossSite, { "sec-fetch-site": "same-site" }, { origin: "null" }])
      expect(await status(bad)).toEqual([name, bad, 403]);
  }
});
