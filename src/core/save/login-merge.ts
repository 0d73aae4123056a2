/** What a guest brings to the user at login: values of the user's other session, taken over by key. */

import { SessionError } from "../contracts/errors.ts";
import { own } from "../record/own-keys.ts";
import type { RequestRecord } from "./request-record.ts";
import { applyUpdate } from "./updates.ts";

/**
 * Takes over, key by key, what the user's other session holds. As an update, so that a parallel request of the guest's
 * own session loses nothing: the functions are applied again to its newest values.
 */
export async function mergeUsers({ state, marks, core, limited }: RequestRecord): Promise<void> {
  const { merge = {} } = marks;
  const { subject = "", handle } = state.meta;
  const users = await (limited ?? core).subjects.latest?.(subject, handle);
  marks.merge = undefined;
  for (const [key, decide] of Object.entries(merge)) {
    const theirs = users && own(users, key);
    if (theirs === undefined) continue;
    const change = (guest: unknown): unknown => (guest === undefined ? theirs : decide(guest, theirs));
    applyUpdate(state, marks, key, change, `the function merge.${key} of session.login`);
  }
}

/** The error for a store that cannot list a user's sessions. */
export function cannotMerge(store: string): SessionError {
  const message = `the ${store} store cannot find the user's other session, which the option merge of session.login needs`;
  return new SessionError("ERR_SESSION_NOT_SUPPORTED", message);
}
