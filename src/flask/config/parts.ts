/** `SESSION_CONFIG` of Flask-Session-Plus: a list of cookies, each with its backend and its fields, as parts of one session. */

import type { CookieOptions } from "../../core/client/cookie.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { Sessions } from "../../core/request/sessions.ts";
import { flaskSession, taggedJsonFormat } from "../../flask.ts";
import type { Fields } from "../../parts/fields.ts";
import { createPartsSessions } from "../../parts/keeping.ts";
import { isPartName, type PartOptions, type PartsOptions } from "../../parts/options.ts";
import { flaskCookie } from "../cookie.ts";
import { cleanupOf, cookieOf, cookieSecrets, sealedIn, secretsOf } from "./common.ts";
import type { Opener } from "./drivers.ts";
import { Keys, list, parsed } from "./keys.ts";
import { plusBackends } from "./plus-backends.ts";

/** What no key says. */
export interface PartsContext {
  readonly native: boolean;
  readonly subjectKey?: string | undefined;
  readonly subjectType?: "string" | "integer" | undefined;
  readonly sessions?: object | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Sessions in parts, once their clients are there. */
export interface PartsPlan {
  readonly name: string;
  readonly warnings: readonly string[];
  open(opener: Opener): Promise<Sessions<never>>;
}

type Part = PartOptions<never>;

/** One part: what is known, and what opens its store. */
interface Read {
  readonly name: string;
  open(opener: Opener): Promise<Part>;
}

const day = 86_400;
const types = ["secure_cookie", ...Object.keys(plusBackends)];

/** Reads the list and checks it; opens nothing. */
export function readParts(keys: Keys, context: PartsContext): PartsPlan {
  const value = keys.any("SESSION_CONFIG");
  const all = typeof value === "string" ? parsed(value) : value;
  if (!Array.isArray(all) || all.length === 0 || !all.every((one) => typeof one === "object" && one !== null))
    throw keys.wrong("SESSION_CONFIG", "a list of parts such as { cookie_name, session_type, session_fields }", value);
  keys.note("SESSION_CONFIG", `${all.length} part${all.length === 1 ? "" : "s"}`);
  const app: CookieOptions = cookieOf(keys, "SESSION_COOKIE_", keys.text("APPLICATION_ROOT"));
  const cleanup = cleanupOf(keys);
  const warnings: string[] = [];
  const places = new Set<string>();
  const parts = all.map((one: object, at) => {
    const own = new Keys(one, "", `SESSION_CONFIG[${at}].`);
    const read = readPart(own, keys, app, { ...context, places, at });
    for (const key of own.unread()) warnings.push(`SESSION_CONFIG[${at}].${key} is ignored: there is no such key`);
    keys.rows.push(...own.rows);
    return read;
  });
  return {
    name: "SESSION_CONFIG",
    warnings,
    async open(opener) {
      const made: [string, Part][] = [];
      for (const { name, open } of parts) made.push([name, await open(opener)]);
      const options = {
        parts: Object.fromEntries(made),
        ...cleanup,
        ...(context.warn && { warn: context.warn }),
        ...context.sessions,
      };
      return createPartsSessions(options as unknown as PartsOptions<never>) as unknown as Sessions<never>;
    },
  };
}

function readPart(
  own: Keys,
  app: Keys,
  cookies: CookieOptions,
  { native, subjectKey, subjectType, places, at }: PartsContext & { readonly places: Set<string>; readonly at: number },
): Read {
  const label = `SESSION_CONFIG[${at}]`;
  if (!own.has("cookie_name")) throw wrongArgument(`${label}.cookie_name`, "the name of a cookie", undefined);
  const type = own.word("session_type", types, "secure_cookie");
  const cookie = cookieOf(own, "cookie_", cookies.path, cookies);
  const cookieName = cookie.name as string;
  const maxAge = own.seconds("cookie_max_age");
  const short = own.seconds("session_lifetime", day);
  const long = own.seconds("session_permanent_lifetime", maxAge ?? 31 * day);
  const lifetime = maxAge === undefined ? short : type === "secure_cookie" ? maxAge : long;
  const fields = fieldsOf(own);
  const common = {
    fields,
    // A request that only reads sends no cookie then, and prolongs nothing.
    ...(!own.flag("refresh_on_request", true) && { touchInterval: lifetime }),
  };
  const subject = { subjectKey, subjectType };
  const permanent = maxAge !== undefined;
  const name = isPartName(cookieName) ? cookieName : `part${at + 1}`;

  if (type === "secure_cookie") {
    const secrets = secretsOf(app, `${label} (secure_cookie)`);
    const flask = { lifetime, permanent, digest: "sha3-256", cookie, ...subject } as const;
    const part = native
      ? { store: sealedIn(secrets), ...nativePart(cookie, lifetime, permanent) }
      : flaskCookie({ ...flask, ...cookieSecrets(secrets) });
    return { name, open: async () => ({ ...part, ...common }) as unknown as Part };
  }

  const signed = own.flag("use_signer", false) ? { secretKey: secretsOf(app, `${label}.use_signer`) } : undefined;
  const keyPrefix = own.text("key_prefix", "session");
  const backend = plusBackends[type]!(own, { native, keyPrefix, label });
  const place = `${type} ${backend.place} ${keyPrefix}`;
  if (places.has(place))
    throw new TypeError(
      `${label}.key_prefix must differ from that of the other part in the same place: ${list([keyPrefix])}`,
    );
  places.add(place);
  const foreign = {
    ...flaskSession({ keyPrefix, ids: "uuid", lifetime, permanent, cookie, signed }),
    format: backend.format?.(subject) ?? taggedJsonFormat(subject),
  };
  return {
    name,
    async open(opener) {
      const store = await backend.open(opener);
      const part = native ? { ...nativePart(cookie, lifetime, permanent), keyPrefix: `${keyPrefix}:` } : foreign;
      return { ...part, ...common, store } as unknown as Part;
    },
  };
}

function nativePart(cookie: CookieOptions, lifetime: number, persistent: boolean): object {
  return { cookie: { ...cookie, prefix: undefined }, idleTimeout: lifetime, absoluteTimeout: false, persistent };
}

/** `[]` and nothing at all are every field, `"auto"` is what no other part has: here that is the same. */
function fieldsOf(own: Keys): Fields {
  const value = own.any("session_fields");
  const given = typeof value === "string" && value !== "auto" ? parsed(value) : value;
  const takes = 'a list of fields, { include, exclude } with such lists, or "auto"';
  const isList = (one: unknown): boolean => Array.isArray(one) && one.every((field) => typeof field === "string");
  if (value === undefined || given === "auto" || (Array.isArray(given) && given.length === 0)) {
    own.note("session_fields", "what no other part has", value === undefined ? "default" : "given");
    return "rest";
  }
  if (typeof given !== "object" || given === null) throw own.wrong("session_fields", takes, value);
  if (isList(given)) {
    own.note("session_fields", (given as string[]).join(", "));
    return given as string[];
  }
  const { include = [], exclude = [], ...others } = given as Record<string, unknown>;
  if (Array.isArray(given) || !isList(include) || !isList(exclude) || Object.keys(others).length > 0)
    throw own.wrong("session_fields", takes, value);
  const [some, not] = [include as string[], exclude as string[]];
  own.note(
    "session_fields",
    `${some.length === 0 ? "all" : some.join(", ")}${not.length === 0 ? "" : ` but ${not.join(", ")}`}`,
  );
  if (some.length === 0 && not.length === 0) return "rest";
  return { ...(some.length > 0 && { include: some }), ...(not.length > 0 && { exclude: not }) };
}
