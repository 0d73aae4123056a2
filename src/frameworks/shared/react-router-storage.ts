/** React Router's `SessionStorage` over sessions. */

import { received, SessionError } from "../../core/contracts/errors.ts";
import type { Session } from "../../core/contracts/session.ts";
import type { Exchange } from "../../core/request/exchange.ts";
import type { RequestReader } from "../../core/request/reader.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import { checkSessions } from "./options.ts";
import { answerable } from "./react-router-error.ts";

/** A session as React Router's own storages give it. */
export interface ReactRouterSession<Data extends object, FlashData = Data> {
  /** `session.handle`, once the session exists; until then `""`. Not a credential. */
  readonly id: string;
  /** A copy of what is in the session; what was flashed is under `__flash_name__`. */
  readonly data: Partial<Data & { [Key in keyof FlashData as `__flash_${Key & string}__`]: FlashData[Key] }>;
  has(name: (keyof Data | keyof FlashData) & string): boolean;
  /** The value. What was flashed is gone then. */
  get<Key extends (keyof Data | keyof FlashData) & string>(
    name: Key,
  ):
    | (Key extends keyof Data ? Data[Key] : undefined)
    | (Key extends keyof FlashData ? FlashData[Key] : undefined)
    | undefined;
  set<Key extends keyof Data & string>(name: Key, value: Data[Key]): void;
  /** Leaves a value for the next `get`. */
  flash<Key extends keyof FlashData & string>(name: Key, value: FlashData[Key]): void;
  unset(name: keyof Data & string): void;
  /** The session itself, for what React Router's have not: `login`, `regenerate`, `update`, `take`. */
  readonly sojourn: Session<Data>;
}

/** What `commitSession` takes beside the session. The other attributes of the cookie are those of `createSessions`. */
export interface ReactRouterCookieOptions {
  /** Given, the cookie outlives the browser (`session.persistent`). How long a session lives, the sessions say. Default: it ends with the browser. */
  readonly maxAge?: number | undefined;
  /** The same. Default: it ends with the browser. */
  readonly expires?: Date | undefined;
}

/** The three functions that React Router's `createSessionStorage` gives. */
export interface ReactRouterStorage<Data extends object, FlashData = Data> {
  /** Loads the session of a `Cookie` header; a new one if there is none. */
  getSession(cookieHeader?: string | null, options?: object): Promise<ReactRouterSession<Data, FlashData>>;
  /**
   * Saves what was changed. Gives the `Set-Cookie` header; `""` when the client has the right cookie already, which
   * browsers ignore.
   */
  commitSession(session: object, options?: ReactRouterCookieOptions): Promise<string>;
  /** Ends the session. Gives the `Set-Cookie` header that removes the cookie. */
  destroySession(session: object, options?: object): Promise<string>;
}

interface Opened {
  readonly header: string | null | undefined;
}

const reader: RequestReader<Opened> = {
  cookie: ({ header }) => header,
  // Unknown here.
  secure: () => true,
  failed: answerable,
};

/**
 * The `SessionStorage` of React Router, for loaders and actions that are written for one: `getSession`,
 * `commitSession` and `destroySession`. For new code, {@link reactRouterSessions} is better, since you cannot forget a
 * commit.
 *
 * @typeParam FlashData What `session.flash` takes. Default: as `Data`.
 * @example
 * ```ts
 * import { type ActionFunctionArgs, redirect } from "react-router";
 * import { createSessions } from "sojourn";
 * import { reactRouterStorage } from "sojourn/frameworks/react-router";
 *
 * const { getSession, commitSession } = reactRouterStorage<{ userId: string }, { notice: string }>(createSessions());
 *
 * export async function action({ request }: ActionFunctionArgs) {
 *   const session = await getSession(request.headers.get("Cookie"));
 *   session.set("userId", "ada");
 *   session.flash("notice", "Welcome back.");
 *   return redirect("/", { headers: { "Set-Cookie": await commitSession(session) } });
 * }
 * ```
 */
export function reactRouterStorage<Data extends object, FlashData = Data>(
  sessions: Sessions<Data>,
): ReactRouterStorage<Data, FlashData> {
  checkSessions("reactRouterStorage", sessions);
  const exchanges = new WeakMap<object, Exchange<Data>>();

  const commit = async (session: object, change: (session: Session<Data>) => void): Promise<string> => {
    const exchange = exchanges.get(session);
    if (!exchange)
      throw new TypeError(`the session must be one that getSession of this storage gave; ${received(session)}`);
    const headers = new Headers();
    try {
      change(await exchange.get());
      await exchange.commit(headers);
    } catch (error) {
      answerable(error);
      throw error;
    }
    const [line = "", ...others] = headers.getSetCookie();
    if (others.length === 0) return line;
    const message = "the session needs several cookies, and a session storage can give one; use reactRouterSessions";
    throw new SessionError("ERR_SESSION_TOO_LARGE", message);
  };

  return {
    async getSession(header) {
      const exchange = sessions.open<Opened>({ header }, reader);
      const facade = facadeOf<Data, FlashData>(await exchange.get());
      exchanges.set(facade, exchange);
      return facade;
    },
    commitSession: async (session, options = {}) => {
      const { maxAge, expires, ...others } = options;
      const [other] = Object.keys(others);
      if (other !== undefined)
        throw new TypeError(
          `commitSession takes maxAge and expires; "${other}" is an option of createSessions (cookie)`,
        );
      return commit(session, (session) => {
        if (maxAge !== undefined || expires !== undefined) session.persistent = true;
      });
    },
    destroySession: (session) => commit(session, (session) => session.destroy()),
  };
}

function facadeOf<Data extends object, FlashData>(session: Session<Data>): ReactRouterSession<Data, FlashData> {
  const own = session as unknown as Session<Record<string, unknown>>;
  const flashed = (name: string): string => `__flash_${name}__`;
  return {
    get id() {
      return own.isNew ? "" : own.handle;
    },
    get data() {
      return { ...own.data } as never;
    },
    has: (name) => Object.hasOwn(own.data, name) || Object.hasOwn(own.data, flashed(name)),
    get: (name) => (Object.hasOwn(own.data, name) ? own.data[name] : own.take(flashed(name))) as never,
    // `flash` sets a key, and says so if the session has ended.
    set: (name, value) => own.flash(name, value),
    flash: (name, value) => own.flash(flashed(name), value),
    unset: (name) => void own.update(name, () => undefined),
    sojourn: session,
  };
}
