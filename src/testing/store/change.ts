/** Read, change, write: what a request does, again until no other was faster. */

import type { Store, StoredRecord, StoreRecord } from "../../core/contracts/store.ts";

/** Updates a record from what it holds now, as often as it takes. False when the record is gone. */
export async function change(store: Store, key: string, next: (found: StoredRecord) => StoreRecord): Promise<boolean> {
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const found = await store.read(key);
    if (found === null) return false;
    if ((await store.update(key, next(found), found.version)) !== null) return true;
  }
  throw new Error("an update was refused 10,000 times in a row");
}
