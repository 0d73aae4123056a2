/** `loggedIn` of sojourn/testing: the cookie it gives is that of a user who logged in. */

import express, { type Express, type Request } from "express";
import { createSessions, type Sessions } from "sojourn";
import { bearer } from "sojourn/bearer";
import { expressSessions } from "sojourn/frameworks/express";
import { cookieStore } from "sojourn/stores/cookie";
import { memoryStore } from "sojourn/stores/memory";
import { loggedIn } from "sojourn/testing";
import request from "supertest";
import { expect, test } from "vitest";

interface Data {
  cart: string[];
}

function appOf(sessions: Sessions<Data>): Express {
  const app = express().use(expressSessions(sessions));
  app.get("/", async (req, res) => {
    const { subject, data, persistent } = await sessions.get(req);
    res.json({ subject, cart: data.cart, persistent });
  });
  app.post("/pay", async (req, res) => {
    (await sessions.get(req)).requireFresh({ within: "5m", methods: ["otp"] });
    res.send("paid");
  });
  return app;
}

test("the client is that user, with the data and the options of the login, over plain http too", async () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  const app = appOf(sessions);
  const cookie = await loggedIn(sessions, "ada", { data: { cart: ["tea"] }, persistent: true, methods: ["otp"] });
  const answer = await request(app).get("/").set("cookie", cookie);
  expect(answer.body).toEqual({ subject: "ada", cart: ["tea"], persistent: true });
  expect((await request(app).post("/pay").set("cookie", cookie)).status).toBe(200);
  expect((await request(app).get("/")).body).toEqual({ persistent: false });
});

test("each call is another device, which can be listed and revoked", async () => {
  const sessions = createSessions<Data>({ store: memoryStore() });
  const [phone, laptop] = [await loggedIn(sessions, "ada"), await loggedIn(sessions, "ada")];
  expect(phone).not.toBe(laptop);
  expect(await sessions.list("ada")).toHaveLength(2);
  await sessions.revoke("ada");
  expect((await request(appOf(sessions)).get("/").set("cookie", phone)).body).toEqual({ persistent: false });
});

test("other sessions of the same store and options take the cookie", async () => {
  const store = memoryStore();
  const cookie = await loggedIn(createSessions<Data>({ store }), "ada");
  expect(
    (
      await request(appOf(createSessions<Data>({ store })))
        .get("/")
        .set("cookie", cookie)
    ).body.subject,
  ).toBe("ada");
});

test("sessions in cookies give all of their cookies", async () => {
  const sessions = createSessions<Data>({ store: cookieStore({ secrets: "a".repeat(32) }) });
  const cookie = await loggedIn(sessions, "ada", { data: { cart: ["tea"] } });
  expect((await request(appOf(sessions)).get("/").set("cookie", cookie)).body).toMatchObject({
    subject: "ada",
    cart: ["tea"],
  });
});

test("describe is given the request of the options", async () => {
  const sessions = createSessions<Data, { label: string | undefined }>({
    store: memoryStore(),
    describe: (req: Request) => ({ label: req.get("user-agent") }),
  });
  await expect(loggedIn(sessions, "ada")).rejects.toThrow("req.get is not a function");
  await loggedIn(sessions, "ada", { request: { get: () => "Phone" } });
  expect((await sessions.list("ada")).map(({ label }) => label)).toEqual(["Phone"]);
});

test("describe reads no header where it is given no request, by Node's requests and by fetch's", async () => {
  for (const describe of [
    (req: Request | globalThis.Request) => ({ label: (req.headers as Headers).get("user-agent") ?? "none" }),
    (req: Request | globalThis.Request) => ({ label: (req as Request).headers["user-agent"] ?? "none" }),
  ]) {
    const sessions = createSessions<Data, { label: string | undefined }>({ store: memoryStore(), describe });
    await loggedIn(sessions, "ada");
    expect((await sessions.list("ada")).map(({ label }) => label)).toEqual(["none"]);
  }
});

test("with bearer there is no cookie, which is an error", async () => {
  const sessions = createSessions<Data>({ store: memoryStore(), transport: bearer() });
  await expect(loggedIn(sessions, "ada")).rejects.toMatchObject({ code: "ERR_SESSION_NOT_HANDED_OUT" });
});
