/** The options of sessions in parts, checked, and a core for each part. */

import { isError, wrongArgument } from "../core/contracts/errors.ts";
import type { Format } from "../core/contracts/format.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { StandardSchema } from "../core/contracts/schema.ts";
import type { Store } from "../core/contracts/store.ts";
import type { SessionOptions } from "../core/options/options.ts";
import { type Cleanup, cleanupOf } from "../core/record/cleanup.ts";
import { type CookieStore, isCookieStore } from "../core/record/cookie-store.ts";
import { makeCore } from "../core/request/one-record.ts";
import type { SessionsCore } from "../core/save/request-record.ts";
import { type Fields, Routes } from "./fields.ts";

/** What a part may have of its own, and otherwise has from all. */
type Lifetime = "idleTimeout" | "absoluteTimeout" | "touchInterval" | "renewAfter" | "renewGrace" | "persistent";

/** What is the same for all parts. */
type Common =
  | "name"
  | "together"
  | "limit"
  | "everybody"
  | "current"
  | "describe"
  | "onError"
  | "storeTimeout"
  | "conflictTimeout"
  | "cleanupEvery"
  | "now"
  | "random"
  | "wait"
  | "warn";

/** One part of a session: its keys, its cookie, its store, and other options of `createSessions`. */
export interface PartOptions<Data extends object = Record<string, unknown>>
  extends Pick<SessionOptions, Lifetime | "cookie" | "token" | "format" | "keyPrefix" | "ids"> {
  /** The top-level keys of `session.data` that are in this part. */
  readonly fields: Fields<keyof Data & string>;
  /** Where the part is kept: a store, or `cookieStore({ secrets })`. Parts may share a store. */
  readonly store: Store | CookieStore;
  /**
   * Checks this part's data when it is loaded. If it rejects the data, the part counts as absent, and `record_refused`
   * is emitted. Default: data is not checked.
   */
  readonly schema?: StandardSchema<Partial<Data>> | undefined;
}

/** The options of `createSessions` for a session in parts. What is not given has the default of `SessionOptions`. */
export interface PartsOptions<Data extends object = Record<string, unknown>, Name extends string = string>
  extends Pick<SessionOptions<Data>, Lifetime | Common> {
  /**
   * The parts by name. Every key of `Data` belongs to one of them. The first part that is not a plain cookie (a
   * `cookieStore` without `revocations`) is the home part, which has the user.
   */
  readonly parts: Readonly<Record<Name, PartOptions<Data>>>;
}

/** One part, as the library uses it. */
export interface Part {
  readonly name: string;
  readonly core: SessionsCore;
  /** Kept in a cookie, and nothing can end it before its time. */
  readonly plain: boolean;
  /** It says nothing of its own about lifetimes: it lives as long as a login says. */
  readonly follows: boolean;
}

/** All parts in the order given. */
export interface Parts {
  readonly all: readonly Part[];
  /** The one that says who is logged in. */
  readonly home: Part;
  readonly routes: Routes;
  /** One for all parts: a request counts once. */
  readonly cleanup: Cleanup | undefined;
}

const lifetimes: readonly Lifetime[] = [
  "idleTimeout",
  "absoluteTimeout",
  "touchInterval",
  "renewAfter",
  "renewGrace",
  "persistent",
];
const common: readonly Common[] = [
  "name",
  "together",
  "limit",
  "everybody",
  "current",
  "describe",
  "onError",
  "storeTimeout",
  "conflictTimeout",
  "cleanupEvery",
  "now",
  "random",
  "wait",
  "warn",
];
const own = ["fields", "store", "cookie", "token", "format", "keyPrefix", "ids", "schema"];

/** Checks every option; a `TypeError` names the first that is wrong. */
export function makeParts(options: PartsOptions<never>): Parts {
  checkKnown("createPartsSessions", options, ["parts", ...lifetimes, ...common]);
  const { parts } = options as { parts: unknown };
  const takes = 'an object of parts by name, such as { login: { store, fields: ["user"] }, rest: { … } }';
  if (typeof parts !== "object" || parts === null || Array.isArray(parts)) throw wrongArgument("parts", takes, parts);
  const named = Object.entries(parts as Record<string, PartOptions<never>>);
  if (named.length === 0) throw new TypeError(`parts must be ${takes}; received no part`);
  for (const [name, part] of named) {
    if (!isPartName(name))
      throw wrongArgument("the name of a part", "a letter, then at most 39 letters, digits, - or _", name);
    if (typeof part !== "object" || part === null) throw wrongArgument(`parts.${name}`, "an object of options", part);
    checkKnown(`parts.${name}`, part, [...own, ...lifetimes]);
    if (part.store === undefined) throw wrongArgument(`parts.${name}.store`, "a store, or cookieStore()", undefined);
  }
  const routes = new Routes(Object.fromEntries(named.map(([name, { fields }]) => [name, fields])));
  const groups = groupsByPart(options.together, routes, named.length);
  const homeAt = Math.max(
    0,
    named.findIndex(([, { store }]) => !isPlain(store)),
  );
  const all = named.map(([name, part], at) =>
    // Sessions are limited where it is known who is logged in.
    makePart(name, part, at === homeAt ? options : { ...options, limit: undefined }, groups[at] as string[][]),
  );
  const made = all[homeAt] as Part;
  const others = all.filter((part) => part !== made && isRevocable(part));
  const endParts = (subject: string, handle: string): Promise<unknown> =>
    Promise.all(others.map(({ core }) => core.subjects.revoke(subject, { handle })));
  const home = { ...made, core: { ...made.core, endParts } };
  all[homeAt] = home;
  if (options.describe && !home.core.config.describe)
    throw new TypeError(`describe must be left out: the format of parts.${home.name} has no room for what it says`);
  checkCookies(all);
  checkPrefixes(all);
  const cleanup = cleanupOf(all.map(({ core }) => core.config));
  return { all, home, routes, cleanup };
}

/** Whether the sessions of a user can be ended in a part. */
export function isRevocable({ core, plain }: Part): boolean {
  const { capabilities } = core.config.store;
  return "revocable" in capabilities ? !plain : capabilities.bySubject;
}

/** Whether a part may be called so. */
export function isPartName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(name);
}

function makePart(
  name: string,
  { fields: _, ...part }: PartOptions<never>,
  { parts: __, ...shared }: PartsOptions<never>,
  together: string[][],
): Part {
  const { renewAfter, everybody, name: application, describe, ...others } = shared;
  // Each part keeps to keys of its own, and all of them to the application's; its cookie is named by its own option.
  const isOwn = part.keyPrefix !== undefined || part.ids !== undefined;
  const keys = application === undefined || isOwn ? {} : { keyPrefix: `${application}:${name}:` };
  const cookie =
    application === undefined || part.cookie?.name ? {} : { cookie: { ...part.cookie, name: application } };
  // Where it cannot be, it is not wanted because the other parts have it.
  const isOurs = (part.format as Format | undefined)?.foreign !== true;
  const can = !isCookieStore(part.store) && isOurs;
  const some = {
    ...(can && renewAfter !== undefined && { renewAfter }),
    ...(isOurs && describe && { describe }),
    ...(isOurs && !isPlain(part.store) && everybody && { everybody }),
  };
  try {
    const core = makeCore({ ...others, ...some, ...part, ...keys, ...cookie, together } as unknown as Parameters<
      typeof makeCore
    >[0]);
    const hasOwn = part.idleTimeout !== undefined || part.absoluteTimeout !== undefined;
    return { name, core, plain: isPlain(core.config.store), follows: isOurs && !hasOwn };
  } catch (error) {
    if (!isError(error, "TypeError")) throw error;
    // An option that it has from all is not its own.
    const isShared =
      error.message.startsWith("createSessions") ||
      Object.keys(shared).some((option) => error.message.startsWith(option) && !(option in part));
    throw isShared ? error : new TypeError(`parts.${name}.${error.message}`, { cause: error });
  }
}

/** Kept in a cookie, and nothing can end it before its time. */
function isPlain(store: Store | CookieStore): boolean {
  return isCookieStore(store) && !store.revocations;
}

/** Keys move together within one record only. */
function groupsByPart(groups: unknown, routes: Routes, count: number): string[][][] {
  const byPart = Array.from({ length: count }, (): string[][] => []);
  if (groups === undefined) return byPart;
  const ok = Array.isArray(groups) && groups.every((group) => Array.isArray(group) && group.every(isText));
  if (!ok) throw wrongArgument("together", 'a list of lists of keys, such as [["cart", "total"]]', groups);
  for (const group of groups as string[][]) {
    const [part, ...others] = new Set(group.map((key) => routes.needed(key)));
    if (others.length > 0)
      throw new TypeError(`together: ${JSON.stringify(group)} are of several parts; they can only move in one`);
    if (part !== undefined) byPart[part]?.push(group);
  }
  return byPart;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function checkCookies(parts: readonly Part[]): void {
  const owners = new Map<string, string>();
  for (const { name, core } of parts) {
    const { cookie, store } = core.config;
    const count = isCookieStore(store) ? store.chunks : 1;
    for (let at = 0; at < count; at++) {
      const one = at === 0 ? cookie.name : `${cookie.name}-${at}`;
      const owner = owners.get(one);
      if (owner !== undefined)
        throw new TypeError(`parts.${name}.cookie: the cookie "${one}" is that of parts.${owner} already`);
      owners.set(one, name);
    }
  }
}

/** Two kinds of record in one store must not be taken for each other. */
function checkPrefixes(parts: readonly Part[]): void {
  const seen: { store: unknown; prefix: string; name: string }[] = [];
  for (const { name, core } of parts) {
    const { config } = core;
    const inCookie = isCookieStore(config.store);
    const store = inCookie ? (config.store as CookieStore).revocations : config.store;
    const prefix = inCookie ? config.keyPrefix : config.ids.prefix;
    for (const other of seen) {
      if (store === undefined || store !== other.store) continue;
      if (!prefix.startsWith(other.prefix) && !other.prefix.startsWith(prefix)) continue;
      throw new TypeError(
        `parts.${name}.keyPrefix: the keys of parts.${other.name} in the same store begin alike; give them prefixes that differ`,
      );
    }
    seen.push({ store, prefix, name });
  }
}
