/** Koa 3 and 2. */

import type { HeaderAccess } from "../core/client/headers.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { markFailed } from "./shared/held-response.ts";
import { OpenedRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOf, checkAdapter } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";

/** The options of {@link koaSessions}. */
export interface KoaOptions {
  /**
   * Loads the session of every request before the middleware behind it runs, and puts it on `ctx` under this name.
   * Default: it is loaded when `sessions.get(ctx)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * What the route of a request may do with its session: see `Access`; `undefined`: everything. Asked before the
   * session is loaded, also by `attach`, which leaves out those that skip. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<KoaContext> | undefined;
}

/** What is needed of Koa's context. */
export interface KoaContext {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly request: object;
  /** What Koa makes of `app.proxy`. */
  readonly secure: boolean;
  /** False: the middleware answers through `ctx.res`. */
  readonly respond?: boolean | undefined;
  status: number;
  body: unknown;
  onerror(error: Error): void;
}

/** A middleware of Koa. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/** The headers are written when they leave, by what holds the response. */
const later: HeaderAccess = { get: () => undefined, set() {}, append() {} };

/**
 * Sessions for Koa. Mount it before what uses them; there, `sessions.get(ctx)` is the session. It is saved when the
 * middleware behind this one is done. An error of the store is thrown to the middleware before this one, and has
 * `error.status` 503: without a `try` there, Koa answers.
 *
 * Behind a proxy that ends https, `app.proxy = true` tells Koa, and through it the sessions.
 *
 * @throws `TypeError` when an option is of the wrong kind.
 * @example
 * ```ts
 * import Koa from "koa";
 * import { createSessions } from "sojourn";
 * import { koaSessions } from "sojourn/frameworks/koa";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const app = new Koa();
 * app.use(koaSessions(sessions));
 * app.use(async (ctx) => {
 *   const session = await sessions.get(ctx);
 *   ctx.body = `visit ${session.update("visits", (n = 0) => n + 1)}`;
 * });
 * ```
 */
export function koaSessions<Data extends object>(sessions: Sessions<Data>, options: KoaOptions = {}): KoaMiddleware {
  checkAdapter("koaSessions", sessions, options, ["attach", "access"]);
  const { attach, access } = options;
  return async (ctx, next) => {
    const { res } = ctx;
    const opened = sessions.isOpen(ctx) ? undefined : open(sessions, ctx);
    const allowed = access?.(ctx);
    opened?.exchange.restrict(allowed);
    if (attach !== undefined && allowed !== "skip") {
      attachSession(ctx, attach, await sessions.get(ctx));
    }
    if (!opened) return void (await next());
    const { exchange } = opened;
    try {
      await exchange.run(next);
    } catch (error) {
      markFailed(res);
      throw error;
    }
    if (!exchange.used || ctx.respond === false || res.headersSent) return;
    try {
      await exchange.commit(later, { failed: ctx.status >= 500 });
    } catch (error) {
      markFailed(res);
      takeBack(ctx, opened, error);
      throw error;
    }
  };
}

function open<Data extends object>(sessions: Sessions<Data>, ctx: KoaContext): OpenedRequest<Data> {
  const { req, res, request } = ctx;
  const fail = (error: unknown): void => ctx.onerror(error as Error);
  // A closed stream of HTTP/2 does not tell any more; then nobody is left to be warned for.
  const secure = ({ stream }: NodeRequest): boolean =>
    ctx.secure || (stream !== undefined && stream.session === undefined);
  return new OpenedRequest(sessions, req, res, fail, secure, ctx, request);
}

/** Whatever the error is answered with, it is not the response whose session was not saved. */
function takeBack(ctx: KoaContext, opened: Pick<OpenedRequest<object>, "startOver">, error: unknown): void {
  opened.startOver(error);
  const { status } = ctx;
  // Koa lets go of a stream, and takes it for an answer without a body.
  ctx.body = undefined;
  ctx.status = status;
}
