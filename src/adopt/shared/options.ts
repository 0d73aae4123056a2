/** What all adopters take: who is logged in, which data go along, which cookie it was, and until when. */

import { findCookie } from "../../core/client/cookie.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";

/** A session of another library, as it is handed over. */
export interface OldSession {
  /** All that the old library kept in it for the application. */
  readonly data: Record<string, unknown>;
  /** Who is logged in, where the library itself knows it. */
  readonly subject?: string | undefined;
  /** When the old credential ends by itself, in epoch milliseconds. Default: with no browser's cookie, 400 days from now. */
  readonly expiresAt?: number | undefined;
}

/** What every adopter takes. */
export interface AdoptOptions {
  /**
   * Who is logged in to an old session, from its data: a text of 1 to 200 characters or a number; `undefined` for a
   * guest. Sessions are listed and revoked by it. Default: what the old library knows, or none.
   */
  readonly subject?: ((old: Record<string, unknown>) => string | number | undefined) | undefined;
  /** Converts the old session's data to the new session's. Default: the same. */
  readonly data?: ((old: Record<string, unknown>) => Record<string, unknown>) | undefined;
  /** The time after which no old session is adopted. Default: as long as the adopter is there. */
  readonly until?: Date | undefined;
}

/** The options that {@link AdoptOptions} names. */
const common: readonly string[] = ["subject", "data", "until"];

/** The old library's cookie: how it was set, so that it can be removed. */
export interface OldCookieOptions {
  /** Its name. Default: that of the old library. */
  readonly name?: string | undefined;
  /** Its `Path`. Default `"/"`. */
  readonly path?: string | undefined;
  /** Its `Domain`. Default: none. */
  readonly domain?: string | undefined;
  /** Whether it was `Partitioned`. Default false. */
  readonly partitioned?: boolean | undefined;
}

/** Checks what all adopters take, and that there is nothing else but `own`. */
export function checkAdopter(where: string, options: AdoptOptions, own: readonly string[]): void {
  checkKnown(where, options, [...common, ...own]);
  const { subject, data, until } = options;
  for (const [name, given] of Object.entries({ subject, data })) {
    if (given !== undefined && typeof given !== "function")
      throw wrongArgument(`${where}: ${name}`, "a function of the old session's data", given);
  }
  if (until !== undefined && (Object.prototype.toString.call(until) !== "[object Date]" || Number.isNaN(+until)))
    throw wrongArgument(`${where}: until`, "a Date", until);
}

/** A secret or several, as a list; each text at least so long. */
export function secretsOf(where: string, given: unknown, least = 1): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const takes = `a text of at least ${least} character${least === 1 ? "" : "s"}, or a list of such`;
  if (list.length === 0) throw wrongArgument(where, takes, given);
  for (const secret of list) {
    if (typeof secret !== "string" || secret.length < least) throw wrongArgument(where, takes, secret);
  }
  return list as readonly string[];
}

/** The old library's cookie, with all defaults. */
export interface KnownCookie {
  readonly name: string;
  readonly path: string;
  readonly domain: string;
  readonly partitioned: boolean;
}

/** Checks how the old cookie was set; the default name is the old library's. */
export function oldCookie(where: string, given: OldCookieOptions = {}, name: string): KnownCookie {
  if (typeof given !== "object" || given === null) throw wrongArgument(where, "an object of cookie options", given);
  checkKnown(where, given, ["name", "path", "domain", "partitioned"]);
  const cookie = { name, path: "/", domain: "", partitioned: false };
  for (const [key, value] of Object.entries(given)) if (value !== undefined) Object.assign(cookie, { [key]: value });
  if (typeof cookie.name !== "string" || !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,99}$/.test(cookie.name))
    throw wrongArgument(`${where}.name`, "a cookie name", cookie.name);
  if (typeof cookie.path !== "string" || !/^\/[\x20-\x3a\x3c-\x7e]*$/.test(cookie.path))
    throw wrongArgument(`${where}.path`, 'a path that begins with "/"', cookie.path);
  if (typeof cookie.domain !== "string" || !/^[A-Za-z0-9.-]*$/.test(cookie.domain))
    throw wrongArgument(`${where}.domain`, "a domain name", cookie.domain);
  if (typeof cookie.partitioned !== "boolean")
    throw wrongArgument(`${where}.partitioned`, "true or false", cookie.partitioned);
  return cookie;
}

/** The `Set-Cookie` value that removes the old cookie; a prefix, or `Partitioned`, needs `Secure`. */
export function removalOf({ path, domain, partitioned }: KnownCookie, name: string): string {
  const attributes =
    (domain === "" ? "" : `; Domain=${domain}`) +
    (/^__/.test(name) || partitioned ? "; Secure" : "") +
    (partitioned ? "; Partitioned" : "");
  return `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=${path}${attributes}`;
}

/** Reads cookies by name: `undefined` for one that is not there, is empty, or is there twice with different values. */
export type CookieReader = (name: string) => string | undefined;

/** A reader of a `Cookie` header. */
export function cookieReader(header: string): CookieReader {
  return (name) => findCookie(header, name) || undefined;
}

/** A value as libraries that percent-encode wrote it; as it stands where it is not encoded. */
export function percentDecoded(value: string | undefined): string | undefined {
  if (value === undefined || !value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/** A value in one cookie, or cut into `name.0`, `name.1` and so on; and the cookies that hold it. */
export function inChunks(
  cookies: CookieReader,
  name: string,
  most: number,
): { readonly value: string; readonly names: readonly string[] } | undefined {
  const whole = cookies(name);
  if (whole !== undefined) return { value: whole, names: [name] };
  const names: string[] = [];
  let value = "";
  for (let at = 0; at < most; at++) {
    const part = cookies(`${name}.${at}`);
    if (part === undefined) break;
    names.push(`${name}.${at}`);
    value += part;
  }
  return names.length === 0 ? undefined : { value, names };
}

/** The object in a JSON text; `undefined` when there is none. */
export function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A value, if it is an object with keys. */
export function asObject(value: unknown): Record<string, unknown> | undefined {
  const ok = typeof value === "object" && value !== null && !Array.isArray(value);
  return ok ? (value as Record<string, unknown>) : undefined;
}
