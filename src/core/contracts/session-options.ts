/** What the methods of a session take. Types only. */

import type { Duration } from "../options/duration.ts";

/** What `describe` may say of a device. */
export type DeviceFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Options of `session.login`. */
export interface LoginOptions<Data extends object = Record<string, unknown>> {
  /** Whether the cookie outlives the browser ("remember me"). Default: as it was, for a new session as configured. */
  readonly persistent?: boolean | undefined;
  /** With the option `deviceBound`: false leaves this session unbound, as for a client that is no browser. Default true. */
  readonly deviceBound?: boolean | undefined;
  /**
   * Ends the session when it was not used for this long, in place of the option `idleTimeout`: `"30d"` for "remember
   * me", `"10m"` for an administrator. At most 400 days; with cookies that can be revoked at most `absoluteTimeout`. It
   * stays with the session until its next login. A `TypeError` when it is longer than `absoluteTimeout`. Default: as
   * configured.
   */
  readonly idleTimeout?: Duration | undefined;
  /** Ends the session this long after the login, however busy, in place of the option `absoluteTimeout`. Default: as configured. */
  readonly absoluteTimeout?: Duration | undefined;
  /**
   * How the user proved who they are, in your own words: `["password", "otp"]`. Noted with the time, for
   * `session.requireFresh`. 1 to 20 names of letters, digits and `_.:-`. Default: none.
   */
  readonly methods?: readonly string[] | undefined;
  /**
   * What the identity provider calls this login, so that `sessions.revokeExternal` ends the session when the provider
   * says so (OpenID Connect Back-Channel Logout). Needs a store that finds sessions by subject, or `cookieStore` with
   * `revocations` (`ERR_SESSION_NOT_SUPPORTED`). Default: nothing.
   */
  readonly external?: ExternalLogin | undefined;
  /**
   * Merges data from the user's other session into this one, by key. The other session is the one they last logged in
   * to. If only the other session has a value, it is copied; if both have one, the function decides. The other session
   * stays as it is. Needs a store that can find sessions by subject (`ERR_SESSION_NOT_SUPPORTED`), and costs one call
   * of it. Default: nothing.
   *
   * The functions are synchronous, and free of other effects, since they may run more than once.
   *
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * function logIn(session: Session<{ cart: string[] }>, user: string): void {
   *   session.login(user, { merge: { cart: (guest, users) => [...users, ...guest] } });
   * }
   * ```
   */
  readonly merge?: MergeOptions<Data> | undefined;
}

/** What an identity provider calls a login, from the claims of its ID token. */
export interface ExternalLogin {
  /** The provider: `iss`. */
  readonly issuer: string;
  /** The provider's own session: `sid`. */
  readonly sid?: string | undefined;
  /** The user there: `sub`. Default: the subject given to `login`. */
  readonly subject?: string | undefined;
}

/** Options of `session.logout`. */
export interface LogoutOptions<Key extends string = string> {
  /** The keys of the data that the guest's session keeps. Default: none. */
  readonly keep?: readonly Key[] | undefined;
}

/** Options of `session.impersonate`. */
export interface ImpersonateOptions {
  /**
   * Ends the impersonation this long after it began, however busy it is; never later than the administrator's own
   * session would end if unused. From one second to 400 days. Default `"1h"`.
   */
  readonly absoluteTimeout?: Duration | undefined;
}

/** Options of `session.requireFresh`. */
export interface FreshnessOptions {
  /** How long ago the user may have proved who they are. From one second to 400 days. */
  readonly within: Duration;
  /** Every one of these must have been shown within that time: names as given to `login` and `confirm`. Default: any proof will do. */
  readonly methods?: readonly string[] | undefined;
  /**
   * True: the session must also be bound to a browser that has proved it, with the option `deviceBound`. In its mode
   * `"report"` a request without that proof passes, since that mode refuses nothing. Default false.
   */
  readonly bound?: boolean | undefined;
}

/** Options of `session.confirm`. */
export interface ConfirmOptions {
  /** How the user proved it just now: `["otp"]`. 1 to 20 names of letters, digits and `_.:-`. Default: none is noted. */
  readonly methods?: readonly string[] | undefined;
}

/** By key: what becomes of the guest's value and that of the user's other session; `undefined` removes it. */
export type MergeOptions<Data extends object> = {
  // Declared as a method, so that a Session<Data> goes where a Session of anything is taken.
  readonly [Key in keyof Data]?: {
    decide(guest: Data[Key], users: Data[Key]): Data[Key] | undefined;
  }["decide"];
};
