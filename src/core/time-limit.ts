/** A time limit on every store call, and store errors in our own words. */

import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Store } from "./store.ts";

/** The answer of a store call, or a `SessionError` in bounded time. */
export function withTimeLimit<T>(call: () => Promise<T>, store: Store, limit: number, events: Events): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let late = false;
    const fail = (error: SessionError): void => {
      if (late) return;
      if (error.status === 503) events.emit("store_unavailable", { reason: error.code, error });
      reject(error);
    };
    const timer = setTimeout(() => {
      const message = `the ${store.name} store did not answer within ${limit} ms`;
      fail(new SessionError("ERR_SESSION_STORE_TIMEOUT", message));
      late = true;
    }, limit);
    const settle = (): void => clearTimeout(timer);
    try {
      call().then(
        (answer) => {
          settle();
          resolve(answer);
        },
        (error) => {
          settle();
          fail(asSessionError(error, store));
        },
      );
    } catch (error) {
      settle();
      fail(asSessionError(error, store));
    }
  });
}

function asSessionError(error: unknown, store: Store): SessionError {
  if (error instanceof SessionError) return error;
  return new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `the ${store.name} store failed`, error);
}
