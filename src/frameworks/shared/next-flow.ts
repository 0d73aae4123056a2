/** What Next.js throws to redirect and to stop, and its cookies. */

/** What is needed of what `headers()` of `next/headers` gives. */
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

/** What is needed of what `cookies()` of `next/headers` gives. */
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

/** The response that Next makes of it in a route handler. Throws anything else on. */
export function controlResponse(error: unknown): Response {
  const [kind, first = "", ...rest] = digestOf(error).split(";");
  if (kind === "NEXT_HTTP_ERROR_FALLBACK") return new Response(null, { status: Number(first) });
  if (kind !== "NEXT_REDIRECT") throw error;
  // A URL may hold semicolons; after it come the status and nothing.
  return new Response(null, { status: Number(rest.at(-2)), headers: { location: rest.slice(0, -2).join(";") } });
}
