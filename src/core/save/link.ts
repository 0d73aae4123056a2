/** Links a login to what its identity provider calls it, so that a logout there ends the session here. */

import { newHandle } from "../client/id.ts";
import type { ExternalLogin } from "../contracts/session-options.ts";
import { endOf } from "../record/expiry.ts";
import type { RequestRecord } from "./request-record.ts";

/** For sessions that have no absolute end. */
const longest = 400 * 86_400_000;

/** Before the login is written: a link to a session that never comes to be does no harm. */
export async function link({ core, state }: RequestRecord, login: ExternalLogin): Promise<void> {
  const { now, timeouts } = core.config;
  state.meta.handle ??= newHandle();
  const { handle, subject = "" } = state.meta;
  const until = Math.min(endOf(now(), { ...state.meta, created: now() }, timeouts), now() + longest);
  await core.external.link(login, subject, handle, until);
}

/** After it is written: whether the provider has logged it out since it began. */
export async function isLoggedOut({ core, external, state }: RequestRecord): Promise<boolean> {
  if (!external) return false;
  const before = await external.mark;
  const after = await core.external.mark(external.login, state.meta.subject ?? "");
  return after === null || after !== before;
}
