/** Nuxt 3 and 4, and what they stand on: Nitro 2 and h3 1. */

import { isSessionError } from "../core/contracts/errors.ts";
import type { RequestReader } from "../core/request/exchange.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { answerInWords } from "./shared/answer-in-words.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import { markFailed, released } from "./shared/held-response.ts";
import { Head } from "./shared/node-head.ts";
import { ConnectRequest, nodeReader } from "./shared/node-request.ts";
import type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { NodeRequest, NodeResponse } from "./shared/node-shapes.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

/** The options of {@link nuxtSessions}. */
export interface NuxtOptions extends AccessOption<NuxtEvent> {
  /**
   * Loads the session of every request before the handlers run, and puts it on `event.context` under this name.
   * Default: it is loaded when `sessions.get(event)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Whether the client came over https, for servers behind a proxy that terminates https. Only used to warn of a cookie
   * that the browser is going to drop. Default: whether the connection to this server is encrypted.
   */
  readonly secure?: ((event: NuxtEvent) => boolean) | undefined;
}

/** The part of the event of h3 1 that is used here. */
export interface NuxtEvent {
  readonly node: { readonly req: NodeRequest; readonly res: NodeResponse };
  readonly path: string;
  context: object;
}

/** The part of an application of h3 1 that is used here. */
export interface H3App {
  handler: (event: never) => unknown;
  readonly options: { onError?: ((error: never, event: never) => unknown) | undefined };
}

/** A plugin of Nitro 2. It takes an application of h3 1 as well. */
export type NuxtSessionsPlugin = (nitroApp: H3App | { readonly h3App: H3App }) => void;

const cached =
  "a session was asked for inside a cached handler (defineCachedEventHandler, a route rule with cache, swr or isr), " +
  "or after one, whose answer goes to every visitor. Ask for it before";

/**
 * Sessions for Nuxt 3 and 4, and for Nitro 2: a plugin of the server. In routes, `sessions.get(event)` is the session.
 * The response is sent once it is saved. An error of the store goes to the error page, with its status, 503.
 *
 * A page that is rendered may fetch from its own server (`useFetch`, `useRequestFetch`). Those calls are part of the
 * page's request: they use the page's session, which is saved once, and the page's response sets the cookie.
 *
 * @throws `TypeError` when an option is of the wrong kind.
 * @example
 * ```ts
 * // server/plugins/sessions.ts
 * import { createSessions } from "sojourn";
 * import { nuxtSessions } from "sojourn/frameworks/nuxt";
 *
 * export const sessions = createSessions<{ visits: number }>(); // in a module of its own: server/utils/sessions.ts
 *
 * export default nuxtSessions(sessions);
 * ```
 */
export function nuxtSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: NuxtOptions = {},
): NuxtSessionsPlugin {
  checkAdapter("nuxtSessions", sessions, options, ["attach", "access", "secure"]);
  const { attach, secure } = options;
  const slot = Symbol("sojourn page");
  const put = (event: NuxtEvent, name: string, session: object): void =>
    attachSession(event.context, name, session, () => refuseCached(event));
  const begin = beginning<Data, NuxtEvent, string>(sessions, options, put);
  // What a page calls may do what the page may.
  const beginInner = beginning<Data, NuxtEvent, string>(sessions, { attach }, put);

  /** The event of the page that makes this call, inside the server and for the same client. */
  const pageOf = ({ node: { req } }: NuxtEvent): NuxtEvent | undefined => {
    const page = (req as InnerRequest).__unenv__?.[slot];
    const same = page && cookieOf(page.node.req) === cookieOf(req) && !sessions.isOver(page);
    return same ? page : undefined;
  };

  return (nitroApp) => {
    const app = "h3App" in nitroApp ? nitroApp.h3App : nitroApp;
    const { handler, options: own } = app;
    const { onError } = own;
    const thrown = new WeakMap<NuxtEvent, unknown>();
    const open = async (event: NuxtEvent): Promise<unknown> => {
      if (sessions.isOpen(event)) return handler(event as never);
      const page = pageOf(event);
      Object.assign(event.context, { [slot]: page ?? event });
      if (page) {
        sessions.alias(page, event);
        await beginInner(event, undefined);
        return handler(event as never);
      }
      const opened = new NuxtRequest(sessions, event, secure);
      await begin(event, opened);
      return opened.handle(() => handler(event as never));
    };
    const handle = async (event: NuxtEvent): Promise<unknown> => {
      try {
        return await open(event);
      } catch (error) {
        if (isSessionError(error)) thrown.set(event, error);
        throw error;
      }
    };
    app.handler = Object.assign(handle, handler);
    own.onError = async (error: never, event: NuxtEvent) => {
      markFailed(event.node.res);
      // h3 takes the cause of an error for the error.
      const cause = thrown.get(event);
      if (cause) Object.assign(error, { cause });
      await onError?.(error, event as never);
      await released(event.node.res);
    };
  };
}

/** What Nitro makes of a request to itself: `__unenv__` is the `context` of the event it was made with. */
interface InnerRequest extends NodeRequest {
  readonly __unenv__?: { readonly [page: symbol]: NuxtEvent | undefined } | undefined;
}

/** Nitro passes no empty headers on. */
function cookieOf({ headers }: NodeRequest): string {
  return headers.cookie ?? "";
}

/** A cached handler of Nitro notes itself in the context it shares with its request, and its answer goes to everybody. */
function refuseCached({ context }: NuxtEvent): void {
  if ("cache" in context) throw new TypeError(cached);
}

const reader: RequestReader<never> = {
  ...(nodeReader as RequestReader<never>),
  asked: ({ event }: NuxtRequest<object>) => refuseCached(event),
};

class NuxtRequest<Data extends object> extends ConnectRequest<Data> {
  readonly event: NuxtEvent;
  #fail: ((error: unknown) => void) | undefined;

  constructor(sessions: Sessions<Data>, event: NuxtEvent, secure: ((event: NuxtEvent) => boolean) | undefined) {
    const { req, res } = event.node;
    super(sessions, req, res, () => {}, secure && (() => secure(event)), event);
    this.event = event;
  }

  protected override get reader(): typeof nodeReader {
    return reader;
  }

  override get given(): object {
    return this.event;
  }

  /** Runs the handlers until the response has left. Rejects when its session could not be saved, so that h3 answers. */
  handle(next: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#run(next).then(resolve, reject);
    }).finally(() => {
      this.#fail = undefined;
    });
  }

  async #run(next: () => unknown): Promise<void> {
    await this.run(next);
    const { exchange, response } = this;
    // Where there is no socket, h3 does not send a stream: it hands it over in `_data`, and the event is handled.
    if (exchange.used && !response.socket && !response.writableEnded) {
      try {
        await exchange.commit(new Head(response), { failed: response.statusCode >= 500 });
      } catch (error) {
        this.startOver(error);
        Object.assign(response, { _data: undefined });
        Object.assign(this.event, { _handled: false });
        throw error;
      }
    }
    await released(response);
  }

  override fail(error: unknown): void {
    const fail = this.#fail;
    this.#fail = undefined;
    if (fail) fail(error);
    else answerInWords(this.response);
  }
}
