/** Visits without a server: opens a request, lets a handler work, commits and finishes as an adapter does. */

import type { Session, Sessions } from "../../src/index.ts";

const reader = { cookie: (request: { cookie?: string | undefined }) => request.cookie, secure: () => true };

/** A browser: keeps the cookie. Its visits answer with what went wrong, if anything did. */
export function visitor<Data extends object>(
  sessions: Sessions<Data>,
): (
  handler: (session: Session<Data>) => unknown,
  cookie?: string,
  sent?: (cookie: string) => void,
) => Promise<unknown> {
  let kept: string | undefined;
  return async (handler, cookie = kept, sent) => {
    const request = { cookie };
    const exchange = sessions.open(request, reader);
    const headers = new Headers();
    try {
      await handler(await sessions.get(request));
      await exchange.commit(headers);
      await exchange.finish();
    } catch (error) {
      return error;
    } finally {
      const set = headers.getSetCookie().map((line) => line.split(";")[0]);
      if (set.length > 0) kept = set.join("; ");
      if (set.length > 0) sent?.(set.join("; "));
    }
    return undefined;
  };
}
