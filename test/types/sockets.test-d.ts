/** Types of the sessions of sockets: the real ones of `ws` and Socket.IO fit, and what is wrong does not compile. */

import { Server, type Socket } from "socket.io";
import { createSessions, type Session } from "sojourn";
import { type ClosableSocket, type SocketEnd, wsSessions } from "sojourn/frameworks/ws";
import { type WebSocket, WebSocketServer } from "ws";

interface Data {
  visits: number;
}

const sessions = createSessions<Data>();

// ws: its server takes the hook, its sockets are watched.
const sockets = wsSessions(sessions);
const wss = new WebSocketServer({ noServer: true, verifyClient: sockets.verifyClient });
wss.on("connection", async (socket, request) => {
  const stop: () => void = sockets.watch(socket, request);
  const session: Session<Data> = await sockets.get(socket);
  const visits: number | undefined = await sockets.with(request, ({ data }) => data.visits);
  const later: string = await sockets.with(socket, async () => "later");
  // @ts-expect-error No such key.
  await sockets.with(socket, ({ data }) => data.visit);
  // @ts-expect-error Another type.
  await sockets.with(socket, (one) => one.update("visits", () => "1"));
  // @ts-expect-error Not awaited.
  sockets.get(socket).data;
  // @ts-expect-error Not a request.
  sockets.watch(socket, {});
  stop();
  return [session, visits, later];
});

// onEnd gets the application's own kind of socket.
const named = wsSessions(sessions, {
  origin: ["https://shop.test"],
  access: ({ headers }) => ("x" in headers ? "read" : undefined),
  checkEvery: "10s",
  onEnd: (socket: WebSocket, reason: SocketEnd) => socket.close(4000, reason),
});
declare const webSocket: WebSocket;
named.watch(webSocket, new Request("https://shop.test"));
// @ts-expect-error Another kind of socket.
named.watch({ close() {} }, new Request("https://shop.test"));

// Socket.IO: the same by its own names.
const inOut = wsSessions<Data, Socket>(sessions, { onEnd: (socket) => socket.disconnect(true) });
const io = new Server({ allowRequest: inOut.allowRequest });
io.on("connection", (socket) => {
  inOut.watch(socket);
  sockets.watch(socket);
  return inOut.get(socket);
});

// The web's own.
declare const standard: globalThis.WebSocket;
sockets.watch(standard, new Request("https://shop.test"));
export const fits: ClosableSocket = standard;

// @ts-expect-error No such word.
wsSessions(sessions, { origin: "any" });
// @ts-expect-error A duration.
wsSessions(sessions, { checkEvery: "soon" });
// @ts-expect-error No such access.
wsSessions(sessions, { access: () => "write" });
