/** Removal of expired records. */

import type { StoreCase } from "./trial.ts";

export const pruneCases: readonly StoreCase[] = [];
