/** Fastify 5. */

import { STATUS_CODES } from "node:http";
import type { Access } from "../core/request/exchange.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning, runOrNext } from "./shared/begin.ts";
import { markFailed } from "./shared/held-response.ts";
import { isClosed, OpenedRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOf, checkAdapter } from "./shared/options.ts";

export type { NodeRequest } from "./shared/node-shapes.ts";
export type { AccessOf } from "./shared/options.ts";

/** The options of {@link fastifySessions}. */
export interface FastifyOptions {
  /**
   * Loads the session of every request before the routes run, and decorates the request with it under this name.
   * Default: it is loaded when `sessions.get(request)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * What the route of a request may do with its session: see `Access`. Called before the session is loaded, also by
   * `attach`, which loads nothing for `"skip"`. If both are set, both apply. Default: what the route's `config` says.
   */
  readonly access?: AccessOf<FastifyRequestLike> | undefined;
}

/** The part of a request of Fastify that is used here. */
export interface FastifyRequestLike {
  readonly method: string;
  readonly url: string;
  readonly headers: NodeRequest["headers"];
}

/** What a route's `config` may say about its session. */
export interface FastifySessionConfig {
  /** What the route may do with its session: see `Access`. `attach` leaves out routes that skip. Default: everything. */
  readonly session?: Access | undefined;
}

/** The part of a Fastify application that is used here. */
export interface FastifyLike {
  addHook(name: string, hook: unknown): unknown;
  decorateRequest(name: string, value: null): unknown;
}

/** A plugin for `app.register`. */
export type FastifySessionsPlugin = (app: FastifyLike) => Promise<void>;

interface Request extends FastifyRequestLike {
  readonly raw: NodeRequest;
  readonly protocol: string;
  readonly routeOptions: { readonly config?: FastifySessionConfig | undefined };
  readonly log: { error(what: object, message: string): void };
  [name: string | symbol]: unknown;
}

interface Reply {
  readonly raw: NodeResponse;
  readonly sent: boolean;
  getHeaders(): object;
  removeHeader(name: string): unknown;
  send(error: unknown): unknown;
}

type Done = (error?: unknown) => void;

/**
 * Sessions for Fastify: a plugin. Register it before the routes. It applies to all of them, also in nested plugins;
 * `sessions.get(request)` is the session. The response is sent once the session is saved; an error of the store goes to
 * the error handler, with `error.status` 503.
 *
 * To restrict a route, set it in its `config`: `app.get("/unread", { config: { session: "no-touch" } }, …)`.
 *
 * Behind a proxy that terminates https, set Fastify's option `trustProxy`; the sessions use it too.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import fastify from "fastify";
 * import { createSessions } from "sojourn";
 * import { fastifySessions } from "sojourn/frameworks/fastify";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const app = fastify();
 * app.register(fastifySessions(sessions));
 * app.get("/", async (request) => {
 *   const session = await sessions.get(request);
 *   return `visit ${session.update("visits", (n = 0) => n + 1)}`;
 * });
 * ```
 */
export function fastifySessions<Data extends object>(
  sessions: Sessions<Data>,
  options: FastifyOptions = {},
): FastifySessionsPlugin {
  checkAdapter("fastifySessions", sessions, options, ["attach", "access"]);
  const { attach, access } = options;
  const slot = Symbol("sojourn request");
  const allowed = (request: Request): Access | undefined => (configOf(request) === "skip" ? "skip" : access?.(request));
  const begin = beginning(sessions, { attach, access: allowed }, attachSession);

  const onRequest = (request: Request, reply: Reply, done: Done): void => {
    const opened = sessions.isOpen(request) ? undefined : new FastifyOpened(sessions, request, reply);
    if (opened) request[slot] = opened;
    opened?.restrict(configOf(request));
    runOrNext(begin(request, opened), done);
  };
  // A body comes in another context than its request.
  const preValidation = (request: Request, _reply: Reply, done: Done): void => {
    runOrNext(request[slot] as FastifyOpened<Data> | undefined, done);
  };
  const onError = (_request: Request, reply: Reply, _error: unknown, done: Done): void => {
    markFailed(reply.raw);
    done();
  };

  const plugin: FastifySessionsPlugin = async (app) => {
    if (attach !== undefined) app.decorateRequest(attach, null);
    app.addHook("onRequest", onRequest);
    app.addHook("preValidation", preValidation);
    app.addHook("onError", onError);
  };
  // As the package fastify-plugin has it: the hooks are for all routes of who registers this, not only for those inside.
  return Object.assign(plugin, {
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "sojourn",
    [Symbol.for("plugin-meta")]: { name: "sojourn", fastify: "5.x" },
  });
}

function configOf({ routeOptions }: Request): Access | undefined {
  return routeOptions.config?.session;
}

class FastifyOpened<Data extends object> extends OpenedRequest<Data> {
  readonly #request: Request;
  readonly #reply: Reply;
  /** The headers of what ran before. */
  readonly #kept: readonly string[];

  constructor(sessions: Sessions<Data>, request: Request, reply: Reply) {
    super(sessions, request.raw, reply.raw, request);
    this.#request = request;
    this.#reply = reply;
    this.#kept = Object.keys(reply.getHeaders());
  }

  override fail(error: unknown): void {
    const [reply, { response }] = [this.#reply, this];
    if (response.headersSent) return void this.#request.log.error({ err: error }, "a session was not saved");
    // Taken out of Fastify's hands (`reply.hijack`).
    if (reply.sent) return void response.end(STATUS_CODES[response.statusCode] ?? "Error");
    for (const name of Object.keys(reply.getHeaders())) if (!this.#kept.includes(name)) reply.removeHeader(name);
    reply.send(error);
  }

  override get given(): object {
    return this.#request;
  }

  override isSecure(): boolean {
    return this.#request.protocol !== "http" || isClosed(this.request);
  }
}
