/** `rename` for backends that change one record at a time: create the new, then end the old. */

import type { StoreRecord, Version } from "../../core/contracts/store.ts";

/** The steps a store lends to {@link renameByCopy}, each atomic on its own. */
export interface RenameSteps {
  /** The store's `create`: `null` when the key is taken. */
  create(key: string, record: StoreRecord): Promise<Version | null>;
  /** Removes the record, and its index entry, only if it is live and its version is still `version`; says whether it did. */
  deleteIf(key: string, version: Version): Promise<boolean>;
  /** The store's `delete`. */
  delete(key: string, subject?: string): Promise<void>;
}

/**
 * Moves a record in two steps and answers as `Store.rename` does. For a store whose `capabilities.atomicRename` is false.
 *
 * `from` ends only when `to` is there already, so at no moment is the session nowhere; and it ends by
 * comparing versions, so of two that change it at once one wins. Between the steps both are live. Only
 * the caller knows `to` then: no response has told a client.
 *
 * - The process dies, or the connection breaks, between the steps: `from` goes on as it was, and `to` is a copy
 *   that no client has the id of. It ends at its expiry; a listing by subject finds it, so revoking ends it sooner.
 * - It happens while `from` is being ended: the caller gets a rejection, and the session is under both keys
 *   or under `to` only. `to` is not removed then, for it may be all there is.
 * - It happens while a refused copy is removed: the same orphan as in the first case, and the caller sees the rejection.
 */
export async function renameByCopy(
  steps: RenameSteps,
  from: string,
  to: string,
  record: StoreRecord,
  version: Version,
): Promise<Version | null> {
  const renamed = await steps.create(to, record);
  if (renamed === null) return null;
  if (await steps.deleteIf(from, version)) return renamed;
  await steps.delete(to, record.subject);
  return null;
}
