/** Nuxt 3 and 4, and what they stand on: Nitro 2 and h3 1. */

import { isSessionError } from "../core/contracts/errors.ts";
import type { Exchange } from "../core/request/exchange.ts";
import type { RequestReader } from "../core/request/reader.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import { markFailed, released } from "./shared/held-response.ts";
import {
  type Call,
  type CallContext,
  hasFailed,
  type InnerRequest,
  isSameClient,
  type NuxtEvent,
  pageOf,
  refuseWithin,
} from "./shared/nitro-call.ts";
import { NuxtRequest } from "./shared/nuxt-request.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";

export type { NuxtEvent } from "./shared/nitro-call.ts";
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
   * Whether the client came over https, for servers behind a proxy that terminates https. It only decides whether
   * sojourn warns about a cookie that browsers drop. Default: whether the connection to this server is encrypted.
   */
  readonly secure?: ((event: NuxtEvent) => boolean) | undefined;
}

/** The part of an application of h3 1 that is used here. */
export interface H3App {
  handler: (event: never) => unknown;
  readonly options: { onError?: ((error: never, event: never) => unknown) | undefined };
}

/** A plugin of Nitro 2. It takes an application of h3 1 as well. */
export type NuxtSessionsPlugin = (nitroApp: H3App | { readonly h3App: H3App }) => void;

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
  const slot = Symbol("sojourn call");
  const put = (event: NuxtEvent, name: string, session: object): void => {
    attachSession(event.context, name, session, () => refuseWithin(callOf(event)));
    Object.assign(callOf(event) ?? {}, { session });
  };
  const begin = beginning<Data, NuxtEvent, string>(sessions, options, put);
  // What a page calls may do what the page may.
  const beginInner = beginning<Data, NuxtEvent, string>(sessions, { attach }, put);

  const callOf = ({ context }: NuxtEvent): Call | undefined => (context as CallContext)[slot];

  /** The call whose handler made this one through Nitro's internal fetch, if it is for the same client and its page is not finished. */
  const outerOf = ({ node: { req } }: NuxtEvent): Call | undefined => {
    const outer = (req as InnerRequest).__unenv__?.[slot];
    if (!outer || !isSameClient(pageOf(outer).event.node.req, req)) return undefined;
    const page = sessions.exchangeOf(pageOf(outer).event);
    // Where the page skips its session, the call is a request of its own.
    return page && !page.isOver && !page.arrived.skipped ? outer : undefined;
  };

  /** Reads an internal call that is part of a page's request. The call shares the page's session, but has its own event. */
  const partReader: RequestReader<Call> = {
    cookie: ({ event }) => event.node.req.headers.cookie,
    secure: () => true,
    given: ({ event }) => event,
    asked: refuseWithin,
    outer: (call) => sessions.exchangeOf(pageOf(call).event),
  };

  const handlePart = async (call: Call, next: () => unknown): Promise<unknown> => {
    const page = sessions.exchangeOf(pageOf(call).event) as Exchange<Data>;
    const part = sessions.open(call, partReader, call.event);
    await beginInner(call.event, undefined);
    try {
      return await part.run(next);
    } catch (error) {
      call.failed = true;
      throw error;
    } finally {
      if (page.isOver) await finishLate(call, page);
    }
  };

  /** Saves what a call did after the response of its page had left. What the page had to discard stays discarded. */
  const finishLate = async (call: Call, page: Exchange<Data>): Promise<void> => {
    await released(pageOf(call).event.node.res);
    if (page.arrived.headersSent) await page.finish({ failed: hasFailed(call) || hasFailed(pageOf(call)) });
  };

  return (nitroApp) => {
    const app = "h3App" in nitroApp ? nitroApp.h3App : nitroApp;
    const { handler } = app;
    const own: H3Options = app.options;
    const { onError, onRequest } = own;
    const thrown = new WeakMap<NuxtEvent, unknown>();
    const open = async (event: NuxtEvent): Promise<unknown> => {
      if (sessions.isOpen(event)) return handler(event as never);
      const outer = outerOf(event);
      const call: Call = { event, outer, failed: false };
      Object.assign(event.context, { [slot]: call });
      if (outer) return handlePart(call, () => handler(event as never));
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
    if (attach !== undefined)
      own.onRequest = async (event: NuxtEvent) => {
        await onRequest?.(event as never);
        // On some platforms Nitro copies the context here, and a copy does not refuse cached handlers.
        const { session } = callOf(event) ?? {};
        if (session) put(event, attach, session);
      };
    own.onError = async (error: never, event: NuxtEvent) => {
      markFailed(event.node.res);
      Object.assign(callOf(event) ?? {}, { failed: true });
      // h3 takes the cause of an error for the error.
      const cause = thrown.get(event);
      if (cause) Object.assign(error, { cause });
      await onError?.(error, event as never);
      await released(event.node.res);
    };
  };
}

type H3Options = H3App["options"] & { onRequest?: ((event: never) => unknown) | undefined };
