/** The channels `sojourn:load`, `sojourn:store`, `sojourn:save`, `sojourn:renew` and `sojourn:event`, and what is published on them. */

import { diagnostics } from "#channels";
import type { Channel, TracingChannel } from "./channels.ts";
import { ticks } from "./clock.ts";
import { isError, isSessionError } from "./errors.ts";
import type { SessionEventType } from "./session-event.ts";

/** What every message of a tracing channel has once the operation has ended. */
interface Ended {
  /** How long it took, in milliseconds. */
  duration?: number;
  /** What went wrong: name, code and message, and no cause. */
  error?: Error;
}

/** A message of `sojourn:load`: a request asked for its session. */
export interface LoadMessage extends Ended {
  /** The name of the store, such as `"redis"`. */
  readonly backend: string;
  /**
   * `found`; `none`: there was no cookie; `absent`: the cookie leads to no session, and `sojourn:event` says why;
   * `late`: the id had just been replaced or ended; `failed`.
   */
  outcome?: "found" | "none" | "absent" | "late" | "failed";
  /** The session's public handle. */
  handle?: string | undefined;
  /** The session's subject. A getter of the prototype: copying, printing or encoding a message leaves it out. */
  readonly subject?: string | undefined;
}

/** A message of `sojourn:store`: one call of the store. Listing is one message for its first answer. */
export interface StoreMessage extends Ended {
  readonly backend: string;
  readonly operation: StoreOperation;
  /** `absent`: nothing under the key; `refused`: another version, or the key is taken; `timeout`: longer than `storeTimeout`. */
  outcome?: "ok" | "absent" | "refused" | "failed" | "timeout";
  /** The number of this call among the calls of its operation in one load or save. 2 and more are retries or detours. */
  readonly attempt: number;
}

/** What a store is asked for. */
export type StoreOperation = "read" | "create" | "update" | "touch" | "rename" | "delete" | "list" | "prune";

/** A message of `sojourn:save`: what a request did to its session when it ended, or at `session.save()`. */
export interface SaveMessage extends Ended {
  readonly backend: string;
  /** The last plan. `none`: there was nothing to save. */
  plan: "none" | "touch" | "create" | "update" | "rename" | "renew" | "delete";
  /** `refused`: the session had ended elsewhere, nothing was saved. */
  outcome?: "saved" | "refused" | "failed";
  /** How often it was tried again. */
  retries: number;
  /** How often another request was faster. */
  conflicts: number;
  handle?: string | undefined;
  /** As in {@link LoadMessage}. */
  readonly subject?: string | undefined;
}

/** A message of `sojourn:renew`: a session gets a new id. */
export interface RenewMessage extends Ended {
  readonly backend: string;
  /** What caused it; `passing` is `renewAfter`. */
  readonly by: "login" | "regenerate" | "passing";
  /** `refused`: another request was faster; the save goes on. */
  outcome?: "renewed" | "refused" | "failed";
  readonly handle?: string | undefined;
}

/** A message of `sojourn:event`: an event of `sessions.on`, without its subject and cause. */
export interface EventMessage {
  readonly type: SessionEventType;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly handle?: string | undefined;
  readonly reason?: string | undefined;
  /** The code of the `SessionError`, if there was one. */
  readonly code?: string | undefined;
}

/** For runtimes without channels: nothing can listen. */
const silent = { hasSubscribers: false } as Channel & TracingChannel;

/** Bun's tracing channels do not tell whether anything listens. */
function withSubscribers(channel: Omit<TracingChannel, "hasSubscribers">): TracingChannel {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  return {
    ...{ start, end, asyncStart, asyncEnd, error },
    get hasSubscribers() {
      return (
        asyncEnd.hasSubscribers ||
        start.hasSubscribers ||
        end.hasSubscribers ||
        asyncStart.hasSubscribers ||
        error.hasSubscribers
      );
    },
  };
}

function tracing(name: string): TracingChannel {
  const channel = diagnostics?.tracingChannel(name);
  if (!channel) return silent;
  return "hasSubscribers" in channel ? (channel as TracingChannel) : withSubscribers(channel);
}

/** Ask `hasSubscribers` before anything is made for these. */
export const loads: TracingChannel = tracing("sojourn:load");
export const storeCalls: TracingChannel = tracing("sojourn:store");
export const saves: TracingChannel = tracing("sojourn:save");
export const renewals: TracingChannel = tracing("sojourn:renew");
export const eventChannel: Channel = diagnostics?.channel("sojourn:event") ?? silent;

/** Calls a function with every message, until the function that is returned is called. */
export function listen<Message>(channel: Channel, heard: (message: Message) => void): () => void {
  const onMessage = (message: unknown): void => heard(message as Message);
  channel.subscribe(onMessage);
  return () => void channel.unsubscribe(onMessage);
}

/** Throws a `TypeError` for a caller that cannot do without channels. */
export function needChannels(caller: string): void {
  if (diagnostics) return;
  throw new TypeError(
    `${caller} needs node:diagnostics_channel, which this runtime does not hand out; on Cloudflare Workers set the flag nodejs_compat`,
  );
}

/** The load or save that store calls belong to. */
export class Scope {
  readonly #tries = new Map<StoreOperation, number>();

  /** Counts a call, and tells the how many-eth of its operation it is. */
  attempt(operation: StoreOperation): number {
    const tries = (this.#tries.get(operation) ?? 0) + 1;
    this.#tries.set(operation, tries);
    return tries;
  }
}

const scopes = diagnostics?.scope<Scope>();

/** Runs a load or save, so that its calls of the store are counted as its own. */
export function scoped<T>(run: () => T): T {
  return scopes ? scopes.run(new Scope(), run) : run();
}

/** The load or save at hand. */
export function scopeAtHand(): Scope | undefined {
  return scopes?.getStore();
}

/** One operation in flight. */
export class Trace<Message extends object> {
  readonly #channel: TracingChannel;
  readonly #message: Message & Ended;
  readonly #began = ticks();

  constructor(channel: TracingChannel, message: Message) {
    this.#channel = channel;
    this.#message = message;
  }

  /** Runs what the operation does at once. */
  begin<T>(call: () => T): T {
    const { start, end } = this.#channel;
    try {
      return start.runStores(this.#message, call);
    } finally {
      end.publish(this.#message);
    }
  }

  /** The operation has ended. */
  end(outcome: string, failure?: { readonly error: unknown }): void {
    const message = this.#message as Message & Ended & { outcome?: string };
    message.outcome = outcome;
    message.duration = ticks() - this.#began;
    if (failure) {
      message.error = withoutCause(failure.error);
      this.#channel.error.publish(message);
    }
    this.#channel.asyncStart.publish(message);
    this.#channel.asyncEnd.publish(message);
  }
}

/** Traces an operation that ends with a promise. */
export async function traced<Message extends object, T>(
  channel: TracingChannel,
  message: Message,
  run: () => Promise<T>,
  outcome: (answer: T) => string,
): Promise<T> {
  const trace = new Trace(channel, message);
  let answer: T;
  try {
    answer = await trace.begin(run);
  } catch (error) {
    trace.end("failed", { error });
    throw error;
  }
  trace.end(outcome(answer));
  return answer;
}

/** A message that knows its subject and does not show it. */
export class OfSubject {
  #subject: string | undefined;

  get subject(): string | undefined {
    return this.#subject;
  }

  /** Notes whose session it is. */
  static note(message: OfSubject, subject: string | undefined): void {
    message.#subject = subject;
  }
}

/** The message of an error of the application's may hold anything: only its name is passed on. */
function withoutCause(error: unknown): Error {
  const told = new Error(isSessionError(error) ? error.message : "");
  told.name = isError(error) ? error.name : typeof error;
  told.stack = `${told.name}: ${told.message}`;
  return isSessionError(error) ? Object.assign(told, { code: error.code }) : told;
}
