/** Revokes everybody in one write: every process reads one small record now and then, and no request waits for it. */

import { sha256 } from "#crypto";
import type { MaybePromise } from "./core/bytes/bytes.ts";
import { ticks } from "./core/contracts/clock.ts";
import { SessionError } from "./core/contracts/errors.ts";
import type { Everybody, EverybodyOption } from "./core/contracts/everybody.ts";
import { checkKnown } from "./core/contracts/known.ts";
import type { Store, StoredRecord } from "./core/contracts/store.ts";
import { type Duration, durationOption } from "./core/options/duration.ts";
import type { Config } from "./core/options/options.ts";
import { isCookieStore, storeBehind } from "./core/record/cookie-store.ts";
import { guarded, withTimeLimit } from "./core/record/time-limit.ts";

export type { EverybodyOption } from "./core/contracts/everybody.ts";

/** The options of {@link everybody}. */
export interface EverybodyOptions {
  /**
   * How long other processes may still accept earlier sessions after `sessions.revokeEverybody()`: a text like
   * `"5s"`, or seconds; from `"100ms"` to `"10m"`. Default `"5s"`. Each process that serves requests reads one record
   * about twice in that time.
   */
  readonly within?: Duration | undefined;
}

/**
 * Lets `sessions.revokeEverybody()` end every session of users and guests, for example after a leak of the store or of
 * a secret. It takes one write, for any number of sessions. Works with every store that has compare-and-swap, and with
 * sessions in cookies that have `revocations`.
 *
 * Sessions carry a mark of their login. Every process reads the newest mark from one small record, outside of
 * requests, except after a pause. A login reads it too, so that an earlier revocation does not undo it. Sessions that
 * began before you set the option count as earlier ones.
 *
 * @throws `TypeError` when `within` is wrong. `createSessions` throws one for sessions that cannot carry a mark:
 * those in cookies without `revocations`, in another program's format, or over a store without compare-and-swap.
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { everybody } from "sojourn/everybody";
 *
 * export const sessions = createSessions({ everybody: everybody({ within: "2s" }) });
 *
 * export async function afterTheLeak(): Promise<void> {
 *   await sessions.revokeEverybody(); // resolves when it holds in every process
 * }
 * ```
 */
export function everybody(options: EverybodyOptions = {}): EverybodyOption {
  checkKnown("everybody", options, ["within"]);
  const { within = "5s" } = options;
  const bound = durationOption("within", within, 100, 600_000);
  return {
    use(config: Config) {
      const store = storeBehind(config.store);
      if (!store) throw unable("sessions in cookies without revocations");
      if (store.capabilities.compareAndSwap === "none")
        throw unable(`the ${store.name} store, which has no compare-and-swap`);
      if (config.format.foreign) throw unable(`format ${config.format.name}, which has no room for the mark`);
      return new Marked(config, guarded(store), bound);
    },
  };
}

function unable(what: string): TypeError {
  return new TypeError(`everybody cannot be given with ${what}`);
}

/** The record lives longer than any session: 400 days is the longest absolute timeout. */
const lifetime = 800 * 86_400_000;

/** A moment by the clock that tests set, and by the monotonic one. */
interface Instant {
  readonly at: number;
  readonly ticks: number;
}

class Marked implements Everybody {
  readonly #config: Config;
  readonly #store: Store;
  readonly #bound: number;
  #mark = 0;
  /** When the reading that gave the mark began. */
  #read: Instant = { at: Number.NEGATIVE_INFINITY, ticks: Number.NEGATIVE_INFINITY };
  #reading: { readonly began: Instant; readonly mark: Promise<number> } | undefined;

  constructor(config: Config, store: Store, bound: number) {
    this.#config = config;
    this.#store = store;
    this.#bound = bound;
  }

  recent(): MaybePromise<number> {
    const age = this.#age(this.#read);
    if (age < this.#bound / 2) return this.#mark;
    const reading = this.#reading;
    const mark = reading && this.#age(reading.began) < this.#bound / 2 ? reading.mark : this.fresh();
    if (age >= this.#bound) return mark;
    // No request waits: when it fails, a request that has to wait tries again.
    mark.catch(() => {});
    return this.#mark;
  }

  fresh(): Promise<number> {
    const reading = { began: this.#now(), mark: this.#load() };
    this.#reading = reading;
    const ended = (): void => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    return reading.mark.then(
      (mark) => {
        ended();
        this.#note(mark, reading.began);
        return this.#mark;
      },
      (error) => {
        ended();
        throw error;
      },
    );
  }

  async raise(): Promise<void> {
    const { now, events } = this.#config;
    const key = await this.#key();
    for (let attempt = 0; attempt < 100; attempt++) {
      const present = await this.#limited(() => this.#store.read(key));
      const mark = Math.max(now(), markIn(present) + 1);
      const record = { payload: String(mark), expiresAt: now() + lifetime };
      const written = await this.#limited(() =>
        present ? this.#store.update(key, record, present.version) : this.#store.create(key, record),
      );
      if (written === null) continue;
      this.#mark = Math.max(this.#mark, mark);
      events.emit("everybody_revoked");
      return;
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "the mark of everybody was changed by others a hundred times");
  }

  seen(): Promise<void> {
    return this.#config.wait(this.#bound);
  }

  async #load(): Promise<number> {
    const key = await this.#key();
    return markIn(await this.#limited(() => this.#store.read(key)));
  }

  /** A mark never sinks: a store that lost the record does not bring sessions back. */
  #note(mark: number, began: Instant): void {
    this.#mark = Math.max(this.#mark, mark);
    if (began.ticks > this.#read.ticks) this.#read = began;
  }

  #now(): Instant {
    return { at: this.#config.now(), ticks: ticks() };
  }

  #age(then: Instant): number {
    const now = this.#now();
    return Math.max(now.at - then.at, now.ticks - then.ticks);
  }

  /** Not under the prefix of the ids, and no text with a space, as those of subjects are. */
  async #key(): Promise<string> {
    const { store, keyPrefix, ids } = this.#config;
    return `epoch:${await sha256(`everybody:${isCookieStore(store) ? keyPrefix : ids.prefix}`)}`;
  }

  #limited<T>(call: () => Promise<T>): Promise<T> {
    const { storeTimeout, events, ids } = this.#config;
    return withTimeLimit(call, this.#store, { storeTimeout }, events, ids);
  }
}

/** The mark in its record. One that cannot be read is the highest: it lets no session in. */
function markIn(record: StoredRecord | null): number {
  if (record === null) return 0;
  const mark = Number(record.payload);
  return Number.isSafeInteger(mark) && mark > 0 ? mark : Number.MAX_SAFE_INTEGER - 1;
}
