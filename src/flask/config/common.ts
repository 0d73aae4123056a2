/** What is the same whatever the backend: the cookie, the lifetime, ids and their signature. */

import type { CookieOptions } from "../../core/client/cookie.ts";
import type { Duration } from "../../core/options/duration.ts";
import type { CookieStore } from "../../core/record/in-cookie.ts";
import { cookieStore } from "../../stores/cookie.ts";
import type { FlaskCookieOptions } from "../cookie.ts";
import { type Keys, named } from "./keys.ts";

/** 31 days. */
const month = 31 * 86_400;

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

/** Reads it. */
export function commonOf(keys: Keys, native: boolean): Common {
  const cookie = cookieOf(keys, "SESSION_COOKIE_", keys.text("APPLICATION_ROOT"));
  const lifetimeGiven = keys.has("PERMANENT_SESSION_LIFETIME");
  if (native && !lifetimeGiven) keys.note("PERMANENT_SESSION_LIFETIME", "1h unused, 24h in any case", "default");
  const lifetime = keys.seconds("PERMANENT_SESSION_LIFETIME", month);
  // Then only a change prolongs a session.
  const still = !keys.flag("SESSION_REFRESH_EACH_REQUEST", true);
  return {
    cookie,
    lifetime,
    lifetimeGiven,
    ...(still && (!native || lifetimeGiven) && { touchInterval: lifetime }),
    ...(still && native && !lifetimeGiven && { touchInterval: "1h" as const }),
    permanent: keys.flag("SESSION_PERMANENT", true),
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
  const domain = keys.any(name("domain")) === false ? undefined : keys.text(name("domain"));
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
