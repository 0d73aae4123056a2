/** Saves that are refused: what cannot be done, comes too late, or was changed in a session that has ended. */

import { SessionError } from "../contracts/errors.ts";
import type { Plan } from "./plan.ts";
import { readOnly } from "./record-session.ts";
import type { RequestRecord } from "./request-record.ts";

/** Throws where the step cannot be done: the headers are gone, or the route must not change anything. */
export function refuseImpossible({ core }: RequestRecord, { impossible }: Plan): void {
  if (!impossible) return;
  if (impossible === "read-only") throw readOnly();
  if (core.config.carrier.explicit) throw notHandedOut();
  core.config.warn(
    "a session was begun or changed after the response headers were sent, when no cookie can be set any more; " +
      "it was not saved. Use and change the session before the first write to the response.",
  );
  throw headersSent("the change");
}

/** Says, once, that changes were not saved because the session had ended. */
export function refused(work: RequestRecord, reason: string = "the session ended during the request"): void {
  const { core, state } = work;
  if (work.refused) return;
  work.refused = true;
  const { handle, subject } = state.meta;
  core.config.events.emit("save_refused", { handle, subject, reason });
}

/** The error for a new token that nothing was to give to the client. */
function notHandedOut(): SessionError {
  const message =
    "the change gives the client a new token, and nothing handed it out; nothing was saved. " +
    "Call `await handOut(session)` of sojourn/bearer before you answer, and put the token into the answer";
  return new SessionError("ERR_SESSION_NOT_HANDED_OUT", message);
}

/** The error for a change that comes too late. */
export function headersSent(what: string): SessionError {
  const message = `${what} needs a cookie, and the response headers have been sent; do it before the first write to the response`;
  return new SessionError("ERR_SESSION_HEADERS_SENT", message);
}
