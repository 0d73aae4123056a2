/** What the options of the adapters have in common. */

import { received, wrongArgument } from "../../core/contracts/errors.ts";
import { checkKnown } from "../../core/contracts/known.ts";
import type { Access } from "../../core/request/exchange.ts";

/** Says what a request's route may do with its session; `undefined`: everything. */
export type AccessOf<Request> = (request: Request) => Access | undefined;

/** The option `access` of adapters that attach. */
export interface AccessOption<Request> {
  /**
   * What the route of a request may do with its session: see `Access`. Default: everything. Called before the session
   * is loaded, also by `attach`, which loads nothing for `"skip"`. For single routes there is also `sessions.restrict`.
   */
  readonly access?: AccessOf<Request> | undefined;
}

interface Options {
  readonly attach?: unknown;
  readonly access?: unknown;
  readonly secure?: unknown;
  readonly streaming?: unknown;
  readonly onError?: unknown;
}

/** Throws a `TypeError` when an adapter was not given sessions, or gets an option that it does not have or of the wrong kind. */
export function checkAdapter(call: string, sessions: unknown, options: unknown, known: readonly string[]): void {
  checkSessions(call, sessions);
  checkKnown(call, options, known);
  checkKinds(options as Options);
}

/** Throws a `TypeError` when one of these is there and of the wrong kind. */
export function checkKinds({ attach, access, secure, streaming, onError }: Options): void {
  if (attach !== undefined && (typeof attach !== "string" || attach === ""))
    throw wrongArgument("attach", 'the name of a property, such as "session"', attach);
  checkFunction("access", access);
  checkFunction("secure", secure);
  if (streaming !== undefined && typeof streaming !== "boolean")
    throw wrongArgument("streaming", "true or false", streaming);
  checkFunction("onError", onError);
}

/** Throws a `TypeError` that shows the line to write when it is not what `createSessions` gives. */
export function checkSessions(call: string, sessions: unknown): void {
  const has = (name: string): boolean => typeof Object(sessions)[name] === "function";
  if (has("open") && has("isOpen") && has("restrict")) return;
  let line = `${call}(createSessions())`;
  let what = received(sessions);
  if (has("read") && has("rename")) [line, what] = [`${call}(createSessions({ store }))`, "received a store"];
  else if (
    typeof sessions === "object" &&
    sessions !== null &&
    Object.getPrototypeOf(Object.getPrototypeOf(sessions) ?? {}) === null
  )
    [line, what] = [`${call}(createSessions({ … }), options)`, "received options"];
  else if (typeof sessions === "function") what = "received a function; is it createSessions, which was not called?";
  throw new TypeError(`${call} takes sessions first, as in ${line}; ${what}`);
}

/** Throws a `TypeError` unless it is a function or absent. */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw wrongArgument(name, "a function", value);
}
