/** Options that express-session takes in silence although they do nothing: misspelt ones, and values of the wrong kind. */

import { received, wrongArgument } from "../core/contracts/errors.ts";
import { nearest } from "../core/contracts/known.ts";
import { Cookie, serialize } from "./cookie.ts";
import type { ExpressCookieOptions, ExpressSessionOptions } from "./options.ts";

const known: Record<keyof ExpressSessionOptions, true> = {
  ...{ secret: true, name: true, key: true, store: true, cookie: true, genid: true, resave: true, rolling: true },
  ...{ saveUninitialized: true, unset: true, proxy: true, clearCookie: true, ttl: true, keyPrefix: true },
  ...{ subjectKey: true, warn: true, now: true },
};
const attributes: Record<keyof ExpressCookieOptions, true> = {
  ...{ maxAge: true, expires: true, httpOnly: true, path: true, domain: true, secure: true, sameSite: true },
  ...{ partitioned: true, priority: true },
};
/** What its cookie has besides, and what those of Express take. */
const harmless = ["originalMaxAge", "signed", "overwrite", "encode"];
const flags = ["resave", "saveUninitialized", "rolling", "proxy"] as const;

/** Throws a `TypeError` for what fails at every request. */
export function checkKinds({ store, cookie, name, key }: ExpressSessionOptions): void {
  const { get, set, destroy, read } = Object(store) as Record<string, unknown>;
  const isStore = [get, set, destroy].every((method) => typeof method === "function") || typeof read === "function";
  if (store && (typeof store !== "object" || !isStore))
    throw wrongArgument("store", "a store of express-session that was made with its package, or of sojourn", store);
  if (cookie && typeof cookie !== "object" && typeof cookie !== "function")
    throw wrongArgument("cookie", "an object of cookie options, or a function that gives one", cookie);
  const named = name || key || "connect.sid";
  if (typeof named !== "string") throw wrongArgument("name", "a cookie name", named);
  const made = new Cookie(typeof cookie === "object" && cookie !== null ? cookie : {});
  if (made.sameSite === "auto") made.sameSite = "lax";
  serialize(named, "", made.data);
}

/** Warns of what has no effect, or another than it seems to have. */
export function warnOfOptions(options: ExpressSessionOptions, warn: (message: string) => void): void {
  warnOfNames("session()", options, Object.keys(known), warn);
  if (typeof options.cookie === "object" && options.cookie !== null)
    warnOfNames("cookie", options.cookie, Object.keys(attributes), warn);
  for (const flag of flags) {
    const value: unknown = options[flag];
    if (value !== undefined && typeof value !== "boolean")
      warn(`${flag} must be true or false; ${received(value)}, which express-session takes for ${Boolean(value)}`);
  }
}

function warnOfNames(what: string, given: object, names: readonly string[], warn: (message: string) => void): void {
  for (const name of Object.keys(given)) {
    if (names.includes(name) || harmless.includes(name)) continue;
    const near = nearest(name, names);
    const meant = near === undefined ? "There are" : `Did you mean "${near}"? There are`;
    warn(`${what} has no option "${name.slice(0, 40)}", so that it has no effect. ${meant} ${names.join(", ")}.`);
  }
}
