/** Writes that Firestore refuses when a document has changed in between. */

import type { FirestoreClient, FirestoreCondition, FirestoreSnapshot } from "./client.ts";

/** The precondition that a document has not changed since it was read. */
export function unchangedSince({ updateTime }: { readonly updateTime?: unknown }): FirestoreCondition {
  return { lastUpdateTime: updateTime as never };
}

/** Firestore refuses a write with NOT_FOUND, ALREADY_EXISTS or FAILED_PRECONDITION. Others move a record only so often. */
export function unlessRefused(refusals: number): (error: unknown) => readonly never[] {
  return (error) => {
    if (refusals < 50 && [5, 6, 9].includes((error as { code?: unknown }).code as number)) return [];
    throw error;
  };
}

/** All at once, or one by one when one of them lives again. Answers how many. */
export async function removeUnchanged(own: FirestoreClient, documents: readonly FirestoreSnapshot[]): Promise<number> {
  const batch = own.batch();
  for (const document of documents) batch.delete(document.ref, unchangedSince(document));
  const removed = (await batch.commit().catch(unlessRefused(0))).length;
  if (removed > 0 || documents.length < 2) return removed;
  const counts = await Promise.all(documents.map((one) => removeUnchanged(own, [one])));
  return counts.reduce((sum, count) => sum + count, 0);
}
