/** Makes the configuration from the options: every one checked, once. All warnings about risky settings are here. */

import type { BearerTransport } from "../client/bearer.ts";
import { severalCookies, singleCookie } from "../client/carrier.ts";
import { type Cookie, type CookieOptions, makeCookie } from "../client/cookie.ts";
import { type IdScheme, randomIds } from "../client/id.ts";
import { bareToken } from "../client/token.ts";
import type { Adopter } from "../contracts/adopter.ts";
import { wrongArgument } from "../contracts/errors.ts";
import { Events } from "../contracts/events.ts";
import type { Format } from "../contracts/format.ts";
import { checkKnown } from "../contracts/known.ts";
import type { StandardSchema } from "../contracts/schema.ts";
import type { Store } from "../contracts/store.ts";
import { type CookieStore, isCookieStore } from "../record/cookie-store.ts";
import type { Timeouts } from "../record/expiry.ts";
import { jsonFormat } from "../record/json-format.ts";
import { checkName, checkSpace } from "./application.ts";
import { callable, once, oneOf, shaped, warnOption } from "./checks.ts";
import { checkOrder, type Duration, durationOption } from "./duration.ts";
import { checkLimit } from "./limit.ts";
import type { Config, SessionOptions } from "./options.ts";

const known: Record<keyof SessionOptions, true> = {
  store: true,
  name: true,
  idleTimeout: true,
  absoluteTimeout: true,
  touchInterval: true,
  renewAfter: true,
  renewGrace: true,
  onIdReuse: true,
  persistent: true,
  describe: true,
  cookie: true,
  transport: true,
  token: true,
  format: true,
  keyPrefix: true,
  ids: true,
  adopt: true,
  schema: true,
  together: true,
  deviceBound: true,
  limit: true,
  everybody: true,
  current: true,
  onError: true,
  storeTimeout: true,
  conflictTimeout: true,
  cleanupEvery: true,
  now: true,
  random: true,
  wait: true,
  warn: true,
};

/** Options with a store. */
export type GivenOptions = SessionOptions<never> & { store: Store | CookieStore };

const day = 86_400_000;

/** Checks every option; a `TypeError` names the first that is wrong. */
export function resolveConfig(options: GivenOptions): Config {
  checkKnown("createSessions", options, Object.keys(known));
  const say = warnOption(options.warn);
  const warn = once(say);
  const now = callable("now", options.now) ?? Date.now;
  const format = shaped("format", options.format, ["encode", "decode", "encodeValue"], "a format") ?? jsonFormat();
  const { name } = options;
  if (name !== undefined) checkName(name);
  const cookieOptions = name === undefined ? options.cookie : { ...options.cookie, name: options.cookie?.name ?? name };
  const transport = checkTransport(options);
  const cookie = makeCookie(cookieOptions);
  const { keyPrefix = `${name ?? cookie.baseName}:`, storeTimeout = "2s", conflictTimeout = "10s" } = options;
  if (options.ids && options.keyPrefix !== undefined)
    throw new TypeError("keyPrefix cannot be given together with ids, which make the keys");
  const store = checkStore(options.store);
  if (name === undefined && options.keyPrefix === undefined && !options.ids) checkSpace(store);
  const timeouts = checkTimeouts(options, format);
  if (isCookieStore(store)) checkInCookie(options, store, timeouts, format);

  return {
    store,
    timeouts,
    persistent: oneOf("persistent", options.persistent, [false, true]),
    // What revokes a cookie is kept as long as a cookie may live by these options.
    longest: isCookieStore(store) && store.revocations ? timeouts.absolute : 400 * day,
    describe: checkDescribe(options.describe, format),
    cookie: transport ? { ...cookie, name: transport.name } : cookie,
    carrier:
      isCookieStore(store) && store.chunks > 1
        ? severalCookies(numbered(cookieOptions, cookie, store.chunks))
        : (transport?.carrier ?? singleCookie(cookie)),
    keyPrefix: checkPrefix(keyPrefix),
    token:
      shaped("token", options.token, ["seal", "open"], "bareToken(), signedToken() or sealedToken()") ?? bareToken(),
    format,
    ids: checkIds(options.ids) ?? randomIds(keyPrefix),
    adopt: checkAdopters(options.adopt, store, format),
    schema: checkSchema(options.schema),
    together: checkGroups(options.together),
    deviceBound: shaped("deviceBound", options.deviceBound, ["use"], "deviceBound() of sojourn/device-bound"),
    everybody: shaped("everybody", options.everybody, ["use"], "everybody() of sojourn/everybody"),
    limit: checkLimit(options.limit, store, format),
    current: oneOf("current", options.current, [false, true]),
    endReused: oneOf("onIdReuse", options.onIdReuse, ["report", "end"]) === "end",
    saveOnError: oneOf("onError", options.onError, ["discard", "save"]) === "save",
    storeTimeout: durationOption("storeTimeout", storeTimeout, 1, 600_000),
    conflictTimeout: durationOption("conflictTimeout", conflictTimeout, 1, 600_000),
    cleanupEvery: checkRequests(options.cleanupEvery),
    now,
    random: callable("random", options.random) ?? Math.random,
    wait: callable("wait", options.wait) ?? pause,
    warn,
    events: new Events(now, warn, say),
  };
}

function pause(ms: number, idle = false): Promise<void> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, ms);
    if (idle) (timer as { unref?(): void }).unref?.();
  });
}

/** What makes no sense, or would be forgotten, where there is no cookie. */
function checkTransport(options: SessionOptions<never>): BearerTransport | undefined {
  const { transport, store, adopt, persistent } = options;
  if (transport === undefined) return undefined;
  if (typeof (transport as BearerTransport | null)?.carrier?.find !== "function")
    throw wrongArgument("transport", "bearer() of sojourn/bearer", transport);
  for (const name of ["cookie", "deviceBound"] as const) {
    if (options[name] !== undefined)
      throw new TypeError(`${name} cannot be given together with transport: bearer(), which has no cookie`);
  }
  if (adopt !== undefined && (adopt as readonly unknown[]).length !== 0)
    throw new TypeError("adopt cannot be given together with transport: bearer(), which reads no cookie");
  if (persistent)
    throw new TypeError("persistent cannot be given together with transport: bearer(), which has no cookie");
  if (isCookieStore(store as Store | CookieStore))
    throw new TypeError("transport: bearer() cannot be given with cookieStore: the cookie is the session");
  return transport;
}

function checkDescribe(describe: Config["describe"], { foreign, name }: Format): Config["describe"] {
  if (describe === undefined || foreign !== true) return callable("describe", describe);
  throw new TypeError(`describe must be left out with format ${name}, which has no room for what it says`);
}

function checkTimeouts(options: SessionOptions<never>, format: Format): Timeouts {
  const { idleTimeout = "1h", absoluteTimeout = format.foreign ? false : "24h", renewGrace = "1m" } = options;
  // Another program's sessions may live for years, where no cookie says how long: browsers keep one for 400 days.
  const longest = format.foreign && options.persistent === false ? 18_250 * day : 400 * day;
  const optional = (name: "idleTimeout" | "absoluteTimeout" | "renewAfter", value: Duration | false): number =>
    value === false ? Number.POSITIVE_INFINITY : durationOption(name, value, 1000, longest);
  const idle = optional("idleTimeout", idleTimeout);
  const absolute = optional("absoluteTimeout", absoluteTimeout);
  const renewAfter = optional("renewAfter", options.renewAfter === undefined ? false : options.renewAfter);
  if (idle === Number.POSITIVE_INFINITY && absolute === Number.POSITIVE_INFINITY) {
    throw new TypeError("idleTimeout and absoluteTimeout must not both be false: a session must end");
  }
  if (options.idleTimeout !== undefined && idle !== Number.POSITIVE_INFINITY) checkOrder("idleTimeout", idle, absolute);
  if (format.foreign && absolute !== Number.POSITIVE_INFINITY) {
    throw new TypeError(
      `absoluteTimeout must be false with format ${format.name}, which keeps no note of when a session began`,
    );
  }
  if (format.foreign && renewAfter !== Number.POSITIVE_INFINITY) {
    throw new TypeError(
      `renewAfter must be false with format ${format.name}: the other program could not follow the new id`,
    );
  }
  const touchInterval = Math.min(60_000, Math.round((idle === Number.POSITIVE_INFINITY ? absolute : idle) / 20));
  return {
    idle,
    absolute,
    renewAfter,
    touchInterval:
      options.touchInterval === undefined
        ? touchInterval
        : durationOption("touchInterval", options.touchInterval, 0, Math.min(idle, absolute)),
    renewGrace: durationOption("renewGrace", renewGrace, 0, day),
  };
}

function checkStore(store: unknown): Store | CookieStore {
  if (typeof store === "object" && store !== null && isCookieStore(store as CookieStore)) {
    shaped("store.seal", (store as CookieStore).seal, ["seal", "open"], "a seal");
    return store as CookieStore;
  }
  const methods = ["read", "create", "update", "touch", "rename", "delete"];
  const checked = shaped("store", store as Store, methods, "a store such as redisStore({ client })");
  if (typeof checked?.capabilities === "object" && checked.capabilities !== null) return checked;
  throw wrongArgument("store", "a store such as redisStore({ client })", store);
}

/** What makes no sense, or would be forgotten, when the session is the cookie. */
function checkInCookie(options: SessionOptions<never>, store: CookieStore, timeouts: Timeouts, format: Format): void {
  for (const name of ["token", "ids"] as const) {
    if (options[name] !== undefined) {
      throw new TypeError(`${name} cannot be given together with cookieStore: the cookie holds the session, and no id`);
    }
  }
  if (timeouts.renewAfter !== Number.POSITIVE_INFINITY) {
    throw new TypeError("renewAfter must be false with cookieStore: a session in a cookie has no id to renew");
  }
  if (format.wrap)
    throw new TypeError(`format ${format.name} cannot be given with cookieStore, which seals the cookie`);
  if (!store.revocations) return;
  if (format.foreign) {
    throw new TypeError(
      `revocations cannot be given with format ${format.name}, which has no place for what they need`,
    );
  }
  if (timeouts.absolute === Number.POSITIVE_INFINITY) {
    throw new TypeError(
      "absoluteTimeout must not be false with revocations: what was ended would have to be kept for ever",
    );
  }
}

/** `session`, `session-1`, `session-2`: the cookies of a session in several. */
function numbered(options: CookieOptions = {}, first: Cookie, count: number): [Cookie, ...Cookie[]] {
  const { name = "session" } = options;
  const others = Array.from({ length: count - 1 }, (_, at) => makeCookie({ ...options, name: `${name}-${at + 1}` }));
  return [first, ...others];
}

function checkIds(ids: IdScheme | undefined): IdScheme | undefined {
  const takes = "an id scheme: a text prefix, and create, accepts and keyOf";
  const checked = shaped("ids", ids, ["create", "accepts", "keyOf"], takes);
  if (checked && typeof checked.prefix !== "string") throw wrongArgument("ids", takes, ids);
  return checked;
}

function checkAdopters(given: unknown, store: Store | CookieStore, format: Format): readonly Adopter[] {
  if (given === undefined) return [];
  const ok = Array.isArray(given) && given.every((one) => typeof (one as Adopter | null)?.find === "function");
  if (!ok) throw wrongArgument("adopt", "a list of adopters, such as [adoptIronSession({ … })]", given);
  if (isCookieStore(store))
    throw new TypeError("adopt cannot be given with cookieStore: a mark has to say which sessions were handed over");
  if (format.foreign)
    throw new TypeError(`adopt cannot be given with format ${format.name}, beside whose records no mark may stand`);
  return given as readonly Adopter[];
}

function checkSchema(schema: unknown): StandardSchema | undefined {
  if (schema === undefined) return undefined;
  const validate = (schema as StandardSchema | null)?.["~standard"]?.validate;
  if (typeof validate !== "function")
    throw wrongArgument("schema", "a Standard Schema (zod, valibot, arktype …)", schema);
  return schema as StandardSchema;
}

function checkGroups(groups: unknown): readonly (readonly string[])[] {
  if (groups === undefined) return [];
  const ok =
    Array.isArray(groups) &&
    groups.every((group) => Array.isArray(group) && group.every((key) => typeof key === "string"));
  if (!ok) throw wrongArgument("together", 'a list of lists of keys, such as [["cart", "total"]]', groups);
  return groups;
}

function checkRequests(count: unknown): number | undefined {
  if (count === undefined || (Number.isSafeInteger(count) && (count as number) >= 1))
    return count as number | undefined;
  throw wrongArgument("cleanupEvery", "a whole number of requests, at least 1", count);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix === "string" && /^[\x21-\x7e]{0,100}$/.test(prefix)) return prefix;
  throw wrongArgument("keyPrefix", "at most 100 printable ASCII characters without spaces", prefix);
}
