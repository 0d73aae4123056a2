/** Astro 7, for what is rendered on demand, with any adapter. */

import { isSessionError, type SessionError } from "../core/contracts/errors.ts";
import type { Access, Outcome } from "../core/request/exchange.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import { commitByCookies } from "./shared/cookie-line.ts";
import {
  answerTo,
  failureResponse,
  noteOpened,
  readerOf,
  runOpen,
  sealFailure,
  sealResponse,
  type Waits,
  waiting,
} from "./shared/fetch-response.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link astroSessions}. */
export interface AstroOptions extends AccessOption<AstroContext> {
  /**
   * Loads the session of every request before its page is rendered, and puts it on `Astro.locals` under this name.
   * Default: it is loaded when `sessions.get(Astro.locals)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Also saves changes made while a body is sent; its end waits for the save. Default true: Astro renders the
   * components of a page while it sends it. With false only for server-sent events; elsewhere, `await session.save()`.
   */
  readonly streaming?: boolean | undefined;
  /**
   * Answers when the session could not be loaded or saved. What it throws goes to Astro, which answers 500. Default: a
   * few words with the error's status.
   */
  readonly onError?: ((error: SessionError, context: AstroContext) => Response | Promise<Response>) | undefined;
}

/** The part of Astro's context that is used here. */
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
 * endpoints and later middleware, use `sessions.get(context)`. The response is sent once the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong type.
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
  const reader = readerOf(({ request }: AstroContext) => request, undefined, {
    secure: ({ url }) => url.protocol === "https:",
  });
  // A page that is prerendered goes to everybody, and no client has asked.
  const allowed = (context: AstroContext): Access | undefined => (context.isPrerendered ? "skip" : access?.(context));
  const begin = beginning<Data, AstroContext, string>(
    sessions,
    { attach, access: allowed },
    ({ locals }, name, session) => attachSession(locals, name, session),
    ({ locals }) => locals,
  );
  /** Requests that failed: Astro runs all middleware again for its error page, with another context. */
  const failed = new WeakMap<Request, object>();

  return async (context, next) => {
    const { request, locals } = context;
    const before = failed.get(request);
    const isOpen = sessions.isOpen(context) || (sessions.isOpen(locals) && !before);
    const exchange = isOpen ? undefined : sessions.open(context, reader, request, locals);
    if (exchange) noteOpened(locals, exchange);
    const begun = begin(context, exchange);
    try {
      await begun;
      if (!exchange) return await next();
      const response = await sealResponse(exchange, await runOpen(exchange, next), streaming, false, () =>
        hostOf(locals),
      );
      return before ? await sealFailure(before, response) : response;
    } catch (error) {
      if (exchange && !isSessionError(error)) {
        const due = {};
        noteOpened(due, exchange);
        failed.set(request, due);
        // Middleware before this one may answer the error: the cookies of what was saved go by way of `context.cookies`.
        await commitByCookies(exchange, failure, (...args) => context.cookies.set(...args));
      }
      return answerTo(error, onError, context, locals);
    }
  };
}

/** What its adapter for Cloudflare gives. */
function hostOf(locals: object): Waits | undefined {
  const { cfContext, runtime } = locals as { cfContext?: unknown; runtime?: { ctx?: unknown } };
  return waiting([cfContext, runtime?.ctx]);
}
