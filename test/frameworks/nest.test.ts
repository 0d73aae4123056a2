/** NestJS 12 on Express and on Fastify: the framework suite, and what is Nest's own. */

import "reflect-metadata";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  All,
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  createParamDecorator,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  ForbiddenException,
  Get,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  Post,
  Redirect,
  Req,
  Res,
  type Type,
  UseGuards,
} from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter, type NestExpressApplication } from "@nestjs/platform-express";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { text as bodyParser, type Request, type Response } from "express";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type Session, SessionError } from "sojourn";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { currentSession, nestSessions } from "sojourn/frameworks/nest";
import {
  type FrameworkHarness,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { cookieOf, type FaultySessions, faultySessions, ours } from "../support/faulty-sessions.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
import { describeCaches } from "../support/shared-caches.ts";
import { describeCases } from "../support/store-tests.ts";

reportBackend({
  backend: "nest",
  server: nodeServer,
  clients: [
    clientVersion("@nestjs/core"),
    clientVersion("@nestjs/platform-express"),
    clientVersion("@nestjs/platform-fastify"),
  ],
});

const platforms = ["express", "fastify"] as const;
type Platform = (typeof platforms)[number];

/** Decorators as a compiler applies them: this file runs without one. */
function decorate(
  target: Type,
  decorators: ClassDecorator[],
  methods: Record<string, { on: MethodDecorator[]; parameters?: ParameterDecorator[] }>,
): void {
  for (const [name, { on, parameters = [] }] of Object.entries(methods)) {
    for (const [index, one] of parameters.entries()) one(target.prototype, name, index);
    const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name) as PropertyDescriptor;
    for (const one of on) one(target.prototype, name, descriptor);
  }
  for (const one of decorators) one(target);
}

function answerExpress(res: Response, given: Reply): void {
  for (const [name, value] of given.headers ?? []) res.append(name, value);
  if (given.kind === "text") res.status(given.status ?? 200).send(given.text);
  else if (given.kind === "redirect") res.redirect(given.status ?? 302, given.location);
  else if (given.kind === "file") res.sendFile(given.path);
  else pipeline(Readable.from(given.chunks), res).catch(() => {});
}

function answerFastify(reply: FastifyReply, given: Reply): void {
  const several = new Set<string>();
  for (const [name, value] of given.headers ?? []) {
    // Fastify appends cookies only.
    const before = several.has(name) && name.toLowerCase() !== "set-cookie" ? `${reply.getHeader(name)}, ` : "";
    several.add(name);
    reply.header(name, before + value);
  }
  if (given.kind === "redirect") return void reply.redirect(given.location, given.status ?? 302);
  reply.code(given.status ?? 200);
  if (given.kind === "text") return void reply.send(given.text);
  reply.send(given.kind === "file" ? createReadStream(given.path) : Readable.from(given.chunks));
}

function answer(response: object, given: Reply): void {
  if ("raw" in response) answerFastify(response as FastifyReply, given);
  else answerExpress(response as Response, given);
}

async function create(platform: Platform, module: Type | DynamicModule): Promise<INestApplication> {
  const adapter = platform === "express" ? new ExpressAdapter() : new FastifyAdapter({ forceCloseConnections: true });
  return NestFactory.create(module, adapter as ExpressAdapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
}

function addFilter(app: INestApplication, filter: ExceptionFilter): void {
  // biome-ignore lint/correctness/useHookAtTopLevel: Nest's, not React's
  app.useGlobalFilters(filter);
}

async function launch(app: INestApplication): Promise<RunningApp> {
  await app.listen(0, "127.0.0.1");
  const server = app.getHttpServer();
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      await app.close();
    },
  };
}

async function start(platform: Platform, { sessions, attach, handle, onError }: TrialApp): Promise<RunningApp> {
  class AnyController {
    async any(request: Request | FastifyRequest, response: object): Promise<void> {
      const body = async (): Promise<string> => (typeof request.body === "string" ? request.body : "");
      answer(response, await handle(request, request.originalUrl, body));
    }
  }
  decorate(AnyController, [Controller()], {
    any: { on: [All(platform === "express" ? "*all" : "*")], parameters: [Req(), Res()] },
  });
  class AnyFilter implements ExceptionFilter {
    async catch(error: unknown, host: ArgumentsHost): Promise<void> {
      const http = host.switchToHttp();
      answer(http.getResponse(), await onError(error, http.getRequest()));
    }
  }
  Catch()(AnyFilter);
  class AppModule {}
  Module({ imports: sessions.map((one) => nestSessions(one, { attach })), controllers: [AnyController] })(AppModule);

  const app = await create(platform, AppModule);
  addFilter(app, new AnyFilter());
  if (platform === "express") (app as NestExpressApplication).use(bodyParser({ type: () => true, limit: "1mb" }));
  else {
    const fastify = app.getHttpAdapter().getInstance();
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser(
      "*",
      { parseAs: "string" },
      (_request: unknown, body: string, done: (e: null, b: string) => void) => done(null, body),
    );
  }
  return launch(app);
}

for (const platform of platforms) {
  const harness: FrameworkHarness = {
    name: `${clientVersion("@nestjs/core")} on ${platform}`,
    start: (app) => start(platform, app),
  };
  describeCases(harness.name, frameworkConformance(harness));
  describeCaches(harness);
}

interface Data {
  a: string;
}

const running: RunningApp[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

const setup = faultySessions<Data>;

type AnyRequest = Request & FastifyRequest;

/** What each test has: routes that write, read, fail and refuse. */
function moduleOf({ sessions, state }: FaultySessions<Data>, configure?: (consumer: MiddlewareConsumer) => void): Type {
  const CurrentSession = createParamDecorator(currentSession(sessions));
  class Guard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const session = await sessions.get(context.switchToHttp().getRequest());
      if (session.data.a !== undefined) session.data.a = "guarded";
      return session.subject === "ada";
    }
  }
  class Routes {
    async write(session: Session<Data>) {
      session.data.a = "1";
      return { ...session.data };
    }
    async read(request: AnyRequest) {
      return { ...(await sessions.get(request)).data };
    }
    async fail(session: Session<Data>) {
      session.data.a = "2";
      state.fault = "throw-before";
      return { secret: true };
    }
    async refuse(session: Session<Data>) {
      session.data.a = "3";
      throw new ForbiddenException("not you");
    }
    async login(session: Session<Data>) {
      session.login("ada");
    }
    async guarded() {
      return { in: true };
    }
  }
  const parameters = [CurrentSession()];
  decorate(Routes, [Controller()], {
    write: { on: [Post("write")], parameters },
    read: { on: [Get("read")], parameters: [Req()] },
    fail: { on: [Post("fail")], parameters },
    refuse: { on: [Post("refuse")], parameters },
    login: { on: [Post("login"), Redirect("/guarded", 303)], parameters },
    guarded: { on: [Get("guarded"), UseGuards(Guard)] },
  });
  class AppModule {
    configure(consumer: MiddlewareConsumer): void {
      configure?.(consumer);
    }
  }
  Module({ imports: [nestSessions(sessions)], controllers: [Routes] })(AppModule);
  return AppModule;
}

async function run(app: INestApplication): Promise<string> {
  const one = await launch(app);
  running.push(one);
  return one.url;
}

const method = "POST";

describe.each(platforms)("nestSessions on %s", (platform) => {
  test("a handler gets the session as a parameter, and guards get it from the request", async () => {
    const url = await run(await create(platform, moduleOf(setup())));
    expect((await fetch(`${url}/guarded`)).status).toBe(403);
    const login = await fetch(`${url}/login`, { method, redirect: "manual" });
    expect([login.status, login.headers.get("location")]).toEqual([303, "/guarded"]);
    expect(await (await fetch(`${url}/guarded`, { headers: cookieOf(login) })).json()).toEqual({ in: true });
  });

  test("without a filter Nest answers 503, read or write, without the handler's response", async () => {
    const { sessions, state } = setup();
    const url = await run(await create(platform, moduleOf({ sessions, state })));
    const made = await fetch(`${url}/write`, { method });
    for (const path of ["/fail", "/write"]) {
      const response = await fetch(url + path, { method, headers: cookieOf(made) });
      expect([response.status, await response.json()]).toEqual([
        503,
        { statusCode: 503, message: "Service Unavailable" },
      ]);
      expect(ours(response)).toEqual([]);
    }
    state.fault = "pass";
    expect(await (await fetch(`${url}/read`, { headers: cookieOf(made) })).json()).toEqual({ a: "1" });
  });

  test("a filter that catches SessionError answers, read or write", async () => {
    const { sessions, state } = setup();
    class SessionFilter implements ExceptionFilter<SessionError> {
      catch(error: SessionError, host: ArgumentsHost): void {
        app.getHttpAdapter().reply(host.switchToHttp().getResponse(), { sorry: error.code }, error.status);
      }
    }
    Catch(SessionError)(SessionFilter);
    const app = await create(platform, moduleOf({ sessions, state }));
    addFilter(app, new SessionFilter());
    const url = await run(app);
    const made = await fetch(`${url}/write`, { method });
    for (const path of ["/fail", "/write"]) {
      const response = await fetch(url + path, { method, headers: cookieOf(made) });
      expect([response.status, await response.json()]).toEqual([503, { sorry: "ERR_SESSION_STORE_UNAVAILABLE" }]);
    }
  });

  test("changes before a throw are not saved, whatever the status", async () => {
    const url = await run(await create(platform, moduleOf(setup())));
    const headers = cookieOf(await fetch(`${url}/write`, { method }));
    const response = await fetch(`${url}/refuse`, { method, headers });
    expect([response.status, (await response.json()) as object]).toEqual([
      403,
      expect.objectContaining({ message: "not you" }),
    ]);
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "1" });
  });

  test("changes by a guard that refuses are saved: Nest does not report the refusal", async () => {
    const url = await run(await create(platform, moduleOf(setup())));
    const headers = cookieOf(await fetch(`${url}/write`, { method }));
    expect((await fetch(`${url}/guarded`, { headers })).status).toBe(403);
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "guarded" });
  });

  test("middleware of Nest has the session: on Express by itself, on Fastify if the plugin is registered before Nest", async () => {
    const given = setup();
    const seen: unknown[] = [];
    const module = moduleOf(given, (consumer) => {
      const middleware = async (req: object, _res: object, next: () => void): Promise<void> => {
        seen.push({ ...(await given.sessions.get(req)).data });
        next();
      };
      consumer.apply(middleware).forRoutes("read");
    });
    const adapter = platform === "express" ? new ExpressAdapter() : new FastifyAdapter({ forceCloseConnections: true });
    if (adapter instanceof FastifyAdapter) await adapter.register(fastifySessions(given.sessions) as never);
    const url = await run(await NestFactory.create(module, adapter as ExpressAdapter, { logger: false }));
    const headers = cookieOf(await fetch(`${url}/write`, { method }));
    expect(await (await fetch(`${url}/read`, { headers })).json()).toEqual({ a: "1" });
    expect(seen).toEqual([{ a: "1" }]);
  });
});

test.each(platforms)("%s: a route that skips costs nothing, and one that reads does not write", async (platform) => {
  const { sessions } = setup();
  const CurrentSession = createParamDecorator(currentSession(sessions));
  class Routes {
    async write(session: Session<Data>) {
      session.data.a = "1";
      return "written";
    }
    async skip(request: AnyRequest) {
      return `${Reflect.has(request, "visitor") && Reflect.get(request, "visitor") !== null}`;
    }
  }
  decorate(Routes, [Controller()], {
    write: { on: [Post(["write", "read"])], parameters: [CurrentSession()] },
    skip: { on: [Get("skip")], parameters: [Req()] },
  });
  class AppModule {}
  const access = ({ url }: { readonly url?: string | undefined }) =>
    url === "/skip" ? ("skip" as const) : url === "/read" ? ("read" as const) : undefined;
  Module({ imports: [nestSessions(sessions, { attach: "visitor", access })], controllers: [Routes] })(AppModule);
  const app = await launch(await create(platform, AppModule));
  running.push(app);
  const first = await fetch(`${app.url}/write`, { method: "POST" });
  expect([first.status, ours(first).length]).toEqual([201, 1]);
  expect((await fetch(`${app.url}/read`, { method: "POST", headers: cookieOf(first) })).status).toBe(201);
  const refused = await fetch(`${app.url}/read`, { method: "POST" });
  expect(refused.status).toBe(500);
  expect(await (await fetch(`${app.url}/skip`, { headers: cookieOf(first) })).text()).toBe("false");
});

test("wrong options are refused where they are passed", () => {
  for (const attach of ["", 1]) {
    expect(() => nestSessions(setup().sessions, { attach: attach as never })).toThrow(/attach must be the name of a/);
  }
});
