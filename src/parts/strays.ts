/** Parts of a session that a parallel request may be making while it ends: how they are ended as well. */

import type { Work } from "../core/save/commit.ts";
import type { SessionsCore } from "../core/save/request-record.ts";
import type { HeldPart, LoadedPart } from "./held.ts";

/**
 * What ends the parts that a parallel request may be making just now, of which this one has no cookie: at a logout,
 * and when another user takes over.
 */
export function strays(first: HeldPart, loaded: readonly LoadedPart[]): (() => Promise<unknown>)[] {
  const home = first.work && endingOf(first.work);
  if (!home?.found || !(home.state.destroyed || home.state.marks.loggedIn)) return [];
  const { subject, handle } = home.identity;
  const isTakenOver = subject !== home.state.meta.subject;
  if (subject === undefined || handle === undefined || !(home.state.destroyed || isTakenOver)) return [];
  return loaded
    .map(({ part, work }) => ({ part, work: endingOf(work) }))
    .filter(({ part, work }) => !part.plain && work.found === null && (isTakenOver || work.state.destroyed))
    .filter(({ work }) => work.core.config.store.capabilities.bySubject)
    .map(
      ({ work }) =>
        () =>
          within(work).subjects.revoke(subject, { handle }),
    );
}

/** What a logout ends, where the request goes on with another. */
function endingOf(work: Work): Work {
  return work.before ? endingOf(work.before) : work;
}

/** What a part is kept in, for the rest of the time that the save at hand has. */
export function within({ core, until }: Work): Pick<SessionsCore, "records" | "subjects"> {
  return (until !== undefined && core.within?.(until)) || core;
}
