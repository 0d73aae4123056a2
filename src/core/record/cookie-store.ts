/** The store of sessions that travel in the cookie: what it is to `createSessions`. The code that reads and writes cookies comes with it. */

import type { Carrier } from "../client/carrier.ts";
import type { CookieSeal } from "../client/seal.ts";
import type { Events } from "../contracts/events.ts";
import type { Format } from "../contracts/format.ts";
import type { Records } from "../contracts/records.ts";
import type { Store } from "../contracts/store.ts";
import type { SubjectSessions } from "./subjects.ts";
import type { TimeLimits } from "./time-limit.ts";

/** What reading and writing cookies needs of a configuration. */
export interface CookieSessionsConfig extends TimeLimits {
  readonly format: Format;
  readonly cookieName: string;
  readonly carrier: Carrier;
  /** In front of the keys of `revocations`. Cookies that were sealed under another one are refused. */
  readonly keyPrefix: string;
  /** Milliseconds. */
  readonly absolute: number;
  readonly now: () => number;
  readonly events: Events;
}

/** Sessions in cookies at work. */
export interface CookieSessions {
  readonly records: Records;
  readonly subjects: SubjectSessions;
}

/** What sessions in cookies can promise. */
export interface CookieCapabilities {
  /** Parallel requests do not see each other's changes: the cookie that arrives last is the session. */
  readonly compareAndSwap: "none";
  /** Whether a session can be ended before its time, so that a copy of its cookie is of no use: only with `revocations`. */
  readonly revocable: boolean;
  /** Only the clients know which sessions there are. */
  readonly list: false;
  /** Nor whose. */
  readonly bySubject: false;
  /** Every process that has the secrets reads the cookies. */
  readonly shared: true;
}

/** Sessions in cookies, as `cookieStore()` of `sojourn/stores/cookie` makes them. Given to `createSessions` like a store. */
export interface CookieStore {
  readonly name: "cookie";
  /** Tells it from a `Store`. */
  readonly inCookie: true;
  readonly seal: CookieSeal;
  /** The most cookies one session may take, 1 to 9. */
  readonly chunks: number;
  /** Where it is noted which sessions were ended. */
  readonly revocations: Store | undefined;
  /** Only the cookie that was sent last is good. */
  readonly latestOnly?: boolean | undefined;
  readonly capabilities: CookieCapabilities;
  /** @internal Reads and writes them: the code comes with the store, so that sessions kept elsewhere do not carry it. */
  readonly keep: (store: CookieStore, config: CookieSessionsConfig) => CookieSessions;
}

/** Whether sessions are kept in cookies. */
export function isCookieStore(store: Store | CookieStore): store is CookieStore {
  return (store as CookieStore).inCookie === true;
}

/** The store of the records. For sessions in cookies: the store of their revocation notes, if there is one. */
export function storeBehind(store: Store | CookieStore): Store | undefined {
  return isCookieStore(store) ? store.revocations : store;
}
