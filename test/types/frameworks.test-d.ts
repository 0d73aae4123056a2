/** Types of the adapters: what compiles, and what must not. Read by `npm run check`, never run. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { createServer as createTls } from "node:https";
import { server as createHapi, type Request as HapiRequest } from "@hapi/hapi";
import { createParamDecorator, type DynamicModule, type ExecutionContext, type ModuleMetadata } from "@nestjs/common";
import { error as httpError } from "@sveltejs/kit";
import { type Handle, type HandleServerError, sequence } from "@sveltejs/kit/hooks";
import { initTRPC } from "@trpc/server";
import type { CreateExpressContextOptions } from "@trpc/server/adapters/express";
import type { CreateFastifyContextOptions } from "@trpc/server/adapters/fastify";
import type { FetchCreateContextFnOptions } from "@trpc/server/adapters/fetch";
import type { CreateHTTPContextOptions } from "@trpc/server/adapters/standalone";
import type { APIContext, AstroGlobal, MiddlewareHandler } from "astro";
import connect from "connect";
import { Elysia } from "elysia";
import express, { type RequestHandler, Router } from "express";
import express4 from "express4";
import fastify, { type FastifyRequest } from "fastify";
import { H3, type H3Event } from "h3";
import { createApp as createH3v1 } from "h3v1";
import { type Context, Hono } from "hono";
import Koa, { type Middleware } from "koa";
import polka from "polka";
import { createServer as createRestify } from "restify";
import { createSessions, type Session, type Sessions } from "sojourn";
import { astroSessions } from "sojourn/frameworks/astro";
import { elysiaSessions } from "sojourn/frameworks/elysia";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { fetchSessions } from "sojourn/frameworks/fetch";
import { h3Sessions } from "sojourn/frameworks/h3";
import { hapiSessions } from "sojourn/frameworks/hapi";
import { honoSessions } from "sojourn/frameworks/hono";
import { koaSessions } from "sojourn/frameworks/koa";
import { currentSession, nestSessions } from "sojourn/frameworks/nest";
import { connectSessionErrors, connectSessions, nodeSessions, openSessions } from "sojourn/frameworks/node";
import { nuxtSessions } from "sojourn/frameworks/nuxt";
import { polkaSessionErrors, polkaSessions } from "sojourn/frameworks/polka";
import { restifySessions } from "sojourn/frameworks/restify";
import { svelteKitSessionErrors, svelteKitSessions } from "sojourn/frameworks/sveltekit";

interface Data {
  visits: number;
  user: { id: string };
}

const sessions: Sessions<Data> = createSessions<Data>();

// What a request's session holds is known, wherever it comes from.
export async function handler(req: IncomingMessage): Promise<void> {
  const session: Session<Data> = await sessions.get(req);
  const visits: number | undefined = session.data.visits;
  session.data.visits = (visits ?? 0) + 1;
  // @ts-expect-error It may be absent.
  const id: string = session.data.user.id;
  session.data.user = { id };
  // @ts-expect-error Another type.
  session.data.visits = "1";
  // @ts-expect-error No such key.
  session.data.visit = 1;
}

// A listener for every server of Node, with the types of that server.
const withSessions = nodeSessions(sessions);
createServer(
  withSessions(async (req, res) => {
    const session: Session<Data> = await sessions.get(req);
    res.setHeader("x-path", req.url ?? "/").end(`${session.data.visits} ${req.httpVersion}`);
  }),
);
createTls(
  {},
  withSessions((req, res) => res.end(req.url)),
);
createServer(withSessions((req: IncomingMessage, res: ServerResponse) => res.end(req.url)));
createHttp2(
  withSessions((req: Http2ServerRequest, res: Http2ServerResponse) => res.stream.respond({ ":path": req.scheme })),
);
createSecureServer(
  {},
  withSessions((_req: Http2ServerRequest, res: Http2ServerResponse) => void res.end()),
);
nodeSessions(sessions, { onError: (error, req, res) => res.end(`${error} ${req.url}`) });
// @ts-expect-error The option takes a function.
nodeSessions(sessions, { onError: "log" });
// @ts-expect-error There is no such option.
nodeSessions(sessions, { attach: "session" });
// @ts-expect-error A request is an object.
sessions.get("request");

// Middleware for Connect, and Express 4 and 5.
connect().use(connectSessions(sessions)).use(connectSessionErrors());
for (const app of [express(), express4(), Router()]) {
  app.use(expressSessions(sessions));
  app.use("/path", expressSessions(sessions, { attach: "session" }), expressSessionErrors());
  app.get("/", expressSessions(sessions), async (req, res) => {
    const session: Session<Data> = await sessions.get(req);
    res.json(session.data);
  });
}
export const middleware: RequestHandler = expressSessions(sessions);
// @ts-expect-error The name of a property.
expressSessions(sessions, { attach: true });
// @ts-expect-error There is no such option.
connectSessions(sessions, { onError: () => {} });

// Hosts with one hook, and those that call next once.
const open = openSessions(sessions, { onError: (error, req, res) => res.end(`${error} ${req.url}`) });
createServer((req, res) => (open(req, res) ? res.end() : undefined));
createServer((req, res) => open(req, res, () => res.end()));
// @ts-expect-error The host asks for the session.
openSessions(sessions, { attach: "session" });

// Hapi, Restify, Polka, and h3 1 take what their adapters give, and give them their own requests.
const hapi = createHapi();
hapi.register(hapiSessions(sessions, { attach: "session", access: ({ path }) => (path === "/" ? "read" : undefined) }));
hapi.route({ method: "GET", path: "/", handler: async (request: HapiRequest) => (await sessions.get(request)).data });
const restify = createRestify();
restify.pre(restifySessions(sessions, { server: restify, attach: "session" }));
restify.get("/", async (req, res) => res.send((await sessions.get(req)).data));
// @ts-expect-error It needs the server.
restifySessions(sessions, {});
polka({ onError: polkaSessionErrors((error, req, res) => void res.end(`${error} ${req.url}`)) })
  .use(polkaSessions(sessions, { attach: "session" }))
  .get("/", async (req, res) => void res.end(`${(await sessions.get(req)).data.visits}`));
nuxtSessions(sessions, { access: ({ path }) => (path === "/" ? "no-touch" : undefined) })(createH3v1());

// Nothing is added to Express's request by importing the adapter. Whoever attaches says so.
declare const bare: express.Request;
// @ts-expect-error Not there.
bare.visitor;
interface Attached {
  visitor: Session<Data>;
}
express().get("/", (req, res) => {
  const { visitor } = req as typeof req & Attached;
  res.json(visitor.data.visits);
});

// Fetch handlers keep what comes after the request.
interface Env {
  readonly name: string;
}
const fetchHandler: (request: Request, env: Env) => Promise<Response> = fetchSessions(sessions)(
  async (request, env: Env) => {
    const session: Session<Data> = await sessions.get(request);
    return Response.json([env.name, session.data.visits]);
  },
);
export const worker = { fetch: fetchHandler };
fetchSessions(sessions)(() => new Response());
fetchSessions(sessions, { onError: ({ code, status }) => new Response(code, { status }), streaming: true });
// @ts-expect-error A handler answers.
fetchSessions(sessions)(async () => {});
// @ts-expect-error Its request is a fetch Request.
fetchSessions(sessions)((request: IncomingMessage) => new Response(request.url));
// @ts-expect-error A function of the request.
fetchSessions(sessions, { secure: true });

// Koa, with a state and a context of one's own.
interface WithSession {
  session: Session<Data>;
}
const koa = new Koa<{ name: string }, WithSession>();
koa.use(koaSessions(sessions, { attach: "session" }));
koa.use(async (ctx) => {
  const visits: number | undefined = ctx.session.data.visits;
  const session: Session<Data> = await sessions.get(ctx);
  ctx.body = [ctx.state.name, visits, session.data.visits];
  // @ts-expect-error Another type.
  ctx.session.data.visits = "1";
  // @ts-expect-error No await.
  sessions.get(ctx).data;
});
export const koaMiddleware: Middleware = koaSessions(sessions);
new Koa().use(async (ctx) => {
  // @ts-expect-error The name of a property.
  koaSessions(sessions, { attach: true });
  ctx.body = await sessions.get(ctx.request);
});
// @ts-expect-error There is no such option.
koaSessions(sessions, { secure: true });

// Fastify over HTTP/1, https and HTTP/2; what is attached is a decorator.
for (const app of [fastify(), fastify({ logger: true })]) {
  app.register(fastifySessions(sessions));
  app.register(fastifySessions(sessions, { attach: "visitor" }), { prefix: "/inside" });
}
fastify({ https: {} }).register(fastifySessions(sessions));
fastify({ http2: true }).register(fastifySessions(sessions));
fastify({ http2: true, https: {} }).register(fastifySessions(sessions));
fastify().get<{ Params: { id: string } }>("/:id", async (request) => {
  const session: Session<Data> = await sessions.get(request);
  const visitor = request.getDecorator<Session<Data>>("visitor");
  // @ts-expect-error Another type.
  visitor.data.visits = "1";
  // @ts-expect-error No such key.
  session.data.visit = 1;
  // @ts-expect-error No await.
  sessions.get(request).data;
  return [request.params.id, visitor.data.visits];
});
declare const fastifyRequest: FastifyRequest;
// @ts-expect-error Not there.
fastifyRequest.visitor;
// @ts-expect-error The name of a property.
fastifySessions(sessions, { attach: true });
// @ts-expect-error There is no such option.
fastifySessions(sessions, { secure: () => true });

// Hono: what is attached is a variable, and its other types stay.
const hono = new Hono<{ Bindings: { NAME: string }; Variables: { visitor: Session<Data>; other: number } }>();
hono.use(honoSessions(sessions, { attach: "visitor", streaming: true, secure: (request) => request.url !== "" }));
hono.use("/path/*", honoSessions(sessions));
hono.get("/:id", honoSessions(sessions), async (c) => {
  const session: Session<Data> = await sessions.get(c);
  const visitor: Session<Data> = c.get("visitor");
  // @ts-expect-error Another type.
  c.var.visitor.data.visits = "1";
  // @ts-expect-error No such key.
  session.data.visit = 1;
  // @ts-expect-error No await.
  sessions.get(c).data;
  return c.json([c.req.param("id"), c.env.NAME, c.var.other, visitor.data.visits]);
});
declare const honoContext: Context;
export const found: Promise<Session<Data>> = sessions.get(honoContext);
// @ts-expect-error The name of a variable.
honoSessions(sessions, { attach: true });
// @ts-expect-error A function of the request.
honoSessions(sessions, { secure: true });

// h3, with what is attached in the context.
const h3 = new H3();
h3.use(h3Sessions(sessions, { attach: "visitor", streaming: true, secure: ({ url }) => url !== "" }));
h3.use("/path/**", h3Sessions(sessions, { access: ({ url }) => (url.pathname === "/ping" ? "skip" : undefined) }));
h3.get("/:id", async (event) => {
  const session: Session<Data> = await sessions.get(event);
  // @ts-expect-error No such key.
  session.data.visit = 1;
  // @ts-expect-error Another type.
  session.data.visits = "1";
  // @ts-expect-error No await.
  sessions.get(event).data;
  return [event.context.params?.id, session.data.visits];
});
declare const h3Event: H3Event;
export const foundInH3: Promise<Session<Data>> = sessions.get(h3Event);
// @ts-expect-error The name of a property.
h3Sessions(sessions, { attach: true });
// @ts-expect-error What a route may do has three words.
h3Sessions(sessions, { access: () => "write" });

// SvelteKit: hooks that fit its types.
export const svelteKitHandle: Handle = svelteKitSessions(sessions, { attach: "session", streaming: true });
export const svelteKitSequence: Handle = sequence(
  svelteKitSessions(sessions, { access: ({ route }) => (route.id === "/ping" ? "skip" : undefined) }),
  svelteKitSessions(sessions, { onError: ({ status }) => httpError(status, "later") }),
  async ({ event, resolve }) => {
    const session: Session<Data> = await sessions.get(event);
    // @ts-expect-error No such key.
    session.data.visit = 1;
    // @ts-expect-error Another type.
    session.data.visits = "1";
    // @ts-expect-error No await.
    sessions.get(event).data;
    // @ts-expect-error Importing the adapter adds nothing.
    event.locals.session;
    return resolve(event);
  },
);
export const svelteKitHandleError: HandleServerError = svelteKitSessionErrors(({ kind, event }) => {
  return { status: kind === "framework" ? 404 : 500, message: event.url.pathname };
});
svelteKitSessionErrors(({ kind }: { kind: string }) => kind);
// @ts-expect-error The name of a property.
svelteKitSessions(sessions, { attach: true });
// @ts-expect-error It answers.
svelteKitSessions(sessions, { onError: () => {} });

// Elysia: the plugin keeps the types of the application, and derive adds the session's.
const elysia = new Elysia()
  .decorate("db", 1)
  .use(elysiaSessions(sessions, { streaming: true, access: (request) => (request.url === "" ? "skip" : undefined) }))
  .derive(async ({ request }) => ({ visitor: await sessions.get(request) }))
  .get("/:id", async (context) => {
    const session: Session<Data> = await sessions.get(context);
    const [db, id]: [number, string] = [context.db, context.params.id];
    // @ts-expect-error Another type.
    context.visitor.data.visits = "1";
    // @ts-expect-error No such key.
    session.data.visit = 1;
    // @ts-expect-error No await.
    sessions.get(context).data;
    // @ts-expect-error Not there.
    context.session;
    return [db, id, context.visitor.data.visits];
  });
new Elysia().use(elysia);
// @ts-expect-error There is no such option: see derive.
elysiaSessions(sessions, { attach: "visitor" });
// @ts-expect-error A function of the request.
elysiaSessions(sessions, { secure: true });

// Nest: a dynamic module, and what createParamDecorator takes.
export const dynamicModule: DynamicModule = nestSessions(sessions, { attach: "visitor" });
export const nestModule: ModuleMetadata = { imports: [nestSessions(sessions), dynamicModule] };
export const CurrentSession: () => ParameterDecorator = createParamDecorator(currentSession(sessions));
export async function canActivate(context: ExecutionContext): Promise<boolean> {
  const session: Session<Data> = await currentSession(sessions)(undefined, context);
  // @ts-expect-error No await.
  currentSession(sessions)(undefined, context).data;
  // @ts-expect-error No such key.
  session.data.visit = 1;
  return (await sessions.get(context.switchToHttp().getRequest())) === session;
}
// @ts-expect-error The name of a property.
nestSessions(sessions, { attach: true });

// tRPC: the session in the context, by the request of each of its adapters.
const trpc = initTRPC.context<{ session(): Promise<Session<Data>> }>().create();
trpc.procedure.query(async ({ ctx }) => {
  // @ts-expect-error Another type.
  (await ctx.session()).data.visits = "1";
  // @ts-expect-error No await.
  ctx.session().data;
  return (await ctx.session()).data.visits;
});
export const trpcContexts = [
  ({ req }: FetchCreateContextFnOptions) => ({ session: () => sessions.get(req) }),
  ({ req }: CreateHTTPContextOptions) => ({ session: () => sessions.get(req) }),
  ({ req }: CreateExpressContextOptions) => ({ session: () => sessions.get(req) }),
  ({ req }: CreateFastifyContextOptions) => ({ session: () => sessions.get(req) }),
];

// Astro: a middleware that fits its types; pages ask by their locals.
export const onRequest: MiddlewareHandler = astroSessions(sessions, { attach: "visitor", streaming: false });
astroSessions(sessions, { access: ({ routePattern }) => (routePattern === "/ping" ? "skip" : undefined) });
astroSessions(sessions, { onError: ({ status }, context) => Response.json(context.url.pathname, { status }) });
export async function inAstro(context: APIContext, Astro: AstroGlobal): Promise<void> {
  const session: Session<Data> = await sessions.get(context);
  (await sessions.get(Astro.locals)).data.visits = session.data.visits ?? 0;
  // @ts-expect-error No such key.
  session.data.visit = 1;
  // @ts-expect-error No await.
  sessions.get(Astro.locals).data;
  // @ts-expect-error Importing the adapter adds nothing.
  Astro.locals.visitor;
}
// @ts-expect-error The name of a property.
astroSessions(sessions, { attach: true });
// @ts-expect-error A function.
astroSessions(sessions, { access: "skip" });
