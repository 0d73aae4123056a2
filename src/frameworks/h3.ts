/** h3 2, and Nitro 3 that is built on it, on every runtime they run on. */

import type { Sessions } from "../core/request/sessions.ts";
import type { FetchOptions } from "./fetch.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import {
  isEventStream,
  noteOpened,
  ofOneClient,
  readerOf,
  runOpen,
  type Saves,
  savedAtEnd,
  saveOnly,
  waiting,
} from "./shared/fetch-response.ts";
import { answerOf, isResponse, isSentElsewhere, isStream, streamOf } from "./shared/h3-answer.ts";
import { failure, type H3EventLike, hasFailed, startOver, write } from "./shared/h3-event.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { FetchOptions } from "./fetch.ts";
export type { H3EventLike } from "./shared/h3-event.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link h3Sessions}. */
export interface H3Options extends AccessOption<H3EventLike>, Pick<FetchOptions, "streaming"> {
  /**
   * Loads the session of every request before the handlers run, and puts it on `event.context` under this name.
   * Default: it is loaded when `sessions.get(event)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: the protocol of the request's URL, which h3's `serve`
   * takes from the proxy when it is given `trustProxy`.
   */
  readonly secure?: ((request: Request) => boolean) | undefined;
}

/** A middleware of h3. */
export type H3Middleware = (event: H3EventLike, next: () => unknown) => Promise<unknown>;

const opened = Symbol("sojourn request");
const cached =
  "a session was asked for with another request than its event came with, as inside a cached handler " +
  "(defineCachedHandler, a route rule with cache or swr), whose answer goes to every visitor. Ask for it outside";
const olderH3 =
  "h3Sessions needs h3 2, which is in Nitro 3: it got no next(), so this is h3 1 (Nitro 2, Nuxt 3 and 4), for which " +
  "there is nuxtSessions in sojourn/frameworks/nuxt";

/**
 * Sessions for h3. Mount it before the routes; in them, `sessions.get(event)` is the session. The response is sent once
 * the session is saved; an error of the store goes to h3's error handling, which answers with its status, 503.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { H3, serve } from "h3";
 * import { createSessions } from "sojourn";
 * import { h3Sessions } from "sojourn/frameworks/h3";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const app = new H3();
 * app.use(h3Sessions(sessions));
 * app.get("/", async (event) => {
 *   const session = await sessions.get(event);
 *   return `visit ${session.update("visits", (n = 0) => n + 1)}`;
 * });
 * serve(app);
 * ```
 */
export function h3Sessions<Data extends object>(sessions: Sessions<Data>, options: H3Options = {}): H3Middleware {
  checkAdapter("h3Sessions", sessions, options, ["attach", "access", "streaming", "secure"]);
  const { secure, streaming = false } = options;
  const reader = readerOf(({ req }: H3EventLike) => req, secure, { asked: refuseCached });
  const begin = beginning<Data, H3EventLike, string>(sessions, options, (event, name, session) =>
    attachSession(event.context, name, session, () => refuseCached(event)),
  );

  return async (event, next) => {
    if (typeof next !== "function") throw new TypeError(olderH3);
    const opening = sessions.isOpen(event) ? undefined : sessions.open(event, reader, event.req);
    if (opening) Object.assign(event, { [opened]: event.req });
    const exchange = await begin(event, opening);
    if (!exchange) return next();
    let result: unknown;
    try {
      result = await runOpen(exchange, next);
    } catch (error) {
      await write(event, exchange, error, failure);
      throw error;
    }
    return seal(event, exchange, result, streaming);
  };
}

/** A cached handler of Nitro gets its event with another request, and its answer goes to everybody. */
function refuseCached(event: H3EventLike & { readonly [opened]?: Request }): void {
  if (event[opened] !== undefined && event[opened] !== event.req) throw new TypeError(cached);
}

/** Saves, and gives what h3 makes the response of. */
async function seal(event: H3EventLike, exchange: Saves, result: unknown, streaming: boolean): Promise<unknown> {
  // Those of middleware inside are noted already; those outside seal the response this returns.
  noteOpened(event, exchange);
  const failed = hasFailed(event, exchange, result) ? failure : undefined;
  try {
    if (isSentElsewhere(result)) await saveOnly(exchange);
    else await write(event, exchange, result, failed);
  } catch (error) {
    streamOf(result)
      ?.cancel()
      .catch(() => {});
    await startOver(event, error);
    throw error;
  }
  const own = answerOf(result);
  const types = [own?.headers, event.res.headers].map((headers) => headers?.get("content-type"));
  const stream = streaming || types.some(isEventStream) ? streamOf(result) : undefined;
  if (!stream) {
    exchange.close();
    // Release candidates put the headers on the response itself, which may be one for all clients.
    return exchange.used && isResponse(result) ? ofOneClient(result) : result;
  }
  const watched = savedAtEnd(stream, exchange, failed, waiting([event, event.req]));
  if (isResponse(result)) return new Response(watched, result);
  if (isStream(result)) return watched;
  return Object.assign(result as object, { body: watched });
}
