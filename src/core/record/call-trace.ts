/** Calls of a store on the channel `sojourn:store`. Nothing here runs while nothing listens. */

import { isSessionError } from "../contracts/errors.ts";
import { type StoreMessage, type StoreOperation, scopeAtHand, storeCalls, Trace } from "../contracts/traces.ts";

/** The call that begins just now, until the store is asked. */
let beginning: CallTrace | undefined;
/** A listing was asked for and has not begun. */
let listing = false;

/** Whether calls are to name their operation. */
export function isTracing(): boolean {
  return beginning !== undefined;
}

class CallTrace {
  readonly #backend: string;
  #operation: StoreOperation = "list";
  #trace: Trace<StoreMessage> | undefined;

  constructor(backend: string) {
    this.#backend = backend;
  }

  begin<T>(operation: StoreOperation, call: () => T): T {
    this.#operation = operation;
    const attempt = scopeAtHand()?.attempt(operation) ?? 1;
    this.#trace = new Trace(storeCalls, { backend: this.#backend, operation, attempt });
    return this.#trace.begin(call);
  }

  answered(answer: unknown): void {
    this.#trace?.end(this.#outcomeOf(answer));
  }

  failed(error: unknown): void {
    const isLate = isSessionError(error) && error.code === "ERR_SESSION_STORE_TIMEOUT";
    this.#trace?.end(isLate ? "timeout" : "failed", { error });
  }

  #outcomeOf(answer: unknown): string {
    if (answer !== null && answer !== false) return "ok";
    return this.#operation === "read" || this.#operation === "touch" ? "absent" : "refused";
  }
}

/** Traces one call in its time limit. */
export async function tracedCall<T>(backend: string, limited: (around: Around) => Promise<T>): Promise<T> {
  const trace = new CallTrace(backend);
  try {
    const answer = await limited((call) => {
      const before = beginning;
      beginning = trace;
      try {
        return listing ? operation("list", call) : call();
      } finally {
        beginning = before;
      }
    });
    trace.answered(answer);
    return answer;
  } catch (error) {
    trace.failed(error);
    throw error;
  }
}

/** What is to be around the call itself. */
export type Around = <R>(call: () => R) => R;

/** The call that begins just now asks the store for this. */
export function operation<T>(name: StoreOperation, call: () => T): T {
  const trace = beginning;
  beginning = undefined;
  listing = false;
  return trace ? trace.begin(name, call) : call();
}

/** Marks the next store call as the first of a listing. */
export function listingBegins(): void {
  listing = storeCalls.hasSubscribers;
}
