/** Applications with the real session libraries: each begins a session and says which cookies a browser would hold. */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { Auth, skipCSRFCheck } from "authjs-core";
import Credentials from "authjs-core/providers/credentials";
import cookieSession from "cookie-session";
import expressSession from "express-session";
import fastify from "fastify";
import { Hono } from "hono";
import { CookieStore, MemoryStore, sessionMiddleware } from "hono-sessions";
import { getIronSession } from "iron-session";
import Koa from "koa";
import koaSession from "koa-session";
import { encode } from "next-auth/jwt";

export type Data = Record<string, unknown>;

/** The `Cookie` header of a client that got these `Set-Cookie` lines. */
export function cookieHeader(lines: readonly string[], before = ""): string {
  const jar = new Map(before === "" ? [] : before.split("; ").map((one) => one.split(/=(.*)/s) as [string, string]));
  for (const line of lines) {
    const [name, value] = (line.split(";")[0] as string).split(/=(.*)/s) as [string, string];
    if (/Max-Age=0(;|$)/i.test(line) || value === "") jar.delete(name);
    else jar.set(name, value);
  }
  return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

/** iron-session: whole, or in chunks when `data` is large. */
export async function ironCookie(data: Data, options: object): Promise<string> {
  const headers = new Headers();
  const request = new Request("https://example.com/");
  const session = await getIronSession<Data>(request, headers as never, { chunk: true, ...options } as never);
  Object.assign(session, data);
  await session.save();
  return cookieHeader(headers.getSetCookie());
}

/** next-auth 4: the token by its own `encode`. */
export async function nextAuthToken(token: Data, secret: string, maxAge?: number): Promise<string> {
  return encode({ token, secret, ...(maxAge !== undefined && { maxAge }) });
}

/** The cookies that next-auth 4 cuts a token into, by its own store of cookies. */
export function nextAuthChunks(name: string, token: string): string[] {
  const { SessionStore } = createRequire(import.meta.url)("../../node_modules/next-auth/core/lib/cookie.js");
  const store = new SessionStore({ name, options: {} }, { cookies: {} }, console);
  return store.chunk(token, {}).map((one: { name: string; value: string }) => `${one.name}=${one.value}`);
}

/** Auth.js: a login by its own handler. */
export async function authJsCookie(user: Data, secret: string | string[], claims: Data = {}): Promise<string> {
  const body = new URLSearchParams({ name: "ada" });
  const request = new Request("https://example.com/auth/callback/credentials", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "x-auth-return-redirect": "1" },
    body,
  });
  const config = {
    providers: [Credentials({ credentials: { name: {} }, authorize: () => user as never })],
    basePath: "/auth",
    secret,
    trustHost: true,
    skipCSRFCheck,
    callbacks: { jwt: ({ token }: { token: Data }) => ({ ...token, ...claims }) },
    logger: { error: (error: Error) => Promise.reject(error) },
  };
  const response = (await Auth(request, config as never)) as unknown as Response;
  const lines = response.headers.getSetCookie().filter((line) => line.includes("session-token"));
  return cookieHeader(lines);
}

/** koa-session over Koa. */
export async function koaCookie(data: Data, keys: readonly string[], options: object = {}): Promise<string> {
  const app = new Koa();
  app.keys = [...keys];
  app.use(koaSession({ secure: false, ...options } as never, app as never) as never);
  app.use((ctx) => {
    Object.assign((ctx as unknown as { session: Data }).session, data);
    ctx.body = "ok";
  });
  return fetched(app.callback());
}

/** cookie-session over Node's server. */
export async function cookieSessionCookie(data: Data, options: object): Promise<string> {
  const middleware = cookieSession(options);
  return fetched((req, res) =>
    middleware(req as never, res as never, () => {
      Object.assign((req as unknown as { session: Data }).session, data);
      res.end("ok");
    }),
  );
}

/** express-session over Node's server. */
export async function expressCookieOf(data: Data, options: object): Promise<string> {
  const middleware = expressSession({ resave: false, saveUninitialized: false, ...options } as never);
  return fetched((req, res) =>
    middleware(req as never, res as never, () => {
      Object.assign((req as unknown as { session: Data }).session, data);
      res.end("ok");
    }),
  );
}

export { expressSession };

async function fetched(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener as never).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await response.text();
    return cookieHeader(response.headers.getSetCookie());
  } finally {
    server.close();
  }
}

/** @fastify/session over Fastify. */
export async function fastifyCookieOf(data: Data, options: object): Promise<string> {
  const app = fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, { cookie: { secure: false }, ...options } as never);
  app.get("/", (request, reply) => {
    Object.assign(request.session, data);
    reply.send("ok");
  });
  const response = await app.inject("/");
  await app.close();
  return cookieHeader([response.headers["set-cookie"] ?? []].flat() as string[]);
}

/** hono-sessions over Hono, with a store or its CookieStore. */
export async function honoCookie(data: Data, options: object): Promise<string> {
  const app = new Hono();
  app.use("*", sessionMiddleware({ store: new CookieStore(), expireAfterSeconds: 3600, ...options } as never) as never);
  app.get("/", (c) => {
    const session = c.get("session" as never) as { set(key: string, value: unknown): void };
    for (const [key, value] of Object.entries(data)) session.set(key, value);
    return c.text("ok");
  });
  const response = await app.request("http://example.com/");
  return cookieHeader(response.headers.getSetCookie());
}

export { MemoryStore as HonoMemoryStore };
