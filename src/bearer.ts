/** Sessions over the `Authorization` header, for mobile applications and API clients: no cookie, so nothing to forge across sites. */

import { type BearerTransport, bearerCarrier } from "./core/client/bearer.ts";
import type { Session } from "./core/contracts/session.ts";
import { handOutBy } from "./core/save/record-session.ts";

export type { BearerTransport } from "./core/client/bearer.ts";

/**
 * Lets clients carry their sessions in the header `Authorization: Bearer …`, for the option `transport` of
 * `createSessions`. sojourn then neither reads nor sets cookies, so another site cannot make a browser send a session.
 *
 * The token is never sent automatically: {@link handOut} returns it to the handler, which sends it in its response. A
 * login without `handOut` throws `ERR_SESSION_NOT_HANDED_OUT`, and is not saved. With `renewAfter`, an id is renewed
 * when a handler calls `handOut`.
 *
 * Excludes `cookie`, `persistent: true`, `deviceBound`, `cookieStore` and parts. For browsers and other clients, call
 * `createSessions` twice with one store; with the same `name` they share lists, limits and revocations.
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
 * Saves the session, and returns the client's new token after a login, `regenerate()`, the first change of a new
 * session, or a due renewal. It returns each token once. It returns `undefined` at the next call, for a session that
 * keeps its id, and for one that ended elsewhere.
 *
 * @param session One of sessions with `transport: bearer()`; a `TypeError` otherwise.
 * @throws `SessionError` when the session cannot be saved. The previous token stays valid.
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
