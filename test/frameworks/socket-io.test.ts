/** Socket.IO on `node:http`, by polling and by WebSocket: the session of a socket, and its end. */

import { once } from "node:events";
import { createServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { io } from "socket.io-client";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { type SocketEnd, type WsOptions, wsSessions } from "sojourn/frameworks/ws";
import { memoryStore } from "sojourn/stores/memory";
import { afterEach, describe, expect, test } from "vitest";
import { listen } from "../support/node-app.ts";
import { clientVersion, nodeServer, reportBackend } from "../support/report.ts";

reportBackend({
  backend: "socket.io",
  server: nodeServer,
  clients: [clientVersion("socket.io"), clientVersion("socket.io-client")],
});

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

async function start(options: WsOptions<Socket> = {}) {
  const sessions = createSessions<{ count: number }>({ store: memoryStore(), warn: () => {} });
  const sockets = wsSessions<{ count: number }, Socket>(sessions, options);
  const server = createServer(
    nodeSessions(sessions)(async (req, res) => {
      const session = await sessions.get(req);
      if (req.url === "/login") session.login("ada");
      if (req.url === "/logout") {
        session.destroy();
        return void res.end();
      }
      res.end(`${session.update("count", (n = 0) => n + 1)}`);
    }),
  );
  const wss = new Server(server, { allowRequest: sockets.allowRequest });
  wss.use(async (socket, next) => {
    const { subject } = await sockets.get(socket);
    next(subject === undefined ? new Error("log in first") : undefined);
  });
  wss.on("connection", (socket) => {
    sockets.watch(socket);
    socket.on("count", async (answer: (count: number | undefined) => void) => {
      answer(await sockets.with(socket, (session) => session.update("count", (n = 0) => n + 1)));
    });
  });
  const { url, close } = await listen(server);
  cleaning.push(close, () => wss.close());
  return {
    url,
    sockets,
    async request(path: string, cookie?: string): Promise<{ text: string; cookie: string | undefined }> {
      const response = await fetch(url + path, { headers: cookie === undefined ? {} : { cookie } });
      return { text: await response.text(), cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie };
    },
    open(transports: string[], headers: Record<string, string>) {
      const socket = io(url, { transports, extraHeaders: headers, forceNew: true, reconnection: false });
      cleaning.push(() => socket.close());
      return socket;
    },
  };
}

describe.each([[["polling"]], [["websocket"]], [["polling", "websocket"]]])("by %s", (transports) => {
  test("a socket counts in the session of its requests, and is disconnected when the session ends", async () => {
    const app = await start();
    const { cookie } = await app.request("/login");
    const socket = app.open(transports, { cookie: `${cookie}` });
    await once(socket as never, "connect");
    expect(await socket.emitWithAck("count")).toBe(2);
    expect((await app.request("/", cookie)).text).toBe("3");
    expect(await socket.emitWithAck("count")).toBe(4);
    const disconnected = once(socket as never, "disconnect");
    await app.sockets.check();
    await app.request("/logout", cookie);
    expect((await disconnected)[0]).toBe("io server disconnect");
  });

  test("a foreign origin is refused", async () => {
    const app = await start();
    const { cookie } = await app.request("/login");
    const socket = app.open(transports, { cookie: `${cookie}`, origin: "https://evil.test" });
    const [error] = await once(socket as never, "connect_error");
    // By WebSocket, Socket.IO answers whatever it refuses with 400.
    const said = transports[0] === "polling" ? `${error.description}` : error.description.message;
    expect(said).toBe(transports[0] === "polling" ? "403" : "Unexpected server response: 400");
  });

  test("a middleware refuses guests", async () => {
    const app = await start();
    const { cookie } = await app.request("/");
    const [error] = await once(app.open(transports, { cookie: `${cookie}` }) as never, "connect_error");
    expect(error.message).toBe("log in first");
  });
});

test("onEnd can tell the client why before it disconnects", async () => {
  const app = await start({
    onEnd(socket: Socket, reason: SocketEnd) {
      socket.emit("session over", reason);
      socket.disconnect(true);
    },
  });
  const { cookie } = await app.request("/login");
  const socket = app.open(["websocket"], { cookie: `${cookie}` });
  await once(socket as never, "connect");
  await app.sockets.check();
  const told = once(socket as never, "session over");
  await app.request("/login", cookie);
  expect(await told).toEqual(["renewed"]);
});
