/** One request and its response: the session is loaded when first asked for, and saved before the headers leave. */

import { checked, type SessionsCore, Work } from "./commit.ts";
import type { Context } from "./context.ts";
import type { FoundCookie } from "./cookie.ts";
import { wrongArgument } from "./errors.ts";
import { isOver } from "./expiry.ts";
import type { Found } from "./records.ts";
import { Session } from "./session.ts";
import { type HeaderAccess, writeHeaders } from "./transport.ts";

/** How an adapter reads a request. One constant object per adapter: nothing is read, nothing allocated, until a session is asked for. */
export interface RequestReader<Request> {
  /** The `Cookie` header. */
  cookie(request: Request): string | null | undefined;
  /** Whether the client came over https, by the framework's own notion (its proxy settings), never by a header taken on trust. */
  secure(request: Request): boolean;
  /**
   * Called when the session is first asked for: here an adapter begins to hold the response back, so that a request
   * that never asks is not touched. It calls `commit` itself if the headers have already left.
   */
  use?(request: Request): void;
}

/**
 * What a route may do with its session. `"skip"`: nothing, asking for it is an error. `"read"`: a change is an error,
 * and is not saved; its expiry moves as with any use. `"no-touch"`: everything, but the request is no sign of life:
 * it neither moves the expiry nor renews the id. For pages that poll.
 */
export type Access = "skip" | "read" | "no-touch";

/** How the handler ended. */
export interface Outcome {
  /** It threw, or the response is a 5xx: unsaved changes are discarded unless `onError` is `"save"`. */
  readonly failed?: boolean;
}

interface Restrictions {
  skip: boolean;
  read: boolean;
  noTouch: boolean;
}

const skipped = 'the session of this request is not there: its route has the access "skip"';

function restrictWork(work: Work, { read, noTouch }: Restrictions): void {
  work.state.readOnly = read;
  work.noTouch = noTouch;
}

/**
 * What `sessions.open` makes of a request. Adapters call `commit` once the handler is done and before the headers
 * leave, and `finish` when the body has ended; handlers use `sessions.get`.
 */
export class Exchange<Data extends object = Record<string, unknown>> {
  readonly #core: SessionsCore;
  readonly #context: Context<WeakRef<Exchange>> | undefined;
  readonly #request: object;
  readonly #reader: RequestReader<never>;
  #session: Promise<Session<Data>> | undefined;
  #work: Work | undefined;
  #headersSent = false;
  #saveFailed = false;
  #restrictions: Restrictions | undefined;

  /** @internal Made by `sessions.open`. */
  constructor(
    core: SessionsCore,
    context: Context<WeakRef<Exchange>> | undefined,
    request: object,
    reader: RequestReader<never>,
  ) {
    this.#core = core;
    this.#context = context;
    this.#request = request;
    this.#reader = reader;
  }

  /** Whether the session was asked for. If not, there is nothing to commit and nothing was read. */
  get used(): boolean {
    return this.#session !== undefined;
  }

  /** The session, loaded with at most one store call (two while a renewal is under way); the same one every time. */
  get(): Promise<Session<Data>> {
    if (!this.#session) {
      if (this.#restrictions?.skip) return Promise.reject(new TypeError(skipped));
      this.#reader.use?.(this.#request as never);
      this.#session = this.#load();
      // Who asks early and awaits late must not end the process when the store fails in between.
      this.#session.catch(() => {});
    }
    return this.#session;
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
    if (access === "skip" && this.#session)
      throw new TypeError('the access "skip" comes too late: the session of this request was asked for already');
    this.#restrictions ??= { skip: false, read: false, noTouch: false };
    this.#restrictions[access === "no-touch" ? "noTouch" : access] = true;
    if (this.#work) restrictWork(this.#work, this.#restrictions);
  }

  /** Runs the handler so that `sessions.current()` finds this request's session. */
  run<R>(next: () => R): R {
    // Timers and sockets keep the context they were made in for as long as they live, so it must not keep the request.
    return this.#context ? this.#context.run(new WeakRef(this as unknown as Exchange), next) : next();
  }

  /**
   * Saves, and writes Set-Cookie, Vary and Cache-Control. `undefined` when the session was not used: then there is
   * nothing to wait for. Rejects with a `SessionError` when the save failed: answer with `error.status`, after
   * calling this again with `failed: true` for the headers of that answer.
   */
  commit(headers: HeaderAccess, outcome: Outcome = {}): Promise<void> | undefined {
    if (this.#session) return this.#commit(headers, outcome.failed === true);
    this.#headersSent = true;
    return undefined;
  }

  /** Saves what was changed after the headers left. Rejects when that failed: the client must not see a complete response. */
  finish(outcome: Outcome = {}): Promise<void> | undefined {
    if (!this.#session || this.#saveFailed || (outcome.failed && !this.#core.config.saveOnError)) return undefined;
    // It may still be loading, when nobody waited for it.
    return this.#session.then(
      async () => void (await this.#work?.save()),
      () => {},
    );
  }

  async #commit(headers: HeaderAccess, failed: boolean): Promise<void> {
    await this.#session?.catch(() => {});
    const work = this.#work;
    if (work && (!failed || (this.#core.config.saveOnError && !this.#saveFailed))) {
      this.#saveFailed = true;
      await work.save();
      this.#saveFailed = false;
    }
    this.#headersSent = true;
    if (work) work.headersSent = true;
    if (work?.setCookie !== undefined) this.#checkSecure();
    writeHeaders(headers, work?.setCookie);
  }

  async #load(): Promise<Session<Data>> {
    const { carrier } = this.#core.config;
    const header = this.#reader.cookie(this.#request as never);
    const cookie = carrier.find(header);
    const found = cookie === undefined ? null : await this.#find(cookie);
    const work = new Work(this.#core, found, carrier.held(header, cookie), this.#headersSent);
    if (this.#restrictions) restrictWork(work, this.#restrictions);
    this.#work = work;
    return new Session<Data>(work.state, work);
  }

  async #find(cookie: Exclude<FoundCookie, undefined>): Promise<Found | null | "ended"> {
    const { config, records } = this.#core;
    if (cookie === null) {
      config.events.emit("token_refused", { reason: "several cookies of one name with different values" });
      return null;
    }
    const found = await records.find(cookie);
    if (found === "ended") return found;
    if (!found?.content) return null;
    const { handle, subject } = found.content.meta;
    if (isOver(config.now(), found.content.meta, config.timeouts)) {
      config.events.emit("session_expired", { handle, subject, reason: "absolute timeout" });
      return null;
    }
    return config.schema ? checked(config, found) : found;
  }

  #checkSecure(): void {
    const { config } = this.#core;
    if (!config.cookie.secure || this.#reader.secure(this.#request as never)) return;
    config.warn(
      `the cookie "${config.cookie.name}" was sent over plain http, where browsers drop it (but for localhost in some). ` +
        'Behind a proxy that ends https, tell the framework to trust it (Express: app.set("trust proxy", 1); Koa: ' +
        "app.proxy; Fastify: trustProxy; others: the adapter's option secure); " +
        "for development over http, set cookie: { secure: false }.",
    );
  }
}
