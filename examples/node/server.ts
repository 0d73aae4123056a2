/** Visits, login and logout on a plain Node server. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessions } from "sojourn";
import { nodeSessions } from "sojourn/frameworks/node";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });
const withSessions = nodeSessions(sessions);

const server = createServer(
  withSessions(async (req, res) => {
    const route = `${req.method} ${req.url}`;
    if (route === "GET /") {
      const session = await sessions.get(req); // loaded on first use
      const visits = session.update("visits", (n = 0) => n + 1);
      res.end(`${session.subject ?? "guest"}, visit ${visits}\n`);
    } else if (route === "POST /login") {
      const session = await sessions.get(req);
      session.login("ada"); // after your own check; the id is renewed
      res.writeHead(303, { location: "/" }).end(); // sent once the session is saved
    } else if (route === "POST /logout") {
      const session = await sessions.get(req);
      session.destroy();
      res.writeHead(303, { location: "/" }).end();
    } else {
      res.writeHead(404).end("not here\n");
    }
  }),
);

server.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
