/** What a request's headers tell of a cookie that did not come, came twice, or will not be kept. */

import type { Arrived } from "../core/request/kept.ts";
import { type Reason, reason } from "./reasons.ts";

/** A header of a request by name. */
type Header = (name: string) => string | undefined;

/** The attributes of a cookie, from its `Set-Cookie` line. */
interface Attributes {
  readonly secure: boolean;
  readonly partitioned: boolean;
  readonly sameSite: string | undefined;
  readonly path: string;
  readonly domain: string | undefined;
}

/** Why no cookie came. */
export function whyNone({ name, removal }: SentCookie, arrived: Arrived): Reason[] {
  const { sameSite, path, domain } = attributesOf(removal);
  const header = headersOf(arrived.request);
  const reasons = [...overHttp(removal, arrived)];
  if (hasOtherName(name, arrived.cookie ?? "")) reasons.push(reason("other_name", `This one is ${name}.`));
  if (sameSite !== "None" && header("sec-fetch-site") === "cross-site") reasons.push(reason("cross_site"));
  const at = pathOf(arrived.request);
  if (at !== undefined && path !== "/" && !isBelow(at, path)) reasons.push(reason("outside_path", `That is ${path}.`));
  const host = header("host")?.replace(/:\d+$/, "").toLowerCase();
  if (host !== undefined && domain !== undefined && host !== domain && !host.endsWith(`.${domain}`))
    reasons.push(reason("outside_domain", `That is ${domain}.`));
  return reasons;
}

/** A cookie as it is sent. */
export interface SentCookie {
  readonly name: string;
  /** The `Set-Cookie` line that removes it, which has all of its attributes. */
  readonly removal: string;
}

/** Why a cookie came twice. */
export function whySeveral({ removal }: SentCookie): Reason[] {
  const { domain, partitioned } = attributesOf(removal);
  return [
    ...(domain === undefined ? [] : [reason("host_only_beside_domain", `The domain is ${domain}.`)]),
    ...(partitioned ? [reason("partitioned_beside_plain")] : []),
  ];
}

/** Whether browsers drop the cookie, since the request is taken for plain http. */
export function overHttp(removal: string, { request, secure }: Arrived): Reason[] {
  if (secure || !attributesOf(removal).secure) return [];
  const header = headersOf(request);
  const forwarded = header("x-forwarded-proto") ?? /(?:^|[;,\s])proto="?(\w+)/i.exec(header("forwarded") ?? "")?.[1];
  const saysHttps = forwarded?.split(",")[0]?.trim().toLowerCase() === "https";
  return [reason(saysHttps ? "untrusted_proxy" : "secure_over_http")];
}

function attributesOf(line: string): Attributes {
  const [, ...parts] = line.split("; ");
  const attribute = (name: string): string | undefined =>
    parts.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  return {
    secure: parts.includes("Secure"),
    partitioned: parts.includes("Partitioned"),
    sameSite: attribute("SameSite"),
    path: attribute("Path") ?? "/",
    domain: attribute("Domain")?.toLowerCase(),
  };
}

function hasOtherName(name: string, header: string): boolean {
  const plain = (text: string): string => text.replace(/^__(?:host-http|host|secure|http)-/i, "").toLowerCase();
  const names = header.split(";").map((pair) => pair.split("=")[0]?.trim() ?? "");
  return names.some((one) => one !== name && plain(one) === plain(name));
}

function isBelow(at: string, path: string): boolean {
  return at === path || (at.startsWith(path) && (path.endsWith("/") || at[path.length] === "/"));
}

/** What frameworks call the request inside their own, and a `Request` its headers. */
interface RequestLike {
  readonly headers?: { get?(name: string): string | null } & Readonly<Record<string, unknown>>;
  readonly url?: unknown;
  readonly originalUrl?: unknown;
  readonly req?: unknown;
  readonly raw?: unknown;
  readonly request?: unknown;
}

/** The request with the headers: itself, or the one inside it. */
function innermost(request: unknown, depth = 0): RequestLike {
  const { headers, req, raw, request: inner } = Object(request) as RequestLike;
  if (typeof headers === "object" && headers !== null) return request as RequestLike;
  const next = req ?? raw ?? inner;
  return next === undefined || depth > 3 ? {} : innermost(next, depth + 1);
}

function headersOf(request: object): Header {
  const { headers } = innermost(request);
  return (name) => {
    const value = typeof headers?.get === "function" ? headers.get(name) : headers?.[name];
    if (name === "host" && value === undefined) return textOf(headers?.[":authority"]);
    return textOf(value);
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function pathOf(request: object): string | undefined {
  const { url, originalUrl } = innermost(request);
  const given = textOf(originalUrl) ?? textOf(url);
  return given === undefined ? undefined : given.replace(/^[a-z]+:\/\/[^/]*/i, "").split(/[?#]/)[0] || "/";
}
