/** Visits, login and logout with Restify. */

import type { AddressInfo } from "node:net";
import { createServer } from "restify";
import { createSessions } from "sojourn";
import { restifySessions } from "sojourn/frameworks/restify";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const server = createServer();
server.pre(restifySessions(sessions, { server }));

server.get("/", async (req, res) => {
  const session = await sessions.get(req); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  res.sendRaw(200, `${session.subject ?? "guest"}, visit ${visits}\n`);
});
server.post("/login", async (req, res) => {
  const session = await sessions.get(req);
  session.login("ada"); // after your own check; the id is renewed
  res.send(303, null, { location: "/" }); // sent once the session is saved
});
server.post("/logout", async (req, res) => {
  const session = await sessions.get(req);
  session.destroy();
  res.send(303, null, { location: "/" });
});

server.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
