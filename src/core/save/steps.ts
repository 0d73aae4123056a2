/** The steps of a plan, carried out: what is written, what is noted about the session, and the cookie that goes with it. */

import { samePayload } from "../bytes/bytes.ts";
import { newHandle } from "../client/id.ts";
import type { Meta, Payload } from "../contracts/format.ts";
import type { Draft, Found, Written } from "../contracts/records.ts";
import { renewals } from "../contracts/traces.ts";
import { maxAgeOf } from "../record/expiry.ts";
import { mergeMeta } from "../record/meta.ts";
import type { SubjectSessions } from "../record/subjects.ts";
import { Marks } from "./changes.ts";
import { NotedDraft } from "./draft.ts";
import { endExcess } from "./limit.ts";
import { isLoggedOut } from "./link.ts";
import { beside } from "./newest.ts";
import type { Plan, Step } from "./plan.ts";
import { identityOf, type RequestRecord } from "./request-record.ts";
import { tracedRenewal } from "./save-trace.ts";
import type { Newest } from "./turns.ts";

/** Does the step. False when the record is gone or was changed since. */
export function carryOut(work: RequestRecord, plan: Plan, payload: Payload | undefined): Promise<boolean> {
  return plan.step === "delete" ? end(work, payload) : keep(work, plan, payload);
}

async function end(work: RequestRecord, payload: Payload | undefined): Promise<boolean> {
  const { state, found } = work;
  const { config } = work.core;
  const { records, subjects } = work.limited ?? work.core;
  const { subject, handle } = work.identity;
  const emptied = !state.destroyed && payload !== undefined;
  // Ended by compare-and-swap first: what another request added in between is not deleted with it.
  const expiresAt = config.now() + 1;
  const last = { payload: payload as Payload, expiresAt, subject, meta: state.meta, data: state.data };
  if (emptied && !records.inCookie && !(await records.update((found as Found).place, last))) return false;
  const {
    own,
    state: {
      meta: { actor },
    },
  } = work;
  // A logout of an administrator who acts as the user logs the administrator out; without that session, this one is over.
  if (own) await records.remove(own.place, actor?.subject);
  await records.remove((found as Found).place, subject);
  // What a crash has left of it, and what could not be noted when the store is full, is found by its handle.
  if (subject !== undefined && handle !== undefined && config.store.capabilities.bySubject) {
    await subjects.revoke(subject, { handle }).catch(() => 0);
  }
  if (actor) config.events.emit("impersonation_ended", { handle, subject, actor: actor.subject });
  else config.events.emit("session_logout", { handle, subject });
  work.found = null;
  work.setCookie = config.carrier.remove();
  work.rebound = { bound: undefined };
  work.ended = !emptied;
  // What is noted from here on begins another session.
  if (emptied) {
    state.expiresAt = undefined;
    state.meta = { persistent: state.meta.persistent === true };
    work.marks = new Marks();
  }
  return true;
}

async function keep(work: RequestRecord, { step, cookie }: Plan, payload: Payload | undefined): Promise<boolean> {
  const { state, found, identity, marks } = work;
  const { draft, before } = draftOf(work, step, payload);
  const written = await write(work, step, draft);
  if (!written) return false;
  const { payload: contents, expiresAt, meta } = draft;
  const { place } = written;
  const current = written.token !== undefined || (found?.current ?? false);
  const baseline = step === "touch" ? (found as Found).payload : contents;
  work.found = { place, payload: baseline, expiresAt, stale: false, lost: false, current };
  if (cookie === "set") await sendToken(work, written, draft);
  // What the application noted while the write was in flight is for the next save.
  if (meta !== before) state.meta = mergeMeta(before, state.meta, meta);
  if (written.handle !== undefined) state.meta.handle = written.handle;
  state.expiresAt = expiresAt;
  work.identity = identityOf(state.meta);
  work.marks = new Marks();
  if (marks.loggedIn && !(await stands(work, draft, { found, identity, marks }))) return false;
  if (step === "create") work.report("session_created");
  if (step === "rename" || step === "renew") work.report("session_renewed");
  if (marks.takenOver)
    work.core.config.events.emit("session_logout", { ...identity, reason: "another user logged in" });
  if (marks.loggedIn) {
    work.rebound = { bound: meta.bound };
    work.report(meta.actor ? "impersonation_begun" : "session_login");
    checkSubject(work, contents);
  }
  return true;
}

/** Whether a login that was saved goes on. If that cannot be known, it is as if it had not been. */
async function stands(
  work: RequestRecord,
  draft: Draft,
  before: Pick<RequestRecord, "found" | "identity" | "marks">,
): Promise<boolean> {
  const { records, subjects } = work.limited ?? work.core;
  const { place } = work.found as Found;
  const { subject } = draft.meta;
  try {
    if (!(await leavesAtOnce(work, subjects, subject as string))) return true;
  } catch (error) {
    // The store fails just here, and the login may have been revoked. Only this process knows the new id yet.
    const { found, identity, marks } = before;
    if (found) {
      records.undo?.(found.place, place, draft);
      Object.assign(work, { found, identity, setCookie: undefined });
      work.state.expiresAt = found.expiresAt;
    } else {
      // The response does not wait for the removal: the store has just failed.
      void takeBack(work);
    }
    work.marks = marks;
    throw error;
  }
  await records.remove(place, subject);
  work.report("session_revoked");
  work.ended = true;
  work.setCookie = undefined;
  return false;
}

/** Whether a login that was just written is over: it was revoked since it began, or is beyond the limit together with others. */
async function leavesAtOnce(work: RequestRecord, subjects: SubjectSessions, subject: string): Promise<boolean> {
  const { limit } = work.core.config;
  if ((await subjects.moved(subject, work.epoch)) || (await isLoggedOut(work))) return true;
  if (work.state.meta.actor) return false;
  return limit?.excess === "end-oldest" && endExcess(work, subjects, limit);
}

async function sendToken(work: RequestRecord, { place, token }: Written, { meta, expiresAt }: Draft): Promise<void> {
  const { config, records } = work.core;
  if (token !== undefined) work.gaveId = true;
  const value = token ?? (await records.token(place));
  const maxAge = meta.persistent ? maxAgeOf(config.now(), expiresAt) : undefined;
  if (value !== undefined) work.setCookie = config.carrier.set(value, maxAge, work.held);
}

/** Updates the request's state after a write that merged its changes with those of other requests. */
export async function saved(work: RequestRecord, draft: Draft, cookie: Plan["cookie"], written: Newest): Promise<void> {
  const { state } = work;
  const { payload, expiresAt } = written;
  const place = beside(work, written.place);
  work.base = samePayload(draft.payload, payload) ? undefined : draft.payload;
  work.found = { place, payload, expiresAt, stale: false, lost: false, current: work.found?.current ?? false };
  state.expiresAt = expiresAt;
  work.identity = identityOf(state.meta);
  work.marks = new Marks();
  if (cookie === "set") await sendToken(work, { place }, { ...draft, expiresAt });
}

/** Warns when the next request cannot know by this record who logged in. */
function checkSubject({ state: { format, meta }, core }: RequestRecord, contents: Payload): void {
  if (!format.foreign || format.decode(contents).meta.subject === meta.subject) return;
  core.config.warn(
    `session.login() gave a new id, but the record does not say who logged in: format ${format.name} has no place for ` +
      "it but under a key of the other program. Give the format that key, as subjectKey.",
  );
}

/** Takes back a record that this request has made. What cannot be removed ends by itself: the client never gets to know its id. */
export async function takeBack(work: RequestRecord): Promise<void> {
  const { found, core, state } = work;
  work.found = null;
  work.setCookie = undefined;
  state.expiresAt = undefined;
  if (found) await core.records.remove(found.place, state.meta.subject).catch(() => {});
}

/**
 * Goes on without the session, whose data are damaged: nothing is written over it, its client keeps the cookie, and
 * only a login begins another session in this request, as where the id was ended a moment ago.
 */
export function lose(work: RequestRecord, error: unknown): void {
  const { core, state, found, identity } = work;
  core.config.events.emit("record_refused", {
    ...identity,
    reason: `not a record of format ${state.format.name}`,
    error,
  });
  if (found) core.records.damaged?.(found.place);
  work.found = null;
  work.late = { late: undefined };
  work.ended = true;
  state.lose();
  work.marks = state.marks;
  work.identity = { handle: undefined, subject: undefined };
}

/** What a step is to keep, and what was noted about the session before it. */
export function draftOf(work: RequestRecord, step: Step, payload: Payload | undefined): { draft: Draft; before: Meta } {
  const { state, found, core } = work;
  const now = core.config.now();
  const meta = metaFor(step, work, now);
  const before = meta === state.meta ? meta : { ...state.meta };
  const contents =
    meta === state.meta && payload !== undefined
      ? payload
      : state.encode(work.marks.takenOver ? undefined : found?.payload, meta);
  const expiresAt = endOf(work, now, meta);
  const moves = step === "create" || step === "rename";
  const id = moves ? work.newId() : undefined;
  const draft = new NotedDraft(state, meta, contents, expiresAt, id);
  return { draft, before };
}

/**
 * When the session ends if it is saved now. A request with the access "no-touch" does not extend it. But if this
 * process's clock is ahead, so that a session the store still has would be over, the save must not end it.
 */
function endOf(work: RequestRecord, now: number, meta: Meta): number {
  const used = work.expiresAt(now, meta);
  const kept = work.incoming.noTouch && work.found ? work.found.expiresAt : used;
  return kept > now ? Math.min(kept, used) : used;
}

function write(work: RequestRecord, step: Step, draft: Draft): Promise<Written | null> {
  const { core, found, state, marks } = work;
  const { records } = work.limited ?? core;
  if (step === "create") return records.create(draft);
  const { place } = found as Found;
  if (step === "touch") return records.touch(place, draft);
  if (step === "update") return records.update(place, draft);
  const by = marks.loggedIn ? "login" : "regenerate";
  const move = (): Promise<Written | null> =>
    step === "rename"
      ? records.rename(place, draft, { by, leads: leadsOn(work) })
      : records.renew(place, draft, state.meta.seen);
  return renewals.hasSubscribers ? tracedRenewal(work, step === "rename" ? by : "passing", move) : move();
}

/** Whether the id that a parallel request has just given the client goes on leading to the session: for the same user only. */
function leadsOn({ moved, found, identity, state }: RequestRecord): boolean {
  return (moved || found?.current === false) && identity.subject === state.meta.subject;
}

/** What the library notes about the session with this step; the same object when nothing changes. */
function metaFor(step: Step, work: RequestRecord, now: number): Meta {
  const { state, core, marks, epochMark } = work;
  if (step === "touch" || (step === "update" && !marks.takenOver)) return state.meta;
  if (step === "create" || marks.takenOver) state.meta.handle ??= newHandle();
  const { seen: _, unseen: __, ...meta } = state.meta;
  if (step === "create" || marks.takenOver) {
    meta.created = now;
    if (core.config.persistent) meta.persistent ??= true;
  }
  if (step !== "create" && step !== "update") meta.renewed = now;
  if (marks.loggedIn) {
    meta.created = now;
    // In an impersonation the user has proved nothing.
    if (!meta.actor) meta.authenticated = now;
    // The time itself stays true: `requireFresh` counts from it.
    const { after = 0 } = work.admission ?? {};
    if (after >= now) meta.order = after + 1;
  }
  if (typeof work.era === "number" && (step === "create" || marks.loggedIn)) meta.era = work.era;
  core.records.stamp?.(meta, marks.loggedIn ? { epoch: epochMark } : undefined);
  return step === "renew" || (step === "rename" && leadsOn(work)) ? { ...meta, unseen: true } : meta;
}
