/** What a login notes of a session: how long it lives, how the user proved who they are, and on which device. */

import { isPromise } from "../bytes/bytes.ts";
import { received, SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Meta } from "../contracts/format.ts";
import { checkKnown, isPlainObject } from "../contracts/known.ts";
import type { LoginOptions } from "../contracts/session-options.ts";
import { checkOrder, durationOption } from "../options/duration.ts";
import type { Config } from "../options/options.ts";
import { checkExternal } from "../record/external.ts";

type AnyLogin = LoginOptions<never>;

const known: readonly (keyof AnyLogin)[] = [
  "persistent",
  "idleTimeout",
  "absoluteTimeout",
  "methods",
  "external",
  "merge",
  "deviceBound",
];

/** Throws a `TypeError` for what `login` does not take. */
export function checkLogin(subject: unknown, options: AnyLogin): void {
  checkKnown("session.login", options, known);
  const given = options as { readonly [Key in keyof AnyLogin]?: unknown };
  const { merge = {}, persistent = false, deviceBound = true } = given;
  if (options.external !== undefined) checkExternal("the option external of session.login", options.external);
  if (typeof persistent !== "boolean") throw wrongArgument("session.persistent", "true or false", persistent);
  if (typeof deviceBound !== "boolean")
    throw wrongArgument("the option deviceBound of session.login", "true or false", deviceBound);
  checkSubject("session.login", subject);
  const ok = typeof merge === "object" && merge !== null && Object.values(merge).every((f) => typeof f === "function");
  if (!ok) throw wrongArgument("the option merge of session.login", "an object of functions by key", merge);
}

/** Throws a `TypeError` unless it can be a subject. */
export function checkSubject(call: string, subject: unknown): asserts subject is string {
  if (typeof subject === "string" && subject.length >= 1 && subject.length <= 200) return;
  throw wrongArgument(`the subject given to ${call}`, "a text of 1 to 200 characters", subject);
}

/** What a login notes, beside its subject. */
export type LoginNotes = Pick<Meta, "authenticated" | "methods" | "idle" | "absolute" | "device" | "bound">;

/**
 * What a login notes by its options. Throws a `TypeError` for a wrong one, and `ERR_SESSION_NOT_SUPPORTED` where the
 * format has no room for it.
 *
 * @param device What `describe` says of the request; absent without that option.
 */
export function notesOf(config: Config, options: AnyLogin, device: (() => unknown) | undefined): LoginNotes {
  const now = config.now();
  const notes: LoginNotes = { authenticated: now };
  const { timeouts } = config;
  const lifetime = (name: "idleTimeout" | "absoluteTimeout"): number | undefined => {
    const value = options[name];
    if (value === undefined) return undefined;
    needsRoom(config, `the option ${name} of session.login`);
    return durationOption(`the option ${name} of session.login`, value, 1000, config.longest);
  };
  const idle = lifetime("idleTimeout");
  const absolute = lifetime("absoluteTimeout");
  if (idle !== undefined) {
    checkOrder("the option idleTimeout of session.login", idle, absolute ?? timeouts.absolute);
    notes.idle = idle;
  }
  if (absolute !== undefined) notes.absolute = absolute;
  if (options.methods !== undefined) {
    needsRoom(config, "the option methods of session.login");
    notes.methods = timesOf("session.login", options.methods, now);
  }
  if (device) notes.device = deviceOf(device());
  return notes;
}

/** Throws `ERR_SESSION_NOT_SUPPORTED` where the format of another program has no room for what the library notes. */
export function needsRoom({ format }: Pick<Config, "format">, what: string): void {
  if (!format.foreign) return;
  const message = `${what} needs room in the record, and format ${format.name} has none: another program reads its records. Use sojourn's own format`;
  throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
}

/** Proofs of identity by name, shown now. */
export function timesOf(call: string, methods: unknown, now: number): Readonly<Record<string, number>> {
  checkMethods(call, methods);
  return Object.fromEntries(methods.map((method) => [method, now]));
}

/** Throws a `TypeError` unless it is a list of names for proofs of identity. */
export function checkMethods(call: string, methods: unknown): asserts methods is readonly string[] {
  const isName = (name: unknown): boolean => typeof name === "string" && /^[A-Za-z0-9][\w.:-]{0,39}$/.test(name);
  if (Array.isArray(methods) && methods.length > 0 && methods.length <= 20 && methods.every(isName)) return;
  throw wrongArgument(`the option methods of ${call}`, 'a list of names such as ["password", "otp"]', methods);
}

const mostFields = 20;
/** A user agent comes from the network, as long as it likes. */
const longestText = 500;

/** What `describe` returned, checked: texts from the network are cut, mistakes of the program are errors. */
function deviceOf(device: unknown): Readonly<Record<string, string | number | boolean>> {
  const takes = `an object of at most ${mostFields} texts, numbers and booleans, such as { label, ip, userAgent }`;
  if (isPromise(device)) throw new TypeError("the option describe must be synchronous; it returned a promise");
  if (!isPlainObject(device)) throw new TypeError(`the option describe must return ${takes}; ${received(device)}`);
  const fields = Object.entries(device).filter(([, value]) => value !== undefined && value !== null);
  if (fields.length > mostFields)
    throw new TypeError(`the option describe must return ${takes}; received ${fields.length} fields`);
  const checked = fields.map(([name, value]: [string, unknown]) => {
    if (!/^[A-Za-z]\w{0,39}$/.test(name))
      throw wrongArgument("the name of a field that describe returns", "a letter, then letters, digits and _", name);
    if (typeof value === "string") return [name, value.slice(0, longestText).toWellFormed()] as const;
    if ((typeof value === "number" && Number.isFinite(value)) || typeof value === "boolean")
      return [name, value] as const;
    throw new TypeError(
      `the option describe must return ${takes}; of its field ${name.slice(0, 40)}, ${received(value)}`,
    );
  });
  return Object.fromEntries(checked);
}

/** Throws a `TypeError` unless it is a name that users give a device. */
export function checkLabel(label: unknown): asserts label is string {
  if (typeof label === "string" && label.length >= 1 && label.length <= 100 && label.isWellFormed()) return;
  throw wrongArgument("session.label", "a text of 1 to 100 characters", label);
}

/** The keys of the data that a logout keeps. Throws a `TypeError` for what `logout` does not take. */
export function checkKeep(options: { readonly keep?: unknown }): readonly string[] {
  checkKnown("session.logout", options, ["keep"]);
  const { keep = [] } = options;
  if (Array.isArray(keep) && keep.every((key) => typeof key === "string")) return keep;
  throw wrongArgument("the option keep of session.logout", 'a list of keys such as ["lang"]', keep);
}
