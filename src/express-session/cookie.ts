/** The cookie of one session as express-session has it: its attributes and its expiry, kept in the record. */

import { isDate } from "../core/bytes/bytes.ts";
import { deprecate } from "./deprecate.ts";

/** The attributes that are stored and sent. The order is that of the records of express-session. */
export interface CookieData {
  originalMaxAge: number | null | undefined;
  partitioned?: boolean | undefined;
  priority?: string | undefined;
  expires: Date | string | number | boolean | null | undefined;
  secure?: boolean | string | undefined;
  httpOnly?: boolean | undefined;
  domain?: string | undefined;
  path?: string | undefined;
  sameSite?: boolean | string | undefined;
}

/** `req.session.cookie`. */
export class Cookie implements CookieData {
  declare path: string | undefined;
  declare httpOnly: boolean | undefined;
  declare originalMaxAge: number | null | undefined;
  declare partitioned: boolean | undefined;
  declare priority: string | undefined;
  declare secure: boolean | string | undefined;
  declare domain: string | undefined;
  declare sameSite: boolean | string | undefined;
  /** The expiry itself. Stores read it. */
  declare _expires: CookieData["expires"];

  constructor(options?: object) {
    this.path = "/";
    this.maxAge = null;
    this.httpOnly = true;
    if (options) {
      if (typeof options !== "object") throw new TypeError("argument options must be a object");
      for (const key in options) {
        if (key !== "data") (this as Record<string, unknown>)[key] = (options as Record<string, unknown>)[key];
      }
    }
    this.originalMaxAge ??= this.maxAge as number | null | undefined;
  }

  get expires(): CookieData["expires"] {
    return this._expires;
  }

  set expires(date: CookieData["expires"]) {
    this._expires = date;
    this.originalMaxAge = this.maxAge as number | null | undefined;
  }

  /** The time left in milliseconds; the value of `expires` where that is no Date. */
  get maxAge(): CookieData["expires"] {
    return isDate(this._expires) ? this._expires.valueOf() - Date.now() : this._expires;
  }

  set maxAge(ms: CookieData["expires"]) {
    if (ms && typeof ms !== "number" && !isDate(ms)) throw new TypeError("maxAge must be a number or Date");
    if (isDate(ms)) deprecate("maxAge as Date; pass number of milliseconds instead");
    this.expires = typeof ms === "number" ? new Date(Date.now() + ms) : ms;
  }

  get data(): CookieData {
    const { originalMaxAge, partitioned, priority, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires: this._expires, secure, httpOnly, domain, path, sameSite };
  }

  serialize(name: string, value: string): string {
    return serialize(name, value, this.data);
  }

  toJSON(): CookieData {
    return this.data;
  }
}

/** What a stored cookie becomes when its session is loaded: dates are dates, `originalMaxAge` is as it was. */
export function reviveCookie(stored: object): Cookie {
  const { expires, originalMaxAge } = stored as CookieData;
  const cookie = new Cookie(stored);
  if (typeof expires === "string") cookie.expires = new Date(expires);
  cookie.originalMaxAge = originalMaxAge;
  return cookie;
}

const names = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const domains = /^([.]?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const paths = /^[\x20-\x3a\x3d-\x7e]*$/;

/** The `Set-Cookie` value. Throws a `TypeError` for an attribute that no cookie can have. */
export function serialize(name: string, value: string, data: CookieData): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = data;
  if (!names.test(name)) throw new TypeError("argument name is invalid");
  let line = `${name}=${encodeURIComponent(value)}`;
  if (domain) line += `; Domain=${checked("domain", domain, domains)}`;
  if (path) line += `; Path=${checked("path", path, paths)}`;
  if (expires) {
    if (!isDate(expires) || Number.isNaN(expires.valueOf())) throw new TypeError("option expires is invalid");
    line += `; Expires=${expires.toUTCString()}`;
  }
  if (httpOnly) line += "; HttpOnly";
  if (secure) line += "; Secure";
  if (partitioned) line += "; Partitioned";
  if (priority) line += `; Priority=${word("priority", priority, ["Low", "Medium", "High"])}`;
  if (sameSite)
    line += `; SameSite=${sameSite === true ? "Strict" : word("sameSite", sameSite, ["Lax", "Strict", "None"])}`;
  return line;
}

function checked(option: string, value: string, shape: RegExp): string {
  if (typeof value === "string" && shape.test(value)) return value;
  throw new TypeError(`option ${option} is invalid`);
}

function word(option: string, value: string, words: readonly string[]): string {
  const found = words.find((one) => one.toLowerCase() === String(value).toLowerCase());
  if (found) return found;
  throw new TypeError(`option ${option} is invalid`);
}

/** The first cookie of a name in a `Cookie` header, decoded. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals === -1 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, "$1");
    try {
      return value.includes("%") ? decodeURIComponent(value) : value;
    } catch {
      return value;
    }
  }
  return undefined;
}
