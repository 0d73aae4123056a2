/** The types of @types/express-session where the application has them, so that what it declares there counts; `any` where not. */

// biome-ignore-all lint/suspicious/noTsIgnore: without @types/express-session, which is the application's, there is no such module

/** @ts-ignore The module: the function and what is on it. */
export type RealModule = typeof import("express-session");
/** @ts-ignore */
export type RealOptions = import("express-session").SessionOptions;
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
