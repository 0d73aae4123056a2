/** A request that is upgraded to a socket: its headers by shape, and whether the page that sent it may have one. */

import { wrongArgument } from "../../core/contracts/errors.ts";

/** The part of an upgrade request that is used here: Node's `IncomingMessage` and a fetch `Request` fit. */
export interface UpgradeRequest {
  readonly headers: object;
  readonly url?: string | undefined;
  readonly socket?: object | null | undefined;
}

/** Whose pages may open sockets with a session. */
export type SocketOrigin = "same" | false | readonly string[];

/** One header of a request. */
export function headerOf({ headers }: UpgradeRequest, name: string): string | undefined {
  const { get } = headers as { get?: unknown };
  const value: unknown =
    typeof get === "function" ? get.call(headers, name) : (headers as Record<string, unknown>)[name];
  return typeof value === "string" ? value : undefined;
}

/** Tells whether a request comes from a page that may have its session, by the option `origin`. */
export function originCheck(origin: SocketOrigin = "same"): (request: UpgradeRequest) => boolean {
  if (origin === false) return () => true;
  const listed = origin === "same" ? undefined : checkedList(origin);
  return (request) => {
    const from = headerOf(request, "origin");
    // Every browser sends it with a handshake (RFC 6455, 4.1); others are not led astray by pages.
    if (from === undefined) return true;
    const url = parse(from);
    if (!url) return false;
    return listed ? listed.has(url.origin) : isSame(url, request);
  };
}

/** Whether it is the host that was asked for. Only the scheme of the last leg is known: a page without TLS is not its equal. */
function isSame(page: URL, request: UpgradeRequest): boolean {
  const url = parse(request.url);
  const host = headerOf(request, "host") ?? headerOf(request, ":authority") ?? url?.host;
  const encrypted =
    (request.socket as { encrypted?: unknown } | undefined)?.encrypted === true || url?.protocol === "https:";
  if (encrypted && page.protocol !== "https:") return false;
  return host !== undefined && parse(`${page.protocol}//${host}`)?.host === page.host;
}

function parse(url: string | undefined): URL | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
}

function checkedList(origins: unknown): ReadonlySet<string> {
  const isOrigin = (one: unknown): boolean => typeof one === "string" && parse(one)?.origin === one && one !== "null";
  if (Array.isArray(origins) && origins.every(isOrigin)) return new Set(origins as string[]);
  throw wrongArgument("origin", '"same", false, or a list of origins such as ["https://shop.test"]', origins);
}
