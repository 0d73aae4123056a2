/**
 * Sessions from a Flask application's configuration: `SESSION_TYPE` and all other keys, from an object or the environment.
 *
 * @module
 */

import { signedToken } from "../core/client/token.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import { checkKnown } from "../core/contracts/known.ts";
import type { SessionOptions } from "../core/options/options.ts";
import { type GivenOptions, resolveConfig } from "../core/options/resolve.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { createSessions } from "../create.ts";
import { flaskSession } from "../flask.ts";
import type { PartsSessions } from "../parts/keeping.ts";
import { nullStore } from "../stores/null.ts";
import { setUpAll } from "../stores/shared/setup.ts";
import { type BackendContext, customBackend } from "./config/backend.ts";
import { backends } from "./config/backends.ts";
import {
  commonOf,
  cookieSecrets,
  encodingOf,
  inKeys,
  nativeOptions,
  ownSecrets,
  sealedIn,
  secretsOf,
} from "./config/common.ts";
import { type LoadPackage, Opener } from "./config/drivers.ts";
import { type ExplainedKey, Keys, list, named } from "./config/keys.ts";
import { unusedKey } from "./config/known.ts";
import { readParts } from "./config/parts.ts";
import { flaskCookie } from "./cookie.ts";

export type { LoadPackage } from "./config/drivers.ts";
export type { ExplainedKey } from "./config/keys.ts";

/** Where the keys are: `process.env`, or an object with values as they are in Python's `app.config`. */
export type ConfigKeys = Readonly<Record<string, unknown>>;

/** Options that have no key. All are optional. */
export interface ConfigOptions<Data extends object = Record<string, unknown>> {
  /**
   * How sessions are written. `"flask"` (default): as Flask writes them, so users stay logged in, and Flask can keep
   * running. `"native"`: in this library's own form, with hashed ids in the store, lists of a user's sessions and an
   * absolute timeout; every user has to log in again.
   */
  readonly records?: "flask" | "native" | undefined;
  /**
   * Which package writes Flask's sessions. `"flask-session"` (default): Flask-Session 0.7 or 0.8. `"flask-session2"`:
   * Flask-Session2, or Flask-Session up to 0.6, with pickles and UUIDs as ids. The default can read those too, and
   * rewrites them with the next change.
   */
  readonly family?: "flask-session" | "flask-session2" | undefined;
  /** The key where Flask keeps the user: `"_user_id"` with Flask-Login. Default none. The same option as in `flaskSession`. */
  readonly subjectKey?: string | undefined;
  /** The type of the value under `subjectKey` in Flask. Default `"string"`. */
  readonly subjectType?: "string" | "integer" | undefined;
  /** For `SESSION_TYPE=filesystem` and `cachelib`: the version of cachelib in Flask's environment. Default `"0.16"`, for that and later. The same option as in `flaskFiles`. */
  readonly cachelib?: "0.16" | "0.7" | "0.5" | "0.1" | undefined;
  /** Also for files: the numeric id of the user that Flask runs as, if it differs from this process's. The option `owner` of `flaskFiles`. Default: this process's user. */
  readonly fileOwner?: number | undefined;
  /** For `SESSION_TYPE=dynamodb`: the time zone of Flask's machine, if it is not UTC. The same option as in `flaskDynamodb`. Default: UTC. */
  readonly timeZone?: string | undefined;
  /** Whether to create missing tables, indexes and collections, as Flask-Session does. Default true. */
  readonly setup?: boolean | undefined;
  /** The prefix of every key: `"FLASK_"` as with Flask's `from_prefixed_env`. Default none. */
  readonly prefix?: string | undefined;
  /** Other options for `createSessions`: `schema`, `current`, timeouts. They take precedence over the keys. `store` is allowed only with `SESSION_TYPE=custom`. Default: none. */
  readonly sessions?: SessionOptions<Data> | undefined;
  /** Loads the package of a client. Pass `(name) => import(name)` if you bundle, or if packages are installed elsewhere. Default: what is installed here. */
  readonly load?: LoadPackage | undefined;
  /** Gets each warning about the keys, once. Default `console.warn`. */
  readonly warn?: ((message: string) => void) | undefined;
}

const knownOptions: Readonly<Record<keyof ConfigOptions, true>> = {
  ...{ records: true, family: true, subjectKey: true, subjectType: true, cachelib: true, timeZone: true },
  ...{ fileOwner: true, setup: true, prefix: true, sessions: true, load: true, warn: true },
};

/** Sessions configured by keys, with the explanation of the keys and `close`. */
export interface ConfiguredSessions<Data extends object = Record<string, unknown>, Made = Sessions<Data>> {
  readonly sessions: Made;
  /** What came of every key, for logs: no secrets in it. */
  readonly explanation: readonly ExplainedKey[];
  /** Closes the clients that were opened; those that were given stay open. Then the sessions cannot be used any more. */
  close(): Promise<void>;
}

/**
 * Creates sessions from a Flask application's configuration. `SESSION_TYPE` is enough: other keys have the defaults of
 * `family`, the client is opened with the installed package, and missing tables are created.
 *
 * With `SESSION_CONFIG`, the parts of Flask-Session-Plus, they are `PartsSessions`: see {@link partsFromConfig}.
 *
 * @throws `TypeError` for a wrong value, naming the key, the accepted values and the received one; and for a package
 * that is not installed, naming it. If a table cannot be created, the error of the server is passed on unchanged.
 * @example
 * ```ts
 * import express from "express";
 * import { sessionsFromConfig } from "sojourn/flask/config";
 * import { expressSessions } from "sojourn/frameworks/express";
 *
 * const { sessions, close } = await sessionsFromConfig<{ cart: string[] }>(process.env, { subjectKey: "_user_id" });
 * const app = express().use(expressSessions(sessions));
 * const server = app.listen(3000);
 * process.once("SIGTERM", () => server.close(() => close()));
 * ```
 */
export async function sessionsFromConfig<Data extends object = Record<string, unknown>>(
  keys: ConfigKeys,
  options: ConfigOptions<Data> = {},
): Promise<ConfiguredSessions<Data>> {
  const resolved = resolve(keys, options as unknown as ConfigOptions<never>);
  const { warn = (message: string) => console.warn(message), setup = true } = options;
  for (const warning of new Set(resolved.warnings)) warn(`sojourn: ${warning}`);
  const opener = new Opener(options.load);
  try {
    const sessions = (await resolved.open(opener)) as unknown as Sessions<Data>;
    if (setup && !resolved.tableExists) await setUpAll(sessions.stores, (message) => warn(`sojourn: ${message}`));
    return { sessions, explanation: resolved.rows, close: () => opener.close() };
  } catch (error) {
    await opener.close().catch(() => {});
    throw error;
  }
}

/**
 * The same for `SESSION_CONFIG` of Flask-Session-Plus: several cookies and backends behind one session.
 *
 * @throws `TypeError` when there is no `SESSION_CONFIG`, and as {@link sessionsFromConfig} does.
 * @example
 * ```ts
 * import { partsFromConfig } from "sojourn/flask/config";
 *
 * export const configured = await partsFromConfig<{ csrf_token: string; user_id: string; theme: string }>({
 *   SECRET_KEY: process.env.SECRET_KEY,
 *   SESSION_CONFIG: [
 *     { cookie_name: "csrf", session_type: "secure_cookie", session_fields: ["csrf_token"] },
 *     { cookie_name: "session", session_type: "redis", session_fields: ["user_id"], client: process.env.REDIS_URL },
 *     { cookie_name: "data", session_type: "secure_cookie", session_fields: "auto" },
 *   ],
 * });
 * ```
 */
export async function partsFromConfig<Data extends object = Record<string, unknown>>(
  keys: ConfigKeys,
  options: ConfigOptions<Data> = {},
): Promise<ConfiguredSessions<Data, PartsSessions<Data>>> {
  if (!new Keys(keys, options.prefix).has("SESSION_CONFIG"))
    throw wrongArgument("SESSION_CONFIG", "a list of parts, as of Flask-Session-Plus", undefined);
  return (await sessionsFromConfig(keys, options)) as ConfiguredSessions<Data, PartsSessions<Data>>;
}

/**
 * Explains what the keys mean, without connecting to anything: a row for each key that takes effect, and for each given
 * key that is ignored. Contains no secrets. `sojourn config` prints it.
 *
 * @throws `TypeError` for a wrong value, naming the key.
 * @example
 * ```ts
 * import { explainConfig } from "sojourn/flask/config";
 *
 * for (const { key, value, from } of explainConfig(process.env)) process.stdout.write(`${key} ${value} (${from})\n`);
 * ```
 */
export function explainConfig(keys: ConfigKeys, options: ConfigOptions<never> = {}): ExplainedKey[] {
  return [...resolve(keys, options).rows];
}

interface Resolved {
  readonly rows: readonly ExplainedKey[];
  readonly warnings: readonly string[];
  readonly tableExists: boolean;
  open(opener: Opener): Promise<Sessions<never>>;
}

const types = [...Object.keys(backends), "cookie", "secure_cookie", "custom"];

function resolve(given: ConfigKeys, options: ConfigOptions<never>): Resolved {
  if (typeof given !== "object" || given === null)
    throw wrongArgument("keys", "an object of keys, or process.env", given);
  checkKnown("sessionsFromConfig", options, Object.keys(knownOptions));
  const { records = "flask", family = "flask-session", prefix = "" } = options;
  if (records !== "flask" && records !== "native") throw wrongArgument("records", '"flask" or "native"', records);
  if (family !== "flask-session" && family !== "flask-session2")
    throw wrongArgument("family", '"flask-session" or "flask-session2"', family);
  if (typeof prefix !== "string") throw wrongArgument("prefix", "a text", prefix);
  const keys = new Keys(given, prefix);
  const native = records === "native";
  const plan: Plan = keys.has("SESSION_CONFIG")
    ? readParts(keys, { ...options, native })
    : readOne(keys, { ...options, native, pickled: !native && family === "flask-session2" });
  const warnings = [...(plan.warnings ?? [])];
  for (const { key, value, from } of keys.rows) {
    const isLocalhost = from === "default" && /127\.0\.0\.1|localhost/.test(value);
    if (isLocalhost) warnings.push(`${prefix}${key} is not set: sessions are kept at ${value}`);
  }
  const unused = keys.unread().flatMap((key) => {
    const why = unusedKey(key, plan.name);
    return why === undefined ? [] : [{ key, why }];
  });
  for (const { key, why } of unused) keys.note(key, "–", "ignored", why);
  return {
    rows: keys.rows,
    warnings: [...warnings, ...unused.map(({ key, why }) => `${prefix}${key} is ignored: ${why}`)],
    tableExists: plan.tableExists ?? false,
    open: plan.open,
  };
}

/** What was read, and what makes the sessions. */
interface Plan {
  /** For messages: `"SESSION_TYPE=redis"`. */
  readonly name: string;
  readonly tableExists?: boolean | undefined;
  readonly warnings?: readonly string[];
  open(opener: Opener): Promise<Sessions<never>>;
}

interface OneOptions extends ConfigOptions<never>, Pick<BackendContext, "native" | "pickled"> {}

function readOne(keys: Keys, options: OneOptions): Plan {
  const type = typeOf(keys);
  const { native, pickled, subjectKey, subjectType, sessions: own = {} } = options;
  if (type !== "custom" && own.store !== undefined)
    throw new TypeError(`store cannot be given with SESSION_TYPE=${type}; SESSION_TYPE=custom is for your own store`);
  const common = commonOf(keys, native);
  const { lifetime, permanent, cookie, touchInterval, cleanupEvery } = common;
  const also = {
    ...(touchInterval !== undefined && { touchInterval }),
    ...(cleanupEvery && { cleanupEvery }),
    ...warning(options),
    ...own,
  };
  const records = native ? " with native records" : "";
  const name = `SESSION_TYPE=${type}${records}`;

  if (type === "cookie" || type === "secure_cookie") {
    const secrets = secretsOf(keys, `SESSION_TYPE=${type}`);
    const digest = type === "cookie" ? "sha1" : "sha3-256";
    const foreign = { lifetime, permanent, cookie, digest, subjectKey, subjectType } as const;
    const made = native
      ? { ...nativeOptions(keys, common), store: sealedIn(secrets) }
      : inKeys(keys, own, () => flaskCookie({ ...foreign, ...cookieSecrets(secrets) }));
    inKeys(keys, own, () => resolveConfig({ ...made, ...also, warn() {} } as GivenOptions));
    return { name, open: async () => createSessions({ ...made, ...also } as SessionOptions<never>) };
  }

  const isSigned = keys.flag("SESSION_USE_SIGNER", false);
  const secretKey = isSigned ? secretsOf(keys, "SESSION_USE_SIGNER") : undefined;
  const keyPrefix = native ? "" : keys.text("SESSION_KEY_PREFIX", "session:");
  const backend =
    type === "custom" ? customBackend(own.store) : backends[type]!(keys, { ...options, native, pickled, keyPrefix });
  const foreign = (): SessionOptions<never> => ({
    ...flaskSession({
      ...{ subjectKey, subjectType, lifetime, permanent, cookie, keyPrefix },
      idLength: keys.count("SESSION_ID_LENGTH", 16, 64, 32),
      ids: pickled ? "uuid" : "random",
      format: encodingOf(keys, backend.encoding),
      signed: secretKey && { secretKey },
    }),
  });
  const ours = (): SessionOptions<never> => ({
    ...nativeOptions(keys, common),
    ...(keys.has("SESSION_KEY_PREFIX") && { keyPrefix: keys.text("SESSION_KEY_PREFIX", "") }),
    ...(secretKey && { token: named("SECRET_KEY", () => signedToken(ownSecrets(secretKey))) }),
  });
  // What construction would refuse is refused before anything is opened, under the name of its key.
  const made = inKeys(keys, own, () => {
    const options = native ? ours() : foreign();
    const store = { ...nullStore(), name: type, space: backend.isCommon ? "common" : "own" };
    const check = (): unknown => resolveConfig({ ...options, ...also, store, warn() {} } as GivenOptions);
    if (native && !keys.has("SESSION_KEY_PREFIX")) named("SESSION_KEY_PREFIX", check);
    else check();
    return options;
  });
  return {
    name,
    tableExists: backend.tableExists,
    async open(opener) {
      const store = await backend.open(opener);
      return createSessions({ ...made, ...also, store } as SessionOptions<never>);
    },
  };
}

function warning({ warn }: ConfigOptions<never>): SessionOptions<never> {
  return warn ? { warn } : {};
}

function typeOf(keys: Keys): string {
  if (!keys.has("SESSION_TYPE")) {
    const what = `SESSION_TYPE must be ${list(types)}`;
    throw new TypeError(`${what}; it is not set. For Flask's own cookie it is "cookie"`);
  }
  return keys.word("SESSION_TYPE", types, "");
}
