/** Errors with stable codes, and the words of every message about a wrong argument. */

/** What can go wrong while an application runs, by stable code, with the HTTP status each one asks for. */
const statusByCode = {
  /** The store rejected or could not be reached. The session cookie stays as it was. */
  ERR_SESSION_STORE_UNAVAILABLE: 503,
  /** The store did not answer within `storeTimeout`. Whether a write took effect is not known. */
  ERR_SESSION_STORE_TIMEOUT: 503,
  /** The store has no room for another session. Live ones are kept; the message says what to change. */
  ERR_SESSION_STORE_FULL: 503,
  /** Other requests changed the session faster than this one could save, for longer than `conflictTimeout`. */
  ERR_SESSION_CONFLICT: 503,
  /** The browser of a bound session could not renew its proof just now. The session and its cookies stay as they were. */
  ERR_SESSION_UNPROVEN: 503,
  /** A value in `session.data` cannot be stored. The message names its path. */
  ERR_SESSION_NOT_STORABLE: 500,
  /** The encoded session exceeds what the store or a cookie can hold. Nothing was changed. */
  ERR_SESSION_TOO_LARGE: 500,
  /** The change needs a cookie, and the response headers have been sent. */
  ERR_SESSION_HEADERS_SENT: 500,
  /** With `transport: bearer()`: the client needs a new token, and the handler did not ask for it. Nothing was saved. */
  ERR_SESSION_NOT_HANDED_OUT: 500,
  /** The session was destroyed in this request; its methods can no longer be used. */
  ERR_SESSION_ENDED: 500,
  /** The user has as many sessions as `limit` allows, so the login was refused. Nothing was saved. */
  ERR_SESSION_LIMIT: 409,
  /** The store lacks an optional power that this call needs, such as listing by subject. */
  ERR_SESSION_NOT_SUPPORTED: 500,
  /** The user has to prove who they are: `requireFresh` found no proof that is new enough. {@link SessionError.needs} says which. */
  ERR_SESSION_NOT_FRESH: 401,
  /** An administrator acts as the user, and this is for the user alone: a login, or another impersonation. */
  ERR_SESSION_IMPERSONATED: 409,
  /** A stored session cannot be decoded by this process: it was sealed with a secret that is not here. Nothing was changed. */
  ERR_SESSION_UNREADABLE: 503,
  /** The store refuses writes as it is configured (null store, read-only route). The message says what to change. */
  ERR_SESSION_READ_ONLY: 500,
} as const;

/** Where messages send readers: the pages of the documentation. */
export const docs = "https://github.com/sojourn-js/sojourn/blob/main/docs/";

/** The stable code of a {@link SessionError}. Each is explained in `docs/errors.md`. */
export type SessionErrorCode = keyof typeof statusByCode;

/** Every code there is. */
export const sessionErrorCodes: readonly SessionErrorCode[] = Object.keys(statusByCode) as SessionErrorCode[];

/**
 * A failure that an application may meet at run time. The message holds no session id, token or cookie
 * value; `cause` tells name, code and message of the client's error, if one was the reason: a copy, since the errors of
 * many clients hold the command that failed, session data included.
 *
 * @example
 * ```ts
 * import { isSessionError } from "sojourn";
 *
 * function statusOf(error: unknown): number {
 *   return isSessionError(error) ? error.status : 500;
 * }
 * ```
 */
export class SessionError extends Error {
  override readonly name = "SessionError";
  /** Stable, for programs. */
  readonly code: SessionErrorCode;
  /** The page that explains the code: what it means, where it usually comes from, what to do. Printed with the error. */
  readonly help: string;
  /** The HTTP status that tells the client about it. Frameworks that look at `error.status` use it. */
  readonly status: number;
  /**
   * Of `ERR_SESSION_NOT_FRESH` by `requireFresh`: which proofs are needed, all that `requireFresh` named and did not find, and how old they
   * may be, in milliseconds. `methods` is `undefined` where any proof will do; `bound` is there where the session is not bound
   * to a browser.
   */
  declare readonly needs?: {
    readonly within: number;
    readonly methods: readonly string[] | undefined;
    readonly bound?: true;
  };

  constructor(code: SessionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause: toldOf(cause) });
    this.code = code;
    this.status = statusByCode[code];
    this.help = `${docs}errors.md#${code.toLowerCase()}`;
  }

  /** The same number under the name that Fastify and others read. */
  get statusCode(): number {
    return this.status;
  }

  /** Errors of `http-errors` say so when the client is to read the status alone; NestJS takes the status of no others. */
  get expose(): boolean {
    return false;
  }
}

/** How much of the message of a foreign error is kept, in characters. */
const longest = 300;

/**
 * What a message may hold of an error that is no `SessionError`: name, code and message, and none of its properties. The message is
 * cut, and what it quotes at length, lists as the values of a query, or looks like an id or a digest, is left out: servers
 * quote the value they refuse, and query builders tell the values.
 */
export function toldOf(error: unknown): Error {
  const { name, message, code, errors, cause } = Object(error) as Readonly<Record<string, unknown>>;
  // What Node says of several addresses that refuse has no message of its own.
  const first: unknown = Array.isArray(errors) ? (errors[0] as Partial<Error> | undefined)?.message : undefined;
  const text = typeof message === "string" ? message || first || message : `threw ${typeof error}`;
  // From the second line on, ORMs quote the values of a statement that failed; why it failed, the error within says.
  const [line = "", ...more] = String(text)
    .trim()
    .split(/[\r\n]+/);
  const reason =
    more.length > 0 && isError(cause) ? toldOf({ message: cause.message, code: codeOf(cause) }) : undefined;
  const told = new Error(cleaned(reason ? `${reason.message} (${line})` : line));
  if (typeof name === "string") told.name = cleaned(name);
  const known = code ?? codeOf(reason);
  if (typeof known === "string") Object.assign(told, { code: cleaned(known) });
  else if (typeof known === "number") Object.assign(told, { code: known });
  return told;
}

function codeOf(error: unknown): unknown {
  return (Object(error) as { code?: unknown }).code;
}

function cleaned(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short
    .replace(/\b(params|parameters): ?.*$/is, "$1: …")
    .replace(/(["'`])(?:(?!\1).|\1\1){33,}(?:\1|$)/gs, "$1…$1")
    .replace(/[\w+/=-]{40,}/g, "…")
    .replace(/[\0-\x1f\x7f]+/g, " ");
}

/** Whether a value is an error, of that name if one is given, in whatever realm it was made. */
export function isError(value: unknown, name?: string): value is Error {
  const kind = Object.prototype.toString.call(value);
  if (kind !== "[object Error]" && kind !== "[object DOMException]") return false;
  return name === undefined || (value as Error).name === name;
}

/** Whether `error` is a {@link SessionError}, also across two copies of this package and in another realm. */
export function isSessionError(error: unknown): error is SessionError {
  return isError(error, "SessionError") && Object.hasOwn(statusByCode, (error as SessionError).code);
}

/** "received …" for error messages: the type and shape of a value, and its text only when that is harmless. */
export function received(value: unknown): string {
  if (value === undefined) return "received undefined";
  if (value === null) return "received null";
  if (typeof value === "number" || typeof value === "boolean") return `received ${value}`;
  if (typeof value === "bigint") return `received ${value}n`;
  if (typeof value === "string") return `received a string of ${value.length} characters`;
  if (typeof value === "function") return `received a function${value.name ? ` named ${value.name}` : ""}`;
  if (typeof value === "symbol") return "received a symbol";
  if (Array.isArray(value) && value.constructor === Array) return `received an array of ${value.length}`;
  // Of the class, since a key of the object's own named "constructor" is data.
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null) return "received an object";
  if (!Object.hasOwn(prototype, "constructor")) return "received an object with a prototype of its own";
  const name: unknown = prototype.constructor?.name;
  return name && name !== "Object" ? `received an instance of ${name}` : "received an object";
}

/** The `TypeError` for a wrong option or argument: names it, says what it takes and what it got. */
export function wrongArgument(name: string, takes: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${takes}; ${received(value)}`);
}
