/** Koa 3 and 2. */

import { isBytes, isPromise } from "../core/bytes/bytes.ts";
import type { HeaderAccess } from "../core/client/headers.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import { markFailed } from "./shared/held-response.ts";
import { isClosed, OpenedRequest } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link koaSessions}. */
export interface KoaOptions extends AccessOption<KoaContext> {
  /**
   * Loads the session of every request before the next middleware runs, and puts it on `ctx` under this name.
   * Default: it is loaded when `sessions.get(ctx)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
}

/** The part of Koa's context that is used here. */
export interface KoaContext {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly request: object;
  /** Koa's reading of `app.proxy`. */
  readonly secure: boolean;
  /** False: the middleware answers through `ctx.res`. */
  readonly respond?: boolean | undefined;
  status: number;
  body: unknown;
  onerror(error: Error): void;
  readonly app?: { readonly middleware: readonly unknown[] } | undefined;
}

/** A middleware of Koa. */
export type KoaMiddleware = (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/** The headers are written when they leave, by what holds the response. */
const later: HeaderAccess = { get: () => undefined, set() {}, append() {} };

/**
 * Sessions for Koa. Mount it before the middleware that uses sessions; in that middleware, `sessions.get(ctx)` is the
 * session. The session is saved when all later middleware is done. If the store fails, the error is thrown to the
 * earlier middleware, with `error.status` 503; if that does not catch it, Koa answers.
 *
 * Behind a proxy that terminates https, set `app.proxy = true`; the sessions use it too.
 *
 * @throws `TypeError` when an option is of the wrong type.
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
  const begin = beginning<Data, KoaContext, string>(sessions, options, attachSession);
  const middleware: KoaMiddleware = async (ctx, next) => {
    const begun = begin(ctx, sessions.isOpen(ctx) ? undefined : new KoaRequest(sessions, ctx));
    const opened = isPromise(begun) ? await begun : begun;
    if (!opened) return void (await next());
    const { exchange, response } = opened;
    try {
      await opened.run(next);
    } catch (error) {
      markFailed(response);
      throw error;
    }
    if (!exchange.used || ctx.respond === false || response.headersSent) return;
    // Nothing but Koa runs after the first middleware: the session is saved when Koa ends the response.
    if (ctx.app?.middleware[0] === middleware && isWhole(ctx.body)) return;
    try {
      await exchange.commit(later, { failed: ctx.status >= 500 });
    } catch (error) {
      markFailed(response);
      takeBack(ctx, opened, error);
      throw error;
    }
  };
  return middleware;
}

class KoaRequest<Data extends object> extends OpenedRequest<Data> {
  readonly #ctx: KoaContext;

  constructor(sessions: Sessions<Data>, ctx: KoaContext) {
    super(sessions, ctx.req, ctx.res, ctx, ctx.request);
    this.#ctx = ctx;
  }

  override fail(error: unknown): void {
    this.#ctx.onerror(error as Error);
  }

  override get given(): object {
    return this.#ctx;
  }

  override isSecure(): boolean {
    return this.#ctx.secure || isClosed(this.request);
  }
}

/** Whether Koa sends a body in one piece: text, bytes or JSON. A stream has to be let go of when the save fails. */
function isWhole(body: unknown): boolean {
  if (typeof body !== "object" || body === null || isBytes(body)) return true;
  const prototype = Object.getPrototypeOf(body);
  return prototype === Object.prototype || prototype === Array.prototype;
}

/** Removes the body and headers of the response whose session was not saved, so that no error response contains them. */
function takeBack(ctx: KoaContext, opened: Pick<OpenedRequest<object>, "startOver">, error: unknown): void {
  opened.startOver(error);
  const { status } = ctx;
  // Koa lets go of a stream, and takes it for an answer without a body.
  ctx.body = undefined;
  ctx.status = status;
}
