/** A server of `node:http` whose sessions sockets share, and clients of it: what the tests of WebSockets begin with. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createSessions, type Session, type SessionEvent, type SessionOptions, type Sessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { type SocketSessions, type WsOptions, wsSessions } from "sojourn/frameworks/ws";
import { memoryStore } from "sojourn/stores/memory";
import { type Fault, faultyStore } from "sojourn/testing";
import { WebSocket, WebSocketServer } from "ws";
import { listen } from "./node-app.ts";

export interface SocketData {
  a: string;
  b: string;
  count: number;
}

/** What an application and its test have in common. */
export interface SocketApp {
  readonly url: string;
  readonly server: Server;
  readonly sessions: Sessions<SocketData>;
  readonly sockets: SocketSessions<SocketData, WebSocket>;
  readonly events: SessionEvent[];
  /** What the handlers of messages threw. */
  readonly errors: unknown[];
  readonly state: { fault: Fault; calls: number; now: number };
  /** One request; gives the body, and the cookie that the client has then. */
  request(path: string, cookie?: string): Promise<{ text: string; cookie: string | undefined }>;
  close(): void;
}

/** What a socket is asked to do with its session. */
export const commands: Record<string, (session: Session<SocketData>, value: string) => unknown> = {
  read: ({ data }) => ({ ...data }),
  subject: ({ subject }) => subject,
  a: ({ data }, value) => {
    data.a = value;
  },
  b: ({ data }, value) => {
    data.b = value;
  },
  count: (session) => session.update("count", (n = 0) => n + 1),
  throw: ({ data }) => {
    data.a = "thrown";
    throw new Error("the handler's own");
  },
  login: (session) => session.login("eve"),
  regenerate: (session) => session.regenerate(),
  destroy: (session) => session.destroy(),
  keep: (session) => {
    session.persistent = true;
  },
};

/** Starts an application. Its clock stands still until `state.now` is moved. */
export async function startSocketApp(
  options: {
    sessions?: SessionOptions<SocketData>;
    sockets?: WsOptions<WebSocket>;
    /** Handles upgrades itself. */
    noServer?: boolean;
  } = {},
): Promise<SocketApp> {
  const state = { fault: "pass" as Fault, calls: 0, now: Date.now() };
  const now = options.sessions?.now ?? ((): number => state.now);
  const store =
    options.sessions?.store ??
    faultyStore(memoryStore({ now }), () => {
      state.calls += 1;
      return state.fault;
    });
  const sessions = createSessions<SocketData>({ now, warn: () => {}, ...options.sessions, store });
  const sockets = wsSessions<SocketData, WebSocket>(sessions, { now, ...options.sockets });
  const events: SessionEvent[] = [];
  sessions.on((event) => events.push(event));
  const errors: unknown[] = [];

  const withSessions = nodeSessions(sessions);
  const server = createServer(
    withSessions(async (req, res) => {
      const session = await sessions.get(req);
      const [command = "", value = ""] = (req.url ?? "").slice(1).split("/");
      if (command === "login") session.login(value);
      else if (command === "revoke") await sessions.revoke(value);
      else if (command === "destroy") session.destroy();
      else {
        const answer = commands[command]?.(session, value);
        return void res.end(JSON.stringify(answer ?? null));
      }
      res.end("done");
    }),
  );
  const { verifyClient } = sockets;
  const wss = new WebSocketServer(options.noServer ? { noServer: true, verifyClient } : { server, verifyClient });
  if (options.noServer) {
    server.on("upgrade", (request, tcp, head) => {
      wss.handleUpgrade(request, tcp, head, (socket) => wss.emit("connection", socket, request));
    });
  }
  wss.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    sockets.watch(socket, request);
    socket.on("message", (message) => {
      const [command = "", value = ""] = `${message}`.split("/");
      const reply = (answer: unknown): void => socket.send(JSON.stringify(answer ?? null));
      sockets
        .with(socket, (session) => commands[command]?.(session, value))
        .then(reply, (error) => {
          errors.push(error);
          reply({ error: error.code ?? error.message });
        });
    });
  });
  const running = await listen(server);
  return {
    ...running,
    server,
    sessions,
    sockets,
    events,
    errors,
    state,
    async request(path, cookie) {
      const response = await fetch(running.url + path, { headers: cookie === undefined ? {} : { cookie } });
      const line = response.headers.getSetCookie()[0];
      return { text: await response.text(), cookie: line === undefined ? cookie : line.split(";")[0] };
    },
  };
}

/** A client's socket: open, and answered in turn. */
export interface Client {
  readonly socket: WebSocket;
  /** Sends a command and gives the answer. */
  ask(command: string): Promise<unknown>;
  /** The code and the reason with which it was closed. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
}

/** Opens a socket as a browser does, but for what `headers` say. */
export async function connect(app: Pick<SocketApp, "url">, cookie?: string, headers: object = {}): Promise<Client> {
  const socket = new WebSocket(app.url.replace("http", "ws"), {
    headers: { ...(cookie !== undefined && { cookie }), ...headers },
  });
  const closed = once(socket, "close").then(([code, reason]) => [code as number, `${reason}`] as const);
  closed.catch(() => {});
  await once(socket, "open");
  return {
    socket,
    closed,
    async ask(command) {
      const answer = once(socket, "message");
      socket.send(command);
      return JSON.parse(`${(await answer)[0]}`);
    },
  };
}

/** With which status an upgrade was refused. */
export async function refusal(app: Pick<SocketApp, "url">, headers: object): Promise<number | undefined> {
  const socket = new WebSocket(app.url.replace("http", "ws"), { headers: { ...headers } });
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  socket.on("error", () => {});
  socket.terminate();
  return response.statusCode;
}
