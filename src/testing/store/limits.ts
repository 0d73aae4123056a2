/** Claims and limits. */

import type { StoreCase } from "./trial.ts";

export const limitCases: readonly StoreCase[] = [];
