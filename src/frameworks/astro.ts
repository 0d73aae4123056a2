/** Astro 7, for what is rendered on demand, with any adapter. */

import { isSessionError, type SessionError } from "../core/contracts/errors.ts";
import type { Exchange, Outcome, RequestReader } from "../core/request/exchange.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { setByLine } from "./shared/cookie-line.ts";
import {
  failureResponse,
  noteOpened,
  runOpen,
  sealFailure,
  sealResponse,
  type Waits,
  waiting,
} from "./shared/fetch-response.ts";
import { type AccessOf, checkAdapter } from "./shared/options.ts";

/** The options of {@link astroSessions}. */
export interface AstroOptions {
  /**
   * Loads the session of every request before its page is rendered, and puts it on `Astro.locals` under this name.
   * Default: it is loaded when `sessions.get(Astro.locals)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * What the route of a request may do with its session: see `Access`; `undefined`: everything. Asked before the
   * session is loaded, also by `attach`, which leaves out those that skip. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<AstroContext> | undefined;
  /**
   * Also saves what is changed while a body is being sent; its end waits for it. Default true: Astro renders the
   * components of a page while it sends it. With false only for server-sent events; elsewhere, `await session.save()`.
   */
  readonly streaming?: boolean | undefined;
  /**
   * Answers when the session could not be loaded or saved. What it throws goes to Astro, which answers 500. Default: a
   * few words with the error's status.
   */
  readonly onError?: ((error: SessionError, context: AstroContext) => Response | Promise<Response>) | undefined;
}

/** What is needed of Astro's context. */
export interface AstroContext {
  readonly request: Request;
  readonly url: URL;
  readonly routePattern: string;
  readonly isPrerendered: boolean;
  readonly locals: object;
  readonly cookies: { set(name: string, value: string, options: object): void };
}

/** A middleware of Astro. */
export type AstroMiddleware = (context: AstroContext, next: () => Promise<Response>) => Promise<Response>;

const failure: Outcome = { failed: true };

/**
 * Sessions for Astro: a middleware, the first of `sequence`. In pages, `sessions.get(Astro.locals)` is the session; in
 * endpoints and the middleware behind it `sessions.get(context)` is, too. The response leaves when the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong kind.
 * @example
 * ```ts
 * import type { MiddlewareHandler } from "astro";
 * import { createSessions } from "sojourn";
 * import { astroSessions } from "sojourn/frameworks/astro";
 *
 * export const sessions = createSessions<{ visits: number }>();
 * export const onRequest: MiddlewareHandler = astroSessions(sessions);
 * ```
 */
export function astroSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: AstroOptions = {},
): AstroMiddleware {
  checkAdapter("astroSessions", sessions, options, ["attach", "access", "streaming", "onError"]);
  const { attach, access, streaming = true, onError = failureResponse } = options;
  const reader: RequestReader<AstroContext> = {
    cookie: ({ request }) => request.headers.get("cookie"),
    secure: ({ url }) => url.protocol === "https:",
  };
  /** Requests that failed: Astro runs all middleware again for its error page, with another context. */
  const failed = new WeakMap<Request, object>();

  return async (context, next) => {
    const { request, locals } = context;
    const before = failed.get(request);
    const isOpen = sessions.isOpen(context) || (sessions.isOpen(locals) && !before);
    const exchange = isOpen ? undefined : sessions.open(context, reader, request, locals);
    // Nobody has asked, and everybody gets the answer.
    const allowed = context.isPrerendered ? "skip" : access?.(context);
    exchange?.restrict(allowed);
    if (exchange) noteOpened(locals, exchange);
    try {
      if (attach !== undefined && allowed !== "skip") {
        attachSession(locals, attach, await sessions.get(locals));
      }
      if (!exchange) return await next();
      const response = await sealResponse(exchange, await runOpen(exchange, next), streaming, false, () =>
        hostOf(locals),
      );
      return before ? await sealFailure(before, response) : response;
    } catch (error) {
      if (isSessionError(error)) return sealFailure(locals, await onError(error, context));
      if (exchange) {
        const due = {};
        noteOpened(due, exchange);
        failed.set(request, due);
        await putCookies(context, exchange);
      }
      throw error;
    }
  };
}

/** What its adapter for Cloudflare gives. */
function hostOf(locals: object): Waits | undefined {
  const { cfContext, runtime } = locals as { cfContext?: unknown; runtime?: { ctx?: unknown } };
  return waiting([cfContext, runtime?.ctx]);
}

/** Middleware before this one may answer the error: it gets the cookies of what was saved by way of `context.cookies`. */
async function putCookies({ cookies }: AstroContext, exchange: Pick<Exchange, "used" | "commit">): Promise<void> {
  if (!exchange.used) return;
  const headers = new Headers();
  await exchange.commit(headers, failure);
  for (const line of headers.getSetCookie()) setByLine(line, (...args) => cookies.set(...args));
}
