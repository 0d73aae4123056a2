/** Whether the user has proved who they are a short while ago. */

import { SessionError, wrongArgument } from "../contracts/errors.ts";
import type { Meta } from "../contracts/format.ts";
import { checkKnown } from "../contracts/known.ts";
import type { FreshnessOptions } from "../contracts/session-options.ts";
import { durationOption, inWords } from "../options/duration.ts";
import { own } from "../record/own-keys.ts";
import { checkMethods } from "./login.ts";

/** What is wrong with a session that is not that of a user who proved it; `undefined`: nothing. Throws a `TypeError` for wrong options. */
export function staleness(meta: Meta, now: number, options: FreshnessOptions): SessionError | undefined {
  checkKnown("session.requireFresh", options, ["within", "methods", "bound"]);
  const { methods, within: given, bound = false } = options;
  const within = durationOption("the option within of session.requireFresh", given, 1000, 400 * 86_400_000);
  if (methods !== undefined) checkMethods("session.requireFresh", methods);
  if (typeof bound !== "boolean")
    throw wrongArgument("the option bound of session.requireFresh", "true or false", bound);
  if (meta.subject === undefined) return notFresh("no user is logged in", { within, methods });
  if (meta.actor) return notFresh(actedFor);
  if (bound && meta.bound?.seen !== true)
    return notFresh("the session is not bound to a browser", { within, methods, bound });
  // A time to come was noted by a clock that is ahead, and proves nothing.
  const isOld = (at: unknown): boolean => typeof at !== "number" || Math.abs(now - at) >= within;
  const missing = methods?.filter((method) => isOld(own(meta.methods ?? {}, method)));
  if (missing ? missing.length === 0 : !isOld(meta.authenticated)) return undefined;
  const what = missing?.join(", ") ?? "any proof";
  return notFresh(`not shown within ${inWords(within)}: ${what}`, { within, methods: missing });
}

/** Why an impersonation is never fresh. */
export const actedFor = "an administrator acts as them in this session";

/** The error where the user has to prove who they are. */
export function notFresh(why: string, needs?: SessionError["needs"]): SessionError {
  const message = `the user has to prove who they are: ${why}. Ask them to, and call session.confirm(), or session.login()`;
  return Object.assign(new SessionError("ERR_SESSION_NOT_FRESH", message), needs && { needs });
}
