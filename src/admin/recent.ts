/** What a page that is opened now can tell of the time before: the last events, and a count that takes long. */

import type { SessionEvent } from "../core/contracts/session-event.ts";
import type { RecordCount } from "../core/contracts/store.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { countSessions } from "../manage.ts";
import { ifSupported } from "./lookup.ts";

/** How many events are remembered. */
const most = 20;

/** The last events of this process, the newest first, except for sessions that begin. */
export class Recent {
  #events: SessionEvent[] = [];

  readonly listener = (event: SessionEvent): void => {
    // Every visitor of a shop makes one.
    if (event.type === "session_created") return;
    const { error: _, ...rest } = event;
    this.#events = [rest, ...this.#events].slice(0, most);
  };

  get events(): readonly SessionEvent[] {
    return this.#events;
  }
}

/** How long a count is reused, in milliseconds. */
const countIsFresh = 15_000;
/** A page waits for a count at most this long, in milliseconds. */
const waitAtMost = 300;

/** What is known of a count: the number; `"unknown"`: the store cannot tell; `"later"`: not counted yet. */
export type Counted = RecordCount | "unknown" | "later";

/** Counts sessions, at most one count at a time. */
export class Counter {
  readonly #sessions: Sessions<object>;
  #last: RecordCount | "unknown" | undefined;
  #at = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | undefined;

  constructor(sessions: Sessions<object>) {
    this.#sessions = sessions;
  }

  async get(): Promise<Counted> {
    if (performance.now() - this.#at > countIsFresh) this.#counting ??= this.#count();
    if (this.#counting) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, waitAtMost);
      });
      await Promise.race([this.#counting, late]);
      clearTimeout(timer);
    }
    return this.#last ?? "later";
  }

  async #count(): Promise<void> {
    try {
      this.#last = (await ifSupported(() => countSessions(this.#sessions))) ?? "unknown";
    } catch {
      // The list beside it says what is wrong with the store.
      this.#last = undefined;
    } finally {
      this.#at = performance.now();
      this.#counting = undefined;
    }
  }
}
