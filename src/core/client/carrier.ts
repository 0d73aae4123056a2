/** What the client holds: how a token is found in a request, handed out and taken back. In one cookie, or in several. */

import { octets } from "../bytes/bytes.ts";
import { SessionError } from "../contracts/errors.ts";
import { type Cookie, type FoundCookie, findCookie } from "./cookie.ts";

/** Reads a token from a request's header, and writes the `Set-Cookie` values that carry one. */
export interface Carrier {
  /** The header of requests that it reads. Responses vary by it. */
  readonly header: "Cookie" | "Authorization";
  /** The token leaves in no header: {@link set} gives it to the handler, which asks for it. */
  readonly explicit?: true;
  /** The token: `undefined` when there is none, `null` when it is there twice with different values. */
  find(header: string | null | undefined): FoundCookie;
  /** How many session cookies the client holds, counted to the last one. `found` is the answer of `find`. */
  held(header: string | null | undefined, found: FoundCookie): number;
  /**
   * The `Set-Cookie` values that bring a token. `maxAge` in seconds; of the `held` cookies those no longer needed are
   * removed. Throws `ERR_SESSION_TOO_LARGE` when the token does not fit.
   */
  set(token: string, maxAge: number | undefined, held: number): readonly string[];
  /** The `Set-Cookie` values that remove everything that may be there. */
  remove(): readonly string[];
}

/** The ordinary case. */
export function singleCookie(cookie: Cookie): Carrier {
  const removal = [cookie.remove()];
  return {
    header: "Cookie",
    find: (header) => findCookie(header, cookie.name),
    held: (_header, found) => (found === undefined ? 0 : 1),
    set: (token, maxAge) => [cookie.set(token, maxAge)],
    remove: () => removal,
  };
}

const limit = 4096;

/**
 * A token in up to nine cookies. Where it takes more than one, the first begins with their number and `~`, which is
 * in no token: parts of two responses make a text that no seal opens, and what is left of a longer one is not read.
 */
export function severalCookies(cookies: readonly [Cookie, ...Cookie[]]): Carrier {
  const [first] = cookies;
  const rooms = cookies.map(({ name }) => limit - octets(name));
  return {
    header: "Cookie",
    find(header) {
      let text = findCookie(header, first.name);
      if (text === undefined || text === null || !/^[2-9]~/.test(text)) return text;
      const count = Number(text[0]);
      text = text.slice(2);
      for (const { name } of cookies.slice(1, count)) {
        const part = findCookie(header, name);
        if (part === null) return null;
        text += part ?? "";
      }
      return text;
    },
    held(header) {
      for (let at = cookies.length; at > 0; at--) {
        if (findCookie(header, (cookies[at - 1] as Cookie).name) !== undefined) return at;
      }
      return 0;
    },
    set(token, maxAge, held) {
      const parts = token.length <= (rooms[0] as number) ? [token] : split(token);
      const lines = parts.map((part, at) => (cookies[at] as Cookie).set(part, maxAge));
      return [...lines, ...cookies.slice(parts.length, held).map((cookie) => cookie.remove())];
    },
    remove: () => cookies.map((cookie) => cookie.remove()),
  };

  function split(token: string): string[] {
    const parts: string[] = [];
    let at = 0;
    for (const room of rooms) {
      if (at === token.length) break;
      const length = parts.length === 0 ? room - 2 : room;
      parts.push(token.slice(at, at + length));
      at += (parts.at(-1) as string).length;
    }
    if (at === token.length) return [`${parts.length}~${parts[0]}`, ...parts.slice(1)];
    const most = rooms.reduce((sum, room) => sum + room, -2);
    const message =
      `the session takes ${token.length} octets when it is sealed, and ${cookies.length} cookies of at most ${limit} hold ${most}; ` +
      "nothing was sent. Keep less in it, or use a store";
    throw new SessionError("ERR_SESSION_TOO_LARGE", message);
  }
}
