/** Elysia 1, on every runtime it runs on. */

import type { Sessions } from "../core/request/sessions.ts";
import type { FetchOptions } from "./fetch.ts";
import { noteOpened, readerOf, runOpen, saveOnly, sealFailure, sealResponse } from "./shared/fetch-response.ts";
import { checkAdapter } from "./shared/options.ts";

export type { FetchOptions } from "./fetch.ts";
export type { AccessOf } from "./shared/options.ts";

/** The options of {@link elysiaSessions}. */
export type ElysiaOptions = Pick<FetchOptions, "access" | "secure" | "streaming">;

/** The part of Elysia's context that is used here. */
export interface ElysiaContext {
  readonly request: Request;
  readonly set: { readonly headers: object };
  /** What a handler threw, once Elysia has answered it. */
  error?: unknown;
}

/** The part of an Elysia application that is used here. */
export interface ElysiaLike {
  // Elysia knows the types of its own hooks better than can be said by shape.
  wrap(around: never): unknown;
  onRequest(hook: never): unknown;
}

/** A plugin for `app.use`. */
export type ElysiaSessionsPlugin = <App extends ElysiaLike>(app: App) => App;

type Handle = (request: Request) => Response | Promise<Response>;

/** What is known of a request besides its session. */
interface Opened {
  /** By it the context finds the session that was opened with the request. */
  readonly link: object;
  context?: ElysiaContext;
  /** Those that were there before the handler. */
  headers?: object;
}

const answered = Symbol("sojourn answered");
const withoutWrap =
  "elysiaSessions needs what Elysia leaves out with aot: false; there, wrap app.fetch with fetchSessions";

/**
 * Sessions for Elysia: a plugin. Use it before the routes; in them, `sessions.get(context)` is the session, and
 * `sessions.get(request)` as well. The response is sent once the session is saved; an error of the store goes to
 * `onError`, and is answered with its status, 503.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { Elysia } from "elysia";
 * import { createSessions } from "sojourn";
 * import { elysiaSessions } from "sojourn/frameworks/elysia";
 *
 * const sessions = createSessions<{ visits: number }>();
 *
 * new Elysia()
 *   .use(elysiaSessions(sessions))
 *   .get("/", async ({ request }) => {
 *     const session = await sessions.get(request);
 *     return `visit ${session.update("visits", (n = 0) => n + 1)}`;
 *   })
 *   .listen(3000);
 * ```
 */
export function elysiaSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: ElysiaOptions = {},
): ElysiaSessionsPlugin {
  checkAdapter("elysiaSessions", sessions, options, ["access", "streaming", "secure"]);
  const { access, secure, streaming = false } = options;
  const reader = readerOf((request: Request) => request, secure);
  const slot = Symbol("sojourn request");
  type Slotted = Request & { [slot]?: Opened; [answered]?: boolean };

  const answer = async (app: ElysiaLike, handle: Handle, request: Slotted): Promise<Response> => {
    const opened: Opened = { link: {} };
    request[slot] = opened;
    const exchange = sessions.open<Request>(request, reader, opened.link);
    if (access) exchange.restrict(access(request));
    noteOpened(request, exchange);
    const response = await runOpen(exchange, () => handle(request));
    // What another kind of session failed for has been sealed for all.
    if (request[answered]) return response;
    try {
      if (isUpgrade(request, response)) {
        await saveOnly(exchange);
        return response;
      }
      return await sealResponse(exchange, response, streaming, opened.context?.error !== undefined);
    } catch (error) {
      request[answered] = true;
      return sealFailure(request, await answerTo(app, opened, error));
    }
  };
  const link = (context: ElysiaContext): void => {
    if (!sessions.isOpen(context.request)) throw new TypeError(withoutWrap);
    const opened = (context.request as Slotted)[slot];
    if (!opened || opened.context) return;
    opened.context = Object.assign(context, opened.link);
    opened.headers = { ...context.set.headers };
  };

  return (app) => {
    app.wrap(
      ((handle: Handle) => (request: Request) =>
        sessions.isOpen(request) ? handle(request) : answer(app, handle, request)) as never,
    );
    app.onRequest(link as never);
    return app;
  };
}

/** Whether the request opens a socket: there may be a response, but Elysia sends nothing of it. */
function isUpgrade({ headers }: Request, response: Response | undefined): boolean {
  return !response || (response.status < 300 && headers.get("upgrade")?.toLowerCase() === "websocket");
}

/** What Elysia answers to the error, with nothing of the response that it replaces. */
async function answerTo(app: ElysiaLike, { context, headers }: Opened, error: unknown): Promise<Response> {
  // What its own handlers call when something was thrown. Without it the error is the server's.
  const { handleError } = app as { handleError?(context: object, error: unknown): Promise<Response> };
  if (!context || !handleError) throw error;
  const set = { headers: { ...headers }, status: 200 };
  const afresh = { error: undefined, code: undefined, response: undefined, responseValue: undefined };
  return handleError.call(app, { ...context, ...afresh, set }, error);
}
