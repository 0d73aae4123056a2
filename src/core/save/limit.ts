/** Keeps a subject's sessions within `limit` at a login: refuses it, or ends the oldest. Exact where logins meet. */

import { newHandle } from "../client/id.ts";
import { ticks } from "../contracts/clock.ts";
import { SessionError } from "../contracts/errors.ts";
import type { Meta } from "../contracts/format.ts";
import type { SessionLimit } from "../options/limit.ts";
import type { Entry } from "../record/revoke.ts";
import type { SubjectSessions } from "../record/subjects.ts";
import type { RequestRecord, SessionsCore } from "./request-record.ts";

/** How often a login looks for sessions that moved while it ended them. */
const mostPasses = 20;

/**
 * Before a login is written. Notes when the newest of the subject's sessions logged in, so that this one counts as newer
 * wherever it is saved. With `"refuse"` it also takes a seat: a record that no client has an id of, under the handle of
 * the session, so that both count as one. Logins that meet see each other's seats; of those that are too many each gives
 * its seat up and tries again. A login is refused only when it sees as many others before it takes a seat: the last to
 * give one up sees no seats, so no place stays free while a login is refused.
 *
 * @throws SessionError `ERR_SESSION_LIMIT`. The request then goes on without a session.
 */
export async function admit(work: RequestRecord, { perSubject, excess }: Required<SessionLimit>): Promise<void> {
  if (work.admission) return;
  const { core, state } = work;
  const { config } = core;
  const subject = state.meta.subject as string;
  state.meta.handle ??= newHandle();
  const { handle } = state.meta;
  for (const began = ticks(); ; await config.wait(Math.random() * 64)) {
    const { subjects, records } = core.within?.(ticks() + config.storeTimeout) ?? core;
    const others = await loginsOf(subjects, subject);
    const isIn = others.delete(handle);
    const admission = { after: Math.max(0, ...others.values()), subject, seat: undefined };
    if (excess === "end-oldest" || isIn) {
      work.admission = admission;
      return;
    }
    if (others.size >= perSubject) throw refuse(work, perSubject);
    const seat = await records.create(seatOf(work));
    if (!seat) throw conflict();
    const beside = await loginsOf(subjects, subject).catch((error) => giveUp(seat.place, error));
    beside.delete(handle);
    if (beside.size < perSubject) {
      work.admission = { ...admission, seat: seat.place };
      return;
    }
    await records.remove(seat.place, subject);
    if (ticks() - began > config.conflictTimeout) throw conflict();

    async function giveUp(place: object, error: unknown): Promise<never> {
      await records.remove(place, subject).catch(() => {});
      throw error;
    }
  }
}

/** After the save, whatever came of it: the session has its own record now, or none. What stays goes by itself. */
export async function leave(work: RequestRecord): Promise<void> {
  const { admission, core } = work;
  work.admission = undefined;
  if (admission?.seat) await core.records.remove(admission.seat, admission.subject).catch(() => {});
}

/**
 * After a login is written: ends the sessions beyond the limit, those that logged in first, by compare-and-swap, so that
 * a renewal carries none of them away. Logins that meet order all sessions alike, so the last of them leaves the newest.
 *
 * @returns True when the session at hand is one of those beyond the limit; the caller ends it.
 */
export async function endExcess(
  { core, state }: RequestRecord,
  subjects: SubjectSessions,
  { perSubject }: SessionLimit,
): Promise<boolean> {
  const { events } = core.config;
  const { subject = "", handle = "" } = state.meta;
  const ended = new Set<string>();
  const end = async (entry: Entry): Promise<boolean> => {
    if (!(await subjects.end?.(subject, entry))) return false;
    await core.endParts?.(subject, entry.info.handle);
    ended.add(entry.info.handle);
    return true;
  };
  for (let pass = 0; pass < mostPasses; pass++) {
    const entries = (await subjects.entries?.(subject)) ?? [];
    const excess = beyond(entries, perSubject);
    const others = entries.filter(({ info }) => info.handle !== handle && excess.has(info.handle));
    const all = await Promise.all(others.map(end));
    if (!all.every(Boolean)) continue;
    const reason = `the subject may have ${perSubject} sessions`;
    for (const one of ended) events.emit("session_revoked", { handle: one, subject, reason });
    if (excess.size > 0) events.emit("excess_sessions_exceeded", { handle, subject, reason });
    return excess.has(handle);
  }
  throw conflict();
}

/**
 * Whether there is room for a session that another library began. It is no login, so it ends no other session. Two that meet may both
 * find none; their next requests ask again.
 */
export async function hasRoom(
  { limit }: SessionsCore["config"],
  subjects: SubjectSessions,
  subject: string,
  handle: string,
): Promise<boolean> {
  if (!limit) return true;
  const others = await loginsOf(subjects, subject);
  others.delete(handle);
  return others.size < limit.perSubject;
}

/** The handles of the sessions beyond the limit: all but the newest by the time of their login. */
function beyond(entries: readonly Entry[], perSubject: number): Set<string> {
  const logins = [...loginTimes(entries)];
  logins.sort(([a, at], [b, bt]) => bt - at || (a < b ? 1 : -1));
  return new Set(logins.slice(perSubject).map(([handle]) => handle));
}

async function loginsOf(subjects: SubjectSessions, subject: string): Promise<Map<string, number>> {
  return loginTimes((await subjects.entries?.(subject)) ?? []);
}

/**
 * When each session of the subject's own logged in, by handle: while it moves, it has two records. One that cannot be
 * decoded, or was adopted from another library, counts as the oldest.
 */
function loginTimes(entries: readonly Entry[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { info, order } of entries) {
    if (info.actor !== undefined) continue;
    const at = Math.max(order, info.authenticatedAt ?? 0);
    times.set(info.handle, Math.max(at, times.get(info.handle) ?? 0));
  }
  return times;
}

/** A record that counts as the session until that is written. After a crash it goes by itself. */
function seatOf({ core, state, era }: RequestRecord): Parameters<SessionsCore["records"]["create"]>[0] {
  const { now, storeTimeout, conflictTimeout } = core.config;
  const { handle, subject } = state.meta;
  const meta: Meta = { handle: handle as string, subject: subject as string };
  if (typeof era === "number") meta.era = era;
  const content = { data: {}, meta };
  const expiresAt = now() + 2 * storeTimeout + conflictTimeout;
  return { ...content, payload: state.format.encode(content), expiresAt, subject };
}

/** The login is over, and nothing that the request did with it is saved; a logout still ends the session of before. */
function refuse(work: RequestRecord, perSubject: number): SessionError {
  const { state, core, found } = work;
  const { subject, handle } = { ...state.meta, ...work.identity };
  const reason = `the subject has ${perSubject} sessions already`;
  core.config.events.emit("excess_sessions_exceeded", { handle, subject: state.meta.subject ?? subject, reason });
  work.late = { late: found?.place };
  work.found = null;
  work.ended = true;
  work.refused = true;
  state.lose();
  work.marks = state.marks;
  const message =
    `the login was refused: the user has ${perSubject} sessions already, as many as limit.perSubject allows. Nothing ` +
    'was saved. Let the user end another one, or set limit.excess to "end-oldest"';
  return new SessionError("ERR_SESSION_LIMIT", message);
}

function conflict(): SessionError {
  const message = "other logins of the same user met this one too often; it was not saved. Try again";
  return new SessionError("ERR_SESSION_CONFLICT", message);
}
