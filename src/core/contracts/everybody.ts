/** The contract of revoking everybody: what the core asks of the option `everybody`. Types only. */

import type { MaybePromise } from "../bytes/bytes.ts";

/** The value of the option `everybody`: see `sojourn/everybody`. */
export interface EverybodyOption {
  /** @internal Called once, with the configuration of the sessions. */
  use(config: never): Everybody;
}

/** Knows which sessions are over because everybody was revoked: those that carry an earlier mark. Marks only grow. */
export interface Everybody {
  /** The mark as this process knows it: read no longer ago than the bound. A promise when it must be read now. */
  recent(): MaybePromise<number>;
  /** The mark, read now: for a login. */
  fresh(): Promise<number>;
  /** Raises the mark in one write. Sessions of before are over, in this process at once. */
  raise(): Promise<void>;
  /** Resolves when every process has seen a mark that was raised before. */
  seen(): Promise<void>;
}
