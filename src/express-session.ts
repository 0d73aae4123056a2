/**
 * The drop-in for express-session, and its records for `createSessions`.
 *
 * @module
 */

import type { Store as SojournStore } from "./core/contracts/store.ts";
import type { Sessions } from "./core/request/sessions.ts";
import { expressSession } from "./express-session/config.ts";
import { Cookie as CookieClass } from "./express-session/cookie.ts";
import { expressFormat } from "./express-session/format.ts";
import { expressIds } from "./express-session/ids.ts";
import * as layouts from "./express-session/layouts.ts";
import { makeMiddleware } from "./express-session/middleware.ts";
import type { ExpressSessionOptions } from "./express-session/options.ts";
import { Session as SessionClass } from "./express-session/session.ts";
import { MemoryStore as MemoryStoreClass, Store as StoreClass } from "./express-session/store.ts";
import { expressToken } from "./express-session/token.ts";
import type {
  RealCookie,
  RealCookieOptions,
  RealData,
  RealMemoryStore,
  RealModule,
  RealOptions,
  RealSession,
  RealStore,
} from "./express-session/types.ts";

export {
  type ExpressSessionConfig,
  type ExpressSessionConfigOptions,
  expressSession,
} from "./express-session/config.ts";
export { type ExpressFormatOptions, expressFormat } from "./express-session/format.ts";
export { type ExpressIdOptions, expressIds } from "./express-session/ids.ts";
export {
  type ConnectDynamodbOptions,
  type ConnectMongodbSessionOptions,
  type ConnectPgSimpleOptions,
  type ConnectRedisOptions,
  type ConnectSessionKnexOptions,
  type ConnectSessionSequelizeOptions,
  type ConnectSqlite3Options,
  connectDynamodb,
  connectMongo,
  connectMongodbSession,
  connectPgSimple,
  connectRedis,
  connectSessionKnex,
  connectSessionSequelize,
  connectSqlite3,
  type ExpressMysqlSessionOptions,
  expressMysqlSession,
} from "./express-session/layouts.ts";
export type { ExpressSecret } from "./express-session/signature.ts";
export { expressToken } from "./express-session/token.ts";

/** What `session` takes: the options of express-session, and a few that only this package has. */
export type SessionOptions = session.SessionOptions;

/** The attributes of the cookie. */
export type CookieOptions = RealCookieOptions;

/** The data of a session. Declare its keys as with express-session: `declare module "express-session" { interface SessionData { … } }`. */
export type SessionData = RealData;

type Layouts = typeof layouts;

/** The function `session` and what is on it: by `require` it is the module, so that is all of the module. */
export interface ExpressSession extends Readonly<Layouts> {
  <Data extends object = SessionData>(
    options?: SessionOptions,
  ): ReturnType<RealModule> & {
    /** The same sessions by sojourn's own API: `sessions.get(req)` is the session of `req.session`, in the same request. */
    readonly sessions: Sessions<Data>;
  };
  readonly Store: RealModule["Store"];
  readonly Cookie: RealModule["Cookie"];
  readonly Session: new (request: object, data?: object) => RealSession;
  readonly MemoryStore: RealModule["MemoryStore"];
  readonly default: ExpressSession;
  readonly session: ExpressSession;
  readonly expressSession: typeof expressSession;
  readonly expressFormat: typeof expressFormat;
  readonly expressIds: typeof expressIds;
  readonly expressToken: typeof expressToken;
}

/** The class that stores extend. */
export const Store: RealModule["Store"] = StoreClass as never;
/** The class that stores extend. */
export type Store = RealStore;
/** `req.session.cookie`. */
export const Cookie: RealModule["Cookie"] = CookieClass as never;
/** `req.session.cookie`. */
export type Cookie = RealCookie;
/** `req.session`. */
export const Session: ExpressSession["Session"] = SessionClass as never;
/** `req.session`. */
export type Session = RealSession;
/** Keeps sessions in this process, for development and tests. */
export const MemoryStore: RealModule["MemoryStore"] = MemoryStoreClass as never;
/** Keeps sessions in this process, for development and tests. */
export type MemoryStore = RealMemoryStore;

/**
 * The drop-in for express-session 1.19: the same options, the same `req.session`, the same records and cookies. It
 * takes any store of express-session, and any store of sojourn. With `require`, it is the module itself.
 *
 * With it, a response is sent once its session is saved, parallel requests keep each other's keys, and a request in
 * flight does not bring back an ended session.
 *
 * @throws `TypeError` for a wrong option.
 * @example
 * ```ts ignore: sojourn/attached, which is in the same program here, gives req.session another type
 * import express from "express";
 * import session from "sojourn/express-session";
 *
 * declare module "express-session" {
 *   interface SessionData {
 *     visits: number;
 *   }
 * }
 *
 * const app = express();
 * app.use(session({ secret: "the secret of before", resave: false, saveUninitialized: false }));
 * app.get("/", (req, res) => {
 *   req.session.visits = (req.session.visits ?? 0) + 1;
 *   res.send(`visit ${req.session.visits}`);
 * });
 * ```
 */
export const session: ExpressSession = /* @__PURE__ */ Object.assign(makeMiddleware, {
  Store,
  Cookie,
  Session,
  MemoryStore,
  default: makeMiddleware,
  session: makeMiddleware,
  expressSession,
  expressFormat,
  expressIds,
  expressToken,
  ...layouts,
}) as never;

/** The namespace of types, such as `session.SessionOptions`, for code that uses `import session from "express-session"`. */
// biome-ignore lint/style/noNamespace: it is a namespace in @types/express-session
export declare namespace session {
  /** What `session` takes: the options of express-session, and a few that only this package has. */
  interface SessionOptions
    extends Omit<RealOptions, "store" | "cookie">,
      Pick<ExpressSessionOptions, "clearCookie" | "ttl" | "keyPrefix" | "subjectKey" | "warn" | "now"> {
    /** Where sessions are kept: a store of express-session from any package, or a store of sojourn. Default: a new `MemoryStore`. */
    store?: RealStore | SojournStore | undefined;
    /** The attributes of the cookie, or a function that gives them for a request. Default `{ path: "/", httpOnly: true, maxAge: null }`. */
    cookie?:
      | RealOptions["cookie"]
      | (Omit<RealCookieOptions, "sameSite"> & { sameSite?: "auto" | undefined })
      | undefined;
  }
  /** The attributes of the cookie. */
  type CookieOptions = RealCookieOptions;
  /** The data of a session. */
  type SessionData = RealData;
  /** `req.session`. */
  type Session = RealSession;
  /** `req.session.cookie`. */
  type Cookie = RealCookie;
  /** The class that stores extend. */
  type Store = RealStore;
  /** Keeps sessions in this process, for development and tests. */
  type MemoryStore = RealMemoryStore;
}

// biome-ignore lint/style/noDefaultExport: it stands in for a package whose module is this function
export default session;
export { session as "module.exports" };
