/** Changes that come when nothing is saved any more: reported, not lost in silence. */

import { isChanged, isEmpty, payloadIfNeeded } from "./facts.ts";
import { refused } from "./refusals.ts";
import type { RequestRecord } from "./request-record.ts";

/** The warning about a session that is first asked for too late. */
export const tooLateForHead: string =
  "a session was first used after the response headers were sent, so the response has no Vary: Cookie and no " +
  "Cache-Control: private, and a shared cache may give it to others. Use the session before the first write.";
const tooLate =
  "a session was changed after its last save: when the response had ended, or in middleware mounted outside the " +
  "sessions. The change was not saved. Make it earlier, or call `await session.save()` after it.";

/** The requests whose late changes are already being watched. */
const watched = new WeakSet<RequestRecord>();

/** Reports, a second after such a late use of a session, a change that was not saved. */
export function watchLate(work: RequestRecord): void {
  if (watched.has(work)) return;
  watched.add(work);
  const { config } = work.core;
  // What was changed before was dropped on purpose, or is saved when the body has ended.
  const before = isUnsaved(work);
  const look = (): void => {
    watched.delete(work);
    if (before || !work.incoming.over || !isUnsaved(work)) return;
    config.warn(tooLate);
    refused(work, "it was changed after its last save");
  };
  config.wait(1000, true).then(look, look);
}

function isUnsaved(work: RequestRecord): boolean {
  const { state, found } = work;
  if (work.ended || work.inFlight > 0 || state.destroyed) return false;
  try {
    return !state.marks.isBlank || (found ? isChanged(work, payloadIfNeeded(work)) : !isEmpty(state.data));
  } catch {
    return true;
  }
}
