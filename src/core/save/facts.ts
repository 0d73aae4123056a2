/** What is known of a session when it is to be saved, for the plan. */

import { samePayload } from "../bytes/bytes.ts";
import type { Payload } from "../contracts/format.ts";
import { saves } from "../contracts/traces.ts";
import { isRenewalDue, isShortened, isTouchDue } from "../record/expiry.ts";
import type { Plan } from "./plan.ts";
import type { Prepared, RequestRecord } from "./request-record.ts";

/** What to do: what {@link isClean} has just found out, or what is so now. */
export function prepare(work: RequestRecord, onlySeen: boolean): Prepared {
  const { prepared } = work;
  work.prepared = undefined;
  if (prepared) return prepared;
  const payload = payloadIfNeeded(work);
  return { payload, plan: decide(work, payload, onlySeen) };
}

/** The session as it is to be kept, if there is a record to compare it with. */
export function payloadIfNeeded({ state, found }: RequestRecord): Payload | undefined {
  return found && !state.destroyed ? state.encode(found.payload) : undefined;
}

/**
 * Whether a save would do nothing, so that there is nothing to wait for. If not, what was found out is left for the
 * save, which must begin at once.
 */
export function isClean(work: RequestRecord): boolean {
  const { state, found } = work;
  if (work.before || work.saves || saves.hasSubscribers || state.destroyed || !state.marks.isBlank) return false;
  if (work.ended) return work.late === undefined;
  if (!found) return state.meta.subject === undefined && isEmpty(state.data);
  if (found.current && state.meta.unseen) return false;
  work.marks = state.marks;
  try {
    const prepared = prepare(work, false);
    const { step, cookie, impossible } = prepared.plan;
    if (step === "none" && cookie === "keep" && !impossible) return true;
    work.prepared = prepared;
  } catch {
    // The save throws it again.
  }
  return false;
}

/** Whether the application asked for anything, or changed the data. */
export function hasChanges(work: RequestRecord, payload: Payload | undefined): boolean {
  const { found, state, marks } = work;
  return state.destroyed || marks.regenerated || !found || isChanged(work, payload);
}

/** Whether there is anything of the application's to save. */
export function wouldSave(work: RequestRecord): boolean {
  work.marks = work.state.marks;
  return work.found ? hasChanges(work, payloadIfNeeded(work)) : !isEmpty(work.state.data);
}

/** Whether the payload differs from the stored one that the session's data was decoded from. */
export function isChanged({ found, base }: RequestRecord, payload: Payload | undefined): boolean {
  return payload !== undefined && found !== null && !samePayload(payload, base ?? found.payload);
}

/** Tells the plan what is known. */
function decide(work: RequestRecord, payload: Payload | undefined, onlySeen: boolean): Plan {
  const { found, state, incoming } = work;
  const { config, records } = work.core;
  const { timeouts } = config;
  const now = config.now();
  const sign = found !== null && !incoming.noTouch;
  const touchDue = sign && isTouchDue(now, state.meta, found.expiresAt, timeouts);
  const changed = isChanged(work, payload);
  return work.plan({
    exists: found !== null,
    changed,
    emptied: changed && payload !== undefined && state.format.isNothing?.(payload) === true,
    empty: found === null && state.meta.subject === undefined && isEmpty(state.data),
    destroyed: state.destroyed,
    regenerated: work.marks.regenerated,
    renewalDue: sign && records.renews() && (found.lost || (found.current && isRenewalDue(now, state.meta, timeouts))),
    readOnly: incoming.readOnly && !onlySeen,
    shortened: found !== null && isShortened(work.expiresAt(now, state.meta), state.meta, found.expiresAt, timeouts),
    touchDue: touchDue || (records.inCookie && found?.stale === true),
    hadCookie: work.held > 0,
    cookieDue:
      found !== null &&
      found.current &&
      (found.stale || (!config.carrier.explicit && (state.meta.persistent === true || work.marks.persistence))),
    headersSent: work.isMute,
    inCookie: records.inCookie,
  });
}

/** Whether the data has nothing to save. Inherited keys of a changed prototype count as data, so that encoding refuses them. */
export function isEmpty(data: Record<string, unknown>): boolean {
  for (const key in data) {
    if (data[key] !== undefined && (Object.hasOwn(data, key) || !(key in Object.prototype))) return false;
  }
  return true;
}
