/** What the real libraries made is adopted: chunks, salts and changed keys included. */

import { MemoryStore as FastifyMemoryStore } from "@fastify/session";
import { describe, expect, test } from "vitest";
import { adoptCookieSession } from "../../src/adopt/cookie-session.ts";
import { adoptExpressSession } from "../../src/adopt/express-session.ts";
import { adoptFastifySession } from "../../src/adopt/fastify-session.ts";
import { adoptHonoSessions } from "../../src/adopt/hono-sessions.ts";
import { adoptIronSession } from "../../src/adopt/iron-session.ts";
import { adoptKoaSession } from "../../src/adopt/koa-session.ts";
import { adoptAuthJs, adoptNextAuth } from "../../src/adopt/next-auth.ts";
import type { Adopter } from "../../src/core/contracts/adopter.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import {
  authJsCookie,
  cookieHeader,
  cookieSessionCookie,
  type Data,
  expressCookieOf,
  expressSession,
  fastifyCookieOf,
  HonoMemoryStore,
  honoCookie,
  ironCookie,
  koaCookie,
  nextAuthChunks,
  nextAuthToken,
} from "./old-apps.ts";
import { adopting, seen, visit } from "./visits.ts";

const key = "a password of at least 32 characters";
const otherKey = "another password of 32 characters or more";
const data: Data = { user: { id: 7, name: "Ada Lovelace é" }, cart: ["pen", "ink"] };
const large: Data = { user: { id: 7 }, text: "0123456789abcdef".repeat(500) };
const subject = ({ user }: Data): number => (user as { id: number }).id;

/** A browser with the old cookies visits twice: it is adopted, then it has a session of ours. */
async function adopted(adopter: Adopter, cookie: string): Promise<{ data: Data; subject: string | undefined }> {
  const { sessions, events } = adopting({ adopt: [adopter] });
  const first = await visit(sessions, cookie, seen);
  const [ours, ...removals] = first.setCookie;
  expect(ours).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  expect(removals).toHaveLength(cookie.split("; ").length);
  expect(first.cookie).toMatch(/^__Host-session=[\w-]{43}$/);
  expect(events).toEqual([`session_created: adopted from ${adopter.name}`, "session_renewed"]);
  const second = await visit(sessions, first.cookie, seen);
  expect(second).toMatchObject({ value: first.value, setCookie: [] });
  return second.value;
}

async function refused(adopter: Adopter, cookie: string): Promise<void> {
  const { sessions, store } = adopting({ adopt: [adopter] });
  const { value, setCookie } = await visit(sessions, cookie, seen);
  expect(value).toEqual({ data: {}, subject: undefined });
  expect(setCookie).toEqual([]);
  for await (const record of store.list!()) expect(record).toBeUndefined();
}

/** Each cookie with one character changed, here and there. */
function* damaged(cookie: string): Generator<string> {
  const flip = (at: number): string => `${cookie.slice(0, at)}${cookie[at] === "A" ? "B" : "A"}${cookie.slice(at + 1)}`;
  const start = cookie.indexOf("=") + 1;
  for (let at = start; at < cookie.length; at += Math.max(1, Math.floor((cookie.length - start) / 40))) {
    if (!/[=;. ~*%]/.test(cookie[at] as string)) yield flip(at);
  }
  yield cookie.slice(0, -3);
  yield `${cookie.slice(0, start)}AAAA${cookie.slice(start)}`;
}

describe("iron-session", () => {
  const of = (password: string | Record<string, string>): Adopter =>
    adoptIronSession({ password, cookie: { name: "iron" }, subject });
  const options = { cookieName: "iron", password: key };

  test("a sealed cookie is adopted", async () => {
    expect(await adopted(of(key), await ironCookie(data, options))).toEqual({ data, subject: "7" });
  });
  test("a cookie in chunks is adopted", async () => {
    const cookie = await ironCookie(large, options);
    expect(cookie).toMatch(/^iron\.0=.*; iron\.1=/s);
    expect(await adopted(of(key), cookie)).toEqual({ data: large, subject: "7" });
  });
  test("a cookie sealed before the password was changed is adopted", async () => {
    const old = await ironCookie(data, { ...options, password: { 1: key } });
    const next = await ironCookie(data, { ...options, password: { 1: key, 2: otherKey } });
    const both = of({ 1: key, 2: otherKey });
    expect(await adopted(both, old)).toEqual({ data, subject: "7" });
    expect(await adopted(both, next)).toEqual({ data, subject: "7" });
    await refused(of({ 1: otherKey }), old);
    await refused(of({ 1: key }), next);
  });
  test("an empty session is not adopted", async () => refused(of(key), await ironCookie({}, options)));
  test("an expired or altered cookie is not adopted", async () => {
    const cookie = await ironCookie(data, { ...options, ttl: 60 });
    const { sessions, clock } = adopting({ adopt: [of(key)] });
    clock.now += 61_000;
    expect((await visit(sessions, cookie, seen)).value.data).toEqual({});
    for (const one of damaged(cookie)) await refused(of(key), one);
  });
});

describe("next-auth 4", () => {
  const claims = { name: "Ada", email: "ada@example.com", picture: null, sub: "u7", role: "admin" };
  const { sub: _, ...rest } = claims;
  const name = "__Secure-next-auth.session-token";

  test("an encrypted token is adopted", async () => {
    const cookie = `${name}=${await nextAuthToken(claims, "secret")}`;
    expect(await adopted(adoptNextAuth({ secret: "secret" }), cookie)).toEqual({
      data: { ...rest, sub: "u7" },
      subject: "u7",
    });
    await refused(adoptNextAuth({ secret: "another" }), cookie);
    expect((await adopted(adoptNextAuth({ secret: ["another", "secret"] }), cookie)).subject).toBe("u7");
    for (const one of damaged(cookie)) await refused(adoptNextAuth({ secret: "secret" }), one);
  });
  test("a token in chunks, as it cuts them, is adopted", async () => {
    const token = await nextAuthToken({ ...claims, text: "0123456789abcdef".repeat(600) }, "secret");
    const chunks = nextAuthChunks(name, token);
    expect(chunks.length).toBeGreaterThan(2);
    expect((await adopted(adoptNextAuth({ secret: "secret" }), chunks.reverse().join("; "))).subject).toBe("u7");
  });
  test("an expired token is not adopted; on plain http the cookie's name has no prefix", async () => {
    const token = await nextAuthToken(claims, "secret", 60);
    const adopter = adoptNextAuth({ secret: "secret", secure: false });
    const cookie = `next-auth.session-token=${token}`;
    expect((await adopted(adopter, cookie)).subject).toBe("u7");
    const { sessions, clock } = adopting({ adopt: [adopter] });
    clock.now += 61_000;
    expect((await visit(sessions, cookie, seen)).value.subject).toBeUndefined();
  });
  test("a session in a database is adopted and ended there", async () => {
    const rows = new Map([["8ab1b9a4-0d5d-4b0e-9f63-0a3f4f2b1c11", { user: { id: "u7" }, expires: Date.now() + 1e6 }]]);
    const adapter = {
      async getSessionAndUser(token: string) {
        const row = rows.get(token);
        return row ? { session: { expires: new Date(row.expires) }, user: row.user } : null;
      },
      deleteSession: async (token: string) => rows.delete(token),
    };
    const [token] = rows.keys();
    const got = await adopted(adoptNextAuth({ adapter }), `${name}=${token}`);
    expect(got).toMatchObject({ data: { user: { id: "u7" } }, subject: "u7" });
    expect(rows.size).toBe(0);
    await refused(adoptNextAuth({ adapter }), `${name}=${token}`);
  });
});

describe("Auth.js", () => {
  const secret = "the first secret of this application";

  test("the token of a login is adopted: its salt is the cookie's name", async () => {
    const cookie = await authJsCookie({ id: "u7", name: "Ada", email: "ada@example.com" }, secret);
    expect(cookie).toMatch(/^__Secure-authjs\.session-token=/);
    const got = await adopted(adoptAuthJs({ secret }), cookie);
    expect(got).toMatchObject({ data: { name: "Ada", email: "ada@example.com", sub: "u7" }, subject: "u7" });
    await refused(adoptAuthJs({ secret: "another" }), cookie);
    const renamed = cookie.replace("__Secure-authjs.session-token", "other");
    await refused(adoptAuthJs({ secret, cookie: { name: "other" } }), renamed);
    for (const one of damaged(cookie)) await refused(adoptAuthJs({ secret }), one);
  });
  test("a token in chunks, sealed before the secret was changed, is adopted", async () => {
    const cookie = await authJsCookie({ id: "u7", name: "Ada" }, secret, { text: "0123456789abcdef".repeat(600) });
    expect(cookie).toMatch(/session-token\.0=.*session-token\.1=/s);
    expect((await adopted(adoptAuthJs({ secret: ["a newer one", secret] }), cookie)).subject).toBe("u7");
  });
});

describe("koa-session", () => {
  const of = (keys: string[]): Adopter => adoptKoaSession({ keys, subject });

  test("a signed cookie is adopted, by any of the keys", async () => {
    const cookie = await koaCookie(data, [key]);
    expect(await adopted(of([otherKey, key]), cookie)).toEqual({ data, subject: "7" });
    await refused(of([otherKey]), cookie);
    await refused(of([key]), cookie.split("; ")[0] as string);
    for (const one of damaged(cookie)) await refused(of([key]), one);
  });
  test("a cookie that ends with the browser is adopted, and an expired one is not", async () => {
    const cookie = await koaCookie(data, [key], { maxAge: "session" });
    expect(await adopted(of([key]), cookie)).toEqual({ data, subject: "7" });
    const ended = await koaCookie(data, [key]);
    const { sessions, clock } = adopting({ adopt: [of([key])] });
    clock.now += 86_400_001;
    expect((await visit(sessions, ended, seen)).value.data).toEqual({});
  });
  test("a session in a store is adopted and ended there", async () => {
    const records = new Map<string, Data>();
    const store = {
      get: async (id: string) => records.get(id),
      set: async (id: string, record: Data) => void records.set(id, { ...record }),
      destroy: async (id: string) => void records.delete(id),
    };
    const cookie = await koaCookie(data, [key], { store });
    expect(records.size).toBe(1);
    expect(await adopted(adoptKoaSession({ keys: key, store, subject }), cookie)).toEqual({ data, subject: "7" });
    expect(records.size).toBe(0);
  });
});

describe("cookie-session", () => {
  test("a signed cookie is adopted, by any of the keys", async () => {
    const cookie = await cookieSessionCookie(data, { keys: [key] });
    const of = (keys: string[]): Adopter => adoptCookieSession({ keys, subject });
    expect(await adopted(of([otherKey, key]), cookie)).toEqual({ data, subject: "7" });
    await refused(of([otherKey]), cookie);
    for (const one of damaged(cookie)) await refused(of([key]), one);
  });
});

describe("@fastify/session", () => {
  test("a session in its store is adopted and ended there, by any of the secrets", async () => {
    const records = new Map();
    const store = new FastifyMemoryStore(records) as never;
    const cookie = await fastifyCookieOf(data, { secret: key, store });
    expect(records.size).toBe(1);
    const of = (secret: string[]): Adopter => adoptFastifySession({ secret, store, subject });
    await refused(of([otherKey]), cookie);
    for (const one of damaged(cookie)) await refused(of([key]), one);
    expect(records.size).toBe(1);
    expect(await adopted(of([otherKey, key]), cookie)).toEqual({ data, subject: "7" });
    expect(records.size).toBe(0);
  });
  test("a session whose cookie has a prefix is adopted", async () => {
    const store = new FastifyMemoryStore() as never;
    const cookie = await fastifyCookieOf(data, { secret: key, store, cookieName: "sid", cookiePrefix: "s:" });
    const options = { secret: key, store, subject, cookie: { name: "sid" } };
    await refused(adoptFastifySession(options), cookie);
    expect(await adopted(adoptFastifySession({ ...options, cookiePrefix: "s:" }), cookie)).toEqual({
      data,
      subject: "7",
    });
  });
});

describe("express-session", () => {
  test("a session in its store is adopted and ended there, by any of the secrets", async () => {
    const store = new expressSession.MemoryStore() as expressSession.MemoryStore & { sessions: Data };
    const cookie = await expressCookieOf(data, { secret: key, store });
    expect(cookie).toMatch(/^connect\.sid=s%3A/);
    expect(Object.keys(store.sessions)).toHaveLength(1);
    const of = (secret: string[]): Adopter => adoptExpressSession({ secret, store, subject });
    await refused(of([otherKey]), cookie);
    for (const one of damaged(cookie)) await refused(of([key]), one);
    expect(Object.keys(store.sessions)).toHaveLength(1);
    expect(await adopted(of([otherKey, key]), cookie)).toEqual({ data, subject: "7" });
    expect(Object.keys(store.sessions)).toHaveLength(0);
  });
  test("a cookie of another name that lasts is adopted, and not after its end", async () => {
    const store = new expressSession.MemoryStore();
    const options = { secret: key, store, name: "sid", cookie: { maxAge: 60_000 } };
    const adopter = adoptExpressSession({ secret: key, store, subject, cookie: { name: "sid" } });
    expect(await adopted(adopter, await expressCookieOf(data, options))).toEqual({ data, subject: "7" });
    const ended = await expressCookieOf(data, options);
    const { sessions, clock } = adopting({ adopt: [adopter] });
    clock.now += 61_000;
    expect((await visit(sessions, ended, seen)).value.data).toEqual({});
  });
  test("a store that is none of express-session is a TypeError that names it", () => {
    const store = memoryStore();
    expect(() => adoptExpressSession({ secret: key, store: store as never })).toThrow(
      /adoptExpressSession: store must be the store of express-session, with get and destroy/,
    );
  });
});

describe("hono-sessions", () => {
  test("a session sealed in its cookie is adopted", async () => {
    const cookie = await honoCookie(data, { encryptionKey: key });
    const of = (encryptionKey: string): Adopter => adoptHonoSessions({ encryptionKey, subject });
    expect(await adopted(of(key), cookie)).toEqual({ data, subject: "7" });
    await refused(of(otherKey), cookie);
    for (const one of damaged(cookie)) await refused(of(key), one);
    const { sessions, clock } = adopting({ adopt: [of(key)] });
    clock.now += 3_601_000;
    expect((await visit(sessions, cookie, seen)).value.data).toEqual({});
  });
  test.each([{ encryptionKey: key }, {}])("a session in its store is adopted and ended there: %o", async (options) => {
    const store = new HonoMemoryStore();
    const cookie = await honoCookie(data, { store, ...options });
    const adopter = adoptHonoSessions({ store: store as never, subject, ...options });
    expect(await adopted(adopter, cookie)).toEqual({ data, subject: "7" });
    await refused(adopter, cookie);
  });
});

test("other cookies of the browser stay", async () => {
  const { sessions } = adopting({ adopt: [adoptIronSession({ password: key, cookie: { name: "iron" } })] });
  const cookie = `theme=dark; ${await ironCookie(data, { cookieName: "iron", password: key })}; lang=en`;
  const { setCookie } = await visit(sessions, cookie, seen);
  expect(cookieHeader(setCookie, cookie)).toMatch(/^theme=dark; lang=en; __Host-session=/);
});
