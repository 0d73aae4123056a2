/** Cookies: reading one by name, writing one, and the rules that browsers enforce, checked at construction. */

import { octets } from "../bytes/bytes.ts";
import { received, SessionError, wrongArgument } from "../contracts/errors.ts";
import { checkKnown } from "../contracts/known.ts";

/** The name and attributes of the session cookie. The defaults are the strictest that work for an ordinary site. */
export interface CookieOptions {
  /**
   * The name without prefix. Default `"session"`. sojourn adds the prefix that fits the other options: `__Host-`
   * normally, `__Secure-` with a `domain` or another `path`, none when `secure` is false.
   */
  readonly name?: string | undefined;
  /** Overrides the prefix, whose rules browsers enforce; `""` is no prefix. An impossible combination throws. Default: the strictest possible. */
  readonly prefix?: "__Host-" | "__Secure-" | "__Host-Http-" | "__Http-" | "" | undefined;
  /** Whether browsers send the cookie over https only. Set it to false only for development over plain http. Default true. */
  readonly secure?: boolean | undefined;
  /** Whether requests from other sites have the cookie: `"lax"` (default) on navigation only, `"strict"` never, `"none"` always (needs `secure`). */
  readonly sameSite?: "lax" | "strict" | "none" | undefined;
  /** The path below which browsers send the cookie. Not a security boundary. Default `"/"`. */
  readonly path?: string | undefined;
  /** Sends the cookie to this domain and all its subdomains. Default: only to the host that set it. */
  readonly domain?: string | undefined;
  /** Keeps a separate cookie for each site that embeds yours (CHIPS), for `sameSite: "none"`. Default false. */
  readonly partitioned?: boolean | undefined;
}

/** One cookie, its attributes worked out once. */
export interface Cookie {
  /** The full name, prefix included. */
  readonly name: string;
  /** The name without prefix. */
  readonly baseName: string;
  readonly secure: boolean;
  /** The `Set-Cookie` value. `maxAge` in seconds; without it the cookie ends with the browser. Throws `ERR_SESSION_TOO_LARGE` above 4096 bytes. */
  set(value: string, maxAge?: number): string;
  /** The `Set-Cookie` value that removes it: every attribute again, or a browser would keep a prefixed one. */
  remove(): string;
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,99}$/;
const known = ["name", "prefix", "secure", "sameSite", "path", "domain", "partitioned"];
const sameSites = { lax: "Lax", strict: "Strict", none: "None" };

/** Checks the options and works out the cookie. Throws a `TypeError` for an impossible or unsafe combination. */
export function makeCookie(options: CookieOptions = {}, at = "cookie"): Cookie {
  if (typeof options !== "object" || options === null) throw wrongArgument(at, "an object of cookie options", options);
  checkKnown(at, options, known);
  const { name = "session", secure = true, sameSite = "lax", path = "/", domain, partitioned = false } = options;
  if (typeof secure !== "boolean") throw wrongArgument(`${at}.secure`, "true or false", secure);
  if (typeof partitioned !== "boolean") throw wrongArgument(`${at}.partitioned`, "true or false", partitioned);
  if (typeof name !== "string" || !token.test(name)) {
    throw wrongArgument(`${at}.name`, "a cookie name: 1 to 99 letters, digits or !#$%&'*+-.^_`|~", name);
  }
  if (typeof sameSite !== "string" || !Object.hasOwn(sameSites, sameSite)) {
    throw wrongArgument(`${at}.sameSite`, '"lax", "strict" or "none"', sameSite);
  }
  checkAttribute(`${at}.path`, path, /^\/[\x20-\x3a\x3c-\x7e]*$/, 'a path that begins with "/" and holds no ";"');
  if (domain !== undefined) {
    checkAttribute(`${at}.domain`, domain, /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, "a domain name");
  }
  const strictest = !secure ? "" : path === "/" && domain === undefined ? "__Host-" : "__Secure-";
  const given = /^__(Host-Http-|Host-|Http-|Secure-)/i.exec(name)?.[0];
  const { prefix = given === undefined ? strictest : "" } = options;
  if (!["__Host-", "__Secure-", "__Host-Http-", "__Http-", ""].includes(prefix)) {
    throw wrongArgument(`${at}.prefix`, '"__Host-", "__Secure-", "__Host-Http-", "__Http-" or ""', prefix);
  }
  const full = prefix + name;
  if (/^__/.test(full) && !secure && (given ?? prefix)) {
    throw new TypeError(`${at}: the prefix of "${full}" needs secure: true; received secure: false`);
  }
  if (/^__Host-/i.test(full) && (path !== "/" || domain !== undefined)) {
    throw new TypeError(
      `${at}: "${full}" needs path "/" and no domain; received ${domain ? "a domain" : "another path"}`,
    );
  }
  if (sameSite === "none" && !secure)
    throw new TypeError(`${at}.sameSite "none" needs secure: true; received secure: false`);
  if (partitioned && !secure) throw new TypeError(`${at}.partitioned needs secure: true; received secure: false`);

  const attributes =
    (domain === undefined ? "" : `; Domain=${domain}`) +
    `; Path=${path}${secure ? "; Secure" : ""}; HttpOnly; SameSite=${sameSites[sameSite]}` +
    (partitioned ? "; Partitioned" : "");
  const removal = `${full}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${attributes}`;
  return {
    name: full,
    baseName: name.slice(given?.length ?? 0) || name,
    secure,
    set(value, maxAge) {
      if (octets(full) + octets(value) > 4096) {
        const limit = `the cookie "${full}" would take ${octets(full) + octets(value)} octets, and browsers keep at most 4096`;
        throw new SessionError("ERR_SESSION_TOO_LARGE", limit);
      }
      return `${full}=${value}${maxAge === undefined ? "" : `; Max-Age=${maxAge}`}${attributes}`;
    },
    remove: () => removal,
  };
}

function checkAttribute(name: string, value: unknown, shape: RegExp, takes: string): void {
  if (typeof value === "string" && value.length <= 1024 && shape.test(value)) return;
  throw new TypeError(`${name} must be ${takes}, at most 1024 characters; ${received(value)}`);
}

/** What a `Cookie` header holds under a name: its value, `undefined` when it is not there, `null` when it is there twice with different values. */
export type FoundCookie = string | undefined | null;

/**
 * Finds one cookie by its exact name. Only space and tab are trimmed, quotes and percent signs mean nothing,
 * a name in another case is another cookie, and two different values are refused: a sibling domain may have
 * set one of them (RFC 6265bis 5.6 and 8.6).
 */
export function findCookie(header: string | null | undefined, name: string): FoundCookie {
  if (!header) return undefined;
  let found: FoundCookie;
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    let before = at - 1;
    while (isBlank(header, before)) before--;
    if (before >= 0 && header.charCodeAt(before) !== 0x3b) continue;
    let equals = at + name.length;
    while (isBlank(header, equals)) equals++;
    if (header.charCodeAt(equals) !== 0x3d) continue;
    const end = header.indexOf(";", equals);
    const value = trim(header, equals + 1, end === -1 ? header.length : end);
    if (found !== undefined && found !== value) return null;
    found = value;
  }
  return found;
}

function isBlank(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === 0x20 || unit === 0x09;
}

function trim(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text, from)) from++;
  while (to > from && isBlank(text, to - 1)) to--;
  return text.slice(from, to);
}
