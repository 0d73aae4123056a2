/** NestJS 12, on Express and on Fastify. */

import type { Session } from "../core/contracts/session.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { type FastifyLike, fastifySessions } from "./fastify.ts";
import { type ConnectMiddleware, connectSessions, type NodeRequest } from "./node.ts";
import { markFailed } from "./shared/held-response.ts";
import { type AccessOf, checkAdapter, checkSessions } from "./shared/options.ts";

export type { NodeRequest } from "./shared/node-shapes.ts";
export type { AccessOf } from "./shared/options.ts";

/** The options of {@link nestSessions}. */
export interface NestOptions {
  /**
   * Loads the session of every request before guards and handlers run, and puts it on the request under this name.
   * Default: it is loaded on first use, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * What the route of a request may do with its session: see `Access`. Default: everything. Called before the session
   * is loaded, also by `attach`, which loads nothing for `"skip"`. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<NestRequest> | undefined;
}

/** What requests of Express and of Fastify have in common. */
export interface NestRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: NodeRequest["headers"];
}

/** The part of Nest's `MiddlewareConsumer` that is used here. */
export interface NestConsumer {
  getHttpAdapter(): { getType(): string; getInstance(): unknown; use(middleware: unknown): unknown };
}

/** The part of Nest's `ExecutionContext` that is used here. */
export interface NestContext {
  getType(): string;
  switchToHttp(): { getRequest(): object; getResponse(): object };
}

/** A dynamic module, for `imports`. */
export interface NestSessionsModule {
  module: new () => { configure(consumer: NestConsumer): Promise<void> };
  providers: { provide: string; useValue: object }[];
}

/** The part of an `Observable` that is used here. */
interface Answer {
  readonly constructor: unknown;
  subscribe(observer: Observer): unknown;
}

interface Observer {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/**
 * Sessions for NestJS: a module. Import it in the root module; in guards, interceptors, pipes and handlers
 * `sessions.get(request)` is the session, on Express and on Fastify. The response is sent once the session is saved; an
 * error of the store goes to the exception filters, with `error.status` 503.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { Module } from "@nestjs/common";
 * import { createSessions } from "sojourn";
 * import { nestSessions } from "sojourn/frameworks/nest";
 *
 * export const sessions = createSessions<{ visits: number }>();
 *
 * export class AppModule {}
 * Module({ imports: [nestSessions(sessions)] })(AppModule);
 * ```
 */
export function nestSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: NestOptions = {},
): NestSessionsModule {
  checkAdapter("nestSessions", sessions, options, ["attach", "access"]);
  const { attach, access } = options;
  const connect = connectSessions(sessions, { attach, access });
  const onFastify = fastifySessions(sessions, { attach, access });

  // One class each: two kinds of session are two modules.
  class SessionsModule {
    async configure(consumer: NestConsumer): Promise<void> {
      // Before the middleware of all modules, for every path, whatever the version of Nest writes for that.
      const adapter = consumer.getHttpAdapter();
      if (adapter.getType() === "fastify") await onFastify(adapter.getInstance() as FastifyLike);
      else adapter.use(onConnect(connect));
    }
  }
  // APP_INTERCEPTOR of @nestjs/core
  return { module: SessionsModule, providers: [{ provide: "APP_INTERCEPTOR", useValue: { intercept: markThrown } }] };
}

/**
 * The session of an execution context, for `createParamDecorator`.
 *
 * @example
 * ```ts
 * import { createParamDecorator } from "@nestjs/common";
 * import { createSessions } from "sojourn";
 * import { currentSession } from "sojourn/frameworks/nest";
 *
 * export const sessions = createSessions<{ visits: number }>();
 *
 * // In a controller: home(@CurrentSession() session: Session<{ visits: number }>)
 * export const CurrentSession = createParamDecorator(currentSession(sessions));
 * ```
 */
export function currentSession<Data extends object>(
  sessions: Sessions<Data>,
): (data: unknown, context: NestContext) => Promise<Session<Data>> {
  checkSessions("currentSession", sessions);
  return (_data, context) => sessions.get(context.switchToHttp().getRequest());
}

/** Exception filters answer, most without a look whether that is still possible: then they would end the process. */
function onConnect(middleware: ConnectMiddleware): ConnectMiddleware {
  return (req, res, next) =>
    middleware(req, res, (error) => {
      if (error === undefined || !res.headersSent) next(error);
    });
}

/** An interceptor: what a handler changed before it threw is not saved, whatever status an exception filter answers with. */
function markThrown(context: NestContext, next: { handle(): unknown }): unknown {
  const answer = next.handle() as Answer;
  if (context.getType() !== "http") return answer;
  const response = context.switchToHttp().getResponse() as { readonly raw?: object };
  const Observable = answer.constructor as new (start: (observer: Observer) => unknown) => Answer;
  return new Observable((observer) =>
    answer.subscribe({
      next: (value) => observer.next(value),
      complete: () => observer.complete(),
      error(error) {
        markFailed(response.raw ?? response);
        observer.error(error);
      },
    }),
  );
}
