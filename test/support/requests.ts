/** Requests without a framework: opens, runs a handler, commits, and says what a client would see. */

import type { Session } from "../../src/core/contracts/session.ts";
import type { Sessions } from "../../src/core/request/sessions.ts";

export interface Answer<T = unknown> {
  /** What the handler returned. */
  readonly value: T | undefined;
  /** What the handler or the commit threw. */
  readonly error: unknown;
  readonly headers: Headers;
  /** The whole Set-Cookie line, if there was one. */
  readonly setCookie: string | undefined;
  /** `name=value` as the client would send it next time: new, removed (`undefined`), or as it was. */
  readonly cookie: string | undefined;
}

const reader = { cookie: (request: { cookie?: string | undefined }) => request.cookie, secure: () => true };

/** One request: loads the session, runs the handler, commits. */
export async function request<Data extends object, T>(
  sessions: Sessions<Data>,
  cookie: string | undefined,
  handler: (session: Session<Data>) => T | Promise<T>,
): Promise<Answer<T>> {
  const incoming = { cookie };
  const exchange = sessions.open(incoming, reader);
  const headers = new Headers();
  let value: T | undefined;
  let error: unknown;
  let failed = false;
  try {
    value = await handler(await sessions.get(incoming));
  } catch (thrown) {
    error = thrown;
    failed = true;
  }
  try {
    await exchange.commit(headers, { failed });
  } catch (thrown) {
    error = thrown;
    await exchange.commit(headers, { failed: true });
  }
  const setCookie = headers.getSetCookie().at(-1);
  return { value, error, headers, setCookie, cookie: nextCookie(cookie, setCookie) };
}

function nextCookie(before: string | undefined, setCookie: string | undefined): string | undefined {
  if (setCookie === undefined) return before;
  return /Max-Age=0(;|$)/.test(setCookie) ? undefined : setCookie.slice(0, setCookie.indexOf(";"));
}
