/** The options of `createSessions`, and the configuration they come to. Types only: `resolve.ts` makes one of the other. */

import type { BearerTransport } from "../client/bearer.ts";
import type { Carrier } from "../client/carrier.ts";
import type { Cookie, CookieOptions } from "../client/cookie.ts";
import type { IdScheme } from "../client/id.ts";
import type { TokenFormat } from "../client/token.ts";
import type { Adopter } from "../contracts/adopter.ts";
import type { DeviceBinding } from "../contracts/device-bound.ts";
import type { Events } from "../contracts/events.ts";
import type { EverybodyOption } from "../contracts/everybody.ts";
import type { Format } from "../contracts/format.ts";
import type { StandardSchema } from "../contracts/schema.ts";
import type { DeviceFields } from "../contracts/session-options.ts";
import type { Store } from "../contracts/store.ts";
import type { CookieStore } from "../record/cookie-store.ts";
import type { Timeouts } from "../record/expiry.ts";
import type { Duration } from "./duration.ts";
import type { SessionLimit } from "./limit.ts";

/**
 * The options of `createSessions`. All are optional. Durations are texts like `"30m"` or numbers of seconds;
 * a wrong value is a `TypeError` that names the option.
 */
export interface SessionOptions<Data extends object = Record<string, unknown>, Device extends object = DeviceFields> {
  /**
   * The name of this application, 1 to 40 letters, digits, `-` and `_`: the cookie is `__Host-<name>`, and every key
   * in the store begins with it. Required if other applications may use the same store, unless the store has its own
   * prefix, table or the like: two applications with one name accept each other's sessions. Default `"session"`.
   */
  readonly name?: string | undefined;
  /** Where sessions are kept: a store, or `cookieStore({ secrets })`. Default: files in `.sessions`, on this machine only, and a warning that says so. */
  readonly store?: Store | CookieStore | undefined;
  /** Ends a session that was not used for this long. Default `"1h"` (NIST SP 800-63B-4, AAL2); `false`: never by idleness. */
  readonly idleTimeout?: Duration | false | undefined;
  /** Ends a session this long after it began or after the last `login`, however busy. Default `"24h"` (NIST AAL2), with a foreign format `false`: never by age. Not both `false`. */
  readonly absoluteTimeout?: Duration | false | undefined;
  /**
   * Moves the expiry of an unchanged session at most this often, so that reading does not write. So a session may end
   * earlier by up to this time. Default: a twentieth of `idleTimeout`, at most `"1m"`.
   */
  readonly touchInterval?: Duration | undefined;
  /**
   * Gives a session a new id when its id is older than this. Parallel requests and a lost response do no harm. Default
   * `false`: only `login` and `regenerate` do.
   */
  readonly renewAfter?: Duration | false | undefined;
  /** How long the old id of such a renewal still works after the client first used the new one. Default `"1m"`. */
  readonly renewGrace?: Duration | undefined;
  /**
   * What happens when the old id of such a renewal is used after `renewGrace`, by a thief or by a very slow request.
   * `"report"` (default): emits `id_reused`; the request gets no session and no cookie. `"end"`: the session ends as
   * well.
   */
  readonly onIdReuse?: "report" | "end" | undefined;
  /** Whether the cookie of a new session outlives the browser. Default false: it ends with it. `login` can say otherwise. */
  readonly persistent?: boolean | undefined;
  // Declared as a method, so that the framework's own type can be written for the request.
  /**
   * Describes the user's device at login, for `sessions.list`: returns at most 20 texts, numbers and booleans, kept
   * with the session. Synchronous, called by `login` only. Texts longer than 500 characters are cut. The field
   * `label` is what a list calls the device. Default: nothing is noted. No event or error contains it.
   *
   * @param request What the framework hands its handlers.
   * @example
   * ```ts
   * import type { IncomingMessage } from "node:http";
   * import { createSessions } from "sojourn";
   *
   * const sessions = createSessions({
   *   describe: ({ headers, socket }: IncomingMessage) => ({ userAgent: headers["user-agent"], ip: socket.remoteAddress }),
   * });
   * ```
   */
  readonly describe?: { describe(request: object): Device }["describe"] | undefined;
  /** How the cookie is sent. Default: `__Host-session` (with `name` that), Secure, HttpOnly, SameSite=Lax. */
  readonly cookie?: CookieOptions | undefined;
  /** Carries sessions in `Authorization: Bearer` instead of a cookie: `bearer()` of `sojourn/bearer`. Excludes `cookie`. Default: a cookie. */
  readonly transport?: BearerTransport | undefined;
  /** What the cookie holds: `bareToken()` (default), `signedToken(secrets)` or `sealedToken(secrets)`. */
  readonly token?: TokenFormat | undefined;
  /** How sessions are encoded: `jsonFormat()` (default), `encrypted(jsonFormat(), secrets)`, or a foreign format. */
  readonly format?: Format | undefined;
  /**
   * The prefix of every key in the store. Default: `name`, or else the cookie's name without prefix, and a colon, so
   * that two kinds of session in one store never meet.
   */
  readonly keyPrefix?: string | undefined;
  /** Ids of another library. Default: 256 random bits, hashed with SHA-256 in the store. Excludes `keyPrefix`. */
  readonly ids?: IdScheme | undefined;
  /**
   * Adopts sessions of another library: if a request has no session of ours, each adopter looks for its own cookie,
   * in this order. Create them with the functions of `sojourn/adopt/…`. Not with `cookieStore`, nor with a foreign
   * format. Default none.
   */
  readonly adopt?: readonly Adopter[] | undefined;
  /**
   * Checks data when it is loaded, and gives its type: zod, valibot, arktype or any Standard Schema. A session that
   * it rejects counts as none, with an event. Default: data is not checked.
   */
  readonly schema?: StandardSchema<Data> | undefined;
  /**
   * Keys that belong together: when parallel changes are merged, all keys of a group come from the request that set
   * any of them; a group changed only by `update` is updated again. Default none.
   */
  readonly together?: readonly (readonly (keyof Data & string)[])[] | undefined;
  /**
   * Binds sessions to the browser that logs in: `deviceBound()` of `sojourn/device-bound`. A copied cookie is then of use
   * for minutes only, in browsers that can do it. Default: not bound. Experimental.
   */
  readonly deviceBound?: DeviceBinding | undefined;
  /**
   * How many sessions a user may have at the same time: `{ perSubject: 5 }` ends the one that logged in first when
   * there is one more, `{ perSubject: 5, excess: "refuse" }` refuses the login (`ERR_SESSION_LIMIT`, status 409).
   * Exact, also for parallel logins in several processes. Needs a store that finds sessions by subject. Default: as
   * many as come.
   */
  readonly limit?: SessionLimit | undefined;
  /** Lets `sessions.revokeEverybody()` end all sessions in one write: `everybody()` of `sojourn/everybody`. Default: not. */
  readonly everybody?: EverybodyOption | undefined;
  /**
   * Lets `sessions.current()` find the session of the current request, through `AsyncLocalStorage`. Default false: a
   * request then does not pay for it.
   */
  readonly current?: boolean | undefined;
  /** What happens to unsaved changes when the handler throws or the response is a 5xx: `"discard"` (default) or `"save"`. */
  readonly onError?: "discard" | "save" | undefined;
  /** How long loading a session may take, and how long all store calls of one save together, before it is a `SessionError` with status 503. Default `"2s"`. */
  readonly storeTimeout?: Duration | undefined;
  /**
   * How long a save may keep merging with parallel ones before it is a `SessionError` with status 503. Default
   * `"10s"`.
   */
  readonly conflictTimeout?: Duration | undefined;
  /**
   * Removes ended sessions from stores that do not do so by themselves, about once in so many requests that use their
   * session: after that request's own work, in batches, one removal at a time. A failure is the event
   * `store_unavailable`. Default: 100 where no `store` is given, else never; run `sojourn cleanup` from a job. Do not
   * use it on runtimes that freeze after the response.
   */
  readonly cleanupEvery?: number | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
  /** Decides which requests clean up: 0 to below 1. Default `Math.random`. For tests. */
  readonly random?: (() => number) | undefined;
  /** Waits between two tries of a save, for so many milliseconds. Default: a timer. For tests. */
  readonly wait?: ((ms: number) => Promise<void>) | undefined;
  /**
   * Gets each warning, once per process. Without a listener of `sessions.on`, it also gets problems for operators,
   * each kind once a minute: an outage of the store, refused records and saves, a cookie that browsers drop. `false`:
   * no warnings, for tests. Default `console.warn`.
   */
  readonly warn?: ((message: string) => void) | false | undefined;
}

/** The options as the library uses them. */
export interface Config {
  readonly store: Store | CookieStore;
  readonly timeouts: Timeouts;
  readonly persistent: boolean;
  /** Milliseconds: no login may ask for a longer lifetime. */
  readonly longest: number;
  readonly describe: ((request: object) => unknown) | undefined;
  readonly cookie: Cookie;
  readonly carrier: Carrier;
  readonly token: TokenFormat;
  readonly format: Format;
  readonly ids: IdScheme;
  /** In front of the keys of `ids`, unless that makes its own. */
  readonly keyPrefix: string;
  readonly adopt: readonly Adopter[];
  readonly schema: StandardSchema | undefined;
  readonly together: readonly (readonly string[])[];
  readonly deviceBound: DeviceBinding | undefined;
  readonly limit: Required<SessionLimit> | undefined;
  readonly everybody: EverybodyOption | undefined;
  readonly current: boolean;
  readonly saveOnError: boolean;
  readonly endReused: boolean;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Milliseconds. */
  readonly conflictTimeout: number;
  /** Requests. */
  readonly cleanupEvery: number | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly wait: (ms: number) => Promise<void>;
  /** Warns once per message. */
  readonly warn: (message: string) => void;
  readonly events: Events;
}
