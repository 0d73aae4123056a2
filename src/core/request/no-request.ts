/** Why a request is not known to its sessions: in the words of the errors that say so. */

import { received } from "../contracts/errors.ts";

/** Why there is no request at hand where there once was. */
export const requestEnded: string =
  "the request that started this code has ended. Callbacks of connection pools, emitters and timers keep the context " +
  "they were made in, which may be another visitor's: call sessions.get(request), or wrap them in AsyncResource.bind";

/** The message for a route that declares that it uses no session. */
export const skipped = 'this request has no session: its route has the access "skip", or is prerendered';

/** The error of `sessions.get` for what no adapter has opened. */
export function notOpened(request: unknown): TypeError {
  const what = "sessions.get() takes the request of a handler that an adapter of these sessions has opened";
  return new TypeError(`${what}; is the adapter mounted before this handler? ${received(request)}`);
}

/** The error of another method of `sessions` for the same. */
export function notOpenedFor(method: string, request: unknown): TypeError {
  return new TypeError(`sessions.${method}() takes a request that an adapter has opened; ${received(request)}`);
}

/** The error of `sessions.current`: the request has ended, the option is missing, or the runtime cannot do it. */
export function noneAtHand(hasEnded: boolean, isAsked: boolean, isAble: boolean): TypeError {
  let why = "it was called outside a request";
  if (hasEnded) why = requestEnded;
  else if (!isAsked) why = "createSessions was not given current: true";
  else if (!isAble) why = "this runtime has no AsyncLocalStorage; pass the request to sessions.get()";
  return new TypeError(`sessions.current() found no request: ${why}`);
}
