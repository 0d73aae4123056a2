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
  HttpException,
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
import { createSessions, SessionError, type Session } from "sojourn";
import { fastifySessions } from "sojourn/frameworks/fastify";
import { currentSession, nestSessions } from "sojourn/frameworks/nest";
import { memoryStore } from "sojourn/stores/memory";
import {
  type Fault,
  type FrameworkHarness,
  faultyStore,
  frameworkConformance,
  type Reply,
  type RunningApp,
  type TrialApp,
} from "sojourn/testing";
import { afterEach, describe, expect, test } from "vitest";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";
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
  return NestFactory.create(module, adapter as ExpressAdapter, { logger: false, bodyParser: false, abortOnError: false });
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
  decorate(AnyController, [Controller()], { any: { on: [All(platform === "express" ? "*all" : "*")], parameters: [Req(), Res()] } });
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
  app.useGlobalFilters(new AnyFilter());
  if (platform === "express") (app as NestExpressApplication).use(bodyParser({ type: () => true, limit: "1mb" }));
  else {
    const fastify = app.getHttpAdapter().getInstance();
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser("*", { parseAs: "string" }, (_request: unknown, body: string, done: (e: null, b: string) => void) => done(null, body));
  }
  return launch(app);
}

for (const platform of platforms) {
  const harness: FrameworkHarness = {
    name: `${clientVersion("@nestjs/core")} on ${platform}`,
    start: (app) => start(platform, app),
  };
  describeCases(harness.name, frameworkConformance(harness));
}
