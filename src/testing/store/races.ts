/** Calls at the same time. */

import type { StoreCase } from "./trial.ts";

export const raceCases: readonly StoreCase[] = [];
