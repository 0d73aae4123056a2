/** SvelteKit 3, on every platform it has an adapter for. */

import { isSessionError, type SessionError, wrongArgument } from "../core/contracts/errors.ts";
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

/** The options of {@link svelteKitSessions}. */
export interface SvelteKitOptions {
  /**
   * Loads the session of every request before it is routed, and puts it on `event.locals` under this name. Default: it
   * is loaded when `sessions.get(event)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * What the route of a request may do with its session: see `Access`; `undefined`: everything. Asked before the
   * session is loaded, also by `attach`, which leaves out those that skip. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<SvelteKitEvent> | undefined;
  /**
   * Also saves what is changed while a body is being sent, such as by promises that a `load` function returned; the end
   * of the body waits for it. Default false: only for server-sent events. Elsewhere, `await session.save()`.
   */
  readonly streaming?: boolean | undefined;
  /**
   * Answers when the session could not be saved, or could not be loaded and SvelteKit answers 500. What it throws goes
   * to SvelteKit's `handleError`. Default: a few words with the error's status.
   */
  readonly onError?: ((error: SessionError, event: SvelteKitEvent) => Response | Promise<Response>) | undefined;
}

/** What is needed of SvelteKit's event. */
export interface SvelteKitEvent {
  readonly request: Request;
  readonly url: URL;
  readonly route: { readonly id: string | null };
  readonly locals: object;
  readonly platform?: unknown;
  readonly cookies: { set(name: string, value: string, options: object): void };
}

/** A `handle` hook of SvelteKit. */
export type SvelteKitHandle = (input: {
  event: SvelteKitEvent;
  resolve(event: SvelteKitEvent): Response | Promise<Response>;
}) => Promise<Response>;

const failure: Outcome = { failed: true };
/** Requests whose load function, action or endpoint threw. Only errors come here. */
const failed = new WeakSet<Request>();

/**
 * Sessions for SvelteKit: a `handle` hook, the first of `sequence`. In load functions of the server, actions, endpoints
 * and the hooks behind it, `sessions.get(event)` is the session. The response leaves when the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong kind.
 * @example
 * ```ts
 * import type { Handle } from "@sveltejs/kit/hooks";
 * import { createSessions } from "sojourn";
 * import { svelteKitSessions } from "sojourn/frameworks/sveltekit";
 *
 * export const sessions = createSessions<{ visits: number }>();
 * export const handle: Handle = svelteKitSessions(sessions);
 * ```
 */
export function svelteKitSessions<Data extends object>(
  sessions: Sessions<Data>,
  options: SvelteKitOptions = {},
): SvelteKitHandle {
  checkAdapter("svelteKitSessions", sessions, options, ["attach", "access", "streaming", "onError"]);
  const { attach, access, streaming = false, onError = failureResponse } = options;
  const reader: RequestReader<SvelteKitEvent> = {
    cookie: ({ request }) => request.headers.get("cookie"),
    secure: ({ url }) => url.protocol === "https:",
  };

  return async ({ event, resolve }) => {
    const { request } = event;
    const exchange = sessions.isOpen(event) ? undefined : sessions.open(event, reader, request);
    const allowed = access?.(event);
    exchange?.restrict(allowed);
    try {
      if (attach !== undefined && allowed !== "skip") {
        attachSession(event.locals, attach, await sessions.get(event));
      }
      if (!exchange) return await resolve(event);
      const response = await answerOf(event, exchange, () => runOpen(exchange, () => resolve(event)));
      noteOpened(request, exchange);
      if (exchange.used && response.status === 500) await checkLoaded(exchange, response);
      return await sealResponse(exchange, response, streaming, failed.has(request), () => hostOf(event));
    } catch (error) {
      if (!isSessionError(error)) throw error;
      return sealFailure(request, await onError(error, event));
    }
  };
}

/** What its adapters for Cloudflare, Netlify and Vercel give. */
function hostOf({ platform }: SvelteKitEvent): Waits | undefined {
  const { ctx, context } = (platform ?? {}) as { ctx?: unknown; context?: unknown };
  return waiting([ctx, context]);
}

type Saves = Pick<Exchange, "used" | "commit" | "get">;

/** What the hooks behind this one throw, SvelteKit answers: a redirect gets the session's cookie by way of `event.cookies`. */
async function answerOf(
  { cookies }: SvelteKitEvent,
  exchange: Saves,
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  // When it has answered, SvelteKit puts another in its place.
  const { set } = cookies;
  try {
    return await answer();
  } catch (thrown) {
    if (isSessionError(thrown) || !exchange.used) throw thrown;
    const headers = new Headers();
    await exchange.commit(headers, isRedirect(thrown) ? undefined : failure);
    for (const line of headers.getSetCookie()) setByLine(line, (...args) => set.apply(cookies, args));
    throw thrown;
  }
}

function isRedirect(thrown: unknown): boolean {
  const { status, location } = (thrown ?? {}) as { status?: unknown; location?: unknown };
  return typeof location === "string" && typeof status === "number" && status >= 300 && status < 400;
}

/** SvelteKit answers what it does not know with 500. */
async function checkLoaded(exchange: Saves, response: Response): Promise<void> {
  await exchange.get().catch((error: unknown) => {
    response.body?.cancel().catch(() => {});
    throw error;
  });
}

/**
 * Wraps a `handleError` hook: tells the sessions that a load function, action or endpoint threw, so that its unsaved
 * changes are discarded even if the status is below 500, and gives errors of the sessions their status. Without it,
 * only responses of 500 and above are seen from outside.
 *
 * @throws `TypeError` when it is not a function.
 * @example
 * ```ts
 * import type { HandleServerError } from "@sveltejs/kit/hooks";
 * import { svelteKitSessionErrors } from "sojourn/frameworks/sveltekit";
 *
 * export const handleError: HandleServerError = svelteKitSessionErrors(({ kind, error }) => {
 *   if (kind === "unknown") console.error(error);
 * });
 * ```
 */
export function svelteKitSessionErrors<HandleError extends (input: never) => unknown>(
  handleError: HandleError,
): HandleError {
  if (typeof handleError !== "function") throw wrongArgument("handleError", "a function", handleError);
  const wrapped = async (input: Caught): Promise<object> => {
    const { kind, error, event } = input;
    // Framework: there was no route, so no handler that failed.
    if (kind !== "framework") failed.add(event.request);
    const own = isSessionError(error) ? { status: error.status, message: "Service Unavailable" } : {};
    return { ...own, ...((await handleError(input as never)) as object | undefined) };
  };
  return wrapped as unknown as HandleError;
}

/** What SvelteKit gives to a `handleError` hook. */
interface Caught {
  readonly kind: string;
  readonly error?: unknown;
  readonly event: { readonly request: Request };
}
