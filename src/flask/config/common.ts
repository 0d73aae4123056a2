/** What is the same whatever the backend: the cookie, the lifetime, ids and their signature. */

import type { CookieOptions } from "../../core/client/cookie.ts";
import { isError } from "../../core/contracts/errors.ts";
import type { Duration } from "../../core/options/duration.ts";
import type { SessionOptions } from "../../core/options/options.ts";
import type { CookieStore } from "../../core/record/cookie-store.ts";
import { cookieStore } from "../../stores/cookie.ts";
import type { FlaskCookieOptions } from "../cookie.ts";
import { longestLifetime } from "../options.ts";
import type { Encoding } from "./backend.ts";
import { type Keys, named } from "./keys.ts";

/** 31 days. */
const month = 31 * 86_400;
/** What a browser keeps a cookie for at most; and a session whose cookie does not say how long it is good. */
const [longestCookie, longest] = [400 * 86_400, longestLifetime / 1000];

/** What the keys say of every session. */
export interface Common {
  readonly cookie: CookieOptions;
  /** Seconds; the family's default where no key says so. */
  readonly lifetime: number;
  readonly lifetimeGiven: boolean;
  /** When unchanged sessions are prolonged; the default where this is absent. */
  readonly touchInterval?: Duration;
  readonly permanent: boolean;
  readonly cleanupEvery?: number;
}

/** Reads the keys that every type of store has. */
export function commonOf(keys: Keys, native: boolean): Common {
  const cookie = cookieOf(keys, "SESSION_COOKIE_", keys.text("APPLICATION_ROOT"));
  const lifetimeGiven = keys.has("PERMANENT_SESSION_LIFETIME");
  if (native && !lifetimeGiven) keys.note("PERMANENT_SESSION_LIFETIME", "1h unused, 24h in any case", "default");
  const permanent = keys.flag("SESSION_PERMANENT", true);
  const lifetime = keys.seconds("PERMANENT_SESSION_LIFETIME", month, native || permanent ? longestCookie : longest);
  // Then only a change prolongs a session.
  const still = !keys.flag("SESSION_REFRESH_EACH_REQUEST", true);
  return {
    cookie,
    lifetime,
    lifetimeGiven,
    ...(still && (!native || lifetimeGiven) && { touchInterval: lifetime }),
    ...(still && native && !lifetimeGiven && { touchInterval: "1h" as const }),
    permanent,
    ...cleanupOf(keys),
  };
}

/** `SESSION_AUTODELETE` removes at every request; once in a hundred is as good. */
export function cleanupOf(keys: Keys): Pick<Common, "cleanupEvery"> {
  const every = keys.count("SESSION_CLEANUP_N_REQUESTS", 0, 1_000_000_000);
  if (every) return { cleanupEvery: every };
  return keys.has("SESSION_AUTODELETE") && keys.flag("SESSION_AUTODELETE", false) ? { cleanupEvery: 100 } : {};
}

/**
 * The cookie.
 *
 * @param prefix Of the keys: `"SESSION_COOKIE_"`, or `"cookie_"` in `SESSION_CONFIG`.
 * @param root The path where no key says another.
 * @param from What counts where a key is not there.
 */
export function cookieOf(
  keys: Keys,
  prefix: string,
  root: string | undefined,
  from: CookieOptions = {},
): CookieOptions {
  const name = (word: string): string => prefix + (prefix.startsWith("S") ? word.toUpperCase() : word);
  if (!keys.flag(name("httponly"), true))
    throw keys.wrong(name("httponly"), "true: no script may read the cookie of a session", false);
  const cookieName = keys.text(name("name"), from.name ?? "session");
  // Before Flask 2.3 False was the way to say "this host alone".
  // A dot in front has had no meaning since RFC 6265; Flask leaves it out as well.
  const domain = keys.any(name("domain")) === false ? undefined : keys.text(name("domain"))?.trim().replace(/^\./, "");
  const path = keys.text(name("path"), from.path ?? root ?? "/");
  const secure = keys.flag(name("secure"), from.secure ?? true);
  const sameSite = keys.word(name("samesite"), ["lax", "strict", "none"], from.sameSite ?? "lax");
  const partitioned = keys.flag(name("partitioned"), from.partitioned ?? false);
  return { name: cookieName, prefix: "", path, secure, sameSite, partitioned, domain: domain ?? from.domain };
}

/** `SECRET_KEY` and its fallbacks, as itsdangerous takes them: the newest last. */
export function secretsOf(keys: Keys, wanted: string): readonly [...(string | Uint8Array)[], string | Uint8Array] {
  const secret = keys.secret("SECRET_KEY");
  if (secret === undefined) throw new TypeError(`SECRET_KEY must be set: ${wanted} needs it`);
  return [...keys.secrets("SECRET_KEY_FALLBACKS"), secret];
}

/** Which key says an option of `createSessions`, for the messages of its checks. */
const keysOf: Readonly<Record<string, string>> = {
  "cookie.name": "SESSION_COOKIE_NAME",
  "cookie.domain": "SESSION_COOKIE_DOMAIN",
  "cookie.path": "SESSION_COOKIE_PATH",
  "cookie.sameSite": "SESSION_COOKIE_SAMESITE",
  "cookie.secure": "SESSION_COOKIE_SECURE",
  "cookie.partitioned": "SESSION_COOKIE_PARTITIONED",
  lifetime: "PERMANENT_SESSION_LIFETIME",
  idleTimeout: "PERMANENT_SESSION_LIFETIME",
  keyPrefix: "SESSION_KEY_PREFIX",
  idLength: "SESSION_ID_LENGTH",
  cleanupEvery: "SESSION_CLEANUP_N_REQUESTS",
  "signed.secretKey": "SECRET_KEY",
  secretKey: "SECRET_KEY",
  fallbacks: "SECRET_KEY_FALLBACKS",
};

/** Reports a wrong option under the key it came from, unless it was passed as an option itself. */
export function inKeys<Made>(keys: Keys, own: object, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!isError(error, "TypeError")) throw error;
    const option = Object.keys(keysOf).find((one) =>
      new RegExp(`^${one.replace(".", "\\.")}(?![\\w.])`).test(error.message),
    );
    const key = option && keysOf[option];
    if (!key || (option.split(".")[0] as string) in own || !keys.has(key)) throw error;
    throw new TypeError(keys.nameOf(key) + error.message.slice(option.length), { cause: error });
  }
}

type SecretsOf = ReturnType<typeof secretsOf>;

/** As `flaskCookie` takes them. */
export function cookieSecrets(secrets: SecretsOf): Pick<FlaskCookieOptions, "secretKey" | "fallbacks"> {
  return { secretKey: secrets.at(-1) as SecretsOf[number], fallbacks: secrets.slice(0, -1) };
}

/** Our own sealed cookies under the same secrets. */
export function sealedIn(secrets: SecretsOf): CookieStore {
  return named("SECRET_KEY", () => cookieStore({ secrets: ownSecrets(secrets) }));
}

/** The same for this library's own tokens and seals: texts, the newest first. */
export function ownSecrets(secrets: SecretsOf): string[] {
  const texts = secrets.map((secret) => (typeof secret === "string" ? secret : new TextDecoder().decode(secret)));
  return texts.reverse();
}

/** Only where Flask-Session asks for it, too. */
export function encodingOf(keys: Keys, encoding: Encoding): "msgpack" | "json" | "pickle" {
  return encoding === "session" ? keys.word("SESSION_SERIALIZATION_FORMAT", ["msgpack", "json"], "msgpack") : encoding;
}

/** Our own defaults, except for what a key says. */
export function nativeOptions(
  keys: Keys,
  { cookie, lifetime, lifetimeGiven, permanent }: Common,
): SessionOptions<never> {
  return {
    cookie: { ...cookie, ...(!keys.has("SESSION_COOKIE_NAME") && { prefix: undefined }) },
    persistent: permanent,
    ...(lifetimeGiven && { idleTimeout: lifetime, absoluteTimeout: false as const }),
  };
}
