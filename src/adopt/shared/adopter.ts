/** Hands one old session over: once, to one new session, and not again after its end. */

import { sha256 } from "#crypto";
import type { MaybePromise } from "../../core/bytes/bytes.ts";
import { handleOf } from "../../core/client/id.ts";
import type { Adopter, AdoptionDesk } from "../../core/contracts/adopter.ts";
import { wrongArgument } from "../../core/contracts/errors.ts";
import type { Meta } from "../../core/contracts/format.ts";
import type { Found, Late } from "../../core/contracts/records.ts";
import { absent, type Handover, type StorePlace } from "../../core/record/place.ts";
import {
  type AdoptOptions,
  type CookieReader,
  checkAdopter,
  cookieReader,
  type OldCookieOptions,
  type OldSession,
  oldCookie,
  removalOf,
} from "./options.ts";

/** The cookie of another library: its name and how it was set. */
export type OldCookie = OldCookieOptions & { readonly name: string };

/** An old cookie that is genuine. */
export interface OldCredential {
  /**
   * What makes it this one: what its signature covers, or the id of its record. Two cookies that open the same session
   * must have the same. A digest of it is kept, and it appears nowhere.
   */
  readonly credential: string;
  /** The cookies that held it, to be removed. Default: the one with the name given. */
  readonly names?: readonly string[];
  /** The session; `null` when there is none any more. */
  open(): MaybePromise<OldSession | null>;
  /** Ends the old record, where the old library keeps one. */
  end?(): Promise<unknown>;
}

/** The options of {@link adopter}. */
export interface AdopterOptions extends AdoptOptions {
  /** What it comes from: a word for events, and a part of what marks are made of. Do not change it. */
  readonly name: string;
  /** The old cookie. */
  readonly cookie: OldCookie;
  /**
   * Reads old cookies and checks that they are genuine, without asking a store: `null` when they are not. What it throws
   * counts as `null`. `now` is in epoch milliseconds.
   */
  read(cookies: CookieReader, now: number): MaybePromise<OldCredential | null>;
}

const longest = 400 * 86_400_000;

/**
 * Creates an adopter for a cookie of your own, for the option `adopt` of `createSessions`.
 *
 * A request with the old cookie and without a new one gets a new session, with the data and the subject of the old one.
 * The response sets the new cookie and removes the old one, and the old record is removed. A digest of the old
 * credential stays in the store until the old session would have expired. Through it, parallel requests with the old
 * cookie find the new session, and after a logout the old cookie opens nothing.
 *
 * @throws TypeError when an option is wrong.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { adopter } from "sojourn/adopt";
 * import { memoryStore } from "sojourn/stores/memory";
 *
 * const old = new Map([["an-old-unguessable-id", { userId: "ada", cart: ["pen"] }]]);
 *
 * export const sessions = createSessions({
 *   store: memoryStore(),
 *   adopt: [
 *     adopter({
 *       name: "our own",
 *       cookie: { name: "sid" },
 *       subject: (data) => data.userId as string,
 *       read(cookies) {
 *         const id = cookies("sid");
 *         if (id === undefined) return null;
 *         const open = () => {
 *           const data = old.get(id);
 *           return data ? { data } : null;
 *         };
 *         return { credential: id, open, end: async () => old.delete(id) };
 *       },
 *     }),
 *   ],
 * });
 * ```
 */
export function adopter(options: AdopterOptions): Adopter {
  checkAdopter("adopter", options, ["name", "cookie", "read"]);
  const { name, read } = options;
  if (typeof name !== "string" || name === "") throw wrongArgument("adopter: name", "a text", name);
  if (typeof read !== "function") throw wrongArgument("adopter: read", "a function of cookies", read);
  if (typeof options.cookie?.name !== "string") throw wrongArgument("adopter: cookie.name", "a cookie name", undefined);
  const cookie = oldCookie("adopter: cookie", options.cookie, options.cookie.name);
  return {
    name,
    async find(header, desk) {
      if (options.until && desk.now() >= +options.until) return null;
      const old = await genuine(() => read(cookieReader(header), desk.now()));
      if (!old) return null;
      const leaves = (old.names ?? [cookie.name]).map((one) => removalOf(cookie, one));
      const key = `adopted:${await sha256(`${desk.prefix} ${name} ${old.credential}`)}`;
      const found = await take(desk, options, old, key);
      return found && !("late" in found) ? { ...found, leaves } : found;
    },
  };
}

/** A cookie made for us to fail on is none. */
async function genuine(read: () => MaybePromise<OldCredential | null>): Promise<OldCredential | null> {
  try {
    return await read();
  } catch {
    return null;
  }
}

async function take(
  desk: AdoptionDesk,
  options: AdopterOptions,
  old: OldCredential,
  key: string,
): Promise<Found | Late | null> {
  const { name } = options;
  const marked = await desk.marked(key);
  if (marked !== undefined) return marked && atMark(marked, key);
  const session = await desk.limited(name, async () => old.open());
  // A parallel request may have taken it just now.
  if (!session) return (await desk.marked(key)) ?? null;
  const content = contentOf(desk, options, session, await handleOf(key));
  if (!content) return null;
  const { subject, handle } = content.meta;
  const stands = async (): Promise<boolean> => {
    if (subject === undefined) return true;
    if (await desk.isRevoked(subject)) {
      desk.events.emit("session_use_after_expire", { subject, reason: "sessions of the subject were revoked" });
      return false;
    }
    if (await desk.hasRoom(subject, handle as string)) return true;
    const reason = `the subject has as many sessions as allowed: that of ${name} is not adopted`;
    desk.events.emit("excess_sessions_exceeded", { subject, reason });
    return false;
  };
  if (!(await stands())) return null;
  const now = desk.now();
  const done = async (): Promise<void> => {
    desk.events.emit("session_created", { handle, subject, reason: `adopted from ${name}` });
    // What is left of it ends by itself: the mark leads elsewhere.
    if (old.end) await desk.limited(name, () => old.end!()).catch(() => {});
  };
  const until = Math.min(session.expiresAt ?? now + longest, now + longest);
  const payload = desk.format.encode(content);
  const expiresAt = desk.expiresAt();
  const record = { payload, expiresAt, subject };
  const handover: Handover = { until: Math.max(until, now + 60_000), stands, done };
  const place: StorePlace = { key, version: absent, id: undefined, entry: undefined, record, handover };
  return { place, payload, content, expiresAt, stale: false, lost: true, current: true };
}

/** If a failed login was undone, the session itself is where the mark was: the client then gets an id in this response. */
function atMark(found: Found | Late, key: string): Found | Late {
  if ("late" in found || (found.place as StorePlace).key !== key) return found;
  const until = found.expiresAt + longest;
  const handover: Handover = { until, stands: async () => true, done: async () => {} };
  return { ...found, place: { ...(found.place as StorePlace), handover }, lost: true };
}

/** The new session; `undefined`, and an event, when the application's functions cannot make one. */
function contentOf(
  { now, persistent, events, format }: AdoptionDesk,
  options: AdopterOptions,
  { data: old, subject: known }: OldSession,
  handle: string,
): { data: Record<string, unknown>; meta: Meta } | undefined {
  try {
    const subject = options.subject ? options.subject(old) : known;
    const meta: Meta = { handle, created: now(), ...(persistent && { persistent }) };
    if (subject !== undefined) meta.subject = checkedSubject(subject);
    const content = { data: { ...(options.data ? options.data(old) : old) }, meta };
    format.encode(content);
    return content;
  } catch (error) {
    events.emit("record_refused", { reason: `the session of ${options.name} could not be adopted`, error });
    return undefined;
  }
}

function checkedSubject(subject: unknown): string {
  const text = typeof subject === "number" ? String(subject) : subject;
  if (typeof text === "string" && text.length >= 1 && text.length <= 200) return text;
  throw wrongArgument("subject", "a text of 1 to 200 characters, a number or undefined", subject);
}
