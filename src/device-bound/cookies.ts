/** The two cookies of a bound session, with the attributes of the session's own: attributes and `Set-Cookie` are one text. */

import type { Cookie } from "../core/client/cookie.ts";

/** A cookie beside that of the session. */
export interface BesideCookie {
  readonly name: string;
  set(value: string, maxAge: number | undefined): string;
  remove(): string;
}

/** The cookies, and what browsers and the configuration have to know of their attributes. */
export interface BoundCookies {
  /** Short-lived: only the browser's key renews it. */
  readonly proof: BesideCookie;
  /** Lives as long as the session's cookie: it tells, without the store, that this browser has bound its session. */
  readonly marker: BesideCookie;
  /** `Path=/; Secure; HttpOnly; SameSite=Lax` */
  readonly attributes: string;
  readonly path: string;
  readonly domain: string | undefined;
}

/** The cookies beside `cookie`. */
export function cookiesBeside(cookie: Cookie): BoundCookies {
  const attributes = cookie.set("").slice(`${cookie.name}=; `.length);
  const beside = (name: string): BesideCookie => ({
    name,
    set: (value, maxAge) => `${name}=${value}${maxAge === undefined ? "" : `; Max-Age=${maxAge}`}; ${attributes}`,
    remove: () => `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${attributes}`,
  });
  return {
    proof: beside(`${cookie.name}-proof`),
    marker: beside(`${cookie.name}-bound`),
    attributes,
    path: /(?:^|; )Path=([^;]*)/.exec(attributes)?.[1] ?? "/",
    domain: /(?:^|; )Domain=([^;]*)/.exec(attributes)?.[1],
  };
}
