/** What binding needs of the sessions it is for. */

import type { Records } from "../core/contracts/records.ts";
import type { Config } from "../core/options/options.ts";

/** What binding needs of the sessions it is for. */
export interface BinderCore {
  readonly config: Config;
  readonly records: Records;
}
