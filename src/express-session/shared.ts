/** What all requests of one middleware have in common. */

import type { SessionsCore } from "../core/save/request-record.ts";
import type { Resolved } from "./options.ts";
import type { ExpressStore } from "./session.ts";

/** What all requests of one middleware have in common. */
export interface Shared {
  readonly core: SessionsCore;
  readonly options: Resolved;
  /** What handlers get as `req.sessionStore`. */
  readonly store: ExpressStore;
  /** The store is one of sojourn: it compares and swaps, and the options that write what did not change have no effect. */
  readonly ours: boolean;
}
