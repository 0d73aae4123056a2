/** Listing, whole and by subject. */

import type { StoreCase } from "./trial.ts";

export const listingCases: readonly StoreCase[] = [];
