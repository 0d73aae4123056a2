/** What load functions, actions, endpoints and hooks of SvelteKit throw. */

import { isSessionError, wrongArgument } from "../../core/contracts/errors.ts";
import type { Exchange } from "../../core/request/exchange.ts";
import { commitByCookies, type SetCookie } from "./cookie-line.ts";

/** Requests whose load function, action or endpoint threw. Only errors come here. */
const failed = new WeakSet<Request>();

/** Whether a load function, action or endpoint threw, as reported through `svelteKitSessionErrors`. */
export function hasFailed(request: Request): boolean {
  return failed.has(request);
}

type Saves = Pick<Exchange, "used" | "commit" | "get">;

/** What the hooks behind this one throw, SvelteKit answers: a redirect gets the session's cookie by way of `event.cookies`. */
export async function withCookies(
  cookies: { set: SetCookie },
  exchange: Saves,
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  // When it has answered, SvelteKit puts another in its place.
  const { set } = cookies;
  try {
    return await answer();
  } catch (thrown) {
    if (isSessionError(thrown)) throw thrown;
    await commitByCookies(exchange, isRedirect(thrown) ? undefined : { failed: true }, (...args) =>
      set.apply(cookies, args),
    );
    throw thrown;
  }
}

function isRedirect(thrown: unknown): boolean {
  const { status, location } = (thrown ?? {}) as { status?: unknown; location?: unknown };
  return typeof location === "string" && typeof status === "number" && status >= 300 && status < 400;
}

/** SvelteKit answers what it does not know with 500. */
export async function checkLoaded(exchange: Saves, response: Response): Promise<void> {
  await exchange.get().catch((error: unknown) => {
    response.body?.cancel().catch(() => {});
    throw error;
  });
}

/**
 * Wraps a `handleError` hook, and notices that a load function, action or endpoint threw, so that its unsaved changes
 * are discarded even if the status is below 500, and gives errors of the sessions their status. Without it, the
 * sessions only recognise responses of 500 and above.
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
