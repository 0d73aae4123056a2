/** What must hold of a record that has ended. */

import { collect, gone, same } from "./check.ts";
import type { Trial } from "./trial.ts";

/** What a refused write must not have done. */
export async function stillGone(trial: Trial): Promise<void> {
  await gone(trial.store, "k", "the ended record afterwards");
  if (trial.store.listBySubject) same((await collect(trial.store.listBySubject("ada"))).length, 0, "rows of ada");
}
