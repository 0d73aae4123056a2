/** Hapi 21. */

import { STATUS_CODES } from "node:http";
import type { HeaderAccess } from "../core/client/headers.ts";
import { isError, isSessionError, type SessionError } from "../core/contracts/errors.ts";
import type { Access, Outcome } from "../core/request/exchange.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { answerInWords } from "./shared/answer-in-words.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import { markFailed } from "./shared/held-response.ts";
import { ConnectRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link hapiSessions}. */
export interface HapiOptions extends AccessOption<HapiRequest> {
  /**
   * Loads the session of every request before authentication, and puts it on `request` under this name. Default: it is
   * loaded when `sessions.get(request)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Gives the response when the session could not be saved; nothing of the handler's response was sent. Default: the
   * error is thrown, and Hapi answers with its status, 503.
   */
  readonly onError?: ((error: unknown, request: HapiRequest, h: HapiToolkit) => unknown) | undefined;
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: whether the connection to this server is encrypted.
   */
  readonly secure?: ((request: HapiRequest) => boolean) | undefined;
}

/** The part of Hapi's request that is used here. */
export interface HapiRequest {
  readonly method: string;
  readonly path: string;
  readonly raw: { readonly req: NodeRequest; readonly res: NodeResponse };
  readonly route: { readonly settings: HapiRouteSettings };
  readonly response: object;
}

/** The part of the settings of a route that is used here. */
export interface HapiRouteSettings {
  readonly plugins?: object | undefined;
  handler?: unknown;
}

/** The part of Hapi's response toolkit that is used here. */
export interface HapiToolkit {
  readonly abandon: symbol;
  readonly continue: symbol;
}

/** The part of a server of Hapi that is used here. */
export interface HapiServer {
  ext(point: "onRequest" | "onPreAuth" | "onPreResponse", method: never): void;
}

/** What a route's `plugins: { sojourn: … }` may say about its session. */
export interface HapiSessionConfig {
  /** What the route may do with its session: see `Access`. `attach` leaves out routes that skip. Default: everything. */
  readonly session?: Access | undefined;
}

/** A plugin for `server.register`. */
export interface HapiSessionsPlugin {
  readonly name: "sojourn";
  readonly multiple: true;
  register(server: HapiServer): void;
}

type Method = (request: HapiRequest, h: HapiToolkit) => unknown;

/** The response at hand: a response of Hapi, or an error that was thrown. */
interface Answer {
  readonly isBoom?: boolean | undefined;
  readonly statusCode?: number | undefined;
}

/** The headers are written when they leave, by what holds the response. */
const later: HeaderAccess = { get: () => undefined, set() {}, append() {} };

/**
 * Sessions for Hapi: a plugin. Register it before your own extensions and the plugins that use sessions;
 * `sessions.get(request)` is the session, from `onRequest` on. The response is sent once the session is saved; an error
 * of the store is answered with its status, 503.
 *
 * To restrict a route, set it in its options: `plugins: { sojourn: { session: "no-touch" } }`.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import Hapi from "@hapi/hapi";
 * import { createSessions } from "sojourn";
 * import { hapiSessions } from "sojourn/frameworks/hapi";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const server = Hapi.server({ port: 3000 });
 * await server.register(hapiSessions(sessions));
 * server.route({
 *   method: "GET",
 *   path: "/",
 *   async handler(request) {
 *     const session = await sessions.get(request);
 *     return `visit ${session.update("visits", (n = 0) => n + 1)}`;
 *   },
 * });
 * ```
 */
export function hapiSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: HapiOptions = {},
): HapiSessionsPlugin {
  checkAdapter("hapiSessions", sessions, options, ["attach", "access", "onError", "secure"]);
  const { attach, access, onError, secure } = options;
  const slot = Symbol("sojourn request");
  const openedOf = (request: HapiRequest): HapiOpened<Data> | undefined =>
    (request as unknown as Record<symbol, HapiOpened<Data> | undefined>)[slot];
  const allowed = (request: HapiRequest): Access | undefined =>
    configOf(request) === "skip" ? "skip" : access?.(request);
  const begin = beginning(sessions, { attach, access: allowed }, attachSession);

  const onRequest: Method = async (request, h) => {
    if (sessions.isOpen(request)) return h.continue;
    const opened = new HapiOpened(sessions, request, secure);
    Object.assign(request, { [slot]: opened });
    if (!opened.answer) return h.continue;
    await opened.run(() => {});
    return h.abandon;
  };
  // Hapi goes on with no request whose client has left: what its handler does from then on is seen only from around it.
  const around = (method: Method): Method =>
    async function handler(this: unknown, request, h) {
      const opened = openedOf(request);
      let failed = true;
      try {
        const result = await method.call(this, request, h);
        failed = isFailure(result);
        return result;
      } finally {
        await opened?.handled({ failed });
      }
    };
  const seen = new WeakSet<HapiRouteSettings>();
  // The route is known from here on.
  const onPreAuth: Method = async (request, h) => {
    const opened = openedOf(request);
    const { settings } = request.route;
    if (!seen.has(settings)) {
      seen.add(settings);
      if (typeof settings.handler === "function") settings.handler = around(settings.handler as Method);
    }
    opened?.restrict(configOf(request));
    await begin(request, opened);
    return h.continue;
  };
  const onPreResponse: Method = async (request, h) => {
    const opened = openedOf(request);
    const { isBoom, statusCode = 200 }: Answer = request.response;
    if (isBoom) {
      markFailed(request.raw.res);
      if (isSessionError(request.response)) asBoom(request.response);
    }
    if (opened) opened.answered = { failed: isBoom === true || statusCode >= 500 };
    if (!opened?.exchange.used || isBoom) return h.continue;
    try {
      await opened.exchange.commit(later, opened.answered);
      return h.continue;
    } catch (error) {
      markFailed(request.raw.res);
      opened.startOver(error);
      if (onError) return onError(error, request, h);
      throw isSessionError(error) ? asBoom(error) : error;
    }
  };

  return {
    name: "sojourn",
    // Two kinds of session are two plugins.
    multiple: true,
    register(server) {
      for (const [point, method] of Object.entries({ onRequest, onPreAuth, onPreResponse }))
        server.ext(point as "onRequest", method as never);
    },
  };
}

function configOf({ route }: HapiRequest): Access | undefined {
  return (route.settings.plugins as { sojourn?: HapiSessionConfig } | undefined)?.sojourn?.session;
}

function isFailure(result: unknown): boolean {
  return isError(result) || ((result as Answer | null | undefined)?.statusCode ?? 0) >= 500;
}

/** Hapi takes the status of no errors but its own: those that have these. */
function asBoom(error: SessionError): Error {
  const { status: statusCode } = error;
  const words = STATUS_CODES[statusCode] ?? "Error";
  const output = { statusCode, payload: { statusCode, error: words, message: words }, headers: {} };
  return Object.assign(error, { isBoom: true, isServer: statusCode >= 500, output });
}

class HapiOpened<Data extends object> extends ConnectRequest<Data> {
  /** What Hapi answers: before its handler is done when the time of the server is up, and never when the client left before. */
  answered: Outcome | undefined;
  readonly #request: HapiRequest;

  constructor(sessions: Sessions<Data>, request: HapiRequest, secure: ((request: HapiRequest) => boolean) | undefined) {
    const { req, res } = request.raw;
    super(sessions, req, res, () => answerInWords(res), secure && (() => secure(request)), request);
    this.#request = request;
  }

  override get given(): object {
    return this.#request;
  }

  /** The handler is done: saves what Hapi does not ask for any more. */
  handled(outcome: Outcome): Promise<void> | undefined {
    const { exchange, response, answered } = this;
    if (!exchange.used) return undefined;
    if (answered) return exchange.finish(answered);
    if (exchange.isOver) return this.#left(outcome);
    // It may still leave before Hapi comes to answer. The store tells of its own failures.
    response.on("close", () => void this.#left(outcome)?.catch(() => {}));
    return undefined;
  }

  #left(outcome: Outcome): Promise<void> | undefined {
    return this.answered || this.response.writableEnded ? undefined : this.exchange.commit(later, outcome);
  }
}
