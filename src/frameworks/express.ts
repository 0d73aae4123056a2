/** Express 4 and 5. */

import type { Sessions } from "../core/request/sessions.ts";
import {
  type ConnectErrorMiddleware,
  type ConnectMiddleware,
  connectSessionErrors,
  connectSessions,
  type NodeRequest,
} from "./node.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { ConnectErrorMiddleware, ConnectMiddleware, NodeRequest, NodeResponse } from "./node.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link expressSessions}. */
export interface ExpressOptions extends AccessOption<NodeRequest> {
  /**
   * Loads the session of every request before the routes run, and puts it on `req` under this name. Default: it is
   * loaded when `sessions.get(req)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
}

/**
 * Sessions for Express. Mount it before the routes; in them, `sessions.get(req)` is the session. The response is sent
 * once the session is saved; an error of the store goes to the error handlers, with `error.status` 503.
 *
 * Behind a proxy that terminates https, set `app.set("trust proxy", …)`; the sessions use it too.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const app = express();
 * app.use(expressSessions(sessions));
 * app.get("/", async (req, res) => {
 *   const session = await sessions.get(req);
 *   res.send(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 * });
 * ```
 */
export function expressSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: ExpressOptions = {},
): ConnectMiddleware {
  checkAdapter("expressSessions", sessions, options, ["attach", "access"]);
  return connectSessions(sessions, { attach: options.attach, access: options.access });
}

/** Notices that a route threw, so that its unsaved changes are discarded even if an error handler answers
 * with a status below 500. Without it, the sessions only recognise responses of 500 and above.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";
 *
 * const app = express();
 * app.use(expressSessions(createSessions()));
 * app.get("/", () => {
 *   throw new Error("not saved");
 * });
 * app.use(expressSessionErrors());
 * app.use(((_error, _req, res, _next) => res.status(400).send("Sorry.")) satisfies express.ErrorRequestHandler);
 * ```
 */
export function expressSessionErrors(): ConnectErrorMiddleware {
  return connectSessionErrors();
}
