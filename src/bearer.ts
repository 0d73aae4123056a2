/** Sessions over the `Authorization` header, for mobile applications and API clients: no cookie, so nothing to forge across sites. */

import { type BearerTransport, bearerCarrier } from "./core/client/bearer.ts";
import type { Session } from "./core/contracts/session.ts";
import { handOutBy } from "./core/save/record-session.ts";

export type { BearerTransport } from "./core/client/bearer.ts";

/**
 * Lets clients carry their sessions in the header `Authorization: Bearer …`, for the option `transport` of
 * `createSessions`. Cookies are neither read nor set, so no other site can make a browser send a session along.
 *
 * What the client is to hold is never sent by itself: {@link handOut} gives the token to the handler, which puts it into
 * its answer. A login without that is the error `ERR_SESSION_NOT_HANDED_OUT`, and is not saved. With `renewAfter`, an id
 * is renewed when a handler calls `handOut`.
 *
 * Excludes `cookie`, `persistent: true`, `deviceBound`, `cookieStore` and parts. An application with browsers and other
 * clients makes two managers over one store; with the same `name` they share users' lists, limits and revocations.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { bearer, handOut } from "sojourn/bearer";
 *
 * export const sessions = createSessions({ transport: bearer() });
 *
 * export async function logIn(request: Request): Promise<Response> {
 *   const session = await sessions.get(request);
 *   session.login("ada"); // after your own check
 *   return Response.json({ token: await handOut(session) });
 * }
 * ```
 */
export function bearer(): BearerTransport {
  return { name: "bearer", carrier: bearerCarrier };
}

/**
 * Saves the session, and gives the token that its client is to hold from now on: after a login, `regenerate()`, the first
 * change of a new session, and a renewal that was due. Once: the next call gives `undefined`, as does a session that
 * keeps its id or has ended elsewhere.
 *
 * @param session One of sessions with `transport: bearer()`; a `TypeError` otherwise.
 * @throws `SessionError` when the session cannot be saved. The token of before is good as it was.
 * @example
 * ```ts
 * import { type Session } from "sojourn";
 * import { handOut } from "sojourn/bearer";
 *
 * // A route for clients to call now and then: renews the id when it is older than `renewAfter`.
 * export const refresh = async (session: Session) => ({ token: (await handOut(session)) ?? "keep yours" });
 * ```
 */
export function handOut<Data extends object>(session: Session<Data>): Promise<string | undefined> {
  return handOutBy(session);
}
