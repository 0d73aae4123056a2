/** What binding needs of the sessions it is for. */

import type { Everybody } from "../core/contracts/everybody.ts";
import type { Records } from "../core/contracts/records.ts";
import type { Config } from "../core/options/options.ts";

/** What binding needs of the sessions it is for. */
export interface BinderCore {
  readonly config: Config;
  readonly records: Records;
  /** Which sessions are over because everybody was revoked, with the option `everybody`. */
  readonly everybody?: Everybody | undefined;
}
