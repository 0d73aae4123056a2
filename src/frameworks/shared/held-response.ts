/** Holds a Node response back until its sessions are saved: HTTP/1, and HTTP/2 through its compatible API. */

import type { Exchange, Outcome } from "../../core/request/exchange.ts";
import { alreadySent, Shut } from "./node-ended.ts";
import { giveHead, Head } from "./node-head.ts";
import {
  type Call,
  callBack,
  checkCall,
  type Holder,
  leaving,
  type Method,
  type Methods,
  type Prepared,
  prepare,
  type Said,
  slot,
  tellOfHandler,
} from "./node-methods.ts";
import type { NodeResponse } from "./node-shapes.ts";

type Response = Prepared<HeldResponse>;

const failure: Outcome = { failed: true };

/** A response whose session is in use, and where to turn when the save fails. */
export interface Holding {
  readonly response: NodeResponse;
  readonly exchange: Pick<Exchange, "commit" | "finish" | "headLeft" | "close">;
  /** Takes back what the handler did to the head, and gives it the status of an error. */
  startOver(error: unknown): void;
  /** Answers, or has the framework answer. If the headers had left, the response is destroyed already. */
  fail(error: unknown): void;
}

/**
 * Holds a response from the first call that sends headers until its session is saved, and its end until later changes
 * are. Several sessions of one response are saved together.
 */
export function hold(holding: Holding): void {
  const response = holding.response as Response;
  if (!response[slot]) {
    response[slot] = new HeldResponse(response);
  }
  response[slot].add(holding);
}

/** Notes that the handler failed, whatever status will be answered: unsaved changes are discarded. */
export function markFailed(response: object): void {
  const held = (response as Response)[slot];
  if (held) held.failed = true;
}

/** Waits until what was sent has left, or was refused: for hosts that take the response as it is when the handler is done. */
export async function released(response: object): Promise<void> {
  const held = (response as Response)[slot];
  while (held?.saving) await held.saving;
}

class HeldResponse implements Holder {
  /** The handler threw. */
  failed = false;
  /** The save under way, and what follows it. */
  saving: Promise<void> | undefined;
  readonly said: Said = {};
  readonly #response: Response;
  readonly #real: Methods;
  readonly #holdings: Holding[] = [];
  /** The head is settled: it may leave, or has left. */
  #settled: boolean;
  /** The head as it was when the save began: it leaves like that, whatever is done to the response until then. */
  #head: Head | undefined;
  /** Calls that wait for the save in flight. */
  #waiting: Call[] | undefined;
  /** `end` was called. */
  #ended = false;
  /** Nothing can have changed since the last save. */
  #finished = false;
  /** The save failed: the handler's response is dropped, and the answer to an error takes its place. */
  #refused = false;
  /** Undoes what was done at the end. Answers the socket, if the application asked to destroy it in between. */
  #shut: Shut | undefined;
  /** Inside a real method: they call each other. */
  #passing = false;

  constructor(response: Response) {
    this.#response = response;
    this.#settled = response.headersSent || response[leaving] === true;
    this.#real = prepare(response);
  }

  /** The head was sent by the handler, and waits for the save. */
  get headWaits(): boolean {
    return this.#waiting !== undefined && !this.#settled;
  }

  /** The handler has ended the response, which waits for the save. */
  get endWaits(): boolean {
    return this.#waiting !== undefined && this.#ended;
  }

  add(holding: Holding): void {
    this.#holdings.push(holding);
    if (!this.#settled && !this.#waiting) return;
    // Tells the exchange that it is too late for a cookie. There is nothing yet that it could save.
    holding.exchange.headLeft();
    this.#finished = false;
    if (this.#response.writableEnded) holding.exchange.close();
  }

  /** A call from outside. */
  call(method: Method, args: unknown[]): unknown {
    if (this.#passing) return this.#pass(method, args);
    if (this.endWaits && method === "writeHead") throw alreadySent("write");
    if (this.#ended && (this.#waiting || this.#refused)) return this.#ignore(method, args);
    return this.#waiting ? this.#keep(this.#waiting, method, args) : this.#carryOut(method, args);
  }

  #carryOut(method: Method, args: unknown[]): unknown {
    const response = this.#response;
    if (!this.#settled) {
      checkCall(method, args, response.statusCode);
      if (method === "writeHead") giveHead(response, args);
      // HTTP/1 sends nothing before the first byte, HTTP/2 does.
      if (method === "writeHead" && !response.stream) return response;
      const head = new Head(response);
      const saves = this.#commit(head);
      const given = method === "writeHead" ? [response.statusCode] : args;
      if (saves) {
        head.keep();
        this.#head = head;
        return this.#wait(saves, method, given);
      }
      this.#settled = true;
      this.#ended = method === "end";
      this.#finished = this.#ended;
      return this.#leave(method, given);
    }
    if (method === "end" && !this.#finished && !this.#refused) {
      const saves = this.#holdings.map(({ exchange }) => exchange.finish(this.#outcome()));
      if (saves.some((save) => save)) return this.#wait(saves, method, args);
    }
    if (method === "end") this.#ended = true;
    return this.#leave(method, args);
  }

  #leave(method: Method, args: unknown[]): unknown {
    const result = this.#pass(method, args);
    if (this.#ended) this.close();
    return result;
  }

  close(): void {
    for (const { exchange } of this.#holdings) exchange.close();
  }

  /** Saves the sessions; `undefined` when there is nothing to wait for. */
  #commit(head: Head): (Promise<void> | undefined)[] | undefined {
    const outcome = this.#outcome();
    const [first] = this.#holdings;
    if (first && this.#holdings.length === 1) {
      const save = first.exchange.commit(head, outcome);
      return save && [save];
    }
    const saves = this.#holdings.map(({ exchange }) => exchange.commit(head, outcome));
    return saves.some((save) => save) ? saves : undefined;
  }

  #outcome(): Outcome | undefined {
    return this.failed || this.#response.statusCode >= 500 ? failure : undefined;
  }

  #wait(saves: (Promise<void> | undefined)[], method: Method, args: unknown[]): unknown {
    tellOfHandler(this.#response);
    this.#waiting = [];
    this.#finished = method === "end";
    const done = (): void => {
      if (this.saving === saving) this.saving = undefined;
    };
    const saving = allOf(saves)
      .then(
        () => this.#release(),
        (error) => this.#refuse(error),
      )
      .then(done, (error) => {
        this.#giveUp(error);
        done();
      });
    this.saving = saving;
    return this.#keep(this.#waiting, method, args);
  }

  #keep(waiting: Call[], method: Method, args: unknown[]): unknown {
    checkCall(method, args);
    if (method === "end") this.#end();
    // Another head comes too late.
    if (method !== "writeHead" || waiting.length === 0) waiting.push([method, args]);
    return method === "write" ? false : this.#response;
  }

  #end(): void {
    this.#ended = true;
    this.#shut = new Shut(this.#response);
  }

  /** The response is complete, except for being sent. */
  #ignore(method: Method, args: unknown[]): unknown {
    callBack(args, new Error("the response has ended"));
    return method === "write" ? false : this.#response;
  }

  #pass(method: Method, args: unknown[]): unknown {
    const passing = this.#passing;
    this.#passing = true;
    try {
      return this.#real[method].apply(this.#response, args);
    } finally {
      this.#passing = passing;
    }
  }

  /** The save is done: the head leaves, and the calls that waited are made. */
  #release(): void {
    const calls = this.#take();
    const destroyed = this.#shut?.reopen();
    if (!this.#settled) {
      this.#settled = true;
      this.#head?.put();
    }
    let more: unknown = false;
    for (const call of calls) {
      const [method, args] = call;
      if (this.#waiting) this.#waiting.push(call);
      else if (method === "write") more = this.#pass(method, args);
      else this.#carryOut(method, args);
    }
    if (this.#waiting) destroyed?.destroy();
    else destroyed?.destroySoon();
    // `write` had answered false, and Node does not know.
    if (more === true && !this.#ended) process.nextTick(drain, this.#response);
  }

  /** The save failed: the calls that waited are dropped. */
  #refuse(error: unknown): void {
    const response = this.#response;
    const [holding] = this.#holdings as [Holding];
    for (const [, args] of this.#take()) callBack(args, error);
    this.#shut?.reopen();
    if (this.#settled || this.#refused) throw error;
    this.failed = true;
    this.#refused = true;
    this.#ended = false;
    this.#finished = false;
    // A writer that waits for `drain` to write more of what was dropped is not called any more.
    response.removeAllListeners("drain");
    holding.startOver(error);
    holding.fail(error);
  }

  /** Too late for another answer: the client must not take what it has for all there is. */
  #giveUp(error: unknown): void {
    this.#response.destroy(this.#response.stream ? new Error("the session was not saved") : undefined);
    this.#holdings[0]?.fail(error);
  }

  #take(): Call[] {
    const calls = this.#waiting ?? [];
    this.#waiting = undefined;
    return calls;
  }
}

/** Waits for all, and rejects with the first error. */
function allOf(saves: (Promise<void> | undefined)[]): Promise<void> {
  const [first, ...others] = saves;
  if (first && others.length === 0) return first;
  return Promise.allSettled(saves).then((results) => {
    for (const result of results) if (result.status === "rejected") throw result.reason;
  });
}

/**
 * Emits `drain` to all listeners. Middleware that compresses moves them to its own stream, which `on` then returns.
 * Listeners that a middleware in between keeps for itself are on the response.
 */
function drain(response: NodeResponse): void {
  const nothing = (): void => {};
  const source = response.on("drain", nothing);
  source.removeListener("drain", nothing);
  source.emit("drain");
  if ((source as object) !== response) response.emit("drain");
}
