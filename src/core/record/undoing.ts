/** Undoes moves that were answered with a failure: their session goes back under its old id, when the store answers again. */

import { samePayload } from "../bytes/bytes.ts";
import type { Payload } from "../contracts/format.ts";
import type { Verb } from "../contracts/records.ts";
import type { StoreRecord, Version } from "../contracts/store.ts";
import { withProofsOf } from "./meta.ts";
import type { StorePlace } from "./place.ts";
import type { Signposts } from "./signposts.ts";

/** What a move was about to do when it failed. */
export interface Failed {
  readonly from: StorePlace;
  readonly to: string;
  readonly draft: StoreRecord;
  readonly by: Verb["by"] | undefined;
  readonly later: Promise<Version | null>;
}

/** How often to try to undo a failed move. The first wait is a second, and each further one is twice as long. */
const mostTries = 6;

/** Removes a record that no client knows of. */
export async function discard(posts: Signposts, key: string, { subject }: StoreRecord): Promise<void> {
  const { store } = posts.config;
  await posts.limited(() => store.delete(key, subject)).catch(() => {});
}

/**
 * Undoes a move whose request has failed, but which may have taken effect or may still do so: the client has no new id,
 * so the session goes back under the old one as soon as the store answers again.
 */
export async function settle(posts: Signposts, failed: Failed): Promise<void> {
  const { format, wait, storeTimeout } = posts.config;
  const outcome = await Promise.race([failed.later.catch(() => undefined), patience(10 * storeTimeout)]);
  if (outcome === null) return discard(posts, failed.to, failed.draft);
  const tryUndo = format.foreign ? undoForeign(posts, failed) : undo(posts, failed);
  for (let attempt = 0; attempt < mostTries; attempt++) {
    if (attempt > 0) await wait(1000 * 2 ** (attempt - 1));
    if (await tryUndo().catch(() => false)) return;
  }
}

/** Tries once to undo a move; true when there is nothing left to do. */
function undo(posts: Signposts, failed: Failed): () => Promise<boolean> {
  const { from, to, draft, by } = failed;
  const { store, now } = posts.config;
  let saved: StoreRecord | undefined;
  return async () => {
    const standing = await posts.standing(from.key);
    if (standing?.post?.to !== to) {
      await posts.limited(() => store.delete(to, draft.subject));
      // It may come as late as this: then the session is put back.
      saved = from.record;
      return (await posts.standing(from.key))?.post?.to !== to;
    }
    // After a renewal in passing the old id leads to the session.
    if (by === undefined && !saved) return true;
    if (!saved) {
      const moved = await posts.standing(to);
      if (!moved?.content) return true;
      const back = await posts.post(to, { to: from.key, at: now(), by }, now() + 60_000);
      if ((await posts.limited(() => store.update(to, back, moved.place.version))) === null) return false;
      const { format } = posts.config;
      saved = before(failed, moved.payload) ? from.record : withProofsOf(format, from.record, moved.place.record);
    }
    const record = await posts.record(from.key, saved);
    await posts.limited(() => store.update(from.key, record, standing.place.version));
    await posts.limited(() => store.delete(to, draft.subject));
    return true;
  };
}

function undoForeign(posts: Signposts, failed: Failed): () => Promise<boolean> {
  const { from, to, draft } = failed;
  const { store } = posts.config;
  return async () => {
    if (await posts.limited(() => store.read(from.key))) {
      await posts.limited(() => store.delete(to, draft.subject));
      return true;
    }
    const moved = await posts.standing(to);
    if (!moved) return true;
    const saved = before(failed, moved.payload) ? from.record : moved.place.record;
    const record = await posts.record(from.key, saved);
    return (await posts.limited(() => store.rename(to, from.key, record, moved.place.version))) !== null;
  };
}

/** Whether the state of before goes back. After a regenerate, requests under way may have saved to the session; after a login they were refused. */
function before({ by, draft }: Failed, payload: Payload): boolean {
  return by === "login" || samePayload(payload, draft.payload);
}

/** Waits for a late answer no longer than this; a process that has nothing else to do may end. */
function patience(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, ms, undefined);
    (timer as { unref?(): void }).unref?.();
  });
}
