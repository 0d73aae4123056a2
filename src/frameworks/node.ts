/** `node:http`, `node:https`, `node:http2` and Connect: the adapter, and the base of those for other Node frameworks. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { isPromise } from "../core/bytes/bytes.ts";
import { isSessionError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { answerInWords } from "./shared/answer-in-words.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning, runOrNext } from "./shared/begin.ts";
import { markFailed } from "./shared/held-response.ts";
import { ConnectRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOf, type AccessOption, checkAdapter } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link nodeSessions} and {@link openSessions}. */
export interface NodeOptions {
  /**
   * Answers when the handler threw, or when the session could not be saved. In the second case nothing of the handler's
   * response was sent, its headers are removed, and `statusCode` is the error's. Default: a `SessionError` is answered
   * with its status and a short text; any other error goes where it goes without sessions.
   */
  readonly onError?: ((error: unknown, req: NodeRequest, res: NodeResponse) => unknown) | undefined;
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: whether the connection to this server is encrypted.
   */
  readonly secure?: ((req: NodeRequest) => boolean) | undefined;
  /**
   * What the route of a request may do with its session: see `Access`. Default: everything. Called before the session
   * is loaded. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<NodeRequest> | undefined;
}

/** The options of {@link connectSessions}. */
export interface ConnectOptions extends AccessOption<NodeRequest> {
  /**
   * Loads the session of every request before the handlers run, and puts it on the request under this name. Default:
   * it is loaded when `sessions.get(req)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /** The same option as in {@link NodeOptions}. Default: `req.secure` if there is such a property, else as there. */
  readonly secure?: ((req: NodeRequest) => boolean) | undefined;
}

/** Wraps a request listener of a Node server. */
export type WithSessions = <Req extends NodeRequest = IncomingMessage, Res extends NodeResponse = ServerResponse>(
  handler: (req: Req, res: Res) => unknown,
) => (req: Req, res: Res) => unknown;

/** Opens the sessions of a request: see {@link openSessions}. */
export interface OpenRequest {
  /** Opens them, and calls `next` once. */
  (req: NodeRequest, res: NodeResponse, next: () => void): void;
  /** Opens them. False: the sessions answer the request themselves, so there is nothing left to do for it. */
  (req: NodeRequest, res: NodeResponse): boolean;
}

/** A middleware of Connect, Express and whatever else takes `(req, res, next)`. */
export type ConnectMiddleware = (req: NodeRequest, res: NodeResponse, next: (error?: unknown) => void) => void;

/** A middleware that errors pass through. */
export type ConnectErrorMiddleware = (
  error: unknown,
  req: NodeRequest,
  res: NodeResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Sessions for servers of `node:http`, `node:https` and `node:http2`. Returns a function that wraps the request
 * listener; in the listener, `sessions.get(req)` is the session. The response is sent once the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { nodeSessions } from "sojourn/frameworks/node";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const withSessions = nodeSessions(sessions);
 *
 * const server = createServer(
 *   withSessions(async (req, res) => {
 *     const session = await sessions.get(req);
 *     res.end(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 *   }),
 * );
 * server.listen(3000);
 * ```
 */
export function nodeSessions<Data extends object>(sessions: Sessions<Data>, options: NodeOptions = {}): WithSessions {
  checkAdapter("nodeSessions", sessions, options, ["onError", "access", "secure"]);
  const { onError } = options;
  return (handler) => (req, res) => {
    if (sessions.isOpen(req)) return handler(req, res);
    const opened = open(sessions, options, req, res);
    const thrown = (error: unknown): Promise<void> => {
      markFailed(res);
      if (!onError && !isSessionError(error)) throw error;
      if (!res.headersSent) opened.startOver(error);
      return answer(onError, error, req, res);
    };
    try {
      const result = opened.run(() => handler(req, res));
      return isPromise(result) ? result.catch(thrown) : result;
    } catch (error) {
      return thrown(error);
    }
  };
}

/**
 * Sessions for a server or framework without its own adapter, if it only calls one hook before the handlers, or passes
 * a `next` that may be called once. Returns a function that opens the sessions of a request and its response. From then
 * on `sessions.get(req)` is the session, and the response is sent once it is saved. If it cannot be saved, `onError`
 * answers, or a short 503 is sent; the host is not notified.
 *
 * If a handler throws, its changes are discarded when the host answers 500 or more. If the host may answer with a lower
 * status, use {@link connectSessionErrors}. `sessions.current()` works in what `next` calls.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { openSessions } from "sojourn/frameworks/node";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const open = openSessions(sessions);
 *
 * const server = createServer();
 * server.on("request", async (req, res) => {
 *   if (!open(req, res)) return; // sojourn answered this request; only with the option deviceBound
 *   const session = await sessions.get(req);
 *   res.end(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 * });
 * server.listen(3000);
 * ```
 */
export function openSessions<Data extends object>(sessions: Sessions<Data>, options: NodeOptions = {}): OpenRequest {
  checkAdapter("openSessions", sessions, options, ["onError", "access", "secure"]);
  const nothing = (): void => {};
  function openRequest(req: NodeRequest, res: NodeResponse, next: () => void): void;
  function openRequest(req: NodeRequest, res: NodeResponse): boolean;
  function openRequest(req: NodeRequest, res: NodeResponse, next?: () => void): unknown {
    const opened = sessions.isOpen(req) ? undefined : open(sessions, options, req, res);
    const answers = opened?.answer !== undefined;
    if (opened && (answers || next)) opened.run(next ?? nothing);
    else next?.();
    return next ? undefined : !answers;
  }
  return openRequest;
}

function open<Data extends object>(
  sessions: Sessions<Data>,
  { onError, secure, access }: NodeOptions,
  req: NodeRequest,
  res: NodeResponse,
): ConnectRequest<Data> {
  const opened = new ConnectRequest(sessions, req, res, (error) => answer(onError, error, req, res), secure);
  if (access) opened.exchange.restrict(access(req));
  return opened;
}

async function answer(
  onError: NodeOptions["onError"],
  error: unknown,
  req: NodeRequest,
  res: NodeResponse,
): Promise<void> {
  try {
    if (onError) await onError(error, req, res);
    else answerInWords(res);
  } catch {
    answerInWords(res);
  }
}

/**
 * Sessions as a middleware for Connect and its relatives. (For Express there is `sojourn/frameworks/express`.)
 * An error of the store, while loading or saving, goes to `next`.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { connectSessions } from "sojourn/frameworks/node";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const middleware = connectSessions(sessions);
 *
 * createServer((req, res) => {
 *   middleware(req, res, async (error) => {
 *     if (error) return res.writeHead(503).end();
 *     const session = await sessions.get(req);
 *     res.end(`visit ${session.data.visits ?? 0}`);
 *   });
 * });
 * ```
 */
export function connectSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: ConnectOptions = {},
): ConnectMiddleware {
  checkAdapter("connectSessions", sessions, options, ["attach", "access", "secure"]);
  const { secure } = options;
  const begin = beginning<Data, NodeRequest, string>(sessions, options, attachSession);
  return (req, res, next) =>
    runOrNext(
      begin(req, sessions.isOpen(req) ? undefined : new ConnectRequest(sessions, req, res, next, secure)),
      next,
    );
}

/** Notices that a handler threw, so that its unsaved changes are discarded even if an error handler
 * answers with a status below 500. Mount it after the routes and before the error handlers. Responses of 500 and above
 * are recognised without it.
 */
export function connectSessionErrors(): ConnectErrorMiddleware {
  // Four parameters: that is how a middleware for errors is recognised.
  return (error, _req, res, next) => {
    markFailed(res);
    next(error);
  };
}
