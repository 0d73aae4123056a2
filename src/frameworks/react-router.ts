/** React Router 8 and 7: its middleware. Its `SessionStorage` is beside, for loaders and actions that are written already. */

import { isPromise } from "../core/bytes/bytes.ts";
import { isSessionError, wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { Session } from "../core/contracts/session.ts";
import type { Sessions } from "../core/request/sessions.ts";
import type { FetchOptions } from "./fetch.ts";
import { attachBySet } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import {
  failureResponse,
  noteOpened,
  readerOf,
  runOpen,
  type Saves,
  sealFailure,
  sealResponse,
} from "./shared/fetch-response.ts";
import { type AccessOption, checkKinds, checkSessions } from "./shared/options.ts";
import { answerable } from "./shared/react-router-error.ts";

export type { FetchOptions } from "./fetch.ts";
export type { AccessOf, AccessOption } from "./shared/options.ts";

export {
  type ReactRouterCookieOptions,
  type ReactRouterSession,
  type ReactRouterStorage,
  reactRouterStorage,
} from "./shared/react-router-storage.ts";

/** The result of `createContext<Session<Data>>()` of React Router. */
export interface ReactRouterKey<Data extends object> {
  readonly defaultValue?: Session<Data>;
}

/** The options of {@link reactRouterSessions}. */
export interface ReactRouterOptions<Data extends object>
  extends AccessOption<ReactRouterArgs>,
    Pick<FetchOptions, "secure" | "streaming"> {
  /**
   * Loads the session of every request before the loaders and actions run, and puts it into the context under this
   * key: `context.get(key)`. Default: it is loaded when `sessions.get(context)` first asks for it, and a request that
   * never asks costs nothing.
   */
  readonly attach?: ReactRouterKey<Data> | undefined;
}

/** What React Router passes to its middleware, as far as it is used here. */
export interface ReactRouterArgs {
  readonly request: Request;
  readonly context: object;
}

/** A server middleware of React Router. */
export type ReactRouterMiddleware = <Result>(args: ReactRouterArgs, next: () => Promise<Result>) => Promise<Result>;

/**
 * Sessions for React Router on the server. Put it first into the `middleware` of the root route. In loaders, actions
 * and later middleware, `sessions.get(context)` is the session. The response is sent once the session is saved. An
 * error of the store goes to the nearest `ErrorBoundary`, and the status is 503.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import type { LoaderFunctionArgs } from "react-router";
 * import { createSessions } from "sojourn";
 * import { reactRouterSessions } from "sojourn/frameworks/react-router";
 *
 * const sessions = createSessions<{ visits: number }>();
 *
 * export const middleware = [reactRouterSessions(sessions)];
 *
 * export async function loader({ context }: LoaderFunctionArgs) {
 *   const session = await sessions.get(context);
 *   return { visits: session.update("visits", (n = 0) => n + 1) };
 * }
 * ```
 */
export function reactRouterSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: ReactRouterOptions<Data> = {},
): ReactRouterMiddleware {
  checkSessions("reactRouterSessions", sessions);
  checkKnown("reactRouterSessions", options, ["attach", "access", "streaming", "secure"]);
  const { attach, ...others } = options;
  checkKinds(others);
  const { secure, streaming = false } = others;
  if (attach !== undefined && (typeof attach !== "object" || attach === null)) {
    throw wrongArgument("attach", "what createContext() of React Router gives", attach);
  }
  // Should the loader let the error pass, React Router has it.
  const reader = readerOf((request: Request) => request, secure, { failed: answerable });
  const begin = beginning<Data, ReactRouterArgs, object>(
    sessions,
    options,
    ({ context }, key, session) => attachBySet(context as Context, key, session),
    // Not by the context: one that is made for several requests would share a session among them.
    ({ request }) => request,
  );
  const inUse = new WeakSet<object>();

  return async <Result>(args: ReactRouterArgs, next: () => Promise<Result>): Promise<Result> => {
    const { request, context } = args;
    const isOpen = sessions.isOpen(request);
    if (!isOpen && inUse.has(context)) throw new TypeError(sharedContext);
    const begun = begin(args, isOpen ? undefined : sessions.open(request, reader, context));
    const exchange = isPromise(begun) ? await begun : begun;
    if (!exchange) return next();
    noteOpened(request, exchange);
    inUse.add(context);
    try {
      const response = await runOpen(exchange, next);
      return (await seal(request, exchange, response as Response, streaming)) as Result;
    } finally {
      inUse.delete(context);
    }
  };
}

const sharedContext =
  "each request needs a new RouterContextProvider; received that of another request in flight, with its session";

interface Context {
  set(key: object, value: unknown): void;
}

async function seal(request: Request, exchange: Saves, response: Response, streaming: boolean): Promise<Response> {
  try {
    return await sealResponse(exchange, response, streaming);
  } catch (error) {
    answerable(error);
    if (!isSessionError(error)) throw error;
    // The answer of an error boundary gets no session headers: a cookie that is due goes with a separate answer.
    const answer = await sealFailure(request, failureResponse(error));
    if (answer.headers.has("set-cookie")) return answer;
    throw error;
  }
}
