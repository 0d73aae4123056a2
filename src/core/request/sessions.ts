/** The manager: opens requests, finds the session of the request at hand, lists and revokes, reports events. */

import { makeContext } from "#context";
import type { Binder } from "../contracts/device-bound.ts";
import { wrongArgument } from "../contracts/errors.ts";
import type { Session } from "../contracts/session.ts";
import type { SessionListener } from "../contracts/session-event.ts";
import type { Store } from "../contracts/store.ts";
import type { ExternalRevocation } from "../record/external.ts";
import { checkList, checkRevoke, type ListOptions, type RevokeOptions, type SessionInfo } from "../record/revoke.ts";
import type { Context } from "./context.ts";
import { endEverybody, endExternal, endOthers } from "./endings.ts";
import { type Access, Exchange } from "./exchange.ts";
import type { Keeping } from "./kept.ts";
import { type Namesakes, noteOpened } from "./namesakes.ts";
import { noneAtHand, notOpened, notOpenedFor } from "./no-request.ts";
import { makeCore, type SingleOptions, single } from "./one-record.ts";
import type { RequestReader } from "./reader.ts";

type Opened<Data extends object> = Record<symbol, Exchange<Data> | undefined>;

/**
 * The sessions of one application: one cookie, one store. Made by `createSessions`, mounted by an adapter.
 *
 * @typeParam Data The shape of `session.data`.
 * @typeParam Device What the option `describe` returns.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { nodeSessions } from "sojourn/frameworks/node";
 *
 * const sessions = createSessions<{ visits: number }>();
 * const withSessions = nodeSessions(sessions);
 *
 * createServer(withSessions(async (req, res) => {
 *   const session = await sessions.get(req);
 *   res.end(`visit ${session.update("visits", (n = 0) => n + 1)}`);
 * }));
 * ```
 */
export class Sessions<Data extends object = Record<string, unknown>, Device extends object = object> {
  /** @internal How these sessions are kept, for modules that look at them from outside the path of a request. */
  readonly kept: Keeping<Data>;
  readonly #context: Context<WeakRef<Exchange>> | undefined;
  /** The property of a request under which its exchange is kept. (A WeakMap costs the collector as much as the rest of `open`.) */
  readonly #slot = Symbol("sojourn exchange");
  /** What managers with this cookie share; known from the first request on. */
  #namesakes: Namesakes | undefined;

  /** @internal Use `createSessions`. */
  constructor(options: SingleOptions<Data, Device> | Keeping<Data>) {
    this.kept = "begin" in options ? options : single(makeCore(options as unknown as SingleOptions<never>));
    this.#context = this.kept.config.current ? makeContext() : undefined;
  }

  /** @internal Called with each exchange that was opened, where something looks at them. */
  opened: ((exchange: Exchange<Data>) => void) | undefined;

  /**
   * The session of a request, loaded on first use.
   *
   * @param request What the framework passes to handlers: Express `req`, a fetch `Request`, Koa `ctx` and so on.
   * @throws `TypeError` when no adapter has opened the request. `SessionError` (status 503) when the store fails or takes
   * too long; the client's cookie stays.
   */
  get(request: object): Promise<Session<Data>>;
  get(request: object, fields?: readonly string[]): Promise<Session<Data>> {
    return this.exchangeOf(request)?.get(fields) ?? Promise.reject(notOpened(request));
  }

  /**
   * The session of the current request, for functions that do not have the request, until its response has ended. Needs
   * the option `current: true`, and a runtime with `AsyncLocalStorage`.
   *
   * Callbacks of connection pools, emitters, queues and loaders may run in the context of another request: the one that
   * opened the connection, or the one that emits. In them call `sessions.get(request)`, or wrap the callback in
   * `AsyncResource.bind`.
   *
   * @throws `TypeError` without that option, outside a request or after its end, or without `AsyncLocalStorage`.
   * @example
   * ```ts
   * import { createSessions } from "sojourn";
   *
   * const sessions = createSessions<{ user: string }>({ current: true });
   *
   * async function userName(): Promise<string | undefined> {
   *   return (await sessions.current()).data.user;
   * }
   * ```
   */
  current(): Promise<Session<Data>> {
    const context = this.#context?.getStore();
    const exchange = context?.deref();
    // Several managers may serve one request, each with a context of its own.
    if (exchange && !exchange.isOver) return (exchange as unknown as Exchange<Data>).get();
    return Promise.reject(noneAtHand(!!context, this.kept.config.current, !!this.#context));
  }

  /**
   * For adapters: begins a request. Costs next to nothing until the session is asked for.
   *
   * @param request The framework's request; `get` finds the session by it.
   * @param reader How to read that request: one constant object per adapter.
   * @param aliases Other objects by which handlers may ask.
   */
  open<Request extends object>(request: Request, reader: RequestReader<Request>, ...aliases: object[]): Exchange<Data> {
    this.#namesakes = noteOpened(this.#namesakes, this, request, this.kept.config);
    const exchange = new Exchange(this.kept, this.#context, request, reader);
    this.opened?.(exchange);
    (request as Opened<Data>)[this.#slot] = exchange;
    for (const alias of aliases) (alias as Opened<Data>)[this.#slot] = exchange;
    return exchange;
  }

  /**
   * Limits what the route of a request may do with its session: nothing, only read it, or use it without extending
   * it. Call it in middleware of single routes; for all routes adapters have the option `access`. Restrictions add up.
   *
   * @throws `TypeError` when no adapter has opened the request, when `access` is unknown, or when `"skip"` comes
   * after the session was used.
   * @example
   * ```ts
   * import express from "express";
   * import { createSessions } from "sojourn";
   * import { expressSessions } from "sojourn/frameworks/express";
   *
   * const sessions = createSessions<{ unread: number }>();
   * const app = express().use(expressSessions(sessions));
   *
   * // A page that polls does not keep its user logged in.
   * app.get("/unread", async (req, res) => {
   *   sessions.restrict(req, "no-touch");
   *   res.json((await sessions.get(req)).data.unread ?? 0);
   * });
   * ```
   */
  restrict(request: object, access: Access): void {
    this.#opened("restrict", request).restrict(access);
  }

  /**
   * Discards the unsaved changes of a request, as a response with status 500 does. Call it when something fails but the
   * status is below 500, as in GraphQL. A logout still takes effect.
   *
   * @throws `TypeError` when no adapter has opened the request.
   * @example
   * ```ts
   * import type { Sessions } from "sojourn";
   *
   * async function attempt(sessions: Sessions, request: Request, work: () => Promise<object>): Promise<Response> {
   *   try {
   *     return Response.json({ data: await work() });
   *   } catch {
   *     sessions.discard(request);
   *     return Response.json({ errors: [{ message: "Please try again." }] }); // status 200
   *   }
   * }
   * ```
   */
  discard(request: object): void {
    this.#opened("discard", request).discard();
  }

  /** Whether an adapter has opened a request. An adapter that is mounted twice opens it once. */
  isOpen(request: object): boolean {
    return this.exchangeOf(request) !== undefined;
  }

  /** For adapters: whether a request that was opened has ended, so that it is not the one at hand. */
  isOver(request: object): boolean {
    return this.exchangeOf(request)?.isOver === true;
  }

  #opened(method: string, request: object): Exchange<Data> {
    const exchange = this.exchangeOf(request);
    if (exchange) return exchange;
    throw notOpenedFor(method, request);
  }

  /** @internal What an adapter has opened a request as. */
  exchangeOf(request: object): Exchange<Data> | undefined {
    return typeof request === "object" && request !== null ? (request as Opened<Data>)[this.#slot] : undefined;
  }

  /**
   * With the option `deviceBound`: answers the requests by which browsers bind their sessions. Adapters do this
   * themselves; call it only in routers without global middleware. It returns `undefined` for any other request.
   *
   * @example
   * ```ts
   * import type { Sessions } from "sojourn";
   *
   * // A route for POST /device-bound/session/*
   * export const POST = async (sessions: Sessions, request: Request): Promise<Response> =>
   *   (await sessions.deviceBound.handle(request)) ?? new Response("Not Found", { status: 404 });
   * ```
   */
  get deviceBound(): Pick<Binder, "handle"> {
    return this.kept.binder ?? { handle: async () => undefined };
  }

  /**
   * Calls a listener on every event: see `SessionEventType`. Returns a function that stops it.
   *
   * @example
   * ```ts
   * import { createSessions } from "sojourn";
   *
   * const sessions = createSessions();
   * const stop = sessions.on((event) => console.log(event.type, event.handle, event.reason));
   * stop();
   * ```
   */
  on(listener: SessionListener): () => void {
    if (typeof listener !== "function")
      throw wrongArgument("the listener given to sessions.on", "a function", listener);
    return this.kept.on(listener);
  }

  /**
   * The stores of these sessions, each once, so that you can call their `setup()` and `prune()`, as `sojourn cleanup`
   * does. For sessions in cookies it has the store of `revocations`, if there is one.
   */
  get stores(): readonly Store[] {
    return this.kept.stores;
  }

  /**
   * The live sessions of a subject: a list of devices.
   *
   * @param options `current`: the session of the current request, to mark it in the list.
   * @example
   * ```ts
   * import type { Session, Sessions } from "sojourn";
   *
   * async function devices(sessions: Sessions, session: Session): Promise<string[]> {
   *   const list = await sessions.list(session.subject ?? "", { current: session });
   *   return list.map(({ label = "a device", current }) => (current ? `${label} (this one)` : label));
   * }
   * ```
   * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` when the store cannot find sessions by subject.
   */
  async list(subject: string, options: ListOptions = {}): Promise<SessionInfo<Device>[]> {
    return (await this.kept.subjects.list(subject, checkList(options))) as SessionInfo<Device>[];
  }

  /**
   * Ends sessions of a subject: all, all except one, or one by its handle. If all are revoked, a login in flight ends
   * too; a login that begins afterwards stays. Returns how many sessions it ended; 0 with sessions in cookies, which
   * cannot be counted.
   *
   * @throws `TypeError` when an option is unknown, or is passed as `undefined`. `SessionError`
   * `ERR_SESSION_NOT_SUPPORTED` when the store cannot find sessions by subject, or sessions are kept in cookies without
   * `revocations`; `ERR_SESSION_UNREADABLE` when this process cannot decode a session that may be the one with the given
   * handle; the error of the store (503) when a login in flight may not have been stopped. The other sessions end even then.
   * @example
   * ```ts
   * import type { Session, Sessions } from "sojourn";
   *
   * async function endOthers(sessions: Sessions, session: Session): Promise<void> {
   *   if (session.subject) await sessions.revoke(session.subject, { except: session.handle });
   * }
   * ```
   */
  async revoke(subject: string, options: RevokeOptions = {}): Promise<number> {
    return this.kept.subjects.revoke(subject, checkRevoke(options));
  }

  /**
   * After a change of credentials, such as a new password: gives this session a new id, saves it, and then ends all
   * other sessions of its user. Returns how many it ended; 0 with sessions in cookies, which cannot be counted.
   * With `transport: bearer()`, call `handOut(session)` afterwards, which saves the session and returns the new token.
   *
   * @param session The session of the request that changed the credentials.
   * @throws `TypeError` when no user is logged in. All errors of `session.save()` and {@link revoke}: then call it
   *   again.
   * @example
   * ```ts
   * import type { Session, Sessions } from "sojourn";
   *
   * async function newPassword(sessions: Sessions, session: Session, save: () => Promise<void>): Promise<void> {
   *   session.requireFresh({ within: "5m" });
   *   await save(); // your own users
   *   await sessions.credentialsChanged(session);
   * }
   * ```
   */
  async credentialsChanged(session: Session<Data>): Promise<number> {
    return endOthers(this.kept, session);
  }

  /**
   * Ends the sessions that an identity provider has logged out: the session with the provider's `sid`, or all sessions
   * of its user `subject`. It finds sessions whose `login` had `external`. Check the provider's logout token first. A
   * login in flight ends too. Returns how many sessions it ended; 0 with sessions in cookies.
   *
   * @throws `TypeError` when neither `sid` nor `subject` is given. `SessionError` `ERR_SESSION_NOT_SUPPORTED` when
   *   sessions cannot be revoked; the error of the store (503) when it fails: then answer with that status, so that the
   *   provider tries again.
   * @example
   * ```ts
   * import type { Sessions } from "sojourn";
   *
   * export const loggedOut = (sessions: Sessions, { iss, sid, sub }: { iss: string; sid?: string; sub?: string }) =>
   *   sessions.revokeExternal({ issuer: iss, sid, subject: sub });
   * ```
   */
  async revokeExternal(login: ExternalRevocation): Promise<number> {
    return endExternal(this.kept, login);
  }

  /**
   * Ends all sessions of users and guests in one write. Needs the option `everybody`. A login in flight ends too; a
   * login that begins afterwards stays.
   *
   * This process refuses earlier sessions as soon as the write is done. The promise resolves when every process refuses
   * them: after the time that `everybody({ within })` sets, 5 seconds by default.
   *
   * @throws `SessionError` `ERR_SESSION_NOT_SUPPORTED` without that option. The error of the store when it fails: the
   *   write may have taken effect or not, so call it again.
   */
  async revokeEverybody(): Promise<void> {
    return endEverybody(this.kept);
  }
}
