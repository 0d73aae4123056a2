/** Hands lines to a sink, one after the other, in the order of their events. */

import { isPromise } from "../core/bytes/bytes.ts";
import type { AuditEntry } from "./entry.ts";

/** Takes lines. A file of `sojourn/audit/file`, or a function of the application's. */
export interface AuditSink {
  /** @param line JSON, without the end of the line. @param entry The same as an object. */
  (line: string, entry: AuditEntry): void | Promise<void>;
  /** Lets go of what it holds. Called by `close()` of the audit, when every line has been taken. */
  close?(): void | Promise<void>;
}

/** What to do with lines that a sink did not take. */
export type Lost = (lost: number, error: unknown) => void;

/**
 * A sink that answers at once gets each line while its event is emitted. One that answers with a promise gets the next line
 * when it has taken the last; up to `most` wait in memory, and what comes then is lost, newest first.
 */
export class Queue {
  readonly #sink: AuditSink;
  readonly #most: number;
  readonly #lost: Lost;
  readonly #waiting: AuditEntry[] = [];
  #taking: Promise<void> | undefined;
  /** Lines that were lost since the last one that was taken. */
  #missing = 0;

  constructor(sink: AuditSink, most: number, lost: Lost) {
    this.#sink = sink;
    this.#most = most;
    this.#lost = lost;
  }

  add(entry: AuditEntry): void {
    if (this.#taking) {
      if (this.#waiting.length < this.#most) this.#waiting.push(entry);
      else this.#lose(new Error(`${this.#most} lines are waiting`));
      return;
    }
    const taking = this.#give(entry);
    if (!isPromise(taking)) return;
    this.#taking = taking.then(() => this.#drain());
  }

  /** Waits until every line has been taken, or lost. */
  async settled(): Promise<void> {
    while (this.#taking) await this.#taking;
  }

  async #drain(): Promise<void> {
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) await this.#give(entry);
    this.#taking = undefined;
  }

  /** Never throws or rejects. A line that says what is missing goes before the first that is taken again. */
  #give(entry: AuditEntry): void | Promise<void> {
    const gap = this.#missing > 0 ? { at: entry.at, type: "audit_gap", lost: this.#missing } : undefined;
    try {
      const told = gap ? this.#sink(JSON.stringify(gap), gap) : undefined;
      if (isPromise(told)) return told.then(() => this.#take(entry)).then(undefined, (error) => this.#lose(error));
      const taken = this.#take(entry);
      return isPromise(taken) ? taken.catch((error) => this.#lose(error)) : undefined;
    } catch (error) {
      this.#lose(error);
    }
    return undefined;
  }

  #take(entry: AuditEntry): void | Promise<void> {
    this.#missing = 0;
    return this.#sink(JSON.stringify(entry), entry);
  }

  #lose(error: unknown): void {
    this.#missing += 1;
    this.#lost(this.#missing, error);
  }
}
