/** The types of @types/express-session where the application has them, so that what it declares there counts; `any` where not. */

// biome-ignore-all lint/suspicious/noTsIgnore: without @types/express-session, which is the application's, there is no such module

import type { RegenerateOptions } from "./session.ts";

/** @ts-ignore The module: the function and what is on it. */
export type RealModule = typeof import("express-session");
/** @ts-ignore */
export type RealOptions = import("express-session").SessionOptions;
/** @ts-ignore */
export type RealCookieOptions = import("express-session").CookieOptions;
/** @ts-ignore */
export type RealData = import("express-session").SessionData;
/** @ts-ignore */
export type RealSession = import("express-session").Session;
/** @ts-ignore */
export type RealStore = import("express-session").Store;
/** @ts-ignore */
export type RealCookie = import("express-session").Cookie;
/** @ts-ignore */
export type RealMemoryStore = import("express-session").MemoryStore;

/** @ts-ignore What the methods of the drop-in's sessions are without a callback. */
declare module "express-session" {
  interface Session {
    /** Saves now. Rejects with `ERR_SESSION_ENDED` when the session has ended in another request. */
    save(): Promise<void>;
    /** Reads it again; `req.session` is another object then. */
    reload(): Promise<void>;
    /** Ends it. */
    destroy(): Promise<void>;
    /** Ends it and begins another, which is empty, except for what is kept. */
    regenerate(options?: RegenerateOptions): Promise<void>;
    regenerate(options: RegenerateOptions, callback: (error?: unknown) => void): this;
  }
}
