/** The session that handlers read and write. Types only. */

import type {
  ConfirmOptions,
  FreshnessOptions,
  ImpersonateOptions,
  LoginOptions,
  LogoutOptions,
} from "./session-options.ts";

/**
 * One client's session in one request.
 *
 * `data` is a plain object: read it, change it, as deep as you like. Changes are detected before the response is
 * sent, and saved key by key: parallel requests that change different keys keep all changes. The methods below are
 * about the session itself. None of them waits; all take effect with the save.
 *
 * @typeParam Data The shape of `data`. Every key is optional, since a session begins empty.
 * @example
 * ```ts
 * import type { Session } from "sojourn";
 *
 * interface Data { cart: string[]; notice: string }
 *
 * function add(session: Session<Data>, article: string): void {
 *   session.update("cart", (cart) => [...(cart ?? []), article]);
 *   session.flash("notice", "Added.");
 * }
 * ```
 */
export interface Session<Data extends object = Record<string, unknown>> {
  /**
   * The application's data: a plain object without reserved keys. After `destroy()` it is empty and frozen.
   *
   * As with every plain object, `data.toString` is inherited. If the name of a key comes from outside, use `update`,
   * `flash` and `take`, which ignore inherited keys, and `Object.hasOwn(data, key)`. An assignment to
   * `data["__proto__"]` changes the prototype, and the save throws `ERR_SESSION_NOT_STORABLE`.
   */
  readonly data: Partial<Data>;

  /** A public name for this session, for logs and lists of devices. It never changes, and cannot be used to log in. */
  readonly handle: string;

  /** Whether the session has no record yet. It gets a record and a cookie only when there is something to store. */
  readonly isNew: boolean;

  /** The user who is logged in, as passed to {@link login}. `undefined` for an anonymous session. */
  readonly subject: string | undefined;

  /** The administrator who acts as {@link subject} in this session, by {@link impersonate}; `undefined` in a session of the user. */
  readonly actor: string | undefined;

  /** When the session began, in epoch milliseconds; `undefined` while it is new. */
  readonly createdAt: number | undefined;

  /**
   * When the user last proved their identity, by {@link login} or {@link confirm}, in epoch milliseconds. Before
   * sensitive actions, call {@link requireFresh}.
   */
  readonly authenticatedAt: number | undefined;

  /**
   * When the session ends if it is not used again, in epoch milliseconds; `undefined` while it is new. This is the
   * value from before the request. The request extends the session, unless its route is `"no-touch"`.
   */
  readonly expiresAt: number | undefined;

  /** Whether the browser has bound the session to a key, with the option `deviceBound`. */
  readonly bound: boolean;

  /**
   * When the session ends even if it is in use, in epoch milliseconds. The user then has to log in again. `undefined`
   * while the session is new, and without an absolute timeout.
   */
  readonly endsAt: number | undefined;

  /** Whether the session's cookie outlives the browser. You can set it. */
  persistent: boolean;

  /**
   * The name of the device in a list of devices. You can set it to a text of 1 to 100 characters, such as the user's own
   * name for the device; the next login keeps it. If you do not set it, it is the field `label` that the option
   * `describe` returned, or `undefined`.
   *
   * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when you set it and the format is another program's.
   */
  get label(): string | undefined;
  set label(label: string);

  /**
   * Changes one key with a function of its current value. If another request changed the key in between, the function
   * runs again on the newest value, so that counters and lists lose nothing.
   *
   * @param change Gets the value (`undefined` if the key is missing), and returns the new one; `undefined` removes the
   * key. It must be synchronous and without side effects, since it may run more than once.
   * @returns The new value as far as this request knows it.
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * const countVisit = (session: Session<{ visits: number }>) => session.update("visits", (n = 0) => n + 1);
   * ```
   */
  update<K extends keyof Data & string>(
    key: K,
    change: (value: Data[K] | undefined) => Data[K] | undefined,
  ): Data[K] | undefined;

  /** Leaves a value for the next {@link take}, usually after a redirect. The same as setting `data[key]`. */
  flash<K extends keyof Data & string>(key: K, value: Data[K]): void;

  /** Reads a value and removes it. A newer value that another request set in between stays for the next `take`. */
  take<K extends keyof Data & string>(key: K): Data[K] | undefined;

  /**
   * Throws unless the user has proved their identity within the given time, by {@link login} or {@link confirm}. The
   * time counts from that proof, not from the beginning of the session. Changes and saves nothing.
   *
   * @throws `SessionError` `ERR_SESSION_NOT_FRESH` (401) if not, also if no user is logged in; `error.needs` says what
   *   the user has to do. `ERR_SESSION_NOT_SUPPORTED` with the format of another program. `TypeError` for a wrong
   *   option.
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * function pay(session: Session, transfer: () => void): void {
   *   session.requireFresh({ within: "5m", methods: ["otp"] }); // otherwise 401: ask, then session.confirm()
   *   transfer();
   * }
   * ```
   */
  requireFresh(options: FreshnessOptions): void;

  /**
   * Records that the logged-in user has just proved their identity, with the time and the `methods`. Check the proof
   * yourself before. The session gets a new id, and keeps its data and its absolute end.
   *
   * @throws `SessionError` `ERR_SESSION_NOT_FRESH` (401) when no user is logged in; `ERR_SESSION_NOT_SUPPORTED` with the
   * format of another program; `ERR_SESSION_HEADERS_SENT` when it is too late for a cookie.
   */
  confirm(options?: ConfirmOptions): void;

  /** Removes all data, also data that parallel requests saved in between. The session, its id and its subject stay. */
  clear(): void;

  /**
   * Gives the session a new id and ends the old id at once; the data stays. Call it whenever rights change:
   * requests that still have the old id find no session (OWASP ASVS 7.2.4). {@link login} also does this.
   */
  regenerate(): void;

  /**
   * Logs the user in, and gives the session a new id. The old id, which an attacker may have planted or seen, ends at
   * once. The data of a guest (a cart, for instance) and of the same user stays; to drop it, call `clear()` first. If
   * another user was logged in, nothing stays: data, handle and `persistent` start again, and saves by that user's
   * parallel requests are dropped.
   *
   * @param subject The user's identifier, 1 to 200 characters. Sessions are listed and revoked by it.
   */
  login(subject: string, options?: LoginOptions<Data>): void;

  /**
   * Logs out and continues as a guest. The session ends, even if a parallel request has given it a new id. This object
   * becomes a new session with only the data that `keep` names. Later changes, such as a notice for the next page, go to
   * the guest's session. The logout is final when called: if the handler then throws or answers 500, the user is logged
   * out, but the kept data is lost. To keep nothing, call {@link destroy}.
   *
   * @throws `SessionError` `ERR_SESSION_HEADERS_SENT` when it is too late for a cookie; `ERR_SESSION_ENDED` after `destroy`.
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * function logOut(session: Session<{ lang: string; notice: string }>): void {
   *   session.logout({ keep: ["lang"] });
   *   session.flash("notice", "You are logged out.");
   * }
   * ```
   */
  logout(options?: LogoutOptions<keyof Data & string>): void;

  /**
   * Lets the administrator who is logged in act as another user. First check that they may do that. This object
   * becomes a new session with that `subject`, without data, and with the administrator as {@link actor}. The
   * administrator's own session stays, under an id that no client has, until {@link endImpersonation}. The new session
   * ends when the administrator's ends, by a logout, a revocation or a timeout; each of its requests checks that with one
   * more store call. It is never fresh for {@link requireFresh}, does not count for `limit`, and its cookie ends with the
   * browser. A logout in it logs the administrator out.
   *
   * @param subject The user's identifier, 1 to 200 characters.
   * @throws `SessionError` `ERR_SESSION_NOT_FRESH` (401) when no user is logged in; `ERR_SESSION_IMPERSONATED` (409) in an
   * impersonation; `ERR_SESSION_NOT_SUPPORTED` with parts, `cookieStore`, `transport: bearer()`, `deviceBound`, and the
   * format of another program; `ERR_SESSION_HEADERS_SENT` when it is too late for a cookie. `TypeError` for a wrong argument.
   * @example
   * ```ts
   * import type { Session } from "sojourn";
   *
   * function actAs(session: Session, user: string): void {
   *   session.requireFresh({ within: "10m" });
   *   session.impersonate(user, { absoluteTimeout: "30m" });
   * }
   * ```
   */
  impersonate(subject: string, options?: ImpersonateOptions): void;

  /**
   * Ends the impersonation, and returns to the administrator's own session, with its data and a new id. It is final when
   * called: if the handler then throws or answers 500, the administrator has to log in again. Does nothing if there is
   * no {@link actor}.
   */
  endImpersonation(): void;

  /**
   * Ends the session: its record and its cookie are removed. It is final when called, even if the handler then throws or
   * answers 500. Later calls of the session's methods throw `ERR_SESSION_ENDED`.
   */
  destroy(): void;

  /**
   * Saves now instead of before the response: for streams and sockets, or before code that needs the saved session.
   *
   * @returns False when the session has ended elsewhere in between; then nothing was saved.
   * @throws `SessionError` when the store fails, or when a cookie is needed and the headers were already sent.
   */
  save(): Promise<boolean>;
}
