/** Payloads come back as they went in. */

import type { StoreCase } from "./trial.ts";

export const payloadCases: readonly StoreCase[] = [];
