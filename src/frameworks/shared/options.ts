/** What the options of the adapters have in common. */

import { wrongArgument } from "../../core/contracts/errors.ts";
import type { Access } from "../../core/request/exchange.ts";

/** Says what a request's route may do with its session; `undefined`: everything. */
export type AccessOf<Request> = (request: Request) => Access | undefined;

interface Options {
  readonly attach?: unknown;
  readonly access?: unknown;
  readonly secure?: unknown;
  readonly streaming?: unknown;
  readonly onError?: unknown;
}

/** Throws a `TypeError` when one of these is there and of the wrong kind. */
export function checkOptions({ attach, access, secure, streaming, onError }: Options): void {
  if (attach !== undefined && (typeof attach !== "string" || attach === ""))
    throw wrongArgument("attach", 'the name of a property, such as "session"', attach);
  checkFunction("access", access);
  checkFunction("secure", secure);
  if (streaming !== undefined && typeof streaming !== "boolean")
    throw wrongArgument("streaming", "true or false", streaming);
  checkFunction("onError", onError);
}

/** Throws a `TypeError` unless it is a function or absent. */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") throw wrongArgument(name, "a function", value);
}
