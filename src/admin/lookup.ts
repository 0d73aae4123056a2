/** What the page asks of the sessions, and what to do where their store cannot answer. */

import { isSessionError } from "../core/contracts/errors.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { type ManagedSession, pageSessions, type SessionPage } from "../manage.ts";

/** Sessions on a page. */
const perPage = 50;
/** A search by handle looks at so many records before it asks whether to go on. */
const perSearch = 5000;
/** How long such a search takes at most, in milliseconds. */
const searchTime = 1500;
/** So many sessions of one subject are shown. */
export const perSubject = 200;

/** What a search by handle has found. */
export interface Search {
  readonly session?: ManagedSession | undefined;
  /** Where to search on. */
  readonly next?: string | undefined;
}

/** What a call answers; `undefined` where the store cannot. */
export async function ifSupported<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isSessionError(error) && error.code === "ERR_SESSION_NOT_SUPPORTED") return undefined;
    throw error;
  }
}

/** A page of all sessions. Throws a `TypeError` for a cursor that is none. */
export function pageOfAll(sessions: Sessions<object>, cursor: string | undefined): Promise<SessionPage | undefined> {
  return ifSupported(() => pageSessions(sessions, { limit: perPage, cursor }));
}

/** The sessions of a subject, as many as are shown; also over stores without pages. */
export async function ofSubject(
  sessions: Sessions<object>,
  subject: string,
  data = false,
): Promise<readonly ManagedSession[] | undefined> {
  const page = await ifSupported(() => pageSessions(sessions, { subject, limit: perSubject, data }));
  if (page) return page.sessions;
  const all = await ifSupported(() => sessions.list(subject));
  return all
    ?.slice(0, perSubject)
    .map((one) => ({ ...one, device: one.device as ManagedSession["device"], readable: true }));
}

/** A session by its handle: among those of its subject, or else in all, a part of them at a time. */
export async function find(
  sessions: Sessions<object>,
  handle: string,
  subject: string,
  from: string | undefined,
): Promise<Search> {
  const isIt = (one: ManagedSession): boolean => one.handle === handle;
  const own = subject === "" ? undefined : await ofSubject(sessions, subject, true);
  if (own && own.length < perSubject) return { session: own.find(isIt) };
  const until = performance.now() + searchTime;
  let [cursor, seen] = [from, 0];
  do {
    const page = await ifSupported(() => pageSessions(sessions, { limit: 500, cursor, data: true }));
    const session = page?.sessions.find(isIt);
    if (session || !page) return { session };
    cursor = page.cursor;
    seen += page.sessions.length;
  } while (cursor !== undefined && seen < perSearch && performance.now() < until);
  return { next: cursor };
}
