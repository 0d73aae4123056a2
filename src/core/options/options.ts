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
 * The options of `createSessions`. All are optional. Durations are texts such as `"30m"` or numbers of seconds;
 * a wrong value throws a `TypeError` that names the option.
 */
export interface SessionOptions<Data extends object = Record<string, unknown>, Device extends object = DeviceFields> {
  /**
   * The name of this application, 1 to 40 letters, digits, `-` and `_`: the cookie is `__Host-<name>`, and every key
   * in the store begins with it. Two applications with the same name accept each other's sessions. So it is required if
   * other applications may use the same store, unless you gave the store its own prefix or table. Default `"session"`.
   */
  readonly name?: string | undefined;
  /** Where sessions are kept: a store, or `cookieStore({ secrets })`. Default: files in `.sessions`, for this machine only, with a warning. */
  readonly store?: Store | CookieStore | undefined;
  /** Ends a session that was not used for this long. Default `"1h"` (NIST SP 800-63B-4, AAL2); `false`: no such limit. */
  readonly idleTimeout?: Duration | false | undefined;
  /** Ends a session this long after it began or after the last `login`, even if it is in use. Not `false` if `idleTimeout` is too. Default `"24h"` (NIST AAL2), with another program's format `false`: no such limit. */
  readonly absoluteTimeout?: Duration | false | undefined;
  /**
   * Extends an unchanged session at most this often, since each extension is a write. So a session may end
   * earlier by up to this time. Default: a twentieth of `idleTimeout`, at most `"1m"`.
   */
  readonly touchInterval?: Duration | undefined;
  /**
   * Gives a session a new id when its id is older than this. Parallel requests and a lost response do no harm. Default
   * `false`: only `login` and `regenerate` give new ids.
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
  /** Whether the cookie of a new session outlives the browser. `login` can override it. Default false: the cookie ends with the browser. */
  readonly persistent?: boolean | undefined;
  // Declared as a method, so that the framework's own type can be written for the request.
  /**
   * Describes the user's device at login, for `sessions.list`. Returns at most 20 texts, numbers and booleans, which the
   * session keeps; texts longer than 500 characters are truncated. The field `label` is the name of the device in lists.
   * Synchronous, called by `login` only. No event or error contains the description. Default: no description.
   *
   * @param request The object that the framework passes to handlers.
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
  /** The name and attributes of the cookie. Default: `__Host-session` (with `name` `__Host-<name>`), Secure, HttpOnly, SameSite=Lax. */
  readonly cookie?: CookieOptions | undefined;
  /** Carries sessions in `Authorization: Bearer` instead of a cookie: `bearer()` of `sojourn/bearer`. Excludes `cookie`. Default: a cookie. */
  readonly transport?: BearerTransport | undefined;
  /** What the cookie holds: `bareToken()` (default), `signedToken(secrets)` or `sealedToken(secrets)`. */
  readonly token?: TokenFormat | undefined;
  /** How sessions are encoded: `jsonFormat()` (default), `encrypted(jsonFormat(), secrets)`, or another program's format. */
  readonly format?: Format | undefined;
  /**
   * The prefix of every key in the store. It keeps different kinds of session in one store apart. Default: `name`, or
   * else the cookie's name without prefix, and a colon.
   */
  readonly keyPrefix?: string | undefined;
  /** Ids of another library. Default: 256 random bits, hashed with SHA-256 in the store. Excludes `keyPrefix`. */
  readonly ids?: IdScheme | undefined;
  /**
   * Adopts sessions of another library: if a request has no session, each adopter looks for the other library's cookie,
   * in this order. Create adopters with the functions of `sojourn/adopt/…`. Excludes `cookieStore` and other programs'
   * formats. Default none.
   */
  readonly adopt?: readonly Adopter[] | undefined;
  /**
   * Checks data when it is loaded, and determines its type: zod, valibot, arktype or any Standard Schema. If it rejects
   * the data, the request has no session, and `record_refused` is emitted. Default: data is not checked.
   */
  readonly schema?: StandardSchema<Data> | undefined;
  /**
   * Groups of keys that belong together. When parallel changes are merged, all keys of a group come from the request
   * that set one of them. If it changed them only by `update`, the functions run again. Default none.
   */
  readonly together?: readonly (readonly (keyof Data & string)[])[] | undefined;
  /**
   * Binds sessions to the browser that logs in: `deviceBound()` of `sojourn/device-bound`. In browsers that support it, a
   * copied cookie then works for minutes only. Experimental. Default: not bound.
   */
  readonly deviceBound?: DeviceBinding | undefined;
  /**
   * How many sessions a user may have at the same time. With `{ perSubject: 5 }` the sixth login ends the session that
   * logged in first; with `{ perSubject: 5, excess: "refuse" }` it is refused (`ERR_SESSION_LIMIT`, status 409).
   * Exact, also for parallel logins in several processes. Needs a store that finds sessions by subject. Default: no
   * limit.
   */
  readonly limit?: SessionLimit | undefined;
  /** Lets `sessions.revokeEverybody()` end all sessions in one write: `everybody()` of `sojourn/everybody`. Default: that method throws. */
  readonly everybody?: EverybodyOption | undefined;
  /**
   * Lets `sessions.current()` find the session of the current request, through `AsyncLocalStorage`. Each request pays
   * for that. Default false.
   */
  readonly current?: boolean | undefined;
  /** What happens to unsaved changes when the handler throws or the response is a 5xx: `"discard"` (default) or `"save"`. */
  readonly onError?: "discard" | "save" | undefined;
  /** The limit for loading a session, and for all store calls of one save together. After it there is a `SessionError` with status 503. Default `"2s"`. */
  readonly storeTimeout?: Duration | undefined;
  /**
   * How long a save may retry and merge with parallel saves before it rejects with a `SessionError` with status 503.
   * Default `"10s"`.
   */
  readonly conflictTimeout?: Duration | undefined;
  /**
   * Removes ended sessions after about one in this many requests that use their session, from stores that do not remove
   * them by themselves: in batches, one removal at a time, after the request's own work. A failure emits
   * `store_unavailable`. Do not use it on runtimes that freeze after the response: run `sojourn cleanup` from a job.
   * Default: 100 without the option `store`, else never.
   */
  readonly cleanupEvery?: number | undefined;
  /** The clock, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
  /** Returns a number from 0 to below 1, which decides whether a request cleans up. Default `Math.random`. For tests. */
  readonly random?: (() => number) | undefined;
  /** Waits `ms` milliseconds: between two tries of a save, and before it looks for late changes. Default: a timer. For tests. */
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
  /** Waits milliseconds. `idle`: a process that has nothing else to do may end. */
  readonly wait: (ms: number, idle?: boolean) => Promise<void>;
  /** Warns once per message. */
  readonly warn: (message: string) => void;
  readonly events: Events;
}
