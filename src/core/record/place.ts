/** Where records lie in a store, how it is asked for them, and what is left where one has been. */

import type { MaybePromise } from "../bytes/bytes.ts";
import type { IdScheme } from "../client/id.ts";
import type { TokenFormat } from "../client/token.ts";
import type { Events } from "../contracts/events.ts";
import type { Format } from "../contracts/format.ts";
import type { Verb } from "../contracts/records.ts";
import type { Store, StoreRecord, Version } from "../contracts/store.ts";
import type { TimeLimits } from "./time-limit.ts";

/** What records over a store need of a configuration. */
export interface RecordsConfig extends TimeLimits {
  readonly store: Store;
  readonly format: Format;
  readonly ids: IdScheme;
  readonly token: TokenFormat;
  readonly cookieName: string;
  /** Milliseconds. */
  readonly renewGrace: number;
  /** A session whose old id is used again ends. */
  readonly endReused: boolean;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly events: Events;
}

/** Calls of a store. */
export interface StoreCalls {
  readonly config: RecordsConfig;
  /** One call, in bounded time. */
  limited<T>(call: () => Promise<T>): Promise<T>;
  /** A record as it is stored under a key. */
  record(key: string, record: StoreRecord): MaybePromise<StoreRecord>;
}

/** Where a record is in a store, and its version there. */
export interface StorePlace {
  readonly key: string;
  readonly version: Version;
  /** The id the client came with or was given; absent when it came with an older one. */
  readonly id: string | undefined;
  /** The signpost under the client's old id, when it came with one, to lead it to the newest place. */
  readonly entry:
    | { readonly key: string; readonly version: Version; readonly expiresAt: number; readonly post: Signpost }
    | undefined;
  /** The record as it stands, to put it back. */
  readonly record: StoreRecord;
  /** The key is the mark of another library's session. */
  readonly handover?: Handover | undefined;
}

/** The version of a {@link StorePlace} that holds nothing yet: the session is still the other library's. */
export const absent: Version = Object.freeze({});

/** What the adoption of another library's session has to do. */
export interface Handover {
  /** Until then its mark stays, so that it is not adopted again; epoch milliseconds. */
  readonly until: number;
  /** Asked when the new record is there and nothing leads to it yet. False takes it back. */
  stands(): Promise<boolean>;
  /** Ends the old record. Does not reject. */
  done(): Promise<void>;
}

/** The signpost left under an old id. Told from a session by its first characters, after unwrapping. */
export interface Signpost {
  /** The key the session has moved to; `""`: it has ended. */
  readonly to: string;
  readonly at: number;
  /** When the id that this signpost replaced had itself been seen; the one before it then leads nowhere any more. */
  readonly seen?: number | undefined;
  /** The id was ended by this verb: it leads requests that began before, and no others. */
  readonly by?: Verb["by"] | undefined;
  /** The id itself leads on as after a renewal in passing; those before it are ended. */
  readonly leads?: true | undefined;
}

/** How long a request with an id that a verb has ended counts as one that was under way, in milliseconds. */
export const lateFor = 300_000;
