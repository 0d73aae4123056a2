/** Ends sessions from outside their own requests: all others of a user, those that an identity provider names, everybody's. */

import { SessionError } from "../contracts/errors.ts";
import type { Session } from "../contracts/session.ts";
import { checkExternal, type ExternalRevocation } from "../record/external.ts";
import type { Keeping } from "./kept.ts";

/** Gives the session a new id, and ends all others of its user. */
export async function endOthers<Data extends object>(
  { config, subjects }: Keeping<Data>,
  session: Session<Data>,
): Promise<number> {
  const { subject, handle } = session;
  if (subject === undefined)
    throw new TypeError("sessions.credentialsChanged() takes the session of a user; no user is logged in");
  session.regenerate();
  // Where the token leaves by `handOut` alone, that saves it.
  if (!config.carrier.explicit) await session.save();
  return subjects.revoke(subject, { except: handle });
}

/** Ends what an identity provider calls so. */
export async function endExternal<Data extends object>(
  { external, subjects }: Keeping<Data>,
  login: ExternalRevocation,
): Promise<number> {
  checkExternal("sessions.revokeExternal", login);
  if (login.sid === undefined && login.subject === undefined)
    throw new TypeError("sessions.revokeExternal needs sid or subject; received neither");
  if (!external) throw new SessionError("ERR_SESSION_NOT_SUPPORTED", "the drop-in for express-session has no links");
  external.checkSupported("sessions.revokeExternal");
  return external.revoke(login, (subject, handle) => subjects.revoke(subject, handle === null ? {} : { handle }));
}

/** Ends all there are, in one write to each kind of record. */
export async function endEverybody<Data extends object>({ everybody = [] }: Keeping<Data>): Promise<void> {
  if (everybody.length === 0) {
    const message =
      'sessions.revokeEverybody() needs the option everybody: createSessions({ everybody: everybody() }), from "sojourn/everybody"';
    throw new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
  }
  for (const one of everybody) await one.raise();
  await everybody[0]?.seen();
}
