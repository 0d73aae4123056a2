/** When a record ends. */

import type { StoreCase } from "./trial.ts";

export const expiryCases: readonly StoreCase[] = [];
