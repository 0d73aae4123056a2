/** Restify 12. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import type { ConnectMiddleware } from "./node.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning, runOrNext } from "./shared/begin.ts";
import { markFailed } from "./shared/held-response.ts";
import { ConnectRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { ConnectMiddleware } from "./node.ts";
export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link restifySessions}. */
export interface RestifyOptions extends AccessOption<NodeRequest> {
  /** The server. Its listeners for `restifyError` get the error when a session could not be saved. */
  readonly server: RestifyServer;
  /**
   * Loads the session of every request before the routes run, and puts it on `req` under this name. Default: it is
   * loaded when `sessions.get(req)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: whether the connection to this server is encrypted.
   */
  readonly secure?: ((req: NodeRequest) => boolean) | undefined;
}

/** The part of a server of Restify that is used here. */
export interface RestifyServer {
  prependListener(event: "restifyError", listener: never): unknown;
  listenerCount(event: "restifyError"): number;
  emit(event: "restifyError", ...args: never[]): boolean;
}

/** What Restify makes of a response. */
interface Response extends NodeResponse {
  /** Something was sent: Restify sends nothing more. */
  _sent?: boolean;
  send(error: unknown): unknown;
}

const known = new WeakSet<object>();

/**
 * Sessions for Restify. Mount it with `server.pre` or `server.use`, before the routes; in them, `sessions.get(req)` is
 * the session. The response is sent once the session is saved; an error of the store goes to the listeners for
 * `restifyError`, with `error.statusCode` 503. If no listener answers, Restify sends the error.
 *
 * @throws `TypeError` when `server` is missing, or an option is of the wrong type.
 * @example
 * ```ts
 * import { createServer } from "restify";
 * import { createSessions } from "sojourn";
 * import { restifySessions } from "sojourn/frameworks/restify";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const server = createServer();
 * server.pre(restifySessions(sessions, { server }));
 * server.get("/", async (req, res) => {
 *   const session = await sessions.get(req);
 *   res.send({ visits: session.update("visits", (n = 0) => n + 1) });
 * });
 * server.listen(3000);
 * ```
 */
export function restifySessions<Data extends object>(
  sessions: Sessions<Data>,
  options: RestifyOptions,
): ConnectMiddleware {
  checkAdapter("restifySessions", sessions, options, ["server", "attach", "access", "secure"]);
  const { server, secure } = options;
  if (typeof server?.prependListener !== "function")
    throw wrongArgument("server", "the server of Restify, as in restifySessions(sessions, { server })", server);
  noteErrors(server);
  const begin = beginning<Data, NodeRequest, string>(sessions, options, attachSession);
  // Restify calls the next handler every time it is asked to: `next` is called once.
  return function sojourn(req, res, next) {
    const fail = (error: unknown): void => answer(server, error, req, res as Response);
    runOrNext(
      begin(req, sessions.isOpen(req) ? undefined : new ConnectRequest(sessions, req, res, fail, secure)),
      next,
    );
  };
}

/** Passes the error of a failed save to Restify, which answers as for an error that a handler throws. */
function answer(server: RestifyServer, error: unknown, req: NodeRequest, res: Response): void {
  if (res.headersSent) return;
  // What was sent has been dropped.
  res._sent = false;
  const done = (): void => {
    if (!res._sent && !res.headersSent) res.send(error);
  };
  server.emit("restifyError", ...([req, res, error, done] as never[]));
}

/** Listens for errors, once per server: the changes of a handler that failed are not saved, whatever the response's status. */
function noteErrors(server: RestifyServer): void {
  if (known.has(server)) return;
  known.add(server);
  const note = (_req: unknown, res: object, _error: unknown, done: () => void): void => {
    markFailed(res);
    // Listeners share it, and it may be called once.
    if (server.listenerCount("restifyError") === 1) done();
  };
  server.prependListener("restifyError", note as never);
}
