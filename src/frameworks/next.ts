/** Next.js 16, the app router: route handlers, server actions, server components and `proxy.ts`. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Session } from "../core/contracts/session.ts";
import type { Exchange } from "../core/request/exchange.ts";
import { requestEnded } from "../core/request/no-request.ts";
import type { RequestReader } from "../core/request/reader.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { type FetchOptions, fetchSessions } from "./fetch.ts";
import { commitByCookies } from "./shared/cookie-line.ts";
import {
  controlResponse,
  cookieHeader,
  isControlFlow,
  isHttps,
  isPrerendered,
  type NextCookies,
  type NextHeaders,
  withDigest,
} from "./shared/next-flow.ts";
import { checkAdapter } from "./shared/options.ts";
import { readOnlySession } from "./shared/read-only.ts";

export type { FetchOptions } from "./fetch.ts";
export type { NextCookies, NextHeaders } from "./shared/next-flow.ts";
export type { AccessOf } from "./shared/options.ts";

/** The options of {@link nextSessions}. */
export interface NextOptions extends Pick<FetchOptions, "access" | "onError" | "streaming"> {
  /** `cookies` of `next/headers`. */
  readonly cookies: () => Promise<NextCookies>;
  /** `headers` of `next/headers`. */
  readonly headers: () => Promise<NextHeaders>;
  /**
   * Whether the client came over https. It only decides whether sojourn warns about a cookie that browsers drop.
   * Default: the header `x-forwarded-proto`, which Next sets if no proxy did.
   */
  readonly secure?: ((headers: NextHeaders) => boolean) | undefined;
}

/** The result of {@link nextSessions}. */
export interface NextSessions<Data extends object> {
  /**
   * Wraps a route handler, or the function of `proxy.ts`; in it, `sessions.get(request)` is the session, and so is
   * `getSession()`. What it changed before `redirect()` or `notFound()` is saved.
   */
  route<Req extends Request, Rest extends unknown[]>(
    handler: (request: Req, ...rest: Rest) => Response | Promise<Response>,
  ): (request: Req, ...rest: Rest) => Promise<Response>;
  /**
   * Wraps a server action; in it, `getSession()` is the session. It is saved when the action is done, also when it
   * ends with `redirect()` or `notFound()`; when it throws anything else, nothing is saved.
   */
  action<Args extends unknown[], Result>(
    action: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result>;
  /**
   * The session of the request at hand. In a wrapped action or route handler it can be changed. In a component, where
   * Next can set no cookie, it can only be read: a change throws, `session.data.a = 1` as well as `session.login()`.
   */
  getSession(): Promise<Session<Data>>;
}

/** A request as `next/headers` knows it. */
interface Opened {
  readonly cookie: string | null | undefined;
  readonly headers: NextHeaders;
}

/** A handler or an action that is running. */
interface Acting<Data extends object> {
  get(): Promise<Session<Data>>;
  /** The actions that were called during it: what they change is saved with it. */
  readonly called: Promise<unknown>[];
}

/**
 * Sessions for Next.js. Call it once, in its own module, and import what it returns.
 *
 * @throws `TypeError` when an option is missing or of the wrong kind.
 * @example
 * ```ts
 * import { cookies, headers } from "next/headers";
 * import { createSessions } from "sojourn";
 * import { nextSessions } from "sojourn/frameworks/next";
 *
 * export const sessions = createSessions<{ visits: number }>();
 * export const { route, action, getSession } = nextSessions(sessions, { cookies, headers });
 * ```
 */
export function nextSessions<Data extends object>(sessions: Sessions<Data>, options: NextOptions): NextSessions<Data> {
  const known = ["cookies", "headers", "access", "onError", "streaming", "secure"];
  checkAdapter("nextSessions", sessions, options ?? {}, known);
  const { cookies, headers, secure = isHttps, access, ...rest } = options ?? {};
  if (typeof cookies !== "function") throw wrongArgument("cookies", "the function cookies of next/headers", cookies);
  if (typeof headers !== "function") throw wrongArgument("headers", "the function headers of next/headers", headers);
  const reader: RequestReader<Opened> = {
    cookie: ({ cookie }) => cookie,
    secure: ({ headers }) => secure(headers),
    head: ({ headers }) => ({ headers }),
    failed: withDigest,
  };
  const withSessions = fetchSessions(sessions, {
    ...rest,
    secure: (request) => secure(request.headers),
    access: (request) => (isPrerendered(request.headers) ? "skip" : access?.(request)),
  });
  // Next makes one such object per request.
  const acting = new WeakMap<NextHeaders, Acting<Data>>();
  const reading = new WeakMap<NextHeaders, Promise<Session<Data>>>();
  const changed = new WeakSet<NextHeaders>();

  async function commit(list: NextHeaders, exchange: Exchange<Data>, failed: boolean): Promise<void> {
    const jar = await cookies();
    // Of the headers only cookies: Next's answers to actions are not stored by anybody.
    if (await commitByCookies(exchange, { failed }, (...args) => jar.set(...args))) changed.add(list);
  }

  async function read(list: NextHeaders): Promise<Session<Data>> {
    // The header tells of a cookie that came twice; after an action, only Next's cookies are up to date.
    const cookie = changed.has(list) ? cookieHeader(await cookies()) : list.get("cookie");
    const exchange = sessions.open({ cookie, headers: list }, reader);
    exchange.restrict(isPrerendered(list) ? "skip" : "read");
    // No cookie can be set any more.
    exchange.headersGone();
    const session = await exchange.get();
    // It was used: its expiry moves, when that is due.
    await exchange.finish();
    return readOnlySession(session);
  }

  /** Runs what may change the session, with the actions that it calls. */
  async function act<Result>(list: NextHeaders, get: Acting<Data>["get"], run: () => Promise<Result>): Promise<Result> {
    const called: Promise<unknown>[] = [];
    acting.set(list, { get, called });
    try {
      return await run();
    } finally {
      // Not all have been waited for.
      for (const one of called) await one;
    }
  }

  return {
    route: (handler) => {
      const wrapped = withSessions(async (request: Request, ...rest: unknown[]) => {
        const answer = async (): Promise<Response> => handler(request as never, ...(rest as never));
        const get = async (): Promise<Session<Data>> => {
          if (sessions.isOver(request)) throw new TypeError(`getSession() found no request: ${requestEnded}`);
          return sessions.get(request);
        };
        return act(await headers(), get, answer).catch(controlResponse);
      });
      return async (request, ...rest) => wrapped(request, ...rest);
    },
    action:
      (action) =>
      async (...args) => {
        const list = await headers();
        const call = async () => action(...args);
        const outer = acting.get(list);
        if (outer) {
          const result = call();
          outer.called.push(result.catch(() => {}));
          return result;
        }
        const exchange = sessions.open({ cookie: list.get("cookie"), headers: list }, reader);
        try {
          const run = exchange.run(() => act(list, () => exchange.get(), call));
          const [outcome] = await Promise.allSettled([run]);
          const failed = outcome.status === "rejected" && !isControlFlow(outcome.reason);
          try {
            await commit(list, exchange, failed);
          } catch (error) {
            // A cookie of an earlier save still goes.
            await commit(list, exchange, true).catch(() => {});
            if (!failed) throw withDigest(error);
          }
          if (outcome.status === "rejected") throw withDigest(outcome.reason);
          return outcome.value;
        } finally {
          acting.delete(list);
          reading.delete(list);
          exchange.close();
        }
      },
    async getSession() {
      const list = await headers();
      const open = acting.get(list);
      if (open) return open.get();
      let session = reading.get(list);
      if (!session) {
        session = read(list);
        reading.set(list, session);
      }
      return session;
    },
  };
}
