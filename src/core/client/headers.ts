/** The response headers of a session: Set-Cookie, Vary, Cache-Control. */

/** The response headers as an adapter gives them: a fetch `Headers` object fits as it is. */
export interface HeaderAccess {
  get(name: string): string | null | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
}

/** Tells caches that the response depends on the cookie. What the application varies by stays. */
export function varyByCookie(headers: HeaderAccess): void {
  varyBy(headers, "Cookie");
}

/** The same for whichever header the client's token comes in. */
export function varyBy(headers: HeaderAccess, name: "Cookie" | "Authorization"): void {
  const vary = headers.get("vary");
  if (vary === name) return;
  if (!vary) headers.set("vary", name);
  else if (!varies[name].test(vary)) headers.set("vary", `${vary}, ${name}`);
}

const varies = {
  Cookie: /(?:^|,)[ \t]*(?:\*|cookie)[ \t]*(?:,|$)/i,
  Authorization: /(?:^|,)[ \t]*(?:\*|authorization)[ \t]*(?:,|$)/i,
};

/**
 * Adds what a response that used the session needs: `Vary: Cookie`, and `Cache-Control: private` where the application
 * says nothing, since shared caches may store what says nothing (RFC 9111 4.2.2), and some ignore `Vary`.
 *
 * @param setCookie The `Set-Cookie` values, if there are any to send. Such a response gets `Cache-Control:
 * no-store`, because Set-Cookie alone does not keep a shared cache from storing it (RFC 9111 7.3).
 * @param by The header that the client's token comes in.
 */
export function writeHeaders(
  headers: HeaderAccess,
  setCookie: readonly string[] | undefined,
  by: "Cookie" | "Authorization" = "Cookie",
): void {
  varyBy(headers, by);
  if (setCookie === undefined) {
    if (!headers.get("cache-control")) headers.set("cache-control", "private");
    return;
  }
  // The answer to an error may be sealed again by an adapter around the one that made it.
  const there = headers.get("set-cookie") ?? "";
  for (const line of setCookie) if (!there.includes(line)) headers.append("set-cookie", line);
  if (!/(?:^|[,\s])no-store(?:$|[,\s;])/i.test(headers.get("cache-control") ?? ""))
    headers.set("cache-control", "no-store");
}
