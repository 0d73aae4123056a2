/** One request and its response: the session is loaded on first use, and saved before the headers leave. */

import { type HeaderAccess, varyBy, writeHeaders } from "../client/headers.ts";
import type { OwnAnswer } from "../contracts/device-bound.ts";
import { wrongArgument } from "../contracts/errors.ts";
import { type Incoming, unsaid } from "../contracts/incoming.ts";
import type { Session } from "../contracts/session.ts";
import type { Config } from "../options/options.ts";
import { tooLateForHead } from "../save/late.ts";
import type { Context } from "./context.ts";
import { reportDropped } from "./dropped.ts";
import type { Arrived, Keeping, Kept } from "./kept.ts";
import { skipped } from "./no-request.ts";
import type { RequestReader } from "./reader.ts";

const ignore = (): void => {};

/**
 * What a route may do with its session. `"skip"`: nothing, asking for it is an error. `"read"`: a change is an error,
 * and is not saved; its expiry moves as with any use. `"no-touch"`: everything, but the request is no sign of life:
 * it neither moves the expiry nor renews the id. For pages that poll.
 */
export type Access = "skip" | "read" | "no-touch";

/** How the handler ended. */
export interface Outcome {
  /** It threw, or the response is a 5xx: unsaved changes are discarded unless `onError` is `"save"`. A logout is carried out. */
  readonly failed?: boolean;
}

/**
 * The result of `sessions.open` on a request. Adapters call `commit` once the handler is done and before the headers
 * leave, and `finish` when the body has ended; handlers use `sessions.get`.
 */
export class Exchange<Data extends object = Record<string, unknown>> {
  readonly #keeping: Keeping<Data>;
  readonly #context: Context<WeakRef<Exchange>> | undefined;
  readonly #request: object;
  readonly #reader: RequestReader<never>;
  /** From when the session is first asked for. */
  #kept: Kept<Data> | undefined;
  #incoming: Incoming | undefined;
  #readOnly = false;
  #noTouch = false;
  #used = false;
  #skipped = false;
  #closed = false;
  #headLeft = false;
  /** No cookie can be set any more. */
  #headersSent = false;
  #saveFailed = false;
  #discards = false;
  /** The last save left changes out on purpose, so that none is to be reported. */
  #leftOut = false;
  /** What was loaded last, and is seen to when it fails. */
  #noted: Promise<unknown> | undefined;
  /** Cookies that were sent over plain http, reported once a request. */
  #dropped: string[] | undefined;

  /** @internal Made by `sessions.open`. */
  constructor(
    keeping: Keeping<Data>,
    context: Context<WeakRef<Exchange>> | undefined,
    request: object,
    reader: RequestReader<never>,
  ) {
    this.#keeping = keeping;
    this.#context = context;
    this.#request = request;
    this.#reader = reader;
  }

  /** Whether the session was asked for. If not, there is nothing to commit and nothing was read. */
  get used(): boolean {
    return this.#used;
  }

  /** @internal What `sojourn/explain` looks at. */
  get arrived(): Arrived {
    return {
      request: this.#request,
      cookie: this.#reader.cookie(this.#request as never),
      secure: this.#reader.secure(this.#request as never),
      skipped: this.#skipped,
      headersSent: this.#headersSent,
    };
  }

  /**
   * The function that answers the request in place of the handlers, where it is one of the sessions' own. Adapters ask
   * before they do anything else with it.
   */
  get answer(): (() => Promise<OwnAnswer>) | undefined {
    const { binder } = this.#keeping;
    const head = binder && this.#reader.head?.(this.#request as never);
    return head && binder.answerTo(head, this.#reader.cookie(this.#request as never));
  }

  /** The session, loaded with at most one store call (two while a renewal is in flight); the same one every time. */
  get(fields?: readonly string[]): Promise<Session<Data>> {
    try {
      this.#reader.asked?.(this.#request as never);
      const outer = this.#skipped ? undefined : this.#outer;
      if (outer) return outer.get(fields);
      if (!this.#used) this.#use();
      this.#kept ??= this.#keeping.begin(this.#begin());
      const loading = this.#kept.load(fields);
      this.#note(loading);
      return loading;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The request that this one is part of, whose session it has and which saves it. */
  get #outer(): Exchange<Data> | undefined {
    return this.#reader.outer?.(this.#request as never) as Exchange<Data> | undefined;
  }

  #use(): void {
    if (this.#skipped) throw new TypeError(skipped);
    this.#reader.use?.(this.#request as never);
    this.#used = true;
    if (this.#headLeft) this.#keeping.config.warn(tooLateForHead);
  }

  #begin(): Incoming {
    const [request, reader] = [this.#request, this.#reader];
    const cookie = reader.cookie(request as never);
    this.#incoming = { request, reader, cookie, ...unsaid };
    this.#tell();
    return this.#incoming;
  }

  /**
   * For sockets, which outlive their request: another exchange on the session that this one has found, read again, also
   * where a renewal in passing has moved it since. Its headers are gone. What `regenerate` or `login` moved is not found.
   */
  again(): Exchange<Data> {
    const exchange = new Exchange(this.#keeping, this.#context, this.#request, this.#reader);
    exchange.headersGone();
    exchange.#kept = this.#kept?.again(exchange.#begin());
    return exchange;
  }

  /**
   * Lets the route do less with the session than all. What is asked for adds up; `undefined` asks for nothing.
   *
   * @throws `TypeError` when it is none of the words, or `"skip"` comes when the session was asked for already.
   */
  restrict(access: Access | undefined): void {
    if (access === undefined) return;
    if (access !== "skip" && access !== "read" && access !== "no-touch")
      throw wrongArgument("the access of a route", '"skip", "read" or "no-touch"', access);
    if (access === "skip" && this.#used)
      throw new TypeError('the access "skip" comes too late: the session of this request was asked for already');
    if (access === "skip") this.#skipped = true;
    else if (access === "read") this.#readOnly = true;
    else this.#noTouch = true;
    this.#tell();
  }

  /** Lets the saves that the adapter does save only a logout, as after a failure of the handler. */
  discard(): void {
    const outer = this.#outer;
    if (outer) outer.discard();
    else this.#discards = true;
  }

  /**
   * Ends the request: `sessions.current()` finds its session no more. Whatever was started while it was handled (a
   * connection of a pool, a timer) keeps its context, and goes on working for other visitors.
   */
  close(): void {
    this.#closed = true;
    this.#tell();
  }

  /** Whether the request has ended. */
  get isOver(): boolean {
    return this.#closed || this.#reader.isOver?.(this.#request as never) === true;
  }

  /** Runs the handler so that `sessions.current()` finds this request's session until the request {@link isOver}. */
  run<R>(next: () => R): R {
    // Timers and sockets keep the context they were made in for as long as they live, so it must not keep the request.
    return this.#context ? this.#context.run(new WeakRef(this as unknown as Exchange), next) : next();
  }

  /**
   * Saves, and writes Set-Cookie, Vary and Cache-Control. `undefined` when there is nothing to wait for: the session was
   * not used, or there is nothing to save; its headers are written then. Rejects with a `SessionError` when the save failed: answer with `error.status`, after calling this again with `failed: true` for the headers of that answer.
   */
  commit(headers: HeaderAccess, outcome?: Outcome): Promise<void> | undefined {
    if (!this.#used) {
      this.headLeft();
      return undefined;
    }
    const failed = outcome?.failed === true;
    if (failed || this.#discards || !this.#kept?.isClean()) return this.#commit(headers, failed);
    this.#writeHead(headers);
    return undefined;
  }

  /** For adapters: tells caches, before the head is written, what the response depends on. */
  vary(headers: HeaderAccess): void {
    varyBy(headers, this.#keeping.config.carrier.header);
  }

  /** Tells that the head has left and the session was not asked for: if it is now, caches know nothing of that. */
  headLeft(): void {
    this.#headLeft = true;
    this.headersGone();
  }

  /** Tells that no header can be written any more, or none at all: from now on, what needs a cookie is an error. */
  headersGone(): void {
    this.#headersSent = true;
    this.#tell();
  }

  #tell(): void {
    if (!this.#incoming) return;
    this.#incoming.headersSent = this.#headersSent;
    this.#incoming.readOnly = this.#readOnly;
    this.#incoming.noTouch = this.#noTouch;
    this.#incoming.over = this.#closed && !this.#leftOut;
  }

  /** Saves what was changed after the headers left. Rejects when that failed: the client must not see a complete response. */
  finish(outcome: Outcome = {}): Promise<void> | undefined {
    const failed = outcome.failed === true;
    this.#leftOut ||= this.#drops(failed);
    this.#tell();
    if (!this.#used || this.#saveFailed || !this.#saves(failed)) return undefined;
    // It may still be loading, when no code waited for it.
    return Promise.resolve(this.#kept?.settled()).then(() => this.#save(failed));
  }

  /** A logout is final when it is called; what else was changed counts only when the handler did not fail. */
  #saves(failed: boolean): boolean {
    return !this.#drops(failed) || this.#kept?.logsOut() === true;
  }

  #drops(failed: boolean): boolean {
    return this.#discards || (failed && !this.#keeping.config.saveOnError);
  }

  async #commit(headers: HeaderAccess, failed: boolean): Promise<void> {
    const loading = this.#kept?.settled();
    if (loading) await loading;
    if (this.#saves(failed) && !(failed && this.#saveFailed)) {
      this.#saveFailed = true;
      await this.#save(failed);
      this.#saveFailed = false;
    }
    this.#writeHead(headers);
  }

  /** What handlers do while a save is on its way is for the next one, before the response leaves. */
  async #save(failed: boolean): Promise<void> {
    const [kept, incoming] = [this.#kept, this.#incoming];
    if (!kept || !incoming) return;
    for (let saves = 0; saves === 0 || (saves < 10 && incoming.used); saves++) {
      incoming.used = false;
      await kept.save(this.#drops(failed));
    }
  }

  #writeHead(headers: HeaderAccess): void {
    this.headersGone();
    if (this.#kept) this.#kept.writeHead(headers, (sent) => this.#checkSecure(sent));
    else writeHeaders(headers, undefined);
  }

  /** A promise that no code may wait for must not end the process when it fails. */
  #note(loading: Promise<unknown>): void {
    if (loading === this.#noted) return;
    this.#noted = loading;
    const reader = this.#reader;
    loading.catch(reader.failed ? (error) => reader.failed?.(error) : ignore);
  }

  /** Warns when a cookie is sent that the browser is going to drop. */
  #checkSecure({ cookie, events }: Pick<Config, "cookie" | "events">): void {
    if (!cookie.secure || this.#reader.secure(this.#request as never)) return;
    if (this.#dropped?.includes(cookie.name)) return;
    this.#dropped = [...(this.#dropped ?? []), cookie.name];
    reportDropped(cookie.name, events);
  }
}
