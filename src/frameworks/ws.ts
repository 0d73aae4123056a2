/** WebSockets: `ws` 8, Socket.IO 4, and whatever else makes a socket of a request that carried the cookie. */

import { wrongArgument } from "../core/contracts/errors.ts";
import type { Session } from "../core/contracts/session.ts";
import { type Duration, durationOption } from "../core/options/duration.ts";
import type { Exchange } from "../core/request/exchange.ts";
import type { RequestReader } from "../core/request/reader.ts";
import type { Sessions } from "../core/request/sessions.ts";
import { type AccessOf, checkAdapter, checkFunction } from "./shared/options.ts";
import { type ClosableSocket, isClosed, onceClosed, tell } from "./shared/socket-shapes.ts";
import { headerOf, originCheck, type SocketOrigin, type UpgradeRequest } from "./shared/upgrade-request.ts";
import { type SocketEnd, WatchedSockets } from "./shared/watched-sockets.ts";

export type { AccessOf } from "./shared/options.ts";

export type { ClosableSocket } from "./shared/socket-shapes.ts";
export type { SocketOrigin, UpgradeRequest } from "./shared/upgrade-request.ts";
export type { SocketEnd } from "./shared/watched-sockets.ts";

/** The options of {@link wsSessions}. */
export interface WsOptions<Socket extends object = ClosableSocket> {
  /**
   * The origins whose pages may open sockets with a session. `"same"` (default): the requested host. A list of origins,
   * such as `["https://shop.test"]`: only these, if a proxy changes the `Host` header or the pages are on another host.
   * `false`: pages of any site, for sockets that change nothing and reveal nothing. Clients without an `Origin` header
   * are not browsers, and are accepted. A request from another origin has no session, even if its upgrade is not
   * refused.
   */
  readonly origin?: SocketOrigin | undefined;
  /**
   * What the messages of a socket may do with its session: see `Access`. Default: everything. With `"no-touch"` they do
   * not extend the session, so it ends unless requests extend it.
   */
  readonly access?: AccessOf<UpgradeRequest> | undefined;
  /**
   * How often the session of an open socket is read to see whether another process has ended it: one read for all
   * sockets with the same cookies. Some are read earlier, to spread the load. Default `"30s"`.
   */
  readonly checkEvery?: Duration | undefined;
  /**
   * Called once when the session of a watched socket has ended. Default: closes the socket, a `WebSocket` with the code
   * 4401 and the reason as text, a socket of Socket.IO with `disconnect(true)`. If it throws or rejects, the socket is
   * closed as by default.
   */
  readonly onEnd?: ((socket: Socket, reason: SocketEnd) => unknown) | undefined;
  /** The clock of the sessions, in epoch milliseconds. Default `Date.now`. For tests. */
  readonly now?: (() => number) | undefined;
}

/** The argument of `verifyClient`, from `ws`. */
export interface VerifyInfo {
  readonly req: UpgradeRequest;
}

/** The sessions of sockets. Made by {@link wsSessions}. */
export interface SocketSessions<Data extends object, Socket extends object = ClosableSocket> {
  /** Whether a request may be upgraded, by the option `origin`. For servers without a hook below: answer 403 if not. */
  allows(request: UpgradeRequest): boolean;
  /** The option `verifyClient` of a `WebSocketServer` of `ws`: refuses foreign origins with 403. */
  readonly verifyClient: (
    info: VerifyInfo,
    answer: (verified: boolean, code?: number, message?: string) => void,
  ) => void;
  /** The option `allowRequest` of a `Server` of Socket.IO: refuses foreign origins with 403. */
  readonly allowRequest: (
    request: UpgradeRequest,
    answer: (error: string | null | undefined, allowed: boolean) => void,
  ) => void;
  /**
   * Watches the session of a socket until one of them is over; see `onEnd`. From then on, `get` and `with` take the
   * socket as well. Where the client has no session there is nothing to watch, and the socket stays.
   *
   * @param request What was upgraded. Default: `socket.request`, which Socket.IO has.
   * @returns Ends the watching. Needed only where the socket itself does not tell that it was closed, as in Bun.
   * @throws `TypeError` when there is no request.
   */
  watch(socket: Socket, request?: UpgradeRequest): () => void;
  /**
   * The session of a socket or its request as it is now: read again each time, to look at. Nothing is saved unless you
   * `await session.save()`. What needs a cookie is `ERR_SESSION_HEADERS_SENT` here.
   *
   * @throws `TypeError` for anything else. `SessionError` (status 503) when the store fails.
   */
  get(socket: object): Promise<Session<Data>>;
  /**
   * Handles one message: reads the session, runs the function with it, saves what it changed, and gives what it
   * returned. Changes of requests and other messages at the same time are kept. When the function throws, nothing is
   * saved, unless the sessions have `onError: "save"`. Inside, `sessions.current()` is the session.
   *
   * @throws What the function throws. `TypeError` and `SessionError` as {@link SocketSessions.get}, and those of a save.
   */
  with<R>(socket: object, use: (session: Session<Data>) => R | Promise<R>): Promise<R>;
  /** Reads the sessions of all watched sockets now, for applications that learn of an end by a message of their own. */
  check(): Promise<void>;
}

/** What is kept of a request: a socket outlives it. */
interface Opened {
  readonly request: UpgradeRequest;
  /** Absent when there is none to take. */
  readonly cookie: string | undefined;
}

interface Loaded<Data extends object> extends Pick<Opened, "cookie"> {
  readonly exchange: Exchange<Data>;
  readonly session: Session<Data>;
}

const reader: RequestReader<Opened> = {
  cookie: ({ cookie }) => cookie,
  // No cookie can be sent.
  secure: () => true,
};

/**
 * Sessions for WebSockets. A socket has the cookie of its upgrade request and cannot set one, so it can only read and
 * change an existing session. To begin a session, log in or log out, use a request (or `sessions.revoke`). When its
 * session ends, a socket is closed: at once if that happens in this process or the session expires, within `checkEvery`
 * if another process ended it. An outage of the store closes no socket.
 *
 * @throws `TypeError` when an option is of the wrong type.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { nodeSessions } from "sojourn/frameworks/node";
 * import { wsSessions } from "sojourn/frameworks/ws";
 * import { WebSocketServer } from "ws";
 *
 * const sessions = createSessions<{ messages: number }>();
 * const server = createServer(nodeSessions(sessions)((req, res) => res.end()));
 *
 * const sockets = wsSessions(sessions);
 * const wss = new WebSocketServer({ server, verifyClient: sockets.verifyClient });
 * wss.on("connection", (socket, request) => {
 *   sockets.watch(socket, request);
 *   socket.on("message", () => {
 *     sockets
 *       .with(socket, (session) => session.update("messages", (n = 0) => n + 1))
 *       .then((n) => socket.send(`message ${n}`))
 *       .catch(() => socket.send("please try again")); // the store is down
 *   });
 * });
 * ```
 */
export function wsSessions<Data extends object, Socket extends object = ClosableSocket>(
  sessions: Sessions<Data>,
  options: WsOptions<Socket> = {},
): SocketSessions<Data, Socket> {
  checkAdapter("wsSessions", sessions, options, ["origin", "access", "checkEvery", "onEnd", "now"]);
  const { access, checkEvery = "30s", onEnd, now = Date.now } = options;
  checkFunction("onEnd", onEnd);
  checkFunction("now", now);
  const allows = originCheck(options.origin);
  /** The request with which each watched socket was opened; `undefined` once its session is over. */
  const opened = new WeakMap<object, Opened>();

  const open = (one: Opened): Exchange<Data> => {
    const exchange = sessions.open<Opened>({ ...one }, reader);
    exchange.headersGone();
    return exchange;
  };
  const watched = new WatchedSockets<Socket>({
    open: (cookie) => open({ request: { headers: {} }, cookie }),
    on: (listener) => sessions.on(listener),
    ended(socket, reason) {
      const { request } = opened.get(socket) as Opened;
      // It has no session now, whatever its cookie still opens.
      opened.set(socket, { request, cookie: undefined });
      tell(socket, reason, onEnd);
    },
    checkEvery: durationOption("checkEvery", checkEvery, 10, 86_400_000),
    now,
  });

  const read = (request: UpgradeRequest): Opened => ({
    request,
    cookie: allows(request) ? headerOf(request, "cookie") : undefined,
  });
  const load = async (socket: object): Promise<Loaded<Data>> => {
    const one = opened.get(socket) ?? read(requestOf(socket));
    const { request, cookie } = one;
    const again = cookie === undefined ? undefined : (watched.again(cookie) as Exchange<Data> | undefined);
    const exchange = again ?? open(one);
    exchange.restrict(access?.(request));
    const session = await exchange.get();
    if (cookie !== undefined) watched.noted(cookie, session);
    return { exchange, session, cookie };
  };

  return {
    allows,
    verifyClient: ({ req }, answer) => (allows(req) ? answer(true) : answer(false, 403, "Forbidden")),
    allowRequest: (request, answer) => answer(null, allows(request)),
    watch(socket, request = requestOf(socket)) {
      const one = read(requestOf(request));
      opened.set(socket, one);
      if (one.cookie === undefined || isClosed(socket)) return () => {};
      const stop = watched.add(socket, one.cookie);
      onceClosed(socket, stop);
      return stop;
    },
    get: async (socket) => (await load(socket)).session,
    async with(socket, use) {
      const { exchange, session, cookie } = await load(socket);
      let result: Awaited<ReturnType<typeof use>>;
      try {
        result = await exchange.run(() => use(session));
      } catch (error) {
        exchange.close();
        // An event reports that it could not be saved.
        await exchange.finish({ failed: true })?.catch(() => {});
        throw error;
      }
      exchange.close();
      if (!(await session.save()) && cookie !== undefined) watched.refused(cookie);
      return result;
    },
    check: () => watched.check(),
  };
}

function isRequest(value: unknown): value is UpgradeRequest {
  const { headers } = Object(value) as { headers?: unknown };
  return typeof headers === "object" && headers !== null;
}

/** The request itself, or that of a socket of Socket.IO. */
function requestOf(value: object): UpgradeRequest {
  if (isRequest(value)) return value;
  const { request } = Object(value) as { request?: unknown };
  if (isRequest(request)) return request;
  throw wrongArgument("what a session is asked for with", "the upgrade request, or a socket that is watched", value);
}
