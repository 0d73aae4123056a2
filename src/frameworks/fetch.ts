/** The web's own `Request` and `Response`: Bun, Deno, Cloudflare Workers, and everything built on fetch handlers. */

import type { SessionError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import {
  answerTo,
  failureResponse,
  noteOpened,
  readerOf,
  runOpen,
  saveOnly,
  sealResponse,
  waiting,
} from "./shared/fetch-response.ts";
import { type AccessOf, checkAdapter } from "./shared/options.ts";

export type { AccessOf } from "./shared/options.ts";

/** The options of {@link fetchSessions}. */
export interface FetchOptions {
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: the protocol of `request.url`.
   */
  readonly secure?: ((request: Request) => boolean) | undefined;
  /**
   * What the route of a request may do with its session: see `Access`. Default: everything. Called before the session
   * is loaded. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<Request> | undefined;
  /**
   * Also saves changes made while the body is sent; the end of the body waits for the save. Default false:
   * only for server-sent events (`text/event-stream`). Elsewhere, `await session.save()`.
   */
  readonly streaming?: boolean | undefined;
  /**
   * Answers when the session could not be loaded or saved; what it throws goes to the server. Default: a few words
   * with the error's status.
   */
  readonly onError?: ((error: SessionError, request: Request) => Response | Promise<Response>) | undefined;
}

/**
 * Wraps a fetch handler. What comes after the request (`env`, `ctx`, parameters) is passed on. A handler that answers
 * nothing has upgraded the request, as on Bun.
 */
export type WithFetchSessions = <Req extends Request, Rest extends unknown[], Answer extends Response | undefined>(
  handler: (request: Req, ...rest: Rest) => Answer | Promise<Answer>,
) => (request: Req, ...rest: Rest) => Promise<Answer | Response>;

/**
 * Sessions for fetch handlers. Returns a function that wraps a handler; in the handler, `sessions.get(request)` is the
 * session. The response is returned when the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { fetchSessions } from "sojourn/frameworks/fetch";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const withSessions = fetchSessions(sessions);
 *
 * export default {
 *   fetch: withSessions(async (request: Request) => {
 *     const session = await sessions.get(request);
 *     return new Response(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 *   }),
 * };
 * ```
 */
export function fetchSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: FetchOptions = {},
): WithFetchSessions {
  checkAdapter("fetchSessions", sessions, options, ["access", "onError", "streaming", "secure"]);
  const { secure, access, streaming = false, onError = failureResponse } = options;
  // Next refuses to read headers inside "use cache" and unstable_cache, whose results go to everybody.
  const reader = readerOf((request: Request) => request, secure, { asked: ({ headers }) => void headers });

  return (handler) =>
    async (request, ...rest) => {
      if (sessions.isOpen(request)) return handler(request, ...rest);
      const exchange = sessions.open(request, reader);
      if (access) exchange.restrict(access(request));
      noteOpened(request, exchange);
      try {
        const response = await runOpen(exchange, () => handler(request, ...rest));
        if (response) return await sealResponse(exchange, response, streaming, false, () => waiting(rest));
        await saveOnly(exchange);
        return response;
      } catch (error) {
        return answerTo(error, onError, request, request);
      }
    };
}
