/** What the methods of a session take. Types only. */

import type { Duration } from "../options/duration.ts";

/** The description of a device that `describe` may return. */
export type DeviceFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Options of `session.login`. */
export interface LoginOptions<Data extends object = Record<string, unknown>> {
  /** Whether the cookie outlives the browser ("remember me"). Default: unchanged; for a new session the option `persistent`. */
  readonly persistent?: boolean | undefined;
  /** With the option `deviceBound`: false leaves this session unbound, for example for a client that is not a browser. Default true. */
  readonly deviceBound?: boolean | undefined;
  /**
   * Ends the session when it was not used for this long, instead of the option `idleTimeout`: `"30d"` for "remember
   * me", `"10m"` for an administrator. At most 400 days; for sessions in cookies with `revocations` at most the option
   * `absoluteTimeout`. It applies until the session's next login. `login` throws a `TypeError` if it is longer than
   * `absoluteTimeout`. Default: the option `idleTimeout`.
   */
  readonly idleTimeout?: Duration | undefined;
  /** Ends the session this long after the login, even if it is in use, instead of the option `absoluteTimeout`. Default: that option. */
  readonly absoluteTimeout?: Duration | undefined;
  /**
   * How the user proved their identity. You choose the names: `["password", "otp"]`. The session keeps them with the
   * time, for `session.requireFresh`. 1 to 20 names of letters, digits and `_.:-`. Default: none.
   */
  readonly methods?: readonly string[] | undefined;
  /**
   * The identity provider's names for this login. With them `sessions.revokeExternal` can end the session when the user
   * logs out at the provider (OpenID Connect Back-Channel Logout). Needs a store that finds sessions by subject, or
   * `cookieStore` with `revocations`, or `login` throws `ERR_SESSION_NOT_SUPPORTED`. Default: no names.
   */
  readonly external?: ExternalLogin | undefined;
  /**
   * Merges data from the user's other session into this one, by key. The other session is the one that the user last
   * logged in to; it stays unchanged. If only that session has a value, it is copied; if both have one, the function
   * decides. Needs a store that finds sessions by subject, or `login` throws `ERR_SESSION_NOT_SUPPORTED`, and costs one
   * call of the store. Default: nothing is merged.
   *
   * The functions must be synchronous and without side effects, since they may run more than once.
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

/** An identity provider's names for a login, from the claims of its ID token. */
export interface ExternalLogin {
  /** The provider: `iss`. */
  readonly issuer: string;
  /** The provider's own session: `sid`. */
  readonly sid?: string | undefined;
  /** The provider's name for the user: `sub`. Default: the subject passed to `login`. */
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
   * Ends the impersonation this long after it began, even if it is in use. It also ends when the administrator's own
   * session, which is not used during it, would end. From one second to 400 days. Default `"1h"`.
   */
  readonly absoluteTimeout?: Duration | undefined;
}

/** Options of `session.requireFresh`. */
export interface FreshnessOptions {
  /** How long ago the user may have proved their identity. From one second to 400 days. */
  readonly within: Duration;
  /** The user must have proved every one of these within that time. The names are those passed to `login` and `confirm`. Default: any proof is enough. */
  readonly methods?: readonly string[] | undefined;
  /**
   * True: the session must also be bound to a browser, by the option `deviceBound`, and the request must have the
   * browser's proof. In the mode `"report"`, which refuses nothing, the proof may be missing. Default false.
   */
  readonly bound?: boolean | undefined;
}

/** Options of `session.confirm`. */
export interface ConfirmOptions {
  /** How the user has just proved their identity: `["otp"]`. 1 to 20 names of letters, digits and `_.:-`. Default: no names. */
  readonly methods?: readonly string[] | undefined;
}

/** For each key, a function that gets the guest's value and that of the user's other session, and returns the merged value; `undefined` removes the key. */
export type MergeOptions<Data extends object> = {
  // Declared as a method, so that a Session<Data> goes where a Session of anything is taken.
  readonly [Key in keyof Data]?: {
    decide(guest: Data[Key], users: Data[Key]): Data[Key] | undefined;
  }["decide"];
};
