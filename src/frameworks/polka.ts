/** Polka 1 (next) and 0.5. */

import type { Sessions } from "../core/request/sessions.ts";
import { connectSessions, type NodeRequest, type NodeResponse } from "./node.ts";
import { answerInWords } from "./shared/answer-in-words.ts";
import { markFailed } from "./shared/held-response.ts";
import { statusOf } from "./shared/node-request.ts";
import { type AccessOption, checkAdapter, checkFunction } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./node.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link polkaSessions}. */
export interface PolkaOptions extends AccessOption<NodeRequest> {
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

/**
 * Polka's `onError`. `error` is what a route threw or passed to `next`. For a path without a route, it is an object
 * with `status` or `code` 404.
 */
export type PolkaOnError = (
  error: unknown,
  req: NodeRequest,
  res: NodeResponse,
  next: () => unknown,
) => void | Promise<void>;

/** A middleware of Polka. */
export type PolkaMiddleware = (req: NodeRequest, res: NodeResponse, next: (error?: never) => unknown) => void;

/**
 * Sessions for Polka. Mount it before the routes; in them, `sessions.get(req)` is the session. The response is sent
 * once the session is saved; an error of the store goes to the `onError` of the application: see {@link
 * polkaSessionErrors}.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import polka from "polka";
 * import { createSessions } from "sojourn";
 * import { polkaSessionErrors, polkaSessions } from "sojourn/frameworks/polka";
 *
 * const sessions = createSessions<{ visits: number }>();
 *
 * polka({ onError: polkaSessionErrors() })
 *   .use(polkaSessions(sessions))
 *   .get("/", async (req, res) => {
 *     const session = await sessions.get(req);
 *     res.end(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 *   })
 *   .listen(3000);
 * ```
 */
export function polkaSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: PolkaOptions = {},
): PolkaMiddleware {
  checkAdapter("polkaSessions", sessions, options, ["attach", "access", "secure"]);
  const connect = connectSessions(sessions, options);
  return (req, res, next) =>
    connect(req, res, (error) => {
      if (error === undefined) return void next();
      try {
        next(error as never);
      } catch (thrown) {
        // Polka's own `onError` takes `error.code` for a status.
        if (res.headersSent) throw thrown;
        res.statusCode = statusOf(error);
        answerInWords(res);
      }
    });
}

/**
 * The `onError` of an application. It notices that a route failed, so that its unsaved changes are discarded, for any
 * status of the response. Then your own function answers. Without one, the response has the status of the error and a
 * short text. (Polka's own `onError` sends the error's message to the client, and that of Polka 0.5 uses `error.code`
 * as the status.)
 *
 * @throws `TypeError` when `onError` is no function.
 * @example
 * ```ts
 * import polka from "polka";
 * import { isSessionError } from "sojourn";
 * import { polkaSessionErrors } from "sojourn/frameworks/polka";
 *
 * export const app = polka({
 *   onError: polkaSessionErrors((error, _req, res) => {
 *     res.statusCode = isSessionError(error) ? error.status : 500;
 *     res.end("Sorry.");
 *   }),
 * });
 * ```
 */
export function polkaSessionErrors(onError?: PolkaOnError): PolkaOnError {
  checkFunction("onError", onError);
  return (error, req, res, next) => {
    markFailed(res);
    if (onError) return onError(error, req, res, next);
    if (!res.headersSent) res.statusCode = statusOf(error, "status", "code");
    return answerInWords(res);
  };
}
