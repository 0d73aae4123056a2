/** Logs a user in for a test, without a request, and gives the `Cookie` header that the client then sends. */

import type { LoginOptions } from "../core/contracts/session-options.ts";
import type { RequestReader } from "../core/request/reader.ts";
import type { Sessions } from "../core/request/sessions.ts";

/** Options of {@link loggedIn}: those of `session.login`, and what the session holds. */
export interface LoggedInOptions<Data extends object> extends LoginOptions<Data> {
  /** The contents of `session.data`. Default: nothing. */
  readonly data?: Partial<Data> | undefined;
  /** What the option `describe` of the sessions is given, in place of your framework's request. Default: a `Request` without headers. */
  readonly request?: object | undefined;
}

/**
 * Logs a user in, and returns the `Cookie` header of a client with that session. For tests of an application with these
 * sessions, or with sessions of the same store and options. Each call is another device. The test sends the header
 * itself, so a `Secure` cookie works over plain http.
 *
 * @param subject The user's identifier, as given to `session.login`.
 * @throws What `session.login` and the store throw, and what `describe` throws if it needs more of a request than it was
 * given. `SessionError` `ERR_SESSION_NOT_HANDED_OUT` with `transport: bearer()`, which has no cookie.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { memoryStore } from "sojourn/stores/memory";
 * import { loggedIn } from "sojourn/testing";
 *
 * const sessions = createSessions<{ cart: string[] }>({ store: memoryStore() });
 *
 * const cookie = await loggedIn(sessions, "ada", { data: { cart: ["tea"] }, methods: ["password"] });
 * await fetch("http://localhost:3000/cart", { headers: { cookie } });
 * ```
 */
export async function loggedIn<Data extends object, Device extends object>(
  sessions: Sessions<Data, Device>,
  subject: string,
  options: LoggedInOptions<Data> = {},
): Promise<string> {
  const { data, request = new Request("http://localhost/"), ...login } = options;
  const reader: RequestReader<object> = {
    cookie: () => undefined,
    secure: () => true,
    head: () => ({ headers: new Headers() }),
    given: () => request,
  };
  const exchange = sessions.open({}, reader);
  try {
    const session = await exchange.get();
    session.login(subject, login);
    Object.assign(session.data, data);
    const headers = new Headers();
    await exchange.commit(headers);
    return headers
      .getSetCookie()
      .map((line) => line.split(";", 1)[0])
      .join("; ");
  } finally {
    exchange.close();
  }
}
