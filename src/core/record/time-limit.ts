/** A time limit on every store call, and store errors in our own words. */

import { type IdScheme, withoutKeys } from "../client/id.ts";
import { callWithin } from "../contracts/call-limit.ts";
import { ticks } from "../contracts/clock.ts";
import { isSessionError, SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Events } from "../contracts/events.ts";
import type { Store } from "../contracts/store.ts";
import { type StoreOperation, storeCalls } from "../contracts/traces.ts";
import { isTracing, listingBegins, operation, tracedCall } from "./call-trace.ts";

/** How long store calls may take. */
export interface TimeLimits {
  /** Milliseconds, for any one call. */
  readonly storeTimeout: number;
  /** When all calls of the save at hand are to be answered, in {@link ticks}. Default: each has its own time. */
  readonly until?: number | undefined;
}

/**
 * The answer of a store call, or a `SessionError` in bounded time, without keys in it where `ids` has secret ones.
 *
 * @param call Gets a function that restarts the time: for a walk over many answers of the backend.
 */
export function withTimeLimit<T>(
  call: (answered: () => void) => Promise<T>,
  store: Store,
  limits: TimeLimits,
  events: Events,
  ids?: IdScheme,
): Promise<T> {
  const limitedCall = (limited: Limited): Promise<T> => call(() => limited.restart());
  if (!storeCalls.hasSubscribers) return limitedTo(limitedCall, asIs<T>, store, limits, events, ids);
  return tracedCall(store.name, (around) =>
    limitedTo((limited) => around(() => limitedCall(limited)), asIs<T>, store, limits, events, ids),
  );
}

/** Like {@link withTimeLimit}, for a call that answers once: resolves with what `use` returns for the answer. One promise covers both. */
export function usedWithin<T, R>(
  call: () => Promise<T>,
  use: (answer: T) => R | Promise<R>,
  store: Store,
  limits: TimeLimits,
  events: Events,
  ids?: IdScheme,
): Promise<R> {
  if (!storeCalls.hasSubscribers) return limitedTo(call, use, store, limits, events, ids);
  return withTimeLimit(call, store, limits, events, ids).then(use);
}

function asIs<T>(answer: T): T {
  return answer;
}

function limitedTo<T, R>(
  call: (limited: Limited) => Promise<T>,
  use: (answer: T) => R | Promise<R>,
  store: Store,
  { storeTimeout, until }: TimeLimits,
  events: Events,
  ids: IdScheme | undefined,
): Promise<R> {
  // What answers at once is in time, however late it was asked.
  const limit = until === undefined ? storeTimeout : Math.max(1, Math.min(storeTimeout, Math.ceil(until - ticks())));
  return new Promise<R>((resolve, reject) => {
    const limited = new Limited(reject, store, limit, storeTimeout, until === undefined, events);
    const failed = (error: unknown): void => {
      limited.settle();
      limited.fail(asSessionError(error, store, ids));
    };
    try {
      callWithin(limit, call, limited).then((answer) => {
        if (!limited.settle()) return;
        try {
          resolve(use(answer));
        } catch (error) {
          reject(error);
        }
      }, failed);
    } catch (error) {
      failed(error);
    }
  });
}

/** A call in flight, and the timer that ends the wait for it. */
class Limited {
  readonly #reject: (error: SessionError) => void;
  readonly #store: Store;
  readonly #limit: number;
  readonly #storeTimeout: number;
  readonly #mayRestart: boolean;
  readonly #events: Events;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late = false;

  constructor(
    reject: (error: SessionError) => void,
    store: Store,
    limit: number,
    storeTimeout: number,
    mayRestart: boolean,
    events: Events,
  ) {
    this.#storeTimeout = storeTimeout;
    this.#mayRestart = mayRestart;
    this.#reject = reject;
    this.#store = store;
    this.#limit = limit;
    this.#events = events;
    this.#timer = setTimeout(expire, limit, this);
  }

  /** The backend has answered a part. */
  restart(): void {
    if (this.#timer === undefined || this.#late || !this.#mayRestart) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(expire, this.#limit, this);
  }

  /** The answer is there. False when no request waits for it any more. */
  settle(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return !this.#late;
  }

  expire(): void {
    const what = this.#limit < this.#storeTimeout ? "all calls of this save " : "";
    const message = `the ${this.#store.name} store did not answer ${what}within ${this.#storeTimeout} ms`;
    this.fail(new SessionError("ERR_SESSION_STORE_TIMEOUT", message));
    this.#late = true;
  }

  fail(error: SessionError): void {
    if (this.#late) return;
    if (error.status === 503) this.#events.emit("store_unavailable", { reason: error.code, error });
    this.#reject(error);
  }
}

function expire(limited: Limited): void {
  limited.expire();
}

function asSessionError(error: unknown, store: Store, ids: IdScheme | undefined): SessionError {
  const cause = ids?.secretKeys ? reduced(error, ids) : error;
  if (!isSessionError(error))
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

/**
 * The same store, which is never asked for a key that is none. All that is kept of sessions goes through here, so
 * whatever makes keys wrongly makes an error, not one record for all visitors.
 */
export function guarded(store: Store): Store {
  return {
    ...(store.listBySubject && {
      listBySubject(subject, answered) {
        listingBegins();
        return store.listBySubject!(subject, answered);
      },
    }),
    ...(store.list && { list: () => store.list!() }),
    name: store.name,
    get capabilities() {
      return store.capabilities;
    },
    read: (key) => named("read", () => store.read(checkKey(key))),
    create: (key, record) => named("create", () => store.create(checkKey(key), record)),
    update: (key, record, version) => named("update", () => store.update(checkKey(key), record, version)),
    touch: (key, expiresAt, subject) => named("touch", () => store.touch(checkKey(key), expiresAt, subject)),
    rename: (from, to, record, version) =>
      named("rename", () => store.rename(checkKey(from), checkKey(to), record, version)),
    delete: (key, subject) => named("delete", () => store.delete(checkKey(key), subject)),
  };
}

/** Reports the call by its name to subscribers of `sojourn:store`. */
function named<T>(name: StoreOperation, call: () => T): T {
  return isTracing() ? operation(name, call) : call();
}

function checkKey(key: string): string {
  if (typeof key === "string" && isKey(key)) return key;
  throw wrongArgument("the key of a session", "1 to 200 printable ASCII characters without spaces", key);
}

/** Every call of a store asks, so it takes half the time of a regular expression. */
function isKey(key: string): boolean {
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    if (unit < 0x21 || unit > 0x7e) return false;
  }
  return key.length > 0 && key.length <= 200;
}
