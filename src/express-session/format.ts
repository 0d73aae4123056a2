/** The records of express-session: one JSON object, `cookie` and the application's keys. What did not change stays byte for byte. */

import { isMap, isSet } from "../core/bytes/bytes.ts";
import { wrongArgument } from "../core/contracts/errors.ts";
import type { Content, Format, Meta, Payload } from "../core/contracts/format.ts";
import { checkKnown } from "../core/contracts/known.ts";
import { own } from "../core/record/own-keys.ts";
import { notStorable } from "../core/record/values.ts";
import { entriesIn } from "./json-entries.ts";

/** Options of {@link expressFormat}. */
export interface ExpressFormatOptions {
  /**
   * Where the application keeps the user, as a path of keys: `session.subject` reads the user there, and
   * `session.login` writes it. Default `"passport.user"`, where passport keeps it.
   */
  readonly subjectKey?: string | undefined;
  /** The `cookie` of new sessions, as express-session writes it. Default `{ originalMaxAge: null, expires: null, httpOnly: true, path: "/" }`. */
  readonly cookie?: Readonly<Record<string, unknown>> | undefined;
  /** `cookie.originalMaxAge` of sessions that outlive the browser, in milliseconds. Default 86,400,000, one day. */
  readonly maxAge?: number | undefined;
}

const browserCookie = { originalMaxAge: null, expires: null, httpOnly: true, path: "/" };
const cookieKey = "cookie";

/** What a cookie says of its lifetime. */
interface StoredCookie {
  originalMaxAge?: unknown;
  expires?: unknown;
}

/**
 * The `format` for records of express-session. `cookie` is not in `session.data`: `session.persistent` is true if it
 * has a `maxAge`, and its `expires` follows the record's expiry. All other keys are data, as in JSON: a Date becomes
 * text.
 *
 * @throws `TypeError` for a wrong option, naming it.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { expressFormat, expressIds, expressToken } from "sojourn/express-session";
 *
 * const sessions = createSessions({
 *   format: expressFormat({ subjectKey: "userId" }),
 *   ids: expressIds(),
 *   token: expressToken("the secret of express-session"),
 *   absoluteTimeout: false,
 * });
 * ```
 */
export function expressFormat(options: ExpressFormatOptions = {}): Format {
  checkKnown("expressFormat", options, ["subjectKey", "cookie", "maxAge"]);
  const { cookie = browserCookie, maxAge = 86_400_000 } = options;
  const path = subjectPath(options.subjectKey);
  return {
    name: "express-session",
    foreign: true,
    decode(payload) {
      const { cookie: stored, ...data } = parsed(payload);
      if (typeof stored !== "object" || stored === null) throw new TypeError("not a session: there is no cookie");
      const { originalMaxAge } = stored as StoredCookie;
      const meta: Meta = { persistent: isPersistent(stored) };
      if (typeof originalMaxAge === "number" && originalMaxAge > 0) meta.idle = originalMaxAge;
      const subject = subjectIn(data, path);
      if (subject !== undefined) meta.subject = subject;
      return { data, meta };
    },
    encode({ data, meta }, baseline) {
      if (Object.hasOwn(data, cookieKey)) throw reserved();
      const was = baseline === undefined ? undefined : entriesIn(textOf(baseline));
      const before = was?.get(cookieKey);
      const current: StoredCookie = before === undefined ? { ...cookie } : (JSON.parse(before) as StoredCookie);
      const persistent = isPersistent(current);
      if (persistent !== (meta.persistent === true)) {
        current.originalMaxAge = meta.persistent ? maxAge : null;
        current.expires = null;
      }
      const same = before !== undefined && persistent === (meta.persistent === true);
      const text = same ? before : JSON.stringify(current);
      const base = baseline === undefined ? undefined : subjectIn(parsed(baseline), path);
      const loggedIn = meta.subject === base ? undefined : meta.subject;
      return write(withSubject(data, loggedIn, path), new Map([[cookieKey, text]]), was, baseline, true);
    },
    encodeValue: (value, at) => valueText(value, at, true) ?? "null",
    dated(payload, expiresAt) {
      const text = textOf(payload);
      const raw = entriesIn(text).get(cookieKey) as string;
      const stored = JSON.parse(raw) as StoredCookie;
      if ((stored.originalMaxAge ?? false) === false && (stored.expires ?? false) === false) return payload;
      const next = JSON.stringify({ ...stored, expires: new Date(expiresAt).toISOString() });
      return next === raw ? payload : text.replace(raw, () => next);
    },
  };
}

/** Whether it outlives the browser. */
export function isPersistent({ originalMaxAge, expires }: StoredCookie): boolean {
  return (originalMaxAge ?? expires ?? false) !== false;
}

/** The path of keys to who is logged in. */
export function subjectPath(key: unknown = "passport.user"): readonly string[] {
  const path = typeof key === "string" ? key.split(".") : [];
  if (path.length > 0 && path.every((part) => part !== "" && part !== cookieKey && part !== "__proto__")) return path;
  throw wrongArgument("subjectKey", 'a path of keys such as "passport.user" or "userId"', key);
}

/** Who is logged in: a text of 1 to 200 characters, or a number. */
export function subjectIn(data: object, path: readonly string[]): string | undefined {
  let at: unknown = data;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  if (typeof at !== "string" && typeof at !== "number") return undefined;
  const subject = String(at);
  return subject.length > 0 && subject.length <= 200 ? subject : undefined;
}

/** The data with the subject where the application looks for it; the same object when it is there already. */
export function withSubject(
  data: Record<string, unknown>,
  subject: string | undefined,
  path: readonly string[],
): Record<string, unknown> {
  if (subject === undefined || subjectIn(data, path) === subject) return data;
  const [key, ...rest] = path as [string, ...string[]];
  const inner = own(data, key);
  const value =
    rest.length === 0
      ? subject
      : withSubject(typeof inner === "object" && inner !== null ? { ...inner } : {}, subject, rest);
  return { ...data, [key]: value };
}

/** The text of a record: what was there in its order and, where it did not change, as it stood; then what is new. */
export function write(
  data: Content["data"],
  given: ReadonlyMap<string, string>,
  was: ReadonlyMap<string, string> | undefined,
  baseline: Payload | undefined,
  strict: boolean,
): Payload {
  const entries: string[] = [];
  let same = was !== undefined;
  const add = (key: string, old: string | undefined): void => {
    const text = given.get(key) ?? (Object.hasOwn(data, key) ? textOr(old, data[key], key, strict) : undefined);
    if (text !== undefined) entries.push(`${JSON.stringify(key)}:${text}`);
    same &&= text === old;
  };
  for (const [key, old] of was ?? []) add(key, old);
  for (const key of [...given.keys(), ...Object.keys(data)]) {
    if (!was?.has(key) && !(given.has(key) && Object.hasOwn(data, key))) add(key, undefined);
  }
  return same ? (baseline as Payload) : `{${entries.join()}}`;
}

function textOr(old: string | undefined, value: unknown, key: string, strict: boolean): string | undefined {
  const text = valueText(value, `session.data.${key}`, strict);
  if (old === undefined || text === undefined || text === old) return text;
  // Another encoder may have chosen another form for the same value.
  return JSON.stringify(JSON.parse(old)) === text ? old : text;
}

/** A value as JSON; `undefined` for what JSON leaves out. Strict: refuses what JSON would lose in silence. */
export function valueText(value: unknown, path: string, strict: boolean): string | undefined {
  try {
    return JSON.stringify(value, strict ? (_key, one: unknown) => storable(one, path) : undefined);
  } catch (error) {
    if ((error as Error | undefined)?.name === "TypeError")
      throw notStorable(path, value, "JSON cannot represent it: a BigInt, or a cycle");
    throw error;
  }
}

function storable(value: unknown, path: string): unknown {
  const lost =
    typeof value === "function" ||
    typeof value === "symbol" ||
    isMap(value) ||
    isSet(value) ||
    (typeof value === "number" && !Number.isFinite(value));
  if (lost) throw notStorable(path, value, "records of express-session are JSON, which would lose it");
  if (inherits(value))
    throw notStorable(path, value, "its prototype was changed, and JSON keeps an object's own keys only");
  return value;
}

/** Whether an object has a prototype that is of no class: what it inherits is data, as after an assignment to `__proto__`. */
function inherits(value: unknown): boolean {
  const prototype: unknown = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : null;
  return prototype !== null && !Object.hasOwn(prototype as object, "constructor");
}

/** The object in a payload. */
export function parsed(payload: Payload): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(textOf(payload));
  } catch {
    // The reasons quote the text, which must not be shown.
    throw new SyntaxError("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not a session");
  return value as Record<string, unknown>;
}

const decoder = new TextDecoder();

/** A payload as text. */
export function textOf(payload: Payload): string {
  return typeof payload === "string" ? payload : decoder.decode(payload);
}

function reserved(): Error {
  return notStorable(
    "session.data.cookie",
    undefined,
    "the key is that of express-session's cookie; session.persistent and the option cookie say what it holds",
  );
}
