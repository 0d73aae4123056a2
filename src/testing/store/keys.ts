/** Keys are compared exactly. */

import type { StoreCase } from "./trial.ts";

export const keyCases: readonly StoreCase[] = [];
