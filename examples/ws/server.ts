/** A WebSocket beside a server of node:http: both use one session, and the socket is closed when that ends. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";
import { wsSessions } from "sojourn/frameworks/ws";
import { WebSocketServer } from "ws";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
const withSessions = nodeSessions(sessions);

const server = createServer(
  withSessions(async (req, res) => {
    const route = `${req.method} ${req.url}`;
    if (route === "GET /") {
      const session = await sessions.get(req);
      const visits = session.update("visits", (n = 0) => n + 1);
      res.end(`${session.subject ?? "guest"}, visit ${visits}\n`);
    } else if (route === "POST /login") {
      const session = await sessions.get(req);
      session.login("ada"); // after your own check; sockets of the guest's session are closed
      res.writeHead(303, { location: "/" }).end();
    } else if (route === "POST /logout") {
      const session = await sessions.get(req);
      session.destroy(); // sockets of the session are closed
      res.writeHead(303, { location: "/" }).end();
    } else {
      res.writeHead(404).end("not here\n");
    }
  }),
);

const sockets = wsSessions(sessions);
const wss = new WebSocketServer({ server, verifyClient: sockets.verifyClient }); // pages of other origins get no socket
wss.on("connection", (socket, request) => {
  sockets.watch(socket, request); // closed when the session ends
  socket.on("error", () => {}); // a connection broke; ws closes the socket
  socket.on("message", () => {
    sockets
      .with(socket, (session) => {
        const visits = session.update("visits", (n = 0) => n + 1);
        return `${session.subject ?? "guest"}, visit ${visits}`;
      })
      .then(
        (answer) => socket.send(answer), // saved
        () => socket.send("please try again in a moment"), // the store is down, or there is no session to change
      );
  });
});

server.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
