/** Visits, login and logout with Express. */

import type { AddressInfo } from "node:net";
import express from "express";
import { createSessions } from "sojourn";
import { expressSessionErrors, expressSessions } from "sojourn/frameworks/express";

const sessions = createSessions<{ visits: number }>({ idleTimeout: "30m", absoluteTimeout: "12h" });

const app = express();
app.use(expressSessions(sessions));

app.get("/", async (req, res) => {
  const session = await sessions.get(req); // loaded on first use
  const visits = session.update("visits", (n = 0) => n + 1);
  res.send(`${session.subject ?? "guest"}, visit ${visits}\n`);
});
app.post("/login", async (req, res) => {
  const session = await sessions.get(req);
  session.login("ada"); // after your own check; the id is renewed
  res.redirect(303, "/"); // sent once the session is saved
});
app.post("/logout", async (req, res) => {
  const session = await sessions.get(req);
  session.destroy();
  res.redirect(303, "/");
});

app.use(expressSessionErrors()); // after the routes, before your own error handlers

const server = app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
