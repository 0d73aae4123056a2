/** SvelteKit 3, on every platform it has an adapter for. */

import type { SessionError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { attachSession } from "./shared/attach.ts";
import { beginning } from "./shared/begin.ts";
import {
  answerTo,
  failureResponse,
  noteOpened,
  readerOf,
  runOpen,
  sealResponse,
  type Waits,
  waiting,
} from "./shared/fetch-response.ts";
import { type AccessOption, checkAdapter } from "./shared/options.ts";
import { checkLoaded, hasFailed, withCookies } from "./shared/sveltekit-errors.ts";

export type { AccessOf, AccessOption } from "./shared/options.ts";

export { svelteKitSessionErrors } from "./shared/sveltekit-errors.ts";

/** The options of {@link svelteKitSessions}. */
export interface SvelteKitOptions extends AccessOption<SvelteKitEvent> {
  /**
   * Loads the session of every request before it is routed, and puts it on `event.locals` under this name. Default: it
   * is loaded when `sessions.get(event)` first asks for it, and a request that never asks costs nothing.
   */
  readonly attach?: string | undefined;
  /**
   * Also saves changes made while a body is sent, such as by promises that a `load` function returned; the end of the
   * body waits for the save. Default false: only for server-sent events. Elsewhere, `await session.save()`.
   */
  readonly streaming?: boolean | undefined;
  /**
   * Answers when the session could not be saved, or could not be loaded and SvelteKit answers 500. What it throws goes
   * to SvelteKit's `handleError`. Default: a few words with the error's status.
   */
  readonly onError?: ((error: SessionError, event: SvelteKitEvent) => Response | Promise<Response>) | undefined;
}

/** The part of SvelteKit's event that is used here. */
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

/**
 * Sessions for SvelteKit: a `handle` hook, the first of `sequence`. In server load functions, actions, endpoints
 * and later hooks, `sessions.get(event)` is the session. The response is sent once the session is saved.
 *
 * @throws `TypeError` when an option is of the wrong type.
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
  const { streaming = false, onError = failureResponse } = options;
  const reader = readerOf(({ request }: SvelteKitEvent) => request, undefined, {
    secure: ({ url }) => url.protocol === "https:",
  });
  const begin = beginning<Data, SvelteKitEvent, string>(sessions, options, ({ locals }, name, session) =>
    attachSession(locals, name, session),
  );

  return async ({ event, resolve }) => {
    const { request } = event;
    const exchange = sessions.isOpen(event) ? undefined : sessions.open(event, reader, request);
    const begun = begin(event, exchange);
    try {
      await begun;
      if (!exchange) return await resolve(event);
      const response = await withCookies(event.cookies, exchange, () => runOpen(exchange, () => resolve(event)));
      noteOpened(request, exchange);
      if (exchange.used && response.status === 500) await checkLoaded(exchange, response);
      return await sealResponse(exchange, response, streaming, hasFailed(request), () => hostOf(event));
    } catch (error) {
      return answerTo(error, onError, event, request);
    }
  };
}

/** What its adapters for Cloudflare, Netlify and Vercel give. */
function hostOf({ platform }: SvelteKitEvent): Waits | undefined {
  const { ctx, context } = (platform ?? {}) as { ctx?: unknown; context?: unknown };
  return waiting([ctx, context]);
}
