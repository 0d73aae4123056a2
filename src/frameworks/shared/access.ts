/** The option `access` of the adapters: what single routes may do with their session. */

import { wrongArgument } from "../../core/errors.ts";
import type { Access } from "../../core/exchange.ts";

/** Says what a request's route may do with its session; `undefined`: everything. */
export type AccessOf<Request> = (request: Request) => Access | undefined;

/** Throws unless it is a function or absent. */
export function checkAccess(access: unknown): void {
  if (access !== undefined && typeof access !== "function") throw wrongArgument("access", "a function", access);
}
