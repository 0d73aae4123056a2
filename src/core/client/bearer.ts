/** How a token travels in the header `Authorization: Bearer`, and leaves by an explicit call only. */

import type { Carrier } from "./carrier.ts";
import type { FoundCookie } from "./cookie.ts";

/** The value of the option `transport`: the client sends its token in a header, not in a cookie. */
export interface BearerTransport {
  /** A word for messages. Tokens that are signed or sealed are bound to it. */
  readonly name: "bearer";
  readonly carrier: Carrier;
}

/** Reads the header, sets none. */
export const bearerCarrier: Carrier = {
  header: "Authorization",
  explicit: true,
  find: findBearer,
  held: (_header, found) => (found === undefined ? 0 : 1),
  set: (token) => [token],
  remove: () => [],
};

/** More than any token, and less than a server lets in. */
const longest = 4096;

/**
 * The token in an `Authorization` header (RFC 6750 2.1): `undefined` where there is none, or another scheme, `null` where it is
 * malformed or there twice.
 */
export function findBearer(header: string | null | undefined): FoundCookie {
  if (!header || !/^bearer(?: |$)/i.test(header)) return undefined;
  const token = header.slice("bearer".length).replace(/^ +/, "");
  return token.length <= longest && /^[\w.~+/-]+=*$/.test(token) ? token : null;
}
