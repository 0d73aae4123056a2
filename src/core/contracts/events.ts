/** Hands the events of sessions to listeners, to the channel `sojourn:event`, and to operators. */

import { isError, isSessionError, toldOf } from "./errors.ts";
import { type Notices, noticesOf } from "./notices.ts";
import type { SessionEvent, SessionEventType, SessionListener } from "./session-event.ts";
import { type EventMessage, eventChannel } from "./traces.ts";

/** Hands events to listeners. Without one, what an operator must know is a line on stderr, once a minute of each kind. */
export class Events {
  readonly #listeners = new Set<SessionListener>();
  readonly #observers = new Set<SessionListener>();
  readonly #now: () => number;
  readonly #warn: (message: string) => void;
  readonly #notices: Notices;

  /** @param say Prints a line each time it is called. */
  constructor(now: () => number, warn: (message: string) => void, say: (message: string) => void = warn) {
    this.#now = now;
    this.#warn = warn;
    this.#notices = noticesOf(say);
  }

  /** @param observes It takes note only: what an operator must know still goes to stderr. */
  add(listener: SessionListener, observes = false): () => void {
    const all = observes ? this.#observers : this.#listeners;
    all.add(listener);
    return () => all.delete(listener);
  }

  /** @param advice For operators: what to do about it. */
  emit(type: SessionEventType, details?: Omit<SessionEvent, "type" | "at">, advice?: string): void {
    if (eventChannel.hasSubscribers) eventChannel.publish(messageOf(type, this.#now(), details));
    if (this.#listeners.size === 0) {
      this.#notices.tell(type, this.#now, details, advice);
      if (this.#observers.size === 0) return;
    }
    const event = { type, at: this.#now(), ...details };
    if (details && "error" in details && !isSessionError(details.error)) event.error = toldOf(details.error);
    for (const listener of [...this.#observers, ...this.#listeners]) {
      try {
        const answer: unknown = listener(event);
        if (answer) Promise.resolve(answer).catch((error) => this.#report(error, type));
      } catch (error) {
        this.#report(error, type);
      }
    }
  }

  #report(error: unknown, type: SessionEventType): void {
    this.#warn(`a session event listener threw ${isError(error) ? error.name : typeof error} on ${type}`);
  }
}

/** What subscribers of the channel `sojourn:event` get to see of an event. */
function messageOf(type: SessionEventType, at: number, details: Omit<SessionEvent, "type" | "at"> = {}): EventMessage {
  const { handle, reason, error } = details;
  return { type, at, handle, reason, code: isSessionError(error) ? error.code : undefined };
}
