/** The options of the drop-in, checked once: those of express-session 1.19, and a few more. */

import { randomBytes } from "node:crypto";
import { received, wrongArgument } from "../core/contracts/errors.ts";
import type { Store as SojournStore } from "../core/contracts/store.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import { Cookie } from "./cookie.ts";
import { deprecate } from "./deprecate.ts";
import { subjectPath } from "./format.ts";
import type { ExpressRequest, ExpressStore } from "./session.ts";
import { type ExpressSecret, secretsOf } from "./signature.ts";

/** The attributes of the cookie, as express-session takes them. */
export interface ExpressCookieOptions {
  /** How long the cookie and its session last, in milliseconds. Default `null`: until the browser is closed. */
  readonly maxAge?: number | null | undefined;
  /** When the cookie ends. `maxAge` is the better choice. */
  readonly expires?: Date | null | undefined;
  /** Keeps the cookie from scripts. Default true. */
  readonly httpOnly?: boolean | undefined;
  /** The paths it is sent to, and the requests that get a session. Default `"/"`. */
  readonly path?: string | undefined;
  /** Sends it to this domain and all below. Default: only to the host that set it. */
  readonly domain?: string | undefined;
  /** Only over https; `"auto"`: when the session is begun over https. Default false. */
  readonly secure?: boolean | "auto" | undefined;
  /** Whether other sites' requests carry it; `"auto"`: `"none"` over https, `"lax"` otherwise. Default: the browser's choice. */
  readonly sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  /** Keeps a separate cookie for each embedding site. Default false. */
  readonly partitioned?: boolean | undefined;
  /** What browsers keep when they have too many cookies. Default: their choice. */
  readonly priority?: "low" | "medium" | "high" | undefined;
}

/** What the drop-in takes: the options of express-session, and those that only this package has. */
export interface ExpressSessionOptions {
  /** Signs the id in the cookie; the first of a list signs, all verify. Default: `req.secret` of cookie-parser. */
  readonly secret?: ExpressSecret | readonly ExpressSecret[] | undefined;
  /** The name of the cookie. Default `"connect.sid"`. */
  readonly name?: string | undefined;
  /** The old word for `name`. */
  readonly key?: string | undefined;
  /** Where sessions are kept: a store of express-session from any package, or a store of sojourn. Default: a new `MemoryStore`. */
  readonly store?: ExpressStore | SojournStore | undefined;
  /** The attributes of the cookie, or a function that gives them for a request. Default `{ path: "/", httpOnly: true, maxAge: null }`. */
  readonly cookie?: ExpressCookieOptions | ((request: never) => ExpressCookieOptions) | undefined;
  /** Makes the id of a new session. Default: 24 random bytes in base64url. */
  readonly genid?: ((request: never) => string) | undefined;
  /** Writes sessions that did not change. Default true, with a deprecation. Has no effect with a store of sojourn. */
  readonly resave?: boolean | undefined;
  /** Keeps new sessions that nothing was written to, and sends their cookies. Default true, with a deprecation. */
  readonly saveUninitialized?: boolean | undefined;
  /** Sends the cookie with every response, its expiry moved on. Default false. */
  readonly rolling?: boolean | undefined;
  /** What `req.session = null` does to the record: `"keep"` (default) or `"destroy"`. */
  readonly unset?: "keep" | "destroy" | undefined;
  /** Whether `X-Forwarded-Proto` tells that a request came over https. Default: Express's `req.secure`. */
  readonly proxy?: boolean | undefined;
  /** Removes the cookie when the session is destroyed. Default false, as in express-session 1; its version 2 does. */
  readonly clearCookie?: boolean | undefined;
  /**
   * How long a session without `cookie.maxAge` lives unused in a store of sojourn, and the `maxAge` that
   * `session.login(id, { persistent: true })` gives its cookie. Default `"1d"`, as the stores of npm have it.
   */
  readonly ttl?: Duration | undefined;
  /** What keys in a store of sojourn begin with. Default `"sess:"`; with a layout what the other program has. */
  readonly keyPrefix?: string | undefined;
  /**
   * Where the application keeps the user, as a path of keys: `session.login` writes it, `session.subject` reads it,
   * `sessions.list` and `sessions.revoke` find it. Default `"passport.user"`; a login without passport then warns.
   */
  readonly subjectKey?: string | undefined;
  /** Says a warning, once each. Default `console.warn`. */
  readonly warn?: ((message: string) => void) | undefined;
  /** The clock of a store of sojourn, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** The options as the middleware uses them. */
export interface Resolved {
  readonly name: string;
  readonly secrets: readonly ExpressSecret[] | undefined;
  readonly resave: boolean;
  readonly saveUninitialized: boolean;
  readonly rolling: boolean;
  readonly unsetDestroys: boolean;
  readonly clearCookie: boolean;
  /** Milliseconds. */
  readonly ttl: number;
  readonly subjectPath: readonly string[];
  /** The application did not say where. */
  readonly guessesSubject: boolean;
  genid(request: ExpressRequest): string;
  /** The path of the cookie for a request. */
  pathFor(request: ExpressRequest): string;
  /** A new session's cookie. */
  cookieFor(request: ExpressRequest): Cookie;
  isSecure(request: ExpressRequest): boolean;
}

/** Checks what express-session checks, with its messages, and the other options with this library's. */
export function resolveOptions(options: ExpressSessionOptions): Resolved {
  const { cookie = {}, genid = defaultId, proxy, secret, unset } = options;
  if (typeof genid !== "function") throw new TypeError("genid option must be a function");
  if (unset && unset !== "destroy" && unset !== "keep") throw new TypeError('unset option must be "destroy" or "keep"');
  if (Array.isArray(secret) && secret.length === 0)
    throw new TypeError("secret option array must contain one or more strings");
  if (!secret) deprecate("req.secret; provide secret option");
  const resave = decided("resave", options.resave);
  const saveUninitialized = decided("saveUninitialized", options.saveUninitialized);
  const given = (request: ExpressRequest): ExpressCookieOptions =>
    (typeof cookie === "function" ? cookie(request as never) : cookie) ?? {};
  const fixed = typeof cookie === "function" ? {} : cookie;
  const isSecure = (request: ExpressRequest): boolean => cameOverHttps(request, proxy);
  if (options.clearCookie !== undefined && typeof options.clearCookie !== "boolean")
    throw wrongArgument("clearCookie", "true or false", options.clearCookie);
  return {
    name: options.name || options.key || "connect.sid",
    secrets: secret ? secretsOf(secret, "secret") : undefined,
    resave,
    saveUninitialized,
    rolling: Boolean(options.rolling),
    unsetDestroys: unset === "destroy",
    clearCookie: options.clearCookie === true,
    ttl: durationOption("ttl", options.ttl ?? "1d", 1000, 400 * 86_400_000),
    subjectPath: subjectPath(options.subjectKey),
    guessesSubject: options.subjectKey === undefined,
    genid: (request) => checkedId(genid(request as never)),
    pathFor: (request) => given(request).path || "/",
    cookieFor(request) {
      const made = new Cookie(given(request));
      const secure = isSecure(request);
      if (fixed.secure === "auto") made.secure = secure;
      if (fixed.sameSite === "auto") made.sameSite = secure ? "none" : "lax";
      return made;
    },
    isSecure,
  };
}

function checkedId(id: unknown): string {
  if (typeof id === "string" && id !== "") return id;
  throw new TypeError(`genid must return a text that is not empty; ${received(id)}`);
}

function defaultId(): string {
  return randomBytes(24).toString("base64url");
}

function decided(name: string, value: boolean | undefined): boolean {
  if (value === undefined) deprecate(`undefined ${name} option; provide ${name} option`);
  return value === undefined || Boolean(value);
}

function cameOverHttps(request: ExpressRequest, proxy: boolean | undefined): boolean {
  const connection = request.connection ?? (request.socket as { encrypted?: boolean } | undefined);
  if (connection?.encrypted || request.stream?.session?.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return request.secure === true;
  const header = request.headers["x-forwarded-proto"];
  const first = (Array.isArray(header) ? header[0] : header)?.split(",")[0];
  return first?.trim().toLowerCase() === "https";
}
