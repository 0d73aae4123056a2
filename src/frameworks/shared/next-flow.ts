/** Requests of Next.js, and what it throws to redirect and to stop. */

import { isSessionError } from "../../core/contracts/errors.ts";

/** What `headers()` of `next/headers` returns, as far as it is used here. */
export interface NextHeaders {
  get(name: string): string | null;
}

/** The attributes of a cookie, as Next takes them. */
export interface NextCookieOptions {
  readonly path?: string;
  readonly domain?: string;
  /** Seconds. */
  readonly maxAge?: number;
  readonly expires?: Date;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: "lax" | "strict" | "none";
  readonly partitioned?: boolean;
}

/** What `cookies()` of `next/headers` returns, as far as it is used here. */
export interface NextCookies {
  getAll(): readonly { readonly name: string; readonly value: string }[];
  set(name: string, value: string, options: NextCookieOptions): unknown;
}

function digestOf(error: unknown): string {
  const { digest } = (error ?? {}) as { digest?: unknown };
  return typeof digest === "string" ? digest : "";
}

/** Whether it is what `redirect()`, `notFound()`, `forbidden()` or `unauthorized()` throws. */
export function isControlFlow(error: unknown): boolean {
  return /^NEXT_(REDIRECT|HTTP_ERROR_FALLBACK);/.test(digestOf(error));
}

/** The response that Next sends if a route handler throws this control flow error. Rethrows any other error. */
export function controlResponse(error: unknown): Response {
  const [kind, first = "", ...rest] = digestOf(error).split(";");
  if (kind === "NEXT_HTTP_ERROR_FALLBACK") return new Response(null, { status: Number(first) });
  if (kind !== "NEXT_REDIRECT") throw error;
  // A URL may hold semicolons; after it come the status and nothing.
  return new Response(null, { status: Number(rest.at(-2)), headers: { location: rest.slice(0, -2).join(";") } });
}

/** Whether there is no request, and the answer is for everybody (`dynamic = "force-static"`): then Next gives no headers at all. */
export function isPrerendered(headers: NextHeaders): boolean {
  return headers.get("host") === null && headers.get("x-forwarded-proto") === null;
}

/** Whether the client came over https, as Next takes it. */
export function isHttps(headers: NextHeaders): boolean {
  return headers.get("x-forwarded-proto")?.split(",")[0]?.trim() === "https";
}

/** The `Cookie` header. Values come decoded; as they are, one could hold a second cookie. */
export function cookieHeader(jar: NextCookies): string {
  return jar
    .getAll()
    .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
    .join("; ");
}

/** Gives an error of the sessions all that Next shows of an error in production. */
export function withDigest(error: unknown): unknown {
  if (isSessionError(error)) Object.defineProperty(error, "digest", { value: error.code, configurable: true });
  return error;
}
