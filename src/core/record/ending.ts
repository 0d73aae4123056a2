/** Ends a session that a listing found, unless it has moved: the signpost that leads to it then stays. */

import { samePayload } from "../bytes/bytes.ts";
import type { ListedRecord, StoredRecord, Version } from "../contracts/store.ts";
import type { Signposts } from "./signposts.ts";

/**
 * Ends the session that a listing found under a key, also when a request has saved to it since.
 *
 * @returns False when something else is under the key by now: a signpost, or a session of another subject.
 */
export async function endListed(
  posts: Signposts,
  { key, version }: Pick<ListedRecord, "key" | "version">,
  subject: string,
): Promise<boolean> {
  const { store, format, now } = posts.config;
  const read = (): Promise<StoredRecord | null> => posts.limited(() => store.read(key));
  const remove = (): Promise<void> => posts.limited(() => store.delete(key, subject));
  const isOther = (present: StoredRecord | null): boolean => present !== null && present.subject !== subject;

  if (store.capabilities.compareAndSwap === "none") return remove().then(() => true);
  // Under an id of a foreign format no signpost may stand, so nothing can be claimed.
  if (format.foreign) return isOther(await read()) ? false : remove().then(() => true);
  let listed: Version = version;
  for (let attempt = 0; attempt < 100; attempt++) {
    const mark = await posts.post(key, { to: "", at: now() }, now() + 60_000);
    try {
      if ((await posts.limited(() => store.update(key, mark, listed))) !== null) {
        // What was claimed is dead already, and goes by itself in a minute.
        await remove().catch(() => {});
        return true;
      }
    } catch (error) {
      const present = await read().catch(() => Promise.reject(error));
      // A full store refuses the claim, and deletes all the same.
      if (present?.subject === subject) await remove();
      return !isOther(present) || samePayload(present?.payload ?? "", mark.payload);
    }
    const present = await read();
    if (!present) return true;
    if (isOther(present)) return false;
    listed = present.version;
  }
  return false;
}
