/** Visits and a login with the drop-in for express-session: `req.session` as before, and the same session by sojourn's own API. */

import type { AddressInfo } from "node:net";
import express from "express";
import session from "sojourn/express-session";
import { memoryStore } from "sojourn/stores/memory";

declare module "express-session" {
  interface SessionData {
    visits: number;
    passport: { user: string };
  }
}

const middleware = session({
  secret: process.env.SESSION_SECRET ?? "for this example only",
  resave: false,
  saveUninitialized: false,
  store: memoryStore(),
});
const { sessions } = middleware;

const app = express();
app.use(middleware);

app.get("/", (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.send(`${req.session.passport?.user ?? "guest"}, visit ${req.session.visits}\n`);
});
app.post("/login", async (req, res) => {
  const native = await sessions.get(req); // the session of req.session
  native.login("ada"); // a new id, and the data stays
  res.redirect(303, "/");
});
app.post("/logout", async (req, res) => {
  req.session.destroy(() => res.redirect(303, "/"));
});

const server = app.listen(Number(process.env.PORT ?? 3000), "localhost", () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
});
