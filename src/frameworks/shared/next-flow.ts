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

/** Sets a cookie as a `Set-Cookie` header of ours says. */
export function setCookie(jar: NextCookies, line: string): void {
  const [pair = "", ...attributes] = line.split("; ");
  const of = new Map(
    attributes.map((one): [string, string] => [one.split("=", 1)[0] ?? "", one.slice(one.indexOf("=") + 1)]),
  );
  const [domain, maxAge, expires] = [of.get("Domain"), of.get("Max-Age"), of.get("Expires")];
  const at = pair.indexOf("=");
  jar.set(pair.slice(0, at), pair.slice(at + 1), {
    path: of.get("Path") ?? "/",
    ...(domain !== undefined && { domain }),
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(expires !== undefined && { expires: new Date(expires) }),
    secure: of.has("Secure"),
    httpOnly: of.has("HttpOnly"),
    sameSite: of.get("SameSite")?.toLowerCase() as "lax" | "strict" | "none",
    partitioned: of.has("Partitioned"),
  });
}
