/** A time limit on every store call, and store errors in our own words. */

import { type IdScheme, withoutKeys } from "../client/id.ts";
import { SessionError } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Store } from "../contracts/store.ts";

/** The answer of a store call, or a `SessionError` in bounded time, without keys in it where `ids` has secret ones. */
export function withTimeLimit<T>(
  call: () => Promise<T>,
  store: Store,
  limit: number,
  events: Events,
  ids?: IdScheme,
): Promise<T> {
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
          fail(asSessionError(error, store, ids));
        },
      );
    } catch (error) {
      settle();
      fail(asSessionError(error, store, ids));
    }
  });
}

function asSessionError(error: unknown, store: Store, ids: IdScheme | undefined): SessionError {
  const cause = ids?.secretKeys ? reduced(error, ids) : error;
  if (!(error instanceof SessionError))
    return new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `the ${store.name} store failed`, cause);
  if (!ids?.secretKeys) return error;
  const { code, message } = error;
  return new SessionError(code, withoutKeys(message, ids), error.cause && reduced(error.cause, ids));
}

/** What may be told of a client's error, which often holds the command that failed, key included: three texts. */
function reduced(error: unknown, ids: IdScheme): Error {
  const { name, message, code } = Object(error) as Partial<Record<"name" | "message" | "code", unknown>>;
  const plain = new Error(typeof message === "string" ? withoutKeys(message, ids) : `threw ${typeof error}`);
  const constant = (text: string): string => (/^[A-Z][A-Za-z_]*$/.test(text) ? text : withoutKeys(text, ids));
  if (typeof name === "string") plain.name = constant(name);
  if (typeof code === "string") Object.assign(plain, { code: constant(code) });
  else if (typeof code === "number") Object.assign(plain, { code });
  return plain;
}
