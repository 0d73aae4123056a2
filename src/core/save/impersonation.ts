/** An administrator who acts as a user: what such a session notes, and what it must not do. */

import { SessionError } from "../contracts/errors.ts";
import type { Meta } from "../contracts/format.ts";
import { checkKnown } from "../contracts/known.ts";
import type { ImpersonateOptions } from "../contracts/session-options.ts";
import { durationOption } from "../options/duration.ts";
import { expiryOf } from "../record/expiry.ts";
import { needsRoom } from "./login.ts";
import type { SessionsCore } from "./request-record.ts";

/**
 * The meta of an impersonation, in which the user of `own` acts as `subject`. It ends no later than the administrator's
 * session would, and its cookie ends with the browser. Throws if these sessions do not support impersonation.
 *
 * @param own The meta of the administrator's session.
 */
export function impersonating(core: SessionsCore, own: Meta, subject: string, options: ImpersonateOptions): Meta {
  const { config, records, binder } = core;
  const { now, longest, timeouts, carrier } = config;
  checkKnown("session.impersonate", options, ["absoluteTimeout"]);
  const { absoluteTimeout = "1h" } = options;
  const given = durationOption("the option absoluteTimeout of session.impersonate", absoluteTimeout, 1000, longest);
  needsRoom(config, "session.impersonate()");
  if (!records.under) throw notSupported("sessions in cookies");
  if (carrier.explicit) throw notSupported("transport: bearer()");
  if (binder) throw notSupported("the option deviceBound");
  const left = Math.max(1, expiryOf(now(), own, timeouts) - now());
  return {
    subject,
    actor: { subject: own.subject as string, handle: own.handle as string },
    absolute: Math.min(given, left),
    ...(own.idle !== undefined && { idle: own.idle }),
    persistent: false,
  };
}

/** The error where sessions are kept or carried in a way that has no impersonation. */
export function notSupported(where: string): SessionError {
  const message = `session.impersonate() does not work with ${where}: it takes sessions in one record of a store, held by a cookie`;
  return new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
}

/** The error for what only the user themselves may do. */
export function isActedFor(what: string): SessionError {
  const message = `${what} is not for an administrator who acts as the user. Call session.endImpersonation() first`;
  return new SessionError("ERR_SESSION_IMPERSONATED", message);
}
